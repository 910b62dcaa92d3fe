/*
 * Names that users see instead of numbers. A check or a ping key has a random number for an id;
 * its name is
 *   base62(63 bits of id | first 32 bits of HMAC-SHA256(CRONCOCO_SECRET, kind | id))
 * so that a gateway tells an invented name from one that a gateway made, without asking anybody. A
 * MAC that does not fit does not prove that there is no such thing: CRONCOCO_SECRET may have been
 * another one when the name was made. PostgreSQL keeps the names, and has the last word.
 */
#ifndef SHARED_PUBLIC_ID_H
#define SHARED_PUBLIC_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/compiler.h"

#define PUBLIC_ID_LENGTH 16    /* of a check's name: base 62 */
#define PUBLIC_ID_SIZE   20    /* of any name, with the NUL */
#define PING_KEY_PREFIX  "pk_" /* "_" is no digit of base 62 */
#define PING_KEY_LENGTH  (sizeof "pk_" - 1 + PUBLIC_ID_LENGTH)

enum public_id_kind { PUBLIC_ID_CHECK, PUBLIC_ID_PING_KEY, PUBLIC_ID_KINDS };

/* A name, taken apart. Two names are the same where both numbers are. */
struct public_id {
    int64_t id; /* > 0 */
    uint32_t mac;
};

enum public_id_verdict {
    PUBLIC_ID_OURS,     /* its MAC is the one that this secret makes */
    PUBLIC_ID_UNKNOWN,  /* well-formed, with another MAC */
    PUBLIC_ID_MALFORMED /* nobody ever made it */
};

/* A new id, 1 to 2^63 - 1. */
int64_t public_id_draw(void);

/* The name of an id: 16 digits for a check, "pk_" and 16 digits for a ping key. */
char *public_id_make(const char *secret, enum public_id_kind kind, int64_t id,
                     char text[static PUBLIC_ID_SIZE]);

/* A name that was taken apart, put together again. */
char *public_id_text(enum public_id_kind kind, const struct public_id *name,
                     char text[static PUBLIC_ID_SIZE]);

/* 0, or -1 where text is malformed. Needs no secret, so it is cheap. */
int public_id_parse(enum public_id_kind kind, const char *text, size_t length,
                    struct public_id *name) MUST_CHECK;
/* Constant time in the MAC. */
bool public_id_is_ours(const char *secret, enum public_id_kind kind, const struct public_id *name);

/* Both; *id is set unless it is malformed. */
enum public_id_verdict public_id_open(const char *secret, enum public_id_kind kind,
                                      const char *text, size_t length, int64_t *id) MUST_CHECK;

#endif
