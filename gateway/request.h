/*
 * A request of a client, from its head to its answer. It lives in h2o's memory pool and ends when
 * h2o ends it: after the answer, or when the connection breaks. Whoever makes a request wait puts
 * it on a request_list, from which it vanishes by itself if it ends first; every list has somebody
 * who answers what is on it by a deadline.
 */
#ifndef GATEWAY_REQUEST_H
#define GATEWAY_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>
#include <h2o.h>

#include "gateway/client_address.h"
#include "gateway/surface.h"
#include "shared/compiler.h"

#define REQUEST_ID_MAX     64
#define REQUEST_BODY_MAX   65536   /* bytes */
#define REQUEST_LARGE_MAX  524288  /* bytes of a body where the route allows more */
#define REQUEST_ANY_MAX    1048576 /* bytes of a body that is not read as JSON */
#define REQUEST_METHOD_MAX 16      /* bytes that are logged */
#define REQUEST_PATH_MAX   255     /* bytes that are logged */
#define RATE_UNCOUNTED     (-1)

struct gateway;
struct connection;
struct route;

struct request_list {
    struct request *first;
};

struct request {
    struct gateway *gateway;
    h2o_req_t *h2o;
    struct connection *connection;
    enum surface surface;
    const struct route *route; /* NULL where none matches */
    int64_t path_id;           /* the {id} of the path, or 0 */
    const char *path_text;     /* the other {...} of the path, decoded; NULL where it has none */
    int64_t account;           /* whose key was sent; 0 where none is needed */
    bool checks_api;           /* its plan has the checks API */
    int64_t rate_left;         /* of its rate in this minute; RATE_UNCOUNTED */
    h2o_iovec_t method, path, query;
    char id[REQUEST_ID_MAX + 1];
    struct client_address client;
    cJSON *body; /* owned; the object that was sent, or NULL */
    void *state; /* the handler's own, from request_memory */
    /* what to do once the request may pass on; set by whoever makes it wait */
    void (*resume)(struct request *request);
    uint64_t begun_ns; /* uv_hrtime */
    bool answered;
    struct request_list *list; /* what it waits on, or NULL */
    struct request *next;
};

/* Ends with h2o's request. */
struct request *request_begin(struct gateway *gateway, h2o_req_t *h2o);

/* Zeroed memory that ends with the request. */
void *request_memory(struct request *request, size_t size);

/* The value of a header (name in lower case), base NULL where there is none. */
h2o_iovec_t request_header(const struct request *request, const char *name);

/* Whether name=... is in the query; *value is decoded, NUL-terminated, and ends with the request.
 */
enum request_parameter {
    PARAMETER_ABSENT,
    PARAMETER_PRESENT,
    PARAMETER_TWICE,
    PARAMETER_BROKEN /* a bad %-escape, or a NUL */
};
enum request_parameter request_parameter(struct request *request, const char *name,
                                         const char **value) MUST_CHECK;

/* A segment of the path, decoded, to path_text; -1: a bad %-escape, or a NUL. */
int request_path_text(struct request *request, const char *text, size_t length) MUST_CHECK;

/* A request waits on one list at most. */
void request_wait(struct request *request, struct request_list *list);
/* The next one, which does not wait any more; NULL where none is left. */
struct request *request_list_take(struct request_list *list);

/* Books and logs the answer that is being sent; called by reply.c alone. */
void request_answered(struct request *request, int status, size_t bytes);

#endif
