/*
 * What committed transactions cause outside: rows of the outbox table on their way to JetStream, in
 * order, each until it is acknowledged; then its row goes with the next transaction.
 */
#ifndef SCHEDULER_OUTBOX_H
#define SCHEDULER_OUTBOX_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "shared/bus.h"

struct outbox;

/* on_acknowledged: there are rows to be deleted. */
struct outbox *outbox_open(uv_loop_t *loop, struct bus *bus, void (*on_acknowledged)(void *arg),
                           void *arg);
void outbox_close(struct outbox *outbox);

/* A row that is committed; bytes are copied. */
void outbox_add(struct outbox *outbox, int64_t id, const char *subject, const char *message_id,
                const void *payload, size_t length);
size_t outbox_waiting(const struct outbox *outbox);

/* The ids acknowledged so far; *ids is borrowed until the next call of any function here. */
size_t outbox_acknowledged(const struct outbox *outbox, const int64_t **ids);
/* The rows of the first count of them are deleted. */
void outbox_forget(struct outbox *outbox, size_t count);

#endif
