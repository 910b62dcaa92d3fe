/*
 * Finds the check that a ping is for, as cheaply as can be. What was found is remembered. What is
 * not known is looked up in PostgreSQL, all of a turn of the loop in one query. A ping waits for
 * that a short time only; where PostgreSQL does not answer, it counts that a gateway made the name,
 * or that the check was there earlier: the leader drops pings of checks that are not there.
 *
 * Names that no gateway made, and ping keys and slugs that are not known, are looked up within a
 * rate of a client address (a ping key that a gateway made: of the key itself), and not remembered
 * where there are none: strangers make no work.
 */
#ifndef GATEWAY_CHECK_FINDER_H
#define GATEWAY_CHECK_FINDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "shared/bus.h"
#include "shared/db.h"
#include "shared/public_id.h"

#define LOOKUP_WAIT_MS     500   /* of a ping for PostgreSQL */
#define LOOKUPS_MAX        16384 /* under way; more are not asked for */
#define LOOKUPS_PER_QUERY  1024
#define LOOKUP_QUERIES_MAX 4     /* under way */
#define STRANGE_PER_MINUTE 60    /* look-ups of one client address or key that find nothing */
#define STRANGE_CLIENTS    65536 /* addresses and keys whose look-ups are counted */

struct check_finder;
struct request;

/* What is looked for; request->state begins with it. Strings end with the request. */
struct wanted_check {
    struct public_id name; /* of the check; where there is a slug, of the ping key */
    const char *slug;      /* NULL: none */
    size_t slug_length;
    bool may_miss; /* goes on without a check where only the slug is not there */
    /* found: */
    int64_t check;   /* 0: the slug is not there, and may be missed */
    int64_t account; /* whose slug it would be */
};

struct check_finder_options {
    uv_loop_t *loop;
    struct bus *bus;
    struct db *db;
    const char *secret; /* CRONCOCO_SECRET */
};

/* Lives as long as the process. Listens to the events that a check was deleted. */
struct check_finder *check_finder_open(const struct check_finder_options *options);

/* Calls request->resume, or answers with 404 or 503. */
void check_finder_find(struct check_finder *finder, struct request *request);

/* Events may have been missed. */
void check_finder_doubt(struct check_finder *finder);

#endif
