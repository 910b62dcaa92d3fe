/*
 * An execution as the API shows it. Gateways (GET) and the leader (answers to POST /jobs/{id}/run)
 * write it alike.
 */
#ifndef SHARED_EXECUTION_JSON_H
#define SHARED_EXECUTION_JSON_H

#include <stddef.h>
#include <stdint.h>

#include "shared/buffer.h"
#include "shared/run.h"

#define EXECUTION_NO_NUMBER (-1) /* null */

/* Everything is borrowed for the duration of the call. */
struct execution_view {
    struct run run; /* job, slot_s, replay */
    int64_t triggered_ms;
    int64_t completed_ms;               /* 0: null */
    const char *status;                 /* "pending" ... */
    int32_t response_code, duration_ms; /* EXECUTION_NO_NUMBER */
    const char *error;                  /* NULL: null */
    int32_t attempts;                   /* emitted */
    const char *trigger;                /* "schedule", "run", "replay" */
    int64_t next_attempt_ms;            /* 0: null */
};

/* Appends the JSON object. replay_of of a replay is the slot's own execution. */
void execution_json_write(struct buffer *out, const struct execution_view *view);
/* The same without its closing brace: more members may follow. */
void execution_json_begin(struct buffer *out, const struct execution_view *view);

struct attempt_view {
    int32_t attempt; /* from 1 */
    int64_t started_ms;
    int32_t duration_ms, dns_ms, connect_ms, tls_ms, first_byte_ms; /* EXECUTION_NO_NUMBER */
    int32_t response_code;                                          /* EXECUTION_NO_NUMBER */
    const char *error;                                              /* NULL: null */
    const char *response; /* the beginning of the answer, any bytes; NULL: null */
    size_t response_bytes;
};

/* Appends an item of attempt_log. What is no UTF-8 in the answer is shown as U+FFFD. */
void attempt_json_write(struct buffer *out, const struct attempt_view *view);

#endif
