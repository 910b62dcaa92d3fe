#include "shared/memory.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__attribute__((noreturn)) static void memory_exhausted(size_t count, size_t size)
{
    fprintf(stderr, "out of memory: %zu x %zu bytes wanted\n", count, size);
    abort();
}

void *memory_new(size_t count, size_t size)
{
    void *block = calloc(count ? count : 1, size ? size : 1);
    if (!block)
        memory_exhausted(count, size);
    return block;
}

void *memory_resize(void *block, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        memory_exhausted(count, size);
    void *resized = realloc(block, bytes ? bytes : 1);
    if (!resized)
        memory_exhausted(count, size);
    return resized;
}

char *memory_text(const char *text, size_t length)
{
    char *copy = memory_new(length + 1, 1);
    if (length)
        memcpy(copy, text, length);
    return copy;
}
