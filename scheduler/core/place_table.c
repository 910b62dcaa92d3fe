#include "scheduler/core/place_table.h"

#include <stdlib.h>
#include <string.h>

#include "shared/compiler.h"
#include "shared/memory.h"

#define PLACES_INITIAL 1024

/* The finalizer of splitmix64 (Steele, Lea, Flood 2014): ids are dense, their hashes are not. */
static uint32_t hash_of(int64_t id)
{
    uint64_t x = (uint64_t)id;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return (uint32_t)(x >> 32);
}

static int64_t id_at(const struct place_table *table, uint32_t place)
{
    int64_t id;
    memcpy(&id, place_table_at(table, place), sizeof(id));
    return id;
}

void place_table_init(struct place_table *table, size_t element_size)
{
    INVARIANT(element_size >= sizeof(int64_t) + sizeof(uint32_t));
    *table = (struct place_table){.element_size = element_size,
                                  .capacity = PLACES_INITIAL,
                                  .free_place = PLACE_NONE,
                                  .index_mask = 2 * PLACES_INITIAL - 1};
    table->elements = memory_new(table->capacity, element_size);
    table->index = memory_new((size_t)table->index_mask + 1, sizeof(uint32_t));
}

void place_table_free(struct place_table *table)
{
    free(table->elements);
    free(table->index);
    *table = (struct place_table){0};
}

uint32_t place_table_find(const struct place_table *table, int64_t id)
{
    for (uint32_t at = hash_of(id) & table->index_mask; table->index[at];
         at = (at + 1) & table->index_mask) {
        uint32_t place = table->index[at] - 1;
        if (id_at(table, place) == id)
            return place;
    }
    return PLACE_NONE;
}

static void index_put(struct place_table *table, int64_t id, uint32_t place)
{
    uint32_t at = hash_of(id) & table->index_mask;
    while (table->index[at])
        at = (at + 1) & table->index_mask;
    table->index[at] = place + 1;
}

/* Keeps the index at most two thirds full. */
static void index_make_room(struct place_table *table)
{
    uint32_t size = table->index_mask + 1;
    if ((uint64_t)(table->count + 1) * 3 <= (uint64_t)size * 2)
        return;
    INVARIANT(size <= UINT32_MAX / 4);
    free(table->index);
    table->index_mask = 2 * size - 1;
    table->index = memory_new((size_t)size * 2, sizeof(uint32_t));
    for (uint32_t place = 0; place < table->length; place++)
        if (id_at(table, place))
            index_put(table, id_at(table, place), place);
}

uint32_t place_table_add(struct place_table *table, int64_t id)
{
    INVARIANT(id > 0);
    index_make_room(table);
    uint32_t place = table->free_place;
    if (place != PLACE_NONE) {
        const char *link = (const char *)place_table_at(table, place) + sizeof(int64_t);
        memcpy(&table->free_place, link, sizeof(uint32_t));
    } else {
        if (table->length == table->capacity) {
            /* By a quarter: a large table holds few places that it does not need. */
            table->capacity += table->capacity / 4;
            table->elements = memory_resize(table->elements, table->capacity, table->element_size);
        }
        place = table->length++;
    }
    char *element = place_table_at(table, place);
    memset(element, 0, table->element_size);
    memcpy(element, &id, sizeof(id));
    table->count++;
    index_put(table, id, place);
    return place;
}

/* Linear probing without tombstones: what follows moves up (Knuth, TAOCP 3, 6.4, algorithm R). */
static void index_remove(struct place_table *table, uint32_t place)
{
    uint32_t hole = hash_of(id_at(table, place)) & table->index_mask;
    while (table->index[hole] != place + 1)
        hole = (hole + 1) & table->index_mask;
    for (uint32_t at = (hole + 1) & table->index_mask; table->index[at];
         at = (at + 1) & table->index_mask) {
        uint32_t home = hash_of(id_at(table, table->index[at] - 1)) & table->index_mask;
        if (((at - home) & table->index_mask) >= ((at - hole) & table->index_mask)) {
            table->index[hole] = table->index[at];
            hole = at;
        }
    }
    table->index[hole] = 0;
}

void place_table_remove(struct place_table *table, uint32_t place)
{
    INVARIANT(place < table->length && id_at(table, place));
    index_remove(table, place);
    char *element = place_table_at(table, place);
    memset(element, 0, table->element_size);
    memcpy(element + sizeof(int64_t), &table->free_place, sizeof(uint32_t));
    table->free_place = place;
    table->count--;
}

size_t place_table_bytes(const struct place_table *table)
{
    return (size_t)table->capacity * table->element_size +
           ((size_t)table->index_mask + 1) * sizeof(uint32_t);
}
