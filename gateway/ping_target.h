/*
 * What the path of a ping names, behind "/ping/": a check by its name, or by a ping key and a slug,
 * and what it tells of the job.
 *
 *   {check}[/start | /fail | /log | /0 ... /255]
 *   {ping_key}/{slug}[/...]
 *
 * There is one spelling of each: nothing is decoded.
 */
#ifndef GATEWAY_PING_TARGET_H
#define GATEWAY_PING_TARGET_H

#include <stddef.h>
#include <stdint.h>

#include "shared/check.h"
#include "shared/compiler.h"
#include "shared/public_id.h"

struct ping_target {
    struct public_id name; /* of the check; where there is a slug, of the ping key */
    const char *slug;      /* borrowed from the path; NULL: none */
    size_t slug_length;
    enum ping_kind kind;
    int16_t exit_code; /* 0 to 255; PING_NO_EXIT: none */
};

enum ping_target_verdict {
    PING_TARGET_OK,
    PING_TARGET_NO_CHECK, /* no check has such a name */
    PING_TARGET_NO_SLUG,  /* behind a ping key there is no slug, or none that a check can have */
    PING_TARGET_NO_SIGNAL /* what follows the name is none of the above */
};

enum ping_target_verdict ping_target_parse(const char *path, size_t length,
                                           struct ping_target *target) MUST_CHECK;

#endif
