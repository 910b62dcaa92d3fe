#include "shared/run.h"

#include <endian.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define RUN_VERSION     1
#define RUN_HEADER_SIZE 12
#define RUN_SIZE        28
#define RUN_SLOT_MAX_S  INT64_C(253402300799) /* the end of the year 9999 */

/* Writes what has value as its little-endian bytes, and moves on. */
static void put(char **at, const void *value, size_t size)
{
    memcpy(*at, value, size);
    *at += size;
}

static void run_put(char **at, const struct run *run)
{
    uint64_t job = htole64((uint64_t)run->job), slot_s = htole64((uint64_t)run->slot_s);
    uint32_t version = htole32(run->version), replay = htole32(run->replay);
    uint16_t timeout_s = htole16(run->timeout_s);
    uint8_t attempt_and_reserved[2] = {run->attempt, 0};
    put(at, &job, sizeof(job));
    put(at, &slot_s, sizeof(slot_s));
    put(at, &version, sizeof(version));
    put(at, &replay, sizeof(replay));
    put(at, &timeout_s, sizeof(timeout_s));
    put(at, attempt_and_reserved, sizeof(attempt_and_reserved));
}

void run_batch_encode(const struct run_batch *batch, struct buffer *out)
{
    INVARIANT(batch->count <= RUN_BATCH_MAX);
    buffer_u8(out, RUN_VERSION);
    buffer_u8(out, 0);
    buffer_u16(out, (uint16_t)batch->count);
    buffer_u64(out, batch->epoch);
    /* Not field by field through the buffer: a million runs leave in the first tenth of a second
     * of a minute. */
    char *at = buffer_grow(out, batch->count * RUN_SIZE);
    for (size_t i = 0; i < batch->count; i++)
        run_put(&at, &batch->runs[i]);
    out->length += batch->count * RUN_SIZE;
    out->data[out->length] = '\0';
}

int run_batch_decode(const void *bytes, size_t length, struct run_batch *batch)
{
    struct reader reader = reader_over(bytes, length);
    uint8_t version = reader_u8(&reader);
    uint8_t reserved = reader_u8(&reader);
    size_t count = reader_u16(&reader);
    if (version != RUN_VERSION || reserved != 0 || count > RUN_BATCH_MAX ||
        length != RUN_HEADER_SIZE + count * RUN_SIZE)
        return -1;
    batch->count = count;
    batch->epoch = reader_u64(&reader);
    for (size_t i = 0; i < count; i++) {
        struct run *run = &batch->runs[i];
        run->job = (int64_t)reader_u64(&reader);
        run->slot_s = (int64_t)reader_u64(&reader);
        run->version = reader_u32(&reader);
        run->replay = reader_u32(&reader);
        run->timeout_s = reader_u16(&reader);
        run->attempt = reader_u8(&reader);
        if (run->job <= 0 || run->slot_s < 0 || run->attempt == 0 || reader_u8(&reader) != 0)
            return -1;
    }
    return reader.failed ? -1 : 0;
}

char *run_id(char text[static RUN_ID_SIZE], const struct run *run)
{
    if (run->replay == RUN_NOTICE)
        snprintf(text, RUN_ID_SIZE, "msg_notice_%" PRId64, run->job);
    else if (run->replay)
        snprintf(text, RUN_ID_SIZE, "msg_%" PRId64 "_%" PRId64 "_%" PRIu32, run->job, run->slot_s,
                 run->replay);
    else
        snprintf(text, RUN_ID_SIZE, "msg_%" PRId64 "_%" PRId64, run->job, run->slot_s);
    return text;
}

/* A decimal number without a sign or leading zeros; -1 where there is none up to most. */
static int64_t id_number(const char **at, const char *end, int64_t most)
{
    const char *from = *at;
    int64_t value = 0;
    while (*at < end && **at >= '0' && **at <= '9') {
        int digit = **at - '0';
        if (value > (most - digit) / 10)
            return -1;
        value = value * 10 + digit;
        (*at)++;
    }
    return *at == from || *from == '0' ? -1 : value;
}

static bool id_separator(const char **at, const char *end)
{
    if (*at == end || **at != '_')
        return false;
    (*at)++;
    return true;
}

int run_id_parse(const char *text, size_t length, struct run *run)
{
    const char *at = text + 4, *end = text + length;
    if (length < 4 || memcmp(text, "msg_", 4) != 0)
        return -1;
    struct run parsed = {.job = id_number(&at, end, INT64_MAX)};
    if (parsed.job < 0 || !id_separator(&at, end))
        return -1;
    parsed.slot_s = id_number(&at, end, RUN_SLOT_MAX_S);
    if (parsed.slot_s < 0)
        return -1;
    if (at < end) {
        int64_t replay = id_separator(&at, end) ? id_number(&at, end, INT32_MAX) : -1;
        if (replay < 0 || at < end)
            return -1;
        parsed.replay = (uint32_t)replay;
    }
    *run = parsed;
    return 0;
}
