/*
 * The admin port of a process: GET and HEAD of /healthz, /readyz and /metrics, for probes and
 * scrapers on a private network. Part of shared/service.c and used by it alone.
 */
#ifndef SHARED_ADMIN_H
#define SHARED_ADMIN_H

#include <stdbool.h>
#include <uv.h>

#include "shared/buffer.h"
#include "shared/compiler.h"

/* Writes the JSON of /readyz to body; returns whether the process is ready. */
typedef bool admin_ready_cb(void *arg, struct buffer *body);

/*
 * Listens on address (IPv4 or IPv6, no name); port 0 is any free one. Returns 0 and the port, or
 * libuv's error code (UV_EINVAL: not an address, UV_EADDRINUSE, ...). There is one of it a process.
 */
int admin_open(uv_loop_t *loop, const char *address, int port, admin_ready_cb *ready,
               void *ready_arg, int *bound_port) MUST_CHECK;

/* Stops listening; connections under way end by themselves as the loop runs. */
void admin_close(void);
/*
 * Frees what is left, after admin_close, and returns true; false, and nothing done, while
 * connections are still open. The loop must run once more before it is closed.
 */
bool admin_dispose(void);

#endif
