/*
 * The checks on a request's head that h2o leaves out. Where two readers of one head could see
 * different bodies, a request can be smuggled past a proxy: such a head is refused (RFC 9112, 6.3).
 */
#ifndef GATEWAY_FRAMING_H
#define GATEWAY_FRAMING_H

#include <stdbool.h>
#include <stddef.h>

#define FRAMING_HEAD_MAX 16384 /* bytes of request line and headers */

enum framing {
    FRAMING_OK,
    FRAMING_TOO_LARGE,      /* more than FRAMING_HEAD_MAX bytes */
    FRAMING_FOLDED,         /* a header continued on a second line */
    FRAMING_HOST,           /* HTTP/1.1 without exactly one Host */
    FRAMING_LENGTHS,        /* Content-Length twice */
    FRAMING_LENGTH_AND_CODE /* Content-Length and Transfer-Encoding, or the latter in HTTP/1.0 */
};

/* bytes: input that begins with a head that h2o has parsed; what follows the head is ignored. */
enum framing framing_check(const char *bytes, size_t length, bool http_1_1);
/* For the client. */
const char *framing_text(enum framing framing);

#endif
