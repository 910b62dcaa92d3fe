/*
 * What badges show, looked up as seldom as can be: what was looked up counts for a moment, and who
 * asks for the same at the same time waits for the same answer. Names that no gateway made are
 * looked up within a rate of a client address, so strangers make no work without bound.
 */
#ifndef GATEWAY_BADGE_STATES_H
#define GATEWAY_BADGE_STATES_H

#include "gateway/badge_cache.h"
#include "shared/db.h"

#define BADGE_STRANGE_PER_MINUTE 60    /* invented names of one client address */
#define BADGE_STRANGE_CLIENTS    65536 /* addresses whose names are counted */
#define BADGE_LOOKUPS_MAX        256   /* under way; more get 503 */

struct badge_states;
struct request;

/* secret: CRONCOCO_SECRET. Lives as long as the process. */
struct badge_states *badge_states_open(struct db *db, const char *secret);

typedef void badge_state_cb(struct request *request, const struct badge_state *state);

/* name: of a check, of any form. Calls on_state, also where there is no such check; or answers with
 * 503. */
void badge_states_find(struct badge_states *states, struct request *request, const char *name,
                       enum badge_kind kind, badge_state_cb *on_state);

#endif
