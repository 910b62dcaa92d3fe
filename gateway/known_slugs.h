/*
 * Which check a ping key and a slug name, as far as it was looked up: a table of fixed size. It
 * holds what PostgreSQL had, so strangers cannot fill it.
 *
 * An entry counts from the moment its look-up was sent. After a short while, or once its account or
 * its check changed, or events may have been missed, it is doubtful: it is to be looked up again,
 * and holds where PostgreSQL does not answer.
 */
#ifndef GATEWAY_KNOWN_SLUGS_H
#define GATEWAY_KNOWN_SLUGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/public_id.h"

#define KNOWN_SLUGS         65536 /* entries of 48 bytes */
#define KNOWN_SLUG_FRESH_MS 10000 /* a slug may move to another check, of which nobody tells */
#define SLUG_DIGEST_SIZE    16

struct known_slugs;

/* Of a ping key and a slug: no two differ and have the same. */
struct slug_digest {
    uint8_t bytes[SLUG_DIGEST_SIZE];
};
struct slug_digest slug_digest(const struct public_id *ping_key, const char *slug, size_t length);

struct slug_owner {
    int64_t account;
    int64_t check;
};

struct known_slugs *known_slugs_new(void);
void known_slugs_free(struct known_slugs *known);

/* False: not known. Times are of the monotonic clock. */
bool known_slugs_find(struct known_slugs *known, const struct slug_digest *digest, int64_t now_ms,
                      struct slug_owner *owner, bool *doubtful);
void known_slugs_put(struct known_slugs *known, const struct slug_digest *digest,
                     const struct slug_owner *owner, int64_t asked_ms);
/* There is no such slug, or key, any more. */
void known_slugs_remove(struct known_slugs *known, const struct slug_digest *digest);
/* What was asked at now_ms or earlier is doubtful, of one account, of one check, or of all. */
void known_slugs_doubt_account(struct known_slugs *known, int64_t account, int64_t now_ms);
void known_slugs_doubt_check(struct known_slugs *known, int64_t check, int64_t now_ms);
void known_slugs_doubt(struct known_slugs *known, int64_t now_ms);

#endif
