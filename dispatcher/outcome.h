/* What the end of a POST means: libcurl's words become a result's. */
#ifndef DISPATCHER_OUTCOME_H
#define DISPATCHER_OUTCOME_H

#include <stdbool.h>
#include <stdint.h>

#include <curl/curl.h>

#include "shared/result.h"

/* What is known when a POST has ended. */
struct post_end {
    CURLcode code;
    long status;         /* HTTP, 0 where there was none */
    int os_error;        /* errno of the connection attempt, 0 where there was none */
    bool blocked;        /* the guard refused every address */
    bool sent_once;      /* a second sending of the request was refused */
    bool connected;      /* a connection was there, and the request about to be sent */
    bool capped;         /* the answer's body was longer than is read */
    const char *detail;  /* libcurl's sentence, "" where there is none */
    int64_t duration_ms; /* since the start */
    uint16_t timeout_s;  /* what was allowed */
};

/* Fills outcome, code and error. */
void outcome_of(const struct post_end *end, struct result *result);

/* An answer that another attempt may change: 408, 425, 429, 5xx. */
bool outcome_may_pass(const struct result *result);

#endif
