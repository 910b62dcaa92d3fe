/*
 * Makes the check of a slug that is not there, for a ping with ?create=1. No two checks of an
 * account have the same slug: of pings that come at once, here or at other gateways, one makes the
 * check, and the others are told by the leader that it is there.
 */
#ifndef GATEWAY_SLUG_CHECK_H
#define GATEWAY_SLUG_CHECK_H

#define SLUG_CHECKS_PER_MINUTE 600  /* of an account that its pings may ask for */
#define SLUG_CHECK_ACCOUNTS    4096 /* whose are counted */

struct request;

/*
 * request->state begins with a struct wanted_check whose slug was not found, and whose account was.
 * Calls request->resume with the check, or answers, as the leader refuses it.
 */
void slug_check_make(struct request *request);

#endif
