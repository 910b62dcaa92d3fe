#include "dispatcher/stats.h"

#include "shared/clock.h"
#include "shared/metrics.h"

static struct metric *outcomes[RESULT_OUTCOMES];
static struct metric *first_deliveries, *redeliveries;
static struct metric *lateness, *duration;
static struct metric *under_way, *ready, *held_messages, *held_runs, *results;
static struct metric *cached_jobs, *cached_bytes;

void stats_register(void)
{
    static const char *const labels[RESULT_OUTCOMES] = {
        [RESULT_SUCCESS] = "outcome=\"success\"", [RESULT_HTTP_ERROR] = "outcome=\"http_error\"",
        [RESULT_TIMEOUT] = "outcome=\"timeout\"", [RESULT_CONNECT] = "outcome=\"connect\"",
        [RESULT_DNS] = "outcome=\"dns\"",         [RESULT_TLS] = "outcome=\"tls\"",
        [RESULT_BLOCKED] = "outcome=\"blocked\"", [RESULT_GONE] = "outcome=\"gone\"",
    };
    for (int i = 0; i < RESULT_OUTCOMES; i++)
        outcomes[i] =
            metric_counter("croncoco_deliveries_total", labels[i], "Runs that ended, by outcome.");
    first_deliveries = metric_counter("croncoco_run_messages_total", "delivery=\"first\"",
                                      "Messages of runs taken.");
    redeliveries = metric_counter("croncoco_run_messages_total", "delivery=\"again\"",
                                  "Messages of runs taken.");
    lateness = metric_histogram("croncoco_delivery_lateness_seconds", "",
                                "Start of a slot's first POST minus the slot.",
                                metric_seconds_bounds, metric_seconds_bounds_count);
    duration = metric_histogram("croncoco_delivery_duration_seconds", "",
                                "From the start of a POST to its end.", metric_seconds_bounds,
                                metric_seconds_bounds_count);
    under_way = metric_gauge("croncoco_deliveries_in_flight", "", "POSTs under way.");
    ready = metric_gauge("croncoco_runs_ready", "", "Runs that wait for a connection.");
    held_messages = metric_gauge("croncoco_run_messages_held", "", "Messages of runs held.");
    held_runs = metric_gauge("croncoco_runs_held", "", "Runs held that are not done.");
    results = metric_gauge("croncoco_results_waiting", "", "Results without an acknowledgement.");
    cached_jobs = metric_gauge("croncoco_job_cache_jobs", "", "Jobs in the cache.");
    cached_bytes = metric_gauge("croncoco_job_cache_bytes", "", "Memory of the jobs in the cache.");
}

void stats_message(bool again)
{
    metric_add(again ? redeliveries : first_deliveries, 1);
}

void stats_started(const struct held_run *run)
{
    /* Of a retry or a replay the slot says nothing about how late it is. */
    if (run->run.attempt == 1 && run->run.replay == 0)
        metric_observe(lateness, (double)(clock_now_ms() - run->run.slot_s * 1000) / 1000.0);
}

void stats_ended(const struct held_run *run)
{
    metric_add(outcomes[run->result.outcome], 1);
    metric_observe(duration, run->result.duration_ms / 1000.0);
}

void stats_set(const struct stats_gauges *gauges)
{
    metric_set(under_way, (double)gauges->under_way);
    metric_set(ready, (double)gauges->ready);
    metric_set(held_messages, (double)gauges->messages);
    metric_set(held_runs, (double)gauges->runs);
    metric_set(results, (double)gauges->results);
    metric_set(cached_jobs, (double)gauges->cached_jobs);
    metric_set(cached_bytes, (double)gauges->cached_bytes);
}
