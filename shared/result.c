#include "shared/result.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#define RESULT_VERSION 2

/*
 * A full batch: 256 results of at most 1208 bytes are 302 KiB. NATS takes 1 MiB.
 */
#define MESSAGE_BYTES_MAX  ((size_t)1 << 20)
#define RESULT_FIXED_BYTES ((size_t)57) /* all but the two texts */
static_assert((size_t)RESULT_BATCH_MAX *
                      (RESULT_FIXED_BYTES + RESULT_ERROR_SIZE + RESULT_BODY_MAX) <
                  MESSAGE_BYTES_MAX / 2,
              "a full batch fits into a message");

/*
 * Error texts end up in PostgreSQL and in answers to users, where a byte that is not UTF-8 would
 * stop the leader's transaction for ever. So only printable ASCII travels: the encoder replaces
 * the rest, and the decoder refuses it.
 */
static bool printable(char byte)
{
    return byte >= 0x20 && byte <= 0x7e;
}

static void error_encode(const char *error, struct buffer *out)
{
    size_t length = strnlen(error, RESULT_ERROR_SIZE - 1);
    buffer_u8(out, (uint8_t)length);
    char *text = buffer_grow(out, length);
    for (size_t i = 0; i < length; i++)
        text[i] = printable(error[i]) ? error[i] : '?';
    out->length += length;
    out->data[out->length] = '\0';
}

static int error_decode(struct reader *reader, char error[static RESULT_ERROR_SIZE])
{
    size_t length = reader_u8(reader);
    const char *text = reader_bytes(reader, length);
    if (!text || length >= RESULT_ERROR_SIZE)
        return -1;
    for (size_t i = 0; i < length; i++) {
        if (!printable(text[i]))
            return -1;
        error[i] = text[i];
    }
    error[length] = '\0';
    return 0;
}

static int reply_decode(struct reader *reader, char reply[static REPLY_SUBJECT_SIZE])
{
    size_t length = reader_u8(reader);
    const char *text = reader_bytes(reader, length);
    if (!text || !reply_subject_valid(text, length))
        return -1;
    memcpy(reply, text, length);
    reply[length] = '\0';
    return 0;
}

static void result_encode(const struct result *result, struct buffer *out)
{
    INVARIANT(result->outcome < RESULT_OUTCOMES);
    INVARIANT(result->retry_after_s <= RETRY_AFTER_MAX_S && result->body_bytes <= RESULT_BODY_MAX);
    buffer_u8(out, result->outcome);
    buffer_u16(out, result->code);
    buffer_u64(out, (uint64_t)result->started_ms);
    buffer_u32(out, result->duration_ms);
    buffer_u32(out, result->dns_ms);
    buffer_u32(out, result->connect_ms);
    buffer_u32(out, result->tls_ms);
    buffer_u32(out, result->first_byte_ms);
    buffer_u16(out, result->retry_after_s);
    error_encode(result->error, out);
    buffer_u16(out, result->body_bytes);
    if (result->body_bytes > 0)
        buffer_append(out, result->body, result->body_bytes);
}

void result_batch_encode(const struct result_batch *batch, struct buffer *out)
{
    INVARIANT(batch->count <= RESULT_BATCH_MAX);
    buffer_u8(out, RESULT_VERSION);
    buffer_u8(out, (uint8_t)batch->kind);
    buffer_u16(out, (uint16_t)batch->count);
    if (batch->kind == RESULT_BATCH_QUESTION) {
        size_t length = strnlen(batch->reply, REPLY_SUBJECT_SIZE);
        INVARIANT(reply_subject_valid(batch->reply, length));
        buffer_u8(out, (uint8_t)length);
        buffer_append(out, batch->reply, length);
    }
    for (size_t i = 0; i < batch->count; i++) {
        const struct result *result = &batch->results[i];
        buffer_u64(out, (uint64_t)result->job);
        buffer_u64(out, (uint64_t)result->slot_s);
        buffer_u32(out, result->replay);
        buffer_u8(out, result->attempt);
        if (batch->kind == RESULT_BATCH_RESULTS)
            result_encode(result, out);
    }
}

static int run_decode(struct reader *reader, struct result *result)
{
    result->job = (int64_t)reader_u64(reader);
    result->slot_s = (int64_t)reader_u64(reader);
    result->replay = reader_u32(reader);
    result->attempt = reader_u8(reader);
    return result->job <= 0 || result->slot_s < 0 || result->attempt == 0 ? -1 : 0;
}

static int result_decode(struct reader *reader, struct result *result)
{
    result->outcome = reader_u8(reader);
    result->code = reader_u16(reader);
    result->started_ms = (int64_t)reader_u64(reader);
    result->duration_ms = reader_u32(reader);
    result->dns_ms = reader_u32(reader);
    result->connect_ms = reader_u32(reader);
    result->tls_ms = reader_u32(reader);
    result->first_byte_ms = reader_u32(reader);
    result->retry_after_s = reader_u16(reader);
    if (result->outcome >= RESULT_OUTCOMES || result->started_ms < 0 ||
        result->retry_after_s > RETRY_AFTER_MAX_S || error_decode(reader, result->error))
        return -1;
    result->body_bytes = reader_u16(reader);
    result->body = reader_bytes(reader, result->body_bytes);
    return !result->body || result->body_bytes > RESULT_BODY_MAX ? -1 : 0;
}

int result_batch_decode(const void *bytes, size_t length, struct result_batch *batch)
{
    struct reader reader = reader_over(bytes, length);
    uint8_t version = reader_u8(&reader);
    uint8_t kind = reader_u8(&reader);
    size_t count = reader_u16(&reader);
    if (reader.failed || version != RESULT_VERSION || kind > RESULT_BATCH_QUESTION ||
        count > RESULT_BATCH_MAX)
        return -1;
    batch->kind = (enum result_kind)kind;
    batch->count = count;
    batch->reply[0] = '\0';
    if (batch->kind == RESULT_BATCH_QUESTION && reply_decode(&reader, batch->reply))
        return -1;
    for (size_t i = 0; i < count; i++) {
        struct result *result = &batch->results[i];
        *result = (struct result){.job = 0};
        if (run_decode(&reader, result) ||
            (batch->kind == RESULT_BATCH_RESULTS && result_decode(&reader, result)))
            return -1;
    }
    return reader.failed || reader.left ? -1 : 0;
}
