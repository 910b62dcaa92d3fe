/*
 * Due runs on run.<lane>: binary, little-endian.
 *
 *   u8 version = 1, u8 reserved = 0, u16 count, u64 epoch, then count times
 *   u64 job, u64 slot_s, u32 version, u32 replay, u16 timeout_s, u8 attempt, u8 reserved
 *
 * A message of zero runs is a marker: a new leader's first word (its epoch).
 */
#ifndef SHARED_RUN_H
#define SHARED_RUN_H

#include <stddef.h>
#include <stdint.h>

#include "shared/buffer.h"
#include "shared/compiler.h"

#define RUN_BATCH_MAX 64
#define RUN_ID_SIZE   64
/* As replay: not a job's, but the delivery of a notice; job is then the notice's id. */
#define RUN_NOTICE UINT32_MAX

/* A run is one attempt at one execution; (job, slot, replay) names the execution. */
struct run {
    int64_t job;
    int64_t slot_s;     /* when it was due */
    uint32_t version;   /* of the job's details that are to be delivered, or later ones */
    uint32_t replay;    /* 0: the slot's own execution; else one that was asked for; RUN_NOTICE */
    uint16_t timeout_s; /* the plan's */
    uint8_t attempt;    /* from 1 */
};

struct run_batch {
    uint64_t epoch;
    size_t count;
    struct run runs[RUN_BATCH_MAX];
};

void run_batch_encode(const struct run_batch *batch, struct buffer *out);
int run_batch_decode(const void *bytes, size_t length, struct run_batch *batch) MUST_CHECK;

/*
 * The id of an execution, which is the webhook-id of all its attempts: "msg_<job>_<slot>", with
 * "_<replay>" where that is not 0; of a notice "msg_notice_<id>".
 */
char *run_id(char text[static RUN_ID_SIZE], const struct run *run);
/* The other way round, for executions of jobs: fills job, slot_s and replay. -1: not an id. */
int run_id_parse(const char *text, size_t length, struct run *run) MUST_CHECK;

#endif
