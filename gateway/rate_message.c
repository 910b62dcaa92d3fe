#include "gateway/rate_message.h"

#define VERSION    1
#define MINUTE_MAX INT64_C(1000000000000)

void rate_message_encode(const struct rate_message *message, struct buffer *out)
{
    INVARIANT(message->count >= 1 && message->count <= RATE_MESSAGE_TAKES_MAX);
    buffer_u8(out, VERSION);
    buffer_u8(out, 0);
    buffer_u16(out, (uint16_t)message->count);
    buffer_u64(out, message->mark);
    buffer_u64(out, message->number);
    buffer_u64(out, (uint64_t)message->minute);
    for (unsigned i = 0; i < message->count; i++)
        buffer_u64(out, (uint64_t)message->accounts[i]);
}

int rate_message_decode(const void *bytes, size_t length, struct rate_message *message)
{
    struct reader reader = reader_over(bytes, length);
    unsigned version = reader_u8(&reader);
    unsigned reserved = reader_u8(&reader);
    message->count = reader_u16(&reader);
    message->mark = reader_u64(&reader);
    message->number = reader_u64(&reader);
    message->minute = (int64_t)reader_u64(&reader);
    if (reader.failed || version != VERSION || reserved != 0 || message->count < 1 ||
        message->count > RATE_MESSAGE_TAKES_MAX || message->minute < 1 ||
        message->minute > MINUTE_MAX)
        return -1;
    for (unsigned i = 0; i < message->count; i++) {
        message->accounts[i] = (int64_t)reader_u64(&reader);
        if (message->accounts[i] < 1)
            return -1;
    }
    return reader.failed || reader.left > 0 ? -1 : 0;
}
