/*
 * Which checks there are, as far as they were looked up: a table of fixed size, by the numbers in
 * their names. It holds what PostgreSQL has or had, never what somebody invented, so strangers
 * cannot fill it. Its memory is touched as it fills.
 *
 * What is known of a check lasts. After a while, once its account changed, or once events may have
 * been missed, it becomes doubtful: it is to be looked up again, and holds where PostgreSQL does
 * not answer.
 */
#ifndef GATEWAY_KNOWN_CHECKS_H
#define GATEWAY_KNOWN_CHECKS_H

#include <stdint.h>

#include "shared/public_id.h"

#define KNOWN_CHECKS         1048576 /* entries of 32 bytes */
#define KNOWN_CHECK_FRESH_MS 600000  /* before what is known is doubtful */
#define KNOWN_CHECK_GONE_MS  60000   /* before a deleted check is looked up again */

struct known_checks;

enum known_check {
    CHECK_NOT_KNOWN,
    CHECK_EXISTS,
    CHECK_DOUBTFUL, /* it existed */
    CHECK_GONE      /* it was deleted */
};

struct known_checks *known_checks_new(void);
void known_checks_free(struct known_checks *known);

/* Times are of the monotonic clock. */
enum known_check known_checks_find(struct known_checks *known, const struct public_id *name,
                                   int64_t now_ms);
/* It was just looked up: its account, 0 where there is none. The check found longest ago makes way.
 */
void known_checks_put(struct known_checks *known, const struct public_id *name, int64_t account,
                      int64_t now_ms);
/* The check was deleted. */
void known_checks_delete(struct known_checks *known, int64_t id, int64_t now_ms);
/* The account changed; it may be gone, with its checks. */
void known_checks_doubt_account(struct known_checks *known, int64_t account, int64_t now_ms);
/* Events may have been missed. */
void known_checks_doubt(struct known_checks *known, int64_t now_ms);

#endif
