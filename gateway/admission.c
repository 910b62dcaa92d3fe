#include "gateway/admission.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "gateway/auth.h"
#include "gateway/fields.h"
#include "gateway/framing.h"
#include "gateway/gateway.h"
#include "gateway/rate_limit.h"
#include "gateway/reply.h"
#include "gateway/request.h"
#include "gateway/routes.h"
#include "gateway/shared_rate.h"
#include "gateway/stats.h"
#include "shared/clock.h"
#include "shared/json.h"

static int check_framing(struct request *request)
{
    h2o_req_t *h2o = request->h2o;
    /* h2o keeps the head where it was read until the request ends. */
    const h2o_buffer_t *input = h2o->conn->callbacks->get_socket(h2o->conn)->input;
    enum framing framing = framing_check(input->bytes, input->size, h2o->version >= 0x101);
    if (framing == FRAMING_OK)
        return 0;
    h2o->http1_is_persistent = 0;
    stats_refused(REFUSED_REQUEST);
    reply_error(request, framing == FRAMING_TOO_LARGE ? 431 : 400, "%s", framing_text(framing));
    return -1;
}

static int find_route(struct request *request)
{
    struct router_match match;
    switch (router_match(routes, routes_count, request->method.base, request->method.len,
                         request->path.base, request->path.len, &match)) {
    case ROUTER_FOUND:
        request->route = match.route;
        request->path_id = match.id;
        if (match.text == NULL || request_path_text(request, match.text, match.text_length) == 0)
            return 0;
        reply_error(request, 400, "path: broken %%-escape");
        return -1;
    case ROUTER_NO_PATH: reply_error(request, 404, "Not Found"); return -1;
    case ROUTER_NO_METHOD:
        reply_header(request, "allow", match.allow);
        reply_error(request, 405, "Method Not Allowed");
        return -1;
    case ROUTER_OPTIONS:
        reply_header(request, "allow", match.allow);
        reply_empty(request, 204);
        return -1;
    }
    INVARIANT(false && "a verdict that is none");
    return -1;
}

static int check_rate(struct request *request)
{
    int retry_after_s;
    if (rate_limit_take(request->gateway->registrations, request->client.key, clock_monotonic_ms(),
                        &retry_after_s))
        return 0;
    stats_refused(REFUSED_RATE);
    reply_retry(request, 429, retry_after_s, "Too many requests; try again later");
    return -1;
}

static h2o_iovec_t trim(const char *text, size_t length)
{
    while (length > 0 && (*text == ' ' || *text == '\t')) {
        text++;
        length--;
    }
    while (length > 0 && (text[length - 1] == ' ' || text[length - 1] == '\t'))
        length--;
    return h2o_iovec_init(text, length);
}

static bool is_any_case(h2o_iovec_t text, const char *expected)
{
    return text.len == strlen(expected) && strncasecmp(text.base, expected, text.len) == 0;
}

/* application/json, with no parameter but charset=utf-8 */
static bool is_json_type(h2o_iovec_t type)
{
    if (type.base == NULL)
        return false;
    const char *semicolon = memchr(type.base, ';', type.len);
    if (semicolon == NULL)
        return is_any_case(type, "application/json");
    size_t media_length = (size_t)(semicolon - type.base);
    h2o_iovec_t parameter = trim(semicolon + 1, type.len - media_length - 1);
    return is_any_case(trim(type.base, media_length), "application/json") &&
           (parameter.len == 0 || is_any_case(parameter, "charset=utf-8") ||
            is_any_case(parameter, "charset=\"utf-8\""));
}

static int take_body(struct request *request)
{
    h2o_iovec_t entity = request->h2o->entity;
    if (entity.len == 0) {
        reply_error(request, 400, "A JSON body is required");
        return -1;
    }
    if (!is_json_type(request_header(request, "content-type"))) {
        reply_error(request, 415, "Content-Type must be application/json");
        return -1;
    }
    if (request_header(request, "content-encoding").base != NULL) {
        reply_error(request, 415, "Content-Encoding is not supported");
        return -1;
    }
    char error[JSON_ERROR_SIZE];
    request->body = json_parse(entity.base, entity.len, error);
    if (request->body == NULL) {
        reply_error(request, 400, "body: %s", error);
        return -1;
    }
    if (!cJSON_IsObject(request->body)) {
        reply_error(request, 400, "The body must be a JSON object");
        return -1;
    }
    return 0;
}

/* A body that says nothing, where there is one. */
static int take_empty_body(struct request *request)
{
    if (request->h2o->entity.len == 0)
        return 0;
    if (take_body(request) != 0)
        return -1;
    char error[FIELDS_ERROR_SIZE];
    if (fields_only(request->body, NULL, 0, error) == 0)
        return 0;
    reply_error(request, 400, "%s", error);
    return -1;
}

static int take_expected_body(struct request *request)
{
    switch (request->route->body) {
    case ROUTE_WITHOUT_BODY:
    case ROUTE_ANY_BODY: return 0;
    case ROUTE_WITH_BODY:
    case ROUTE_WITH_LARGE_BODY: return take_body(request);
    case ROUTE_EMPTY_BODY: return take_empty_body(request);
    }
    INVARIANT(false && "a route that expects no known body");
    return -1;
}

static void handle(struct request *request)
{
    if (take_expected_body(request) == 0)
        request->route->handler(request);
}

/* The last gate of /api/v1, behind the count: a request that is refused here counts too. */
static void check_plan(struct request *request)
{
    if (request->checks_api)
        handle(request);
    else
        reply_error(request, 403, "API access requires a Pro or Business plan");
}

static void count(struct request *request)
{
    request->resume = check_plan;
    shared_rate_take(request->gateway->rate, request);
}

static void admit_by_access(struct request *request)
{
    switch (request->route->access) {
    case ROUTE_PING:
    case ROUTE_PUBLIC: handle(request); return;
    case ROUTE_METERED:
        if (check_rate(request) == 0)
            handle(request);
        return;
    case ROUTE_ACCOUNT:
        request->resume = handle;
        auth_check(request->gateway->auth, request);
        return;
    case ROUTE_CHECKS:
        request->resume = count;
        auth_check(request->gateway->auth, request);
        return;
    }
    INVARIANT(false && "a route without access");
}

void admission_admit(struct gateway *gateway, h2o_req_t *h2o)
{
    struct request *request = request_begin(gateway, h2o);
    if (check_framing(request) != 0)
        return;
    if (find_route(request) != 0)
        return;
    size_t body_max = routes_body_max(request->route);
    if (h2o->entity.len > body_max)
        reply_error(request, 413, "Request body is too large (at most %zu bytes)", body_max);
    else
        admit_by_access(request);
}
