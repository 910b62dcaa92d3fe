/*
 * Who sends a request: "Authorization: Bearer coco_..." and the account that the key belongs to. On
 * /api/v1 the account's key for checks is as good: "Bearer cpk_...".
 * Requests with one key share a look-up; a client address that sends keys nobody has is slowed
 * down.
 */
#ifndef GATEWAY_AUTH_H
#define GATEWAY_AUTH_H

#include <stdint.h>

#include "shared/bus.h"
#include "shared/db.h"

#define AUTH_FAILURES_PER_MINUTE 300   /* unknown keys of one client address */
#define AUTH_CLIENTS             65536 /* addresses whose failures are counted */

struct auth;
struct request;

/* Listens to the events that a key has changed. Lives as long as the process. */
struct auth *auth_open(struct bus *bus, struct db *db);

/* Sets request->account and checks_api, and calls request->resume, or answers with 401, 429 or 503.
 */
void auth_check(struct auth *auth, struct request *request);

/* Events may have been missed: what is cached counts no more. */
void auth_flush(struct auth *auth);

#endif
