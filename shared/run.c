#include "shared/run.h"

#include <endian.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define RUN_VERSION     1
#define RUN_HEADER_SIZE 12
#define RUN_SIZE        28

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
    if (run->replay)
        snprintf(text, RUN_ID_SIZE, "msg_%" PRId64 "_%" PRId64 "_%" PRIu32, run->job, run->slot_s,
                 run->replay);
    else
        snprintf(text, RUN_ID_SIZE, "msg_%" PRId64 "_%" PRId64, run->job, run->slot_s);
    return text;
}
