#include "dispatcher/account_keys.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "dispatcher/recent_table.h"
#include "shared/compiler.h"
#include "shared/memory.h"

/* A job of every minute comes just before or behind the minute: it must find them due, not gone. */
#define FRESH_MS     55000
#define USABLE_MS    90000
#define ASK_AGAIN_MS 15000 /* longer than a query may take */

struct entry {
    struct recent_entry recent; /* by when they were read, or changed; its id is the account's */
    struct entry *next_due;
    struct account_keys *keys; /* NULL: changed since they were read */
    uint64_t changed;          /* cache->changes at the last change */
    int64_t read_ms;           /* monotonic */
    int64_t asked_ms;          /* monotonic: when they became due */
    bool due;                  /* in the list of these */
};

struct account_key_cache {
    size_t capacity;
    uint64_t changes;             /* so far */
    uint64_t all_changed;         /* changes, when the last one of all came */
    struct recent_table accounts; /* struct entry */
    struct entry *first_due;
    size_t due;
};

struct account_keys *account_keys_retain(struct account_keys *keys)
{
    keys->references++;
    return keys;
}

void account_keys_release(struct account_keys *keys)
{
    INVARIANT(keys->references > 0);
    if (--keys->references > 0)
        return;
    OPENSSL_cleanse(keys, sizeof(*keys));
    free(keys);
}

struct account_key_cache *account_key_cache_create(size_t capacity)
{
    INVARIANT(capacity > 0);
    struct account_key_cache *cache = memory_new(1, sizeof(*cache));
    cache->capacity = capacity;
    recent_table_init(&cache->accounts);
    return cache;
}

static struct entry *entry_find(const struct account_key_cache *cache, int64_t account)
{
    return (struct entry *)recent_table_find(&cache->accounts, account);
}

static struct entry *entry_oldest(const struct account_key_cache *cache)
{
    return (struct entry *)cache->accounts.oldest;
}

static void due_remove(struct account_key_cache *cache, struct entry *entry)
{
    if (!entry->due)
        return;
    struct entry **link = &cache->first_due;
    while (*link != entry)
        link = &(*link)->next_due;
    *link = entry->next_due;
    entry->due = false;
    cache->due--;
}

static void keys_drop(struct entry *entry)
{
    if (entry->keys)
        account_keys_release(entry->keys);
    entry->keys = NULL;
}

static void entry_remove(struct account_key_cache *cache, struct entry *entry)
{
    recent_table_remove(&cache->accounts, &entry->recent);
    due_remove(cache, entry);
    keys_drop(entry);
    free(entry);
}

void account_key_cache_free(struct account_key_cache *cache)
{
    while (entry_oldest(cache))
        entry_remove(cache, entry_oldest(cache));
    recent_table_free(&cache->accounts);
    free(cache);
}

/* The account's entry, which is the newest now, without keys. */
static struct entry *entry_renew(struct account_key_cache *cache, int64_t account)
{
    struct entry *entry = entry_find(cache, account);
    if (entry) {
        due_remove(cache, entry);
        recent_table_use(&cache->accounts, &entry->recent);
        keys_drop(entry);
        return entry;
    }
    if (cache->accounts.count == cache->capacity)
        entry_remove(cache, entry_oldest(cache));
    entry = memory_new(1, sizeof(*entry));
    entry->recent.id = account;
    recent_table_add(&cache->accounts, &entry->recent);
    return entry;
}

struct account_keys *account_key_cache_find(struct account_key_cache *cache, int64_t account,
                                            int64_t now_ms)
{
    struct entry *entry = entry_find(cache, account);
    if (!entry || !entry->keys || entry->read_ms + USABLE_MS <= now_ms)
        return NULL;
    if (entry->read_ms + FRESH_MS <= now_ms && !entry->due &&
        (entry->asked_ms == 0 || entry->asked_ms + ASK_AGAIN_MS <= now_ms)) {
        entry->asked_ms = now_ms;
        entry->due = true;
        entry->next_due = cache->first_due;
        cache->first_due = entry;
        cache->due++;
    }
    return entry->keys;
}

size_t account_key_cache_take_due(struct account_key_cache *cache, int64_t *accounts, size_t most)
{
    size_t count = 0;
    while (cache->first_due && count < most) {
        struct entry *entry = cache->first_due;
        cache->first_due = entry->next_due;
        entry->due = false;
        cache->due--;
        accounts[count++] = entry->recent.id;
    }
    return count;
}

size_t account_key_cache_due(const struct account_key_cache *cache)
{
    return cache->due;
}

uint64_t account_key_cache_mark(const struct account_key_cache *cache)
{
    return cache->changes;
}

void account_key_cache_put(struct account_key_cache *cache, int64_t account,
                           const struct signing_key *keys, size_t count, uint64_t mark,
                           int64_t now_ms)
{
    INVARIANT(count <= SIGNING_KEYS_MAX);
    const struct entry *known = entry_find(cache, account);
    if (cache->all_changed > mark || (known && known->changed > mark))
        return;
    struct account_keys *made = memory_new(1, sizeof(*made));
    made->references = 1;
    made->count = count;
    for (size_t i = 0; i < count; i++)
        made->keys[i] = keys[i];
    struct entry *entry = entry_renew(cache, account);
    entry->keys = made;
    entry->read_ms = now_ms;
    entry->asked_ms = 0;
}

void account_key_cache_changed(struct account_key_cache *cache, int64_t account)
{
    /* An account that is not known is remembered, too: its keys may be on their way. */
    entry_renew(cache, account)->changed = ++cache->changes;
}

void account_key_cache_changed_all(struct account_key_cache *cache)
{
    cache->all_changed = ++cache->changes;
    cache->first_due = NULL;
    cache->due = 0;
    for (struct recent_entry *recent = cache->accounts.newest; recent; recent = recent->older) {
        struct entry *entry = (struct entry *)recent;
        entry->due = false;
        keys_drop(entry);
    }
}
