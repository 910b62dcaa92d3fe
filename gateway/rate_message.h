/*
 * What a gateway announces on rate.take: the requests that it wants to have counted, one entry
 * each. Binary, little-endian:
 *
 *   u8 version = 1, u8 reserved = 0, u16 count, u64 mark, u64 number, u64 minute,
 *   then count times u64 account
 */
#ifndef GATEWAY_RATE_MESSAGE_H
#define GATEWAY_RATE_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#include "shared/buffer.h"
#include "shared/compiler.h"

#define RATE_MESSAGE_TAKES_MAX 256

struct rate_message {
    uint64_t mark;   /* of the gateway process, random */
    uint64_t number; /* of its message, from 1 */
    int64_t minute;  /* since 1970, by the gateway's clock */
    unsigned count;  /* 1 .. RATE_MESSAGE_TAKES_MAX */
    int64_t accounts[RATE_MESSAGE_TAKES_MAX];
};

void rate_message_encode(const struct rate_message *message, struct buffer *out);
/* -1: it is none. */
int rate_message_decode(const void *bytes, size_t length, struct rate_message *message) MUST_CHECK;

#endif
