#include "shared/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/memory.h"

#define FIRST_CAPACITY 64

void buffer_free(struct buffer *buffer)
{
    free(buffer->data);
    *buffer = BUFFER_EMPTY;
}

void buffer_clear(struct buffer *buffer)
{
    buffer->length = 0;
    if (buffer->data)
        buffer->data[0] = '\0';
}

char *buffer_grow(struct buffer *buffer, size_t extra)
{
    /* Below half of the address space the doubling cannot overflow. */
    INVARIANT(extra < SIZE_MAX / 4 && buffer->length < SIZE_MAX / 4);
    size_t wanted = buffer->length + extra + 1;
    if (wanted > buffer->capacity) {
        size_t capacity = buffer->capacity ? buffer->capacity : FIRST_CAPACITY;
        while (capacity < wanted)
            capacity *= 2;
        buffer->data = memory_resize(buffer->data, capacity, 1);
        buffer->capacity = capacity;
        buffer->data[buffer->length] = '\0';
    }
    return buffer->data + buffer->length;
}

void buffer_append(struct buffer *buffer, const void *bytes, size_t length)
{
    char *end = buffer_grow(buffer, length);
    if (length)
        memcpy(end, bytes, length);
    end[length] = '\0';
    buffer->length += length;
}

void buffer_text(struct buffer *buffer, const char *text)
{
    buffer_append(buffer, text, strlen(text));
}

void buffer_format(struct buffer *buffer, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    va_list again;
    va_copy(again, arguments);
    char *end = buffer_grow(buffer, FIRST_CAPACITY);
    size_t room = buffer->capacity - buffer->length;
    // NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): it is
    int length = vsnprintf(end, room, format, arguments);
    INVARIANT(length >= 0);
    if ((size_t)length >= room) {
        end = buffer_grow(buffer, (size_t)length);
        length = vsnprintf(end, (size_t)length + 1, format, again);
        INVARIANT(length >= 0);
    }
    buffer->length += (size_t)length;
    va_end(again);
    va_end(arguments);
}

static void append_little_endian(struct buffer *buffer, uint64_t value, size_t size)
{
    unsigned char bytes[8];
    for (size_t i = 0; i < size; i++)
        bytes[i] = (unsigned char)(value >> (8 * i));
    buffer_append(buffer, bytes, size);
}

void buffer_u8(struct buffer *buffer, uint8_t value)
{
    append_little_endian(buffer, value, 1);
}

void buffer_u16(struct buffer *buffer, uint16_t value)
{
    append_little_endian(buffer, value, 2);
}

void buffer_u32(struct buffer *buffer, uint32_t value)
{
    append_little_endian(buffer, value, 4);
}

void buffer_u64(struct buffer *buffer, uint64_t value)
{
    append_little_endian(buffer, value, 8);
}

struct reader reader_over(const void *bytes, size_t length)
{
    return (struct reader){.next = bytes, .left = length, .failed = 0};
}

const char *reader_bytes(struct reader *reader, size_t length)
{
    /* After a failure nothing is read any more: what follows would be out of step. */
    if (reader->failed || length > reader->left) {
        reader->failed = 1;
        return NULL;
    }
    /* An empty reader may stand over NULL, which is the answer for "too few". */
    const unsigned char *bytes = reader->next ? reader->next : (const unsigned char *)"";
    if (length)
        reader->next += length;
    reader->left -= length;
    return (const char *)bytes;
}

static uint64_t read_little_endian(struct reader *reader, size_t size)
{
    const char *bytes = reader_bytes(reader, size);
    uint64_t value = 0;
    for (size_t i = 0; bytes && i < size; i++)
        value |= (uint64_t)(unsigned char)bytes[i] << (8 * i);
    return value;
}

uint8_t reader_u8(struct reader *reader)
{
    return (uint8_t)read_little_endian(reader, 1);
}

uint16_t reader_u16(struct reader *reader)
{
    return (uint16_t)read_little_endian(reader, 2);
}

uint32_t reader_u32(struct reader *reader)
{
    return (uint32_t)read_little_endian(reader, 4);
}

uint64_t reader_u64(struct reader *reader)
{
    return read_little_endian(reader, 8);
}
