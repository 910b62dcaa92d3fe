/*
 * Requests to a server over libcurl, one at a time, and with patience: what may pass (no
 * connection, time-out, 429, 5xx) is tried again, within bounds. Redirects are not followed, and
 * certificates always checked.
 */
#ifndef CLI_CLIENT_H
#define CLI_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/server_address.h"
#include "shared/buffer.h"
#include "shared/compiler.h"

#define CLIENT_ERROR_SIZE 512

struct client;

/* How long to try. */
struct patience {
    int attempts;
    int attempt_ms;     /* an attempt's time-out */
    int first_pause_ms; /* before the second attempt; doubled before each further one */
    int total_ms;       /* no attempt begins after this */
    int stop_fd;        /* readable: no further attempt; -1: there is none */
};

struct request {
    const char *url;
    const char *api_key; /* NULL: none is sent */
    const char *body;    /* POST, as text; NULL: GET */
    size_t body_length;
};

enum verdict {
    VERDICT_OK,         /* 2xx */
    VERDICT_REFUSED,    /* any other answer that stays the same when it is asked for again */
    VERDICT_UNREACHABLE /* no answer, or one that may pass */
};

struct answer {
    enum verdict verdict;
    int status; /* of the last answer; 0: none came */
    struct buffer body;
    char error[CLIENT_ERROR_SIZE]; /* unless VERDICT_OK: a sentence */
};

/* NULL with a sentence in error where there is no libcurl. server is borrowed. */
struct client *client_open(const struct server_address *server,
                           char error[static CLIENT_ERROR_SIZE]) MUST_CHECK;
void client_free(struct client *client);
/* The answer is the caller's, for answer_free. The connection is kept for the next request. */
void client_send(struct client *client, const struct request *request,
                 const struct patience *patience, struct answer *answer);
void answer_free(struct answer *answer);

#endif
