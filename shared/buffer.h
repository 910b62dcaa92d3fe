/*
 * A growing byte buffer: what encoders write into. data[length] is always a NUL, so that text can
 * be handed on as a string.
 */
#ifndef SHARED_BUFFER_H
#define SHARED_BUFFER_H

#include <stddef.h>
#include <stdint.h>

#include "shared/compiler.h"

struct buffer {
    char *data; /* owned; NULL until the first write */
    size_t length;
    size_t capacity;
};

#define BUFFER_EMPTY ((struct buffer){NULL, 0, 0})

void buffer_free(struct buffer *buffer);
/* Forgets the content and keeps the memory. */
void buffer_clear(struct buffer *buffer);
/* Makes room for extra more bytes, and returns where they go; buffer_grow does not change length.
 */
char *buffer_grow(struct buffer *buffer, size_t extra);
void buffer_append(struct buffer *buffer, const void *bytes, size_t length);
void buffer_text(struct buffer *buffer, const char *text);
void buffer_format(struct buffer *buffer, const char *format, ...) PRINTF_LIKE(2, 3);

/* Little-endian integers of the binary messages. */
void buffer_u8(struct buffer *buffer, uint8_t value);
void buffer_u16(struct buffer *buffer, uint16_t value);
void buffer_u32(struct buffer *buffer, uint32_t value);
void buffer_u64(struct buffer *buffer, uint64_t value);

/*
 * Reads what the writers above wrote. A read past the end gives zero and sets failed, so that a
 * decoder reads everything and checks once.
 */
struct reader {
    const unsigned char *next;
    size_t left;
    int failed;
};

struct reader reader_over(const void *bytes, size_t length);
uint8_t reader_u8(struct reader *reader);
uint16_t reader_u16(struct reader *reader);
uint32_t reader_u32(struct reader *reader);
uint64_t reader_u64(struct reader *reader);
/* length bytes in place, or NULL where fewer are left. */
const char *reader_bytes(struct reader *reader, size_t length);

#endif
