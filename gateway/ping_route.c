#include "gateway/ping_route.h"

#include <stdbool.h>
#include <string.h>

#include "gateway/check_finder.h"
#include "gateway/gateway.h"
#include "gateway/ping_target.h"
#include "gateway/pings.h"
#include "gateway/reply.h"
#include "gateway/request.h"
#include "gateway/slug_check.h"
#include "shared/check_input.h"
#include "shared/clock.h"

#define PREFIX_LENGTH (sizeof "/ping/" - 1)

/* Lives as long as the request. */
struct arrival {
    struct wanted_check wanted;
    struct ping ping;
};

static int take_target(struct request *request, struct arrival *arrival)
{
    struct ping_target target;
    switch (ping_target_parse(request->path.base + PREFIX_LENGTH, request->path.len - PREFIX_LENGTH,
                              &target)) {
    case PING_TARGET_OK: break;
    case PING_TARGET_NO_CHECK: reply_error(request, 404, "Check not found"); return -1;
    case PING_TARGET_NO_SLUG:
        reply_error(request, 404,
                    "Check not found: a ping key is followed by a slug, 1 to %d of a-z, 0-9, "
                    "hyphens and underscores",
                    CHECK_SLUG_MAX);
        return -1;
    case PING_TARGET_NO_SIGNAL:
        reply_error(request, 400,
                    "A check's name may be followed by /start, /fail, /log, or an exit code from 0 "
                    "to 255");
        return -1;
    }
    arrival->wanted.name = target.name;
    arrival->wanted.slug = target.slug;
    arrival->wanted.slug_length = target.slug_length;
    arrival->ping.kind = target.kind;
    arrival->ping.exit_code = target.exit_code;
    return 0;
}

static bool is_rid(const char *text, size_t length)
{
    if (length > PING_RID_MAX)
        return false;
    for (size_t i = 0; i < length; i++)
        if (text[i] < 0x20 || text[i] > 0x7e)
            return false;
    return true;
}

/* An empty one is none: a shell writes it where a variable is not set. */
static int take_rid(struct request *request, struct ping *ping)
{
    ping->rid = "";
    if (request->query.len == 0)
        return 0;
    const char *rid;
    enum request_parameter found = request_parameter(request, "rid", &rid);
    if (found == PARAMETER_ABSENT)
        return 0;
    if (found != PARAMETER_PRESENT || !is_rid(rid, strlen(rid))) {
        reply_error(request, 400, "rid: must be at most %d printable ASCII characters, given once",
                    PING_RID_MAX);
        return -1;
    }
    ping->rid = rid;
    ping->rid_bytes = (uint8_t)strlen(rid);
    return 0;
}

static int take_create(struct request *request, struct wanted_check *wanted)
{
    if (request->query.len == 0 || wanted->slug == NULL)
        return 0;
    const char *create;
    enum request_parameter found = request_parameter(request, "create", &create);
    if (found == PARAMETER_ABSENT)
        return 0;
    wanted->may_miss = found == PARAMETER_PRESENT && strcmp(create, "1") == 0;
    if (wanted->may_miss || (found == PARAMETER_PRESENT && strcmp(create, "0") == 0))
        return 0;
    reply_error(request, 400, "create: must be 0 or 1");
    return -1;
}

static void take_source(const struct request *request, struct ping *ping)
{
    ping->source_bytes = request->client.bytes;
    memcpy(ping->source, request->client.address, ping->source_bytes);
}

static enum ping_method method_of(h2o_iovec_t method)
{
    if (h2o_memis(method.base, method.len, H2O_STRLIT("POST")))
        return PING_POST;
    return h2o_memis(method.base, method.len, H2O_STRLIT("HEAD")) ? PING_HEAD : PING_GET;
}

/* The end of what was sent is kept: there a job says how it ended. */
static void take_body(const struct request *request, struct ping *ping)
{
    h2o_iovec_t body = request->h2o->entity;
    size_t kept = body.len < PING_BODY_MAX ? body.len : PING_BODY_MAX;
    ping->body = kept > 0 ? body.base + body.len - kept : "";
    ping->body_bytes = (uint16_t)kept;
}

static void store(struct request *request)
{
    struct arrival *arrival = request->state;
    arrival->ping.check = arrival->wanted.check;
    pings_store(request->gateway->pings, request, &arrival->ping);
}

/* The leader may have taken its time: the ping is not older than its check. */
static void store_first(struct request *request)
{
    struct arrival *arrival = request->state;
    arrival->ping.time_ms = clock_now_ms();
    store(request);
}

static void on_found(struct request *request)
{
    const struct arrival *arrival = request->state;
    if (arrival->wanted.check != 0) {
        store(request);
        return;
    }
    request->resume = store_first;
    slug_check_make(request);
}

void ping_route(struct request *request)
{
    struct arrival *arrival = request_memory(request, sizeof *arrival);
    struct ping *ping = &arrival->ping;
    if (take_target(request, arrival) != 0 || take_rid(request, ping) != 0 ||
        take_create(request, &arrival->wanted) != 0)
        return;
    /* A request is whole before it comes here; that is when the ping arrived. */
    ping->time_ms = clock_now_ms();
    ping->method = method_of(request->method);
    take_source(request, ping);
    take_body(request, ping);
    request->state = arrival;
    request->resume = on_found;
    check_finder_find(request->gateway->checks, request);
}
