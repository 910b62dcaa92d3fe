/*
 * Entries found by id, in the order of their use: what a bounded cache is made of. An entry is a
 * member of what is cached (the first one, so that a pointer to it is one to the whole), and its
 * owner's memory.
 */
#ifndef DISPATCHER_RECENT_TABLE_H
#define DISPATCHER_RECENT_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct recent_entry {
    int64_t id;
    struct recent_entry *next_in_bucket;
    struct recent_entry *newer, *older;
};

struct recent_table {
    struct recent_entry *newest, *oldest; /* NULL: none */
    size_t count;
    struct recent_entry **buckets; /* owned */
    size_t bucket_count;           /* a power of two; doubled as entries come */
};

void recent_table_init(struct recent_table *table);
/* Forgets the entries, which stay their owner's. */
void recent_table_free(struct recent_table *table);

/* NULL where there is none; the order stays. */
struct recent_entry *recent_table_find(const struct recent_table *table, int64_t id);
/* As the newest. entry->id is set, and not in the table. */
void recent_table_add(struct recent_table *table, struct recent_entry *entry);
/* Makes it the newest. */
void recent_table_use(struct recent_table *table, struct recent_entry *entry);
void recent_table_remove(struct recent_table *table, struct recent_entry *entry);

#endif
