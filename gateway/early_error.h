/*
 * Errors that h2o answers by itself, before any handler: a body over the limit, a broken framing of
 * the body, an unknown expectation. They get the form of all our errors, a log line, and a
 * lingering close.
 */
#ifndef GATEWAY_EARLY_ERROR_H
#define GATEWAY_EARLY_ERROR_H

#include <stdint.h>

#include <h2o.h>

/* path: the host's fallback, to which h2o binds such requests. api_rate_per_minute: of /api/v1,
 * whose answers tell it. */
void early_error_register(h2o_pathconf_t *path, int64_t api_rate_per_minute);

#endif
