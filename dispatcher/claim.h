/*
 * Messages that were delivered before. Their dispatcher may be alive (its progress signals were
 * lost on the way), or dead, and then some of their runs may have been POSTed.
 *
 * First the other dispatchers are asked: one that still holds the message takes over the new
 * acknowledgement subject and says so, and we forget the message. If none does, its dispatcher is
 * dead, and the leader is asked which of the runs are open. That question travels through RESULTS,
 * behind the last results of the dead, and is asked again until it is answered. Only open runs
 * are POSTed.
 *
 * A dispatcher that could give no sign of life for longer than the ack wait (no connection, or the
 * whole process was stopped) doubts what it holds: it asks the others in the same way, and yields
 * what one of them has taken over. Nothing is started meanwhile.
 *
 * After the connection was away the others may come back later than we do, so "none does" counts
 * only once our own connection has been up for a while.
 */
#ifndef DISPATCHER_CLAIM_H
#define DISPATCHER_CLAIM_H

#include <uv.h>

#include "dispatcher/message.h"

struct claims;

/* The message is ours, and MESSAGE_RUNNING: closed[i] tells which runs are not to be POSTed. */
typedef void claim_won_cb(void *arg, struct message *message, const bool *closed);

struct claims *claims_open(uv_loop_t *loop, struct bus *bus, struct messages *messages,
                           claim_won_cb *on_won, void *arg);
/* The memory goes with the next turns of the loop. */
void claims_close(struct claims *claims);

/* The message is held, and nothing of it has been done yet. */
void claims_begin(struct claims *claims, struct message *message);
/* Asks for all that are MESSAGE_RUNNING whether another dispatcher has taken them over. */
void claims_doubt_all(struct claims *claims);
/* Some of those questions are not answered yet. */
bool claims_doubting(const struct claims *claims);

/* Hands back all that are being claimed. */
void claims_abandon_all(struct claims *claims);

/* The connection is up (again). */
void claims_connected(struct claims *claims);

#endif
