/*
 * The identity of a command: what makes a repeated request the same one.
 *
 *   a<account>:<Idempotency-Key>   of a request with an API key
 *   e<hash>:<Idempotency-Key>      of others; hash: of the e-mail address or token that was sent
 *   r<random>                      without the header: each request is one of its own
 */
#ifndef GATEWAY_IDENTITY_H
#define GATEWAY_IDENTITY_H

#include <stdint.h>

#include "shared/command.h"
#include "shared/compiler.h"

#define IDENTITY_KEY_MAX 128 /* characters of an Idempotency-Key */

struct request;

struct identity {
    char id[COMMAND_ID_MAX + 1];
    uint8_t fingerprint[HASH_SIZE];
};

/*
 * scope: the e-mail address or token of a request without an account; NULL otherwise. Returns 0, or
 * -1 where the header is not 1 to 128 printable ASCII characters.
 */
int identity_find(struct identity *identity, const struct request *request,
                  const char *scope) MUST_CHECK;

#endif
