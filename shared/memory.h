/*
 * Heap memory that cannot fail to come: where the machine has none left, the process says so and
 * aborts. Every process may die at any moment by design, so there is no better answer, and no
 * caller has to carry an untested error path.
 */
#ifndef SHARED_MEMORY_H
#define SHARED_MEMORY_H

#include <stddef.h>

/* Zeroed memory of count objects of size bytes; count * size is checked for overflow. */
void *memory_new(size_t count, size_t size);

/* As realloc over count objects; what is added is not zeroed. */
void *memory_resize(void *block, size_t count, size_t size);

/* A NUL-terminated copy of length bytes; the caller frees it with free(). */
char *memory_text(const char *text, size_t length);

#endif
