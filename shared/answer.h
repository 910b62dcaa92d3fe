#ifndef SHARED_ANSWER_H
#define SHARED_ANSWER_H

#include <stddef.h>

#include "shared/buffer.h"
#include "shared/compiler.h"

/*
 * The leader's answer, on the command's reply subject (core NATS): one line
 * "1 <status> <retry_after_s> <id>\n", then the JSON body as it goes to the client ("" for 204).
 */
struct answer {
    int status;
    int retry_after_s; /* 0: none */
    const char *id;    /* not NUL-terminated after decode: id_length */
    size_t id_length;
    const char *body;
    size_t body_length;
};

void answer_encode(const struct answer *answer, struct buffer *out);
int answer_decode(const void *bytes, size_t length, struct answer *answer) MUST_CHECK;

#endif
