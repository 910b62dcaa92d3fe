#include "gateway/badges.h"

#include <stdio.h>
#include <string.h>

#include "gateway/badge.h"
#include "gateway/badge_states.h"
#include "gateway/etag.h"
#include "gateway/gateway.h"
#include "gateway/parameter.h"
#include "gateway/reply.h"
#include "gateway/request.h"
#include "gateway/uptime.h"

#define SUFFIX           ".svg"
#define LABEL_CHARACTERS 64
#define DECIMALS         2

#define GREEN "#22c55e"
#define RED   "#ef4444"
#define AMBER "#f59e0b"
#define GRAY  "#6b7280"
#define BLUE  "#3b82f6"

/* From how much on, in parts of a million, an uptime is green or amber. */
#define GREEN_PARTS 995000
#define AMBER_PARTS 950000

/* Lives as long as the request. */
struct badge_request {
    struct badge badge;
    char message[16];
    const char *cache_control;
};

static const char *cache_control_of(enum badge_kind kind)
{
    return kind == BADGE_STATUS ? "public, max-age=30" : "public, max-age=60";
}

static void paint(struct badge *badge, const char *message, const char *color)
{
    badge->message = message;
    badge->color = color;
    badge->dark_text = strcmp(color, GREEN) == 0 || strcmp(color, AMBER) == 0;
}

static void send_badge(struct request *request, int status)
{
    struct badge_request *asked = request->state;
    struct buffer svg = BUFFER_EMPTY;
    char tag[ETAG_SIZE];
    badge_write(&svg, &asked->badge);
    reply_header(request, "cache-control", asked->cache_control);
    reply_header(request, "etag", etag_make(svg.data, svg.length, tag));
    h2o_iovec_t known = request_header(request, "if-none-match");
    if (status == 200 && known.base != NULL && etag_named(known.base, known.len, tag)) {
        buffer_free(&svg);
        reply_empty(request, 304);
        return;
    }
    reply_document(request, status, "image/svg+xml", &svg);
}

static void send_not_found(struct request *request)
{
    struct badge_request *asked = request->state;
    paint(&asked->badge, "not found", GRAY);
    send_badge(request, 404);
}

static void on_status(struct request *request, const struct badge_state *state)
{
    static const char *const colors[CHECK_STATUSES] = {
        [CHECK_NEW] = BLUE, [CHECK_UP] = GREEN,    [CHECK_LATE] = AMBER,
        [CHECK_DOWN] = RED, [CHECK_PAUSED] = GRAY,
    };
    struct badge_request *asked = request->state;
    if (!state->exists) {
        send_not_found(request);
        return;
    }
    paint(&asked->badge, check_status_name(state->status), colors[state->status]);
    send_badge(request, 200);
}

static void on_uptime(struct request *request, const struct badge_state *state)
{
    struct badge_request *asked = request->state;
    if (!state->exists) {
        send_not_found(request);
        return;
    }
    if (state->parts < 0) {
        paint(&asked->badge, "no data", GRAY);
        send_badge(request, 200);
        return;
    }
    struct buffer percentage = BUFFER_EMPTY;
    uptime_write(&percentage, state->parts, DECIMALS);
    snprintf(asked->message, sizeof asked->message, "%s%%", percentage.data);
    buffer_free(&percentage);
    const char *color = state->parts >= GREEN_PARTS ? GREEN : RED;
    if (state->parts >= AMBER_PARTS && state->parts < GREEN_PARTS)
        color = AMBER;
    paint(&asked->badge, asked->message, color);
    send_badge(request, 200);
}

/* standard: the label of a badge that was given none. -1 after an answer. */
static int take_label(struct request *request, const char *standard, const char **label)
{
    if (parameter_text(request, "label", label) != 0)
        return -1;
    if (*label == NULL) {
        *label = standard;
        return 0;
    }
    size_t characters = 0;
    for (const char *c = *label; *c != '\0'; c++) {
        characters += ((unsigned char)*c & 0xc0) != 0x80;
        if ((unsigned char)*c < 0x20 || *c == 0x7f || characters > LABEL_CHARACTERS) {
            reply_error(request, 400, "label: at most %d characters, none of them a control one",
                        LABEL_CHARACTERS);
            return -1;
        }
    }
    return 0;
}

static void find(struct request *request, enum badge_kind kind, const char *label,
                 badge_state_cb *on_state)
{
    struct badge_request *asked = request_memory(request, sizeof *asked);
    request->state = asked;
    asked->cache_control = cache_control_of(kind);
    if (take_label(request, label, &asked->badge.label) != 0)
        return;
    /* The name may end as a file does, for those who embed it. */
    size_t length = strlen(request->path_text);
    size_t suffix = strlen(SUFFIX);
    if (length > suffix && strcmp(request->path_text + length - suffix, SUFFIX) == 0)
        length -= suffix;
    char *name = request_memory(request, length + 1);
    memcpy(name, request->path_text, length);
    badge_states_find(request->gateway->badges, request, name, kind, on_state);
}

void badges_status(struct request *request)
{
    find(request, BADGE_STATUS, "status", on_status);
}

void badges_uptime(struct request *request)
{
    static const struct {
        const char *period;
        enum badge_kind kind;
        const char *label;
    } periods[] = {
        {"24h", BADGE_UPTIME_24H, "uptime 24h"},
        {"7d", BADGE_UPTIME_7D, "uptime 7d"},
        {"30d", BADGE_UPTIME_30D, "uptime 30d"},
    };
    const char *period;
    if (parameter_text(request, "period", &period) != 0)
        return;
    for (size_t i = 0; i < ARRAY_LENGTH(periods); i++) {
        if (period == NULL || strcmp(period, periods[i].period) == 0) {
            find(request, periods[i].kind, periods[i].label, on_uptime);
            return;
        }
    }
    reply_error(request, 400, "period: must be 24h, 7d or 30d");
}
