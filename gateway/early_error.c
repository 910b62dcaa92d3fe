#include "gateway/early_error.h"

#include <stdio.h>
#include <string.h>

#include "gateway/routes.h"
#include "gateway/server.h"
#include "gateway/stats.h"
#include "gateway/surface.h"
#include "shared/log.h"

struct early_filter {
    h2o_filter_t super;
    int64_t api_rate_per_minute;
};

struct early_error {
    h2o_ostream_t super;
    h2o_iovec_t body;
};

static h2o_iovec_t string(const char *text)
{
    return h2o_iovec_init(text, strlen(text));
}

/* How many bytes a body may have there. */
static size_t body_max(h2o_req_t *request, const char *path, size_t length)
{
    struct router_match match;
    enum router_verdict verdict = router_match(routes, routes_count, request->input.method.base,
                                               request->input.method.len, path, length, &match);
    return routes_body_max(verdict == ROUTER_FOUND ? match.route : NULL);
}

/* Without a query. */
static h2o_iovec_t path_of(h2o_req_t *request)
{
    const char *path = request->input.path.base != NULL ? request->input.path.base : "";
    const char *mark = memchr(path, '?', request->input.path.len);
    return h2o_iovec_init(path, mark != NULL ? (size_t)(mark - path) : request->input.path.len);
}

static h2o_iovec_t body_of(h2o_req_t *request, h2o_iovec_t path)
{
    char sentence[64];
    switch (request->res.status) {
    case 413:
        snprintf(sentence, sizeof sentence, "Request body is too large (at most %zu bytes)",
                 body_max(request, path.base, path.len));
        break;
    case 417: snprintf(sentence, sizeof sentence, "Unknown expectation"); break;
    default: snprintf(sentence, sizeof sentence, "Malformed request"); break;
    }
    return h2o_concat(&request->pool, h2o_iovec_init(H2O_STRLIT("{\"")),
                      string(surface_error_member(surface_of(path.base, path.len))),
                      h2o_iovec_init(H2O_STRLIT("\":\"")), string(sentence),
                      h2o_iovec_init(H2O_STRLIT("\"}")));
}

static void add_rate_header(h2o_req_t *request, const char *name, int64_t number)
{
    char text[24];
    int length = snprintf(text, sizeof text, "%lld", (long long)number);
    h2o_iovec_t value = h2o_strdup(&request->pool, text, (size_t)length);
    h2o_add_header_by_str(&request->pool, &request->res.headers, name, strlen(name), 1, NULL,
                          value.base, value.len);
}

static void send_body(h2o_ostream_t *self, h2o_req_t *request, h2o_iovec_t *buffers, size_t count,
                      h2o_send_state_t state)
{
    (void)buffers;
    struct early_error *error = (struct early_error *)self;
    h2o_ostream_send_next(self, request, &error->body, count > 0 ? 1 : 0, state);
}

/* Called as the answer starts, while its headers can still be changed. */
static void on_setup(h2o_filter_t *self, h2o_req_t *request, h2o_ostream_t **slot)
{
    const struct early_filter *filter = (const struct early_filter *)self;
    h2o_iovec_t path = path_of(request);
    struct early_error *error = (struct early_error *)h2o_add_ostream(request, sizeof *error, slot);
    error->super.do_send = send_body;
    error->body = body_of(request, path);
    request->res.content_length = error->body.len;
    h2o_set_header(&request->pool, &request->res.headers, H2O_TOKEN_CONTENT_TYPE,
                   H2O_STRLIT("application/json"), 1);
    if (surface_of(path.base, path.len) == SURFACE_CHECKS) { /* it was not counted */
        add_rate_header(request, "x-ratelimit-limit", filter->api_rate_per_minute);
        add_rate_header(request, "x-ratelimit-remaining", filter->api_rate_per_minute);
    }

    server_linger(server_connection_of(request));
    stats_refused(REFUSED_REQUEST);
    LOG_INFO("request refused", LOG_I64("status", request->res.status));
    h2o_setup_next_ostream(request, &error->super.next);
}

void early_error_register(h2o_pathconf_t *path, int64_t api_rate_per_minute)
{
    struct early_filter *filter = (struct early_filter *)h2o_create_filter(path, sizeof *filter);
    filter->super.on_setup_ostream = on_setup;
    filter->api_rate_per_minute = api_rate_per_minute;
}
