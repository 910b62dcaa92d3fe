/*
 * What the deliveries of each account are signed with, by account. No I/O (that is loader.h).
 *
 * Keys are used as read for a minute, and then read again, once; meanwhile, for a while, the old
 * ones serve, so that a job of every minute never waits for PostgreSQL. An event that something
 * about the account has changed, and a new connection, behind which events may have been missed,
 * make what was read unusable at once, and also what is being read.
 */
#ifndef DISPATCHER_ACCOUNT_KEYS_H
#define DISPATCHER_ACCOUNT_KEYS_H

#include <stddef.h>
#include <stdint.h>

#include "dispatcher/signature.h"

/* Not changed once made, and shared by deliveries: counted. */
struct account_keys {
    unsigned references;
    size_t count; /* 0: the account has no secret */
    struct signing_key keys[SIGNING_KEYS_MAX];
};

struct account_keys *account_keys_retain(struct account_keys *keys);
void account_keys_release(struct account_keys *keys);

struct account_key_cache;

/* capacity: accounts; what was read longest ago goes first. */
struct account_key_cache *account_key_cache_create(size_t capacity);
void account_key_cache_free(struct account_key_cache *cache);

/* Borrowed; NULL where they must be read first. now_ms: monotonic. */
struct account_keys *account_key_cache_find(struct account_key_cache *cache, int64_t account,
                                            int64_t now_ms);
/* Up to most of the accounts that are to be read again though their keys still serve. */
size_t account_key_cache_take_due(struct account_key_cache *cache, int64_t *accounts, size_t most);
size_t account_key_cache_due(const struct account_key_cache *cache);

/*
 * Before reading: what is to be handed to account_key_cache_put with what was read. What a change
 * has overtaken meanwhile is not kept.
 */
uint64_t account_key_cache_mark(const struct account_key_cache *cache);
void account_key_cache_put(struct account_key_cache *cache, int64_t account,
                           const struct signing_key *keys, size_t count, uint64_t mark,
                           int64_t now_ms);

void account_key_cache_changed(struct account_key_cache *cache, int64_t account);
void account_key_cache_changed_all(struct account_key_cache *cache);

#endif
