/*
 * A dense array of elements that are found by id: it can be scanned, and an element keeps its place
 * while it lives, so places may be held across changes of other elements. The place of a removed
 * one is used again.
 *
 * An element begins with its int64_t id (above 0; 0 is a free place, otherwise zeroed but for a
 * link behind the id) and is at least 12 bytes.
 */
#ifndef SCHEDULER_CORE_PLACE_TABLE_H
#define SCHEDULER_CORE_PLACE_TABLE_H

#include <stddef.h>
#include <stdint.h>

#define PLACE_NONE UINT32_MAX

struct place_table {
    char *elements; /* owned */
    size_t element_size;
    uint32_t length; /* places, in use or free */
    uint32_t capacity;
    uint32_t count;      /* elements */
    uint32_t free_place; /* head of the list of free places, or PLACE_NONE */
    uint32_t *index;     /* owned: place + 1 by hash of id, 0: empty */
    uint32_t index_mask;
};

void place_table_init(struct place_table *table, size_t element_size);
void place_table_free(struct place_table *table);

/* The place of an element, or PLACE_NONE. */
uint32_t place_table_find(const struct place_table *table, int64_t id);
/* id must be new, which is not checked. The element is zeroed but for its id. Pointers to elements
 * end, places stay. */
uint32_t place_table_add(struct place_table *table, int64_t id);
void place_table_remove(struct place_table *table, uint32_t place);

/* Bytes held. */
size_t place_table_bytes(const struct place_table *table);

static inline void *place_table_at(const struct place_table *table, uint32_t place)
{
    return table->elements + (size_t)place * table->element_size;
}

#endif
