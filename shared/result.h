/*
 * What became of runs, on result.<lane>: binary, little-endian.
 *
 *   u8 version = 2, u8 kind, u16 count, then
 *   kind 0 (results), count times:
 *     u64 job, u64 slot_s, u32 replay, u8 attempt, u8 outcome, u16 code,
 *     u64 started_ms, u32 duration_ms, u32 dns_ms, u32 connect_ms, u32 tls_ms, u32 first_byte_ms,
 *     u16 retry_after_s, u8 length, error text, u16 length, beginning of the answer
 *   kind 1 (a question): u8 length, reply subject, then count times:
 *     u64 job, u64 slot_s, u32 replay, u8 attempt
 *
 * The question is asked by a dispatcher that got a message a second time: which of these runs are
 * still open? It travels in the stream, behind the results that the dead dispatcher still sent,
 * so the leader's answer (core NATS: count bytes, 1 = open) takes them into account.
 */
#ifndef SHARED_RESULT_H
#define SHARED_RESULT_H

#include <stddef.h>
#include <stdint.h>

#include "shared/buffer.h"
#include "shared/compiler.h"
#include "shared/reply_subject.h"

#define RESULT_BATCH_MAX  256
#define RESULT_ERROR_SIZE 128
#define RESULT_BODY_MAX   1024       /* bytes of an answer that are kept */
#define RESULT_NO_TIME    UINT32_MAX /* that part of a POST was not reached, or not needed */
#define RETRY_AFTER_MAX_S 3600

enum result_outcome {
    RESULT_SUCCESS,    /* 2xx, 3xx */
    RESULT_HTTP_ERROR, /* 4xx, 5xx: code */
    RESULT_TIMEOUT,    /* the plan's time-out passed */
    RESULT_CONNECT,    /* no connection, or it broke */
    RESULT_DNS,        /* the name has no address */
    RESULT_TLS,        /* no trust, no handshake */
    RESULT_BLOCKED,    /* the guard refused every address */
    RESULT_GONE,       /* the job is no longer there */
    RESULT_OUTCOMES
};

struct result {
    int64_t job;
    int64_t slot_s;
    uint32_t replay;
    uint8_t attempt;
    uint8_t outcome;    /* enum result_outcome */
    uint16_t code;      /* HTTP status, 0 where there was no answer */
    int64_t started_ms; /* when the POST began */
    uint32_t duration_ms;
    /* How long each part took; RESULT_NO_TIME. first_byte_ms counts from the request's start. */
    uint32_t dns_ms, connect_ms, tls_ms, first_byte_ms;
    uint16_t retry_after_s; /* the answer's Retry-After, at most RETRY_AFTER_MAX_S; 0: none */
    uint16_t body_bytes;
    const char *body; /* the beginning of the answer, any bytes; borrowed: of a decoded result from
                         the message, of one to be encoded from its sender */
    char error[RESULT_ERROR_SIZE]; /* for the user: "HTTP 503", "timed out after 30 s"; "" on
                                      success */
};

enum result_kind { RESULT_BATCH_RESULTS, RESULT_BATCH_QUESTION };

struct result_batch {
    enum result_kind kind;
    char reply[REPLY_SUBJECT_SIZE]; /* of a question */
    size_t count;
    struct result results[RESULT_BATCH_MAX]; /* of a question: job, slot_s, replay, attempt */
};

void result_batch_encode(const struct result_batch *batch, struct buffer *out);
int result_batch_decode(const void *bytes, size_t length, struct result_batch *batch) MUST_CHECK;

#endif
