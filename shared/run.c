#include "shared/run.h"

#include <inttypes.h>
#include <stdio.h>

#define RUN_VERSION     1
#define RUN_HEADER_SIZE 12
#define RUN_SIZE        28

void run_batch_encode(const struct run_batch *batch, struct buffer *out)
{
    INVARIANT(batch->count <= RUN_BATCH_MAX);
    buffer_u8(out, RUN_VERSION);
    buffer_u8(out, 0);
    buffer_u16(out, (uint16_t)batch->count);
    buffer_u64(out, batch->epoch);
    for (size_t i = 0; i < batch->count; i++) {
        const struct run *run = &batch->runs[i];
        buffer_u64(out, (uint64_t)run->job);
        buffer_u64(out, (uint64_t)run->slot_s);
        buffer_u32(out, run->version);
        buffer_u32(out, run->replay);
        buffer_u16(out, run->timeout_s);
        buffer_u8(out, run->attempt);
        buffer_u8(out, 0);
    }
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
