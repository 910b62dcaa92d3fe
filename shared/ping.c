#include "shared/ping.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#define PING_VERSION     1
#define HEAD_BYTES       4 /* of a message */
#define COUNT_AT         2
#define PING_FIXED_BYTES ((size_t)24)
#define SOURCE_MAX       16
#define EXIT_MAX         255

static_assert(HEAD_BYTES + PING_FIXED_BYTES + SOURCE_MAX + PING_RID_MAX + PING_BODY_MAX <=
                  PING_MESSAGE_MAX,
              "the largest ping fits into a message");
static_assert(PING_BATCH_MAX <= UINT16_MAX && PING_BODY_MAX <= UINT16_MAX &&
                  PING_RID_MAX <= UINT8_MAX,
              "the numbers fit into their fields");

static const char *const method_names[PING_METHODS] = {
    [PING_GET] = "GET", [PING_POST] = "POST", [PING_HEAD] = "HEAD"};

const char *ping_method_name(enum ping_method method)
{
    INVARIANT(method < PING_METHODS);
    return method_names[method];
}

static bool rid_valid(const char *rid, size_t length)
{
    if (length > PING_RID_MAX)
        return false;
    for (size_t i = 0; i < length; i++)
        if (rid[i] < 0x20 || rid[i] > 0x7e)
            return false;
    return true;
}

static bool exit_valid(int exit_code, enum ping_kind kind)
{
    if (exit_code == PING_NO_EXIT)
        return true;
    return exit_code >= 0 && exit_code <= EXIT_MAX &&
           kind == (exit_code == 0 ? PING_SUCCESS : PING_FAIL);
}

static bool ping_valid(const struct ping *ping)
{
    return ping->check > 0 && ping->time_ms > 0 && ping->kind < PING_KINDS &&
           ping->method < PING_METHODS && exit_valid(ping->exit_code, ping->kind) &&
           (ping->source_bytes == 0 || ping->source_bytes == 4 ||
            ping->source_bytes == SOURCE_MAX) &&
           ping->body_bytes <= PING_BODY_MAX && rid_valid(ping->rid, ping->rid_bytes);
}

size_t ping_bytes(const struct ping *ping)
{
    return PING_FIXED_BYTES + ping->source_bytes + ping->rid_bytes + ping->body_bytes;
}

void ping_batch_begin(struct buffer *out)
{
    buffer_clear(out);
    buffer_u8(out, PING_VERSION);
    buffer_u8(out, 0);
    buffer_u16(out, 0); /* the count: see ping_batch_end */
}

static uint8_t *put(uint8_t *to, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        *to++ = (uint8_t)(value >> (8 * i));
    return to;
}

void ping_batch_add(struct buffer *out, const struct ping *ping)
{
    uint8_t fixed[PING_FIXED_BYTES];
    INVARIANT(ping_valid(ping));
    uint8_t *to = put(fixed, (uint64_t)ping->check, 8);
    to = put(to, (uint64_t)ping->time_ms, 8);
    to = put(to, ping->kind, 1);
    to = put(to, ping->method, 1);
    to = put(to, (uint16_t)ping->exit_code, 2);
    to = put(to, ping->source_bytes, 1);
    to = put(to, ping->rid_bytes, 1);
    put(to, ping->body_bytes, 2);
    buffer_grow(out, ping_bytes(ping));
    buffer_append(out, fixed, sizeof fixed);
    buffer_append(out, ping->source, ping->source_bytes);
    buffer_append(out, ping->rid, ping->rid_bytes);
    buffer_append(out, ping->body, ping->body_bytes);
}

void ping_batch_end(struct buffer *out, unsigned count)
{
    INVARIANT(count > 0 && count <= PING_BATCH_MAX && out->length <= PING_MESSAGE_MAX);
    out->data[COUNT_AT] = (char)(count & 0xff);
    out->data[COUNT_AT + 1] = (char)(count >> 8);
}

static void read_ping(struct reader *reader, struct ping *ping)
{
    ping->check = (int64_t)reader_u64(reader);
    ping->time_ms = (int64_t)reader_u64(reader);
    ping->kind = reader_u8(reader);
    ping->method = reader_u8(reader);
    ping->exit_code = (int16_t)reader_u16(reader);
    ping->source_bytes = reader_u8(reader);
    ping->rid_bytes = reader_u8(reader);
    ping->body_bytes = reader_u16(reader);
    memset(ping->source, 0, sizeof ping->source);
    const char *source = reader_bytes(reader, ping->source_bytes);
    if (source && ping->source_bytes <= sizeof ping->source)
        memcpy(ping->source, source, ping->source_bytes);
    ping->rid = reader_bytes(reader, ping->rid_bytes);
    ping->body = reader_bytes(reader, ping->body_bytes);
}

int ping_batch_open(const void *bytes, size_t length, struct ping_batch *batch)
{
    struct reader reader = reader_over(bytes, length);
    uint8_t version = reader_u8(&reader);
    uint8_t reserved = reader_u8(&reader);
    unsigned count = reader_u16(&reader);
    if (reader.failed || version != PING_VERSION || reserved != 0 || count == 0 ||
        count > PING_BATCH_MAX || length > PING_MESSAGE_MAX)
        return -1;
    *batch = (struct ping_batch){.reader = reader, .left = count};
    for (unsigned i = 0; i < count; i++) {
        struct ping ping;
        read_ping(&reader, &ping);
        if (reader.failed || !ping_valid(&ping))
            return -1;
    }
    return reader.left == 0 ? 0 : -1;
}

void ping_batch_next(struct ping_batch *batch, struct ping *ping)
{
    INVARIANT(batch->left > 0);
    batch->left--;
    read_ping(&batch->reader, ping);
}
