/*
 * A lingering close. h2o closes right behind an answer that it gave before it had read the whole
 * request; what the client still sends would then make the kernel reset the connection, and the
 * answer be lost. So a second descriptor keeps the connection open, and what comes is thrown away,
 * until the client is done or a bound is reached.
 */
#ifndef GATEWAY_LINGER_H
#define GATEWAY_LINGER_H

#include <uv.h>

#define LINGER_MAX        256      /* connections at once; others are closed at once */
#define LINGER_MS         2000     /* each */
#define LINGER_READ_BYTES 16777216 /* each */

struct held_connection;

/* Holds the connection of fd open beyond the close of fd. NULL: over the limit. */
struct held_connection *linger_hold(int fd);
/* fd is closed: tells the client the end of the answers, waits for its end. Ends by itself. */
void linger_begin(struct held_connection *held, uv_loop_t *loop);

#endif
