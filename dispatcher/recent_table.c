#include "dispatcher/recent_table.h"

#include <stdlib.h>

#include "shared/memory.h"

#define BUCKETS_FIRST 1024

void recent_table_init(struct recent_table *table)
{
    *table = (struct recent_table){.bucket_count = BUCKETS_FIRST};
    table->buckets = memory_new(table->bucket_count, sizeof(struct recent_entry *));
}

void recent_table_free(struct recent_table *table)
{
    free(table->buckets);
    *table = (struct recent_table){0};
}

/* Ids are dense, so the low bits spread them best. */
static struct recent_entry **bucket_of(const struct recent_table *table, int64_t id)
{
    return &table->buckets[(uint64_t)id & (table->bucket_count - 1)];
}

struct recent_entry *recent_table_find(const struct recent_table *table, int64_t id)
{
    struct recent_entry *entry = *bucket_of(table, id);
    while (entry && entry->id != id)
        entry = entry->next_in_bucket;
    return entry;
}

static void bucket_add(struct recent_table *table, struct recent_entry *entry)
{
    struct recent_entry **bucket = bucket_of(table, entry->id);
    entry->next_in_bucket = *bucket;
    *bucket = entry;
}

static void grow(struct recent_table *table)
{
    free(table->buckets);
    table->bucket_count *= 2;
    table->buckets = memory_new(table->bucket_count, sizeof(struct recent_entry *));
    for (struct recent_entry *entry = table->newest; entry; entry = entry->older)
        bucket_add(table, entry);
}

static void order_take(struct recent_table *table, struct recent_entry *entry)
{
    if (entry->newer)
        entry->newer->older = entry->older;
    else
        table->newest = entry->older;
    if (entry->older)
        entry->older->newer = entry->newer;
    else
        table->oldest = entry->newer;
}

static void order_add(struct recent_table *table, struct recent_entry *entry)
{
    entry->newer = NULL;
    entry->older = table->newest;
    if (entry->older)
        entry->older->newer = entry;
    else
        table->oldest = entry;
    table->newest = entry;
}

void recent_table_add(struct recent_table *table, struct recent_entry *entry)
{
    if (table->count == table->bucket_count)
        grow(table);
    bucket_add(table, entry);
    order_add(table, entry);
    table->count++;
}

void recent_table_use(struct recent_table *table, struct recent_entry *entry)
{
    order_take(table, entry);
    order_add(table, entry);
}

void recent_table_remove(struct recent_table *table, struct recent_entry *entry)
{
    struct recent_entry **link = bucket_of(table, entry->id);
    while (*link != entry)
        link = &(*link)->next_in_bucket;
    *link = entry->next_in_bucket;
    order_take(table, entry);
    table->count--;
}
