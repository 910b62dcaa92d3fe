#include "gateway/known_slugs.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "shared/check_input.h"
#include "shared/memory.h"
#include "shared/secret.h"

#define WAYS 8 /* entries that a slug may lie in */
#define SETS (KNOWN_SLUGS / WAYS)
/* Accounts and checks share these, by their last bits; sharing costs a look-up. */
#define DOUBTS 65536

static_assert(SLUG_DIGEST_SIZE <= HASH_SIZE, "a digest is cut out of a hash");

struct known {
    struct slug_digest digest;
    struct slug_owner owner; /* check 0: empty */
    int64_t asked_ms;
};

struct known_slugs {
    int64_t doubted_ms;
    int64_t accounts_doubted_ms[DOUBTS];
    int64_t checks_doubted_ms[DOUBTS];
    struct known entries[SETS * WAYS];
};

struct slug_digest slug_digest(const struct public_id *ping_key, const char *slug, size_t length)
{
    uint8_t name[sizeof ping_key->id + sizeof ping_key->mac + CHECK_SLUG_MAX];
    uint8_t hash[HASH_SIZE];
    struct slug_digest digest;
    INVARIANT(length <= CHECK_SLUG_MAX);
    memcpy(name, &ping_key->id, sizeof ping_key->id);
    memcpy(name + sizeof ping_key->id, &ping_key->mac, sizeof ping_key->mac);
    memcpy(name + sizeof ping_key->id + sizeof ping_key->mac, slug, length);
    secret_hash(name, sizeof ping_key->id + sizeof ping_key->mac + length, hash);
    memcpy(digest.bytes, hash, sizeof digest.bytes);
    return digest;
}

struct known_slugs *known_slugs_new(void)
{
    struct known_slugs *known = memory_new(1, sizeof *known);
    known->doubted_ms = INT64_MIN;
    for (size_t i = 0; i < DOUBTS; i++) {
        known->accounts_doubted_ms[i] = INT64_MIN;
        known->checks_doubted_ms[i] = INT64_MIN;
    }
    return known;
}

void known_slugs_free(struct known_slugs *known)
{
    free(known);
}

static struct known *set_of(struct known_slugs *known, const struct slug_digest *digest)
{
    uint32_t bits;
    memcpy(&bits, digest->bytes, sizeof bits);
    return &known->entries[(size_t)(bits % SETS) * WAYS];
}

static struct known *find(struct known_slugs *known, const struct slug_digest *digest)
{
    struct known *set = set_of(known, digest);
    for (struct known *entry = set; entry < set + WAYS; entry++)
        if (entry->owner.check != 0 &&
            memcmp(entry->digest.bytes, digest->bytes, SLUG_DIGEST_SIZE) == 0)
            return entry;
    return NULL;
}

static int64_t *doubt_of(int64_t *doubts, int64_t id)
{
    return &doubts[(uint64_t)id % DOUBTS];
}

bool known_slugs_find(struct known_slugs *known, const struct slug_digest *digest, int64_t now_ms,
                      struct slug_owner *owner, bool *doubtful)
{
    const struct known *entry = find(known, digest);
    if (entry == NULL)
        return false;
    *owner = entry->owner;
    *doubtful = now_ms - entry->asked_ms >= KNOWN_SLUG_FRESH_MS ||
                entry->asked_ms <= known->doubted_ms ||
                entry->asked_ms <= *doubt_of(known->accounts_doubted_ms, owner->account) ||
                entry->asked_ms <= *doubt_of(known->checks_doubted_ms, owner->check);
    return true;
}

void known_slugs_put(struct known_slugs *known, const struct slug_digest *digest,
                     const struct slug_owner *owner, int64_t asked_ms)
{
    INVARIANT(owner->account > 0 && owner->check > 0);
    struct known *place = find(known, digest);
    if (place == NULL) {
        struct known *set = set_of(known, digest);
        place = set;
        for (struct known *entry = set; entry < set + WAYS; entry++)
            if (place->owner.check != 0 &&
                (entry->owner.check == 0 || entry->asked_ms < place->asked_ms))
                place = entry;
    }
    *place = (struct known){*digest, *owner, asked_ms};
}

void known_slugs_remove(struct known_slugs *known, const struct slug_digest *digest)
{
    struct known *entry = find(known, digest);
    if (entry != NULL)
        *entry = (struct known){0};
}

void known_slugs_doubt_account(struct known_slugs *known, int64_t account, int64_t now_ms)
{
    *doubt_of(known->accounts_doubted_ms, account) = now_ms;
}

void known_slugs_doubt_check(struct known_slugs *known, int64_t check, int64_t now_ms)
{
    *doubt_of(known->checks_doubted_ms, check) = now_ms;
}

void known_slugs_doubt(struct known_slugs *known, int64_t now_ms)
{
    known->doubted_ms = now_ms;
}
