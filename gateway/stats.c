#include "gateway/stats.h"

#include <stdlib.h>

#include "gateway/routes.h"
#include "shared/buffer.h"
#include "shared/memory.h"
#include "shared/metrics.h"

#define STATUS_CLASSES 5 /* 1xx .. 5xx */

static struct {
    struct metric **requests; /* (routes_count + 1) * STATUS_CLASSES; the last route is "none" */
    struct metric *seconds;
    struct metric *refused[REFUSALS];
    struct metric *connections;
    struct metric *database;
    struct metric *commands_waiting;
    struct metric *commands_resent;
    struct metric *key_lookups[2];
    struct metric *rate_alone;
    struct metric *check_lookups[CHECK_LOOKUPS];
    struct metric *check_queries;
    struct metric *pings_stored;
    struct metric *pings_waiting;
    struct metric *ping_messages[2];
    struct metric *stripe[STRIPE_OUTCOMES];
} stats;

static struct metric *request_counter(size_t route, unsigned status_class)
{
    struct buffer labels = BUFFER_EMPTY;
    if (route < routes_count)
        buffer_format(&labels, "route=\"%s %s\",status=\"%uxx\"", routes[route].method,
                      routes[route].path, status_class);
    else
        buffer_format(&labels, "route=\"none\",status=\"%uxx\"", status_class);
    struct metric *metric =
        metric_counter("croncoco_http_requests_total", labels.data, "Requests answered");
    buffer_free(&labels);
    return metric;
}

static void open_pings(void)
{
    static const char *const lookups[CHECK_LOOKUPS] = {
        [CHECK_LOOKUP_FOUND] = "outcome=\"found\"",
        [CHECK_LOOKUP_MISSING] = "outcome=\"missing\"",
        [CHECK_LOOKUP_REFUSED] = "outcome=\"refused\"",
        [CHECK_LOOKUP_UNANSWERED] = "outcome=\"unanswered\"",
    };
    for (size_t i = 0; i < CHECK_LOOKUPS; i++)
        stats.check_lookups[i] = metric_counter("croncoco_check_lookups_total", lookups[i],
                                                "Pings whose check was not known");
    stats.check_queries = metric_counter("croncoco_check_queries_total", "",
                                         "Queries for checks that were not known");
    stats.pings_stored = metric_counter("croncoco_pings_stored_total", "", "Pings in JetStream");
    stats.pings_waiting = metric_gauge("croncoco_pings_waiting", "", "Pings on their way there");
    stats.ping_messages[false] = metric_counter("croncoco_ping_messages_total", "again=\"false\"",
                                                "Messages of pings that were published");
    stats.ping_messages[true] = metric_counter("croncoco_ping_messages_total", "again=\"true\"",
                                               "Messages of pings that were published");
}

void stats_open(void)
{
    static const char *const refusals[REFUSALS] = {
        [REFUSED_CONNECTION] = "what=\"connection\"", [REFUSED_REQUEST] = "what=\"request\"",
        [REFUSED_COMMAND] = "what=\"command\"",       [REFUSED_READ] = "what=\"read\"",
        [REFUSED_ANSWER] = "what=\"answer\"",         [REFUSED_RATE] = "what=\"rate\"",
        [REFUSED_STRIPE] = "what=\"stripe\"",         [REFUSED_PING] = "what=\"ping\"",
    };
    static const char *const outcomes[STRIPE_OUTCOMES] = {
        [STRIPE_OK] = "outcome=\"ok\"",
        [STRIPE_NOT_FOUND] = "outcome=\"not_found\"",
        [STRIPE_DECLINED] = "outcome=\"declined\"",
        [STRIPE_REFUSED] = "outcome=\"refused\"",
        [STRIPE_AWAY] = "outcome=\"away\"",
    };
    stats.requests = memory_new((routes_count + 1) * STATUS_CLASSES, sizeof(struct metric *));
    for (size_t i = 0; i < (routes_count + 1) * STATUS_CLASSES; i++)
        stats.requests[i] = request_counter(i / STATUS_CLASSES, (unsigned)(i % STATUS_CLASSES) + 1);
    stats.seconds = metric_histogram("croncoco_http_request_seconds", "",
                                     "Time from a whole request to its answer",
                                     metric_seconds_bounds, metric_seconds_bounds_count);
    for (size_t i = 0; i < REFUSALS; i++)
        stats.refused[i] = metric_counter("croncoco_http_refused_total", refusals[i],
                                          "What was refused for a limit or for its form");
    stats.connections = metric_gauge("croncoco_http_connections", "", "Open client connections");
    stats.database = metric_gauge("croncoco_database_connected", "",
                                  "1 where PostgreSQL is there; without it there are pings alone");
    stats.commands_waiting =
        metric_gauge("croncoco_commands_waiting", "", "Commands without an answer yet");
    stats.commands_resent =
        metric_counter("croncoco_commands_resent_total", "", "Commands that were sent again");
    stats.key_lookups[false] =
        metric_counter("croncoco_key_lookups_total", "cached=\"false\"", "API keys looked up");
    stats.key_lookups[true] =
        metric_counter("croncoco_key_lookups_total", "cached=\"true\"", "API keys looked up");
    stats.rate_alone = metric_counter("croncoco_rate_alone_total", "",
                                      "Requests counted without the other gateways");
    open_pings();
    for (size_t i = 0; i < STRIPE_OUTCOMES; i++)
        stats.stripe[i] =
            metric_counter("croncoco_stripe_calls_total", outcomes[i], "Calls of Stripe's API");
}

void stats_request(const struct route *route, int status, double seconds)
{
    size_t index = route != NULL ? (size_t)(route - routes) : routes_count;
    INVARIANT(index <= routes_count && status >= 100 && status < 600);
    metric_add(stats.requests[index * STATUS_CLASSES + (size_t)(status / 100) - 1], 1);
    metric_observe(stats.seconds, seconds);
}

void stats_refused(enum refusal refusal)
{
    metric_add(stats.refused[refusal], 1);
}

void stats_connections(size_t count)
{
    metric_set(stats.connections, (double)count);
}

void stats_database(bool connected)
{
    metric_set(stats.database, connected);
}

void stats_commands_waiting(size_t count)
{
    metric_set(stats.commands_waiting, (double)count);
}

void stats_command_resent(void)
{
    metric_add(stats.commands_resent, 1);
}

void stats_key_lookup(bool cached)
{
    metric_add(stats.key_lookups[cached], 1);
}

void stats_rate_alone(unsigned requests)
{
    metric_add(stats.rate_alone, requests);
}

void stats_check_lookup(enum check_lookup outcome)
{
    metric_add(stats.check_lookups[outcome], 1);
}

void stats_check_query(void)
{
    metric_add(stats.check_queries, 1);
}

void stats_pings_stored(size_t count)
{
    metric_add(stats.pings_stored, (double)count);
}

void stats_pings_waiting(size_t count)
{
    metric_set(stats.pings_waiting, (double)count);
}

void stats_ping_message(bool again)
{
    metric_add(stats.ping_messages[again], 1);
}

void stats_stripe(enum stripe_outcome outcome)
{
    metric_add(stats.stripe[outcome], 1);
}
