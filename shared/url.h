/* Web addresses that a user gives us, checked as far as can be seen without a look-up. */
#ifndef SHARED_URL_H
#define SHARED_URL_H

#include <stddef.h>

#include "shared/compiler.h"
#include "shared/guard.h"

#define URL_MAX        2048
#define URL_ERROR_SIZE 160

/*
 * 0 where url may be a webhook: http or https, a host, no user information, no control characters
 * or spaces, at most URL_MAX bytes, a port that is not 0, and no literal address (in any spelling:
 * decimal, hex, octal, short, v4 in v6) or name (localhost, *.local, *.internal, ...) that the
 * guard blocks. Otherwise -1, and error says why, in words for the user.
 */
int url_check(const char *url, size_t length, const struct guard *guard,
              char error[static URL_ERROR_SIZE]) MUST_CHECK;

#endif
