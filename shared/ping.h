/*
 * Pings of checks on ping.<gateway>: binary, little-endian. A message carries what a gateway
 * collected while the one before was under way, in the order of arrival.
 *
 *   u8 version = 1, u8 reserved = 0, u16 count > 0, then count times
 *   u64 check, i64 time_ms, u8 kind, u8 method, i16 exit_code, u8 source_bytes (0, 4 or 16),
 *   u8 rid_bytes, u16 body_bytes, source, rid, body
 */
#ifndef SHARED_PING_H
#define SHARED_PING_H

#include <stddef.h>
#include <stdint.h>

#include "shared/buffer.h"
#include "shared/check.h"
#include "shared/compiler.h"

#define PING_BATCH_MAX   4096   /* pings of a message */
#define PING_MESSAGE_MAX 262144 /* bytes of a message */
#define PING_BODY_MAX    10240  /* bytes that are kept of a body: its last ones */
#define PING_RID_MAX     64     /* printable ASCII */
#define PING_NO_EXIT     (-1)

enum ping_method { PING_GET, PING_POST, PING_HEAD, PING_METHODS };
const char *ping_method_name(enum ping_method method); /* "GET" ... */

/* Strings and bytes are borrowed. */
struct ping {
    int64_t check;   /* > 0 */
    int64_t time_ms; /* > 0: arrival, by the gateway's clock */
    enum ping_kind kind;
    enum ping_method method;
    int16_t exit_code;    /* 0: a success; 1 to 255: a fail; PING_NO_EXIT: none was given */
    uint8_t source_bytes; /* 0: unknown; 4, 16 */
    uint8_t rid_bytes;    /* 0: none was given */
    uint16_t body_bytes;
    uint8_t source[16]; /* address of the client, in network order */
    const char *rid;    /* not NUL-terminated */
    const char *body;
};

/* What a ping takes of a message. */
size_t ping_bytes(const struct ping *ping);

/*
 * A message: begin, add each, end. begin keeps the buffer's memory. The caller sees to it that
 * neither PING_BATCH_MAX nor PING_MESSAGE_MAX is passed.
 */
void ping_batch_begin(struct buffer *out);
void ping_batch_add(struct buffer *out, const struct ping *ping);
void ping_batch_end(struct buffer *out, unsigned count);

/* Reading: open checks the whole message, next gives one after the other. */
struct ping_batch {
    struct reader reader;
    unsigned left;
};
/* -1: the message is none. */
int ping_batch_open(const void *bytes, size_t length, struct ping_batch *batch) MUST_CHECK;
/* The next ping; what it borrows lives as long as the message. batch->left must not be 0. */
void ping_batch_next(struct ping_batch *batch, struct ping *ping);

#endif
