/* The header Retry-After of an answer (RFC 9110, 10.2.3). */
#ifndef DISPATCHER_RETRY_AFTER_H
#define DISPATCHER_RETRY_AFTER_H

#include <stdint.h>

/*
 * Seconds from now: of a number, or of an HTTP date. At most RETRY_AFTER_MAX_S; 0 where it says
 * nothing, or nothing that can be read.
 */
uint16_t retry_after_s(const char *value, int64_t now_s);

#endif
