/*
 * Makes the check of a slug that is not there, for a ping with ?create=1. Pings that come at once,
 * here or at other gateways, make one: for a minute the command of an account and a slug has one
 * identity, and beyond it no two checks of an account have the same slug.
 */
#ifndef GATEWAY_SLUG_CHECK_H
#define GATEWAY_SLUG_CHECK_H

struct request;

/*
 * request->state begins with a struct wanted_check whose slug was not found, and whose account was.
 * Calls request->resume with the check, or answers, as the leader refuses it.
 */
void slug_check_make(struct request *request);

#endif
