#include "dispatcher/report.h"

#include <stdio.h>
#include <stdlib.h>

#include "shared/clock.h"
#include "shared/compiler.h"
#include "shared/log.h"
#include "shared/memory.h"

#define REPORTS_PER_LANE 2
#define PACE_MS          10 /* between two messages of a lane: the leader writes every 20 ms */
#define ACK_TIMEOUT_MS   5000
#define RETRY_FIRST_MS   250
#define RETRY_MAX_MS     5000
#define TICK_MS          100 /* how exactly retries are timed */

/* One message: encoded once, so that it is the same each time. */
struct report {
    struct report *next; /* in reports.failed */
    struct reports *reports;
    struct run_queue runs;
    struct buffer bytes;
    unsigned lane;
    unsigned failures;
    int64_t due_ms; /* monotonic: when to publish again */
};

struct reports {
    struct bus *bus;
    uv_timer_t timer;            /* data: this; the memory goes in the last close callback */
    uv_timer_t pace;             /* data: this */
    int64_t published_ms[LANES]; /* monotonic: when the lane's last message left */
    struct run_queue waiting[LANES];
    unsigned under_way[LANES]; /* messages without a PubAck, failed ones too */
    struct report *failed;
    size_t results;            /* waiting, under way or failed */
    bool failing;              /* logged */
    struct result_batch batch; /* scratch: it is large */
};

struct reports *reports_open(uv_loop_t *loop, struct bus *bus)
{
    struct reports *reports = memory_new(1, sizeof(*reports));
    reports->bus = bus;
    uv_timer_init(loop, &reports->timer);
    reports->timer.data = reports;
    uv_timer_init(loop, &reports->pace);
    reports->pace.data = reports;
    return reports;
}

static void report_free(struct report *report)
{
    buffer_free(&report->bytes);
    free(report);
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct reports *reports = handle->data;
    while (reports->failed) {
        struct report *report = reports->failed;
        reports->failed = report->next;
        report_free(report);
    }
    free(reports);
}

static void on_pace_closed(uv_handle_t *handle)
{
    struct reports *reports = handle->data;
    uv_close((uv_handle_t *)&reports->timer, on_timer_closed);
}

void reports_close(struct reports *reports)
{
    uv_close((uv_handle_t *)&reports->pace, on_pace_closed);
}

void reports_add(struct reports *reports, struct held_run *run)
{
    run_queue_push(&reports->waiting[run->message->lane], run);
    reports->results++;
}

static void publish(struct report *report);

static void publish_due(struct reports *reports, int64_t now_ms)
{
    struct report *report = reports->failed;
    reports->failed = NULL;
    while (report) {
        struct report *next = report->next;
        if (report->due_ms <= now_ms) {
            publish(report);
        } else {
            report->next = reports->failed;
            reports->failed = report;
        }
        report = next;
    }
}

static void on_timer(uv_timer_t *timer)
{
    struct reports *reports = timer->data;
    publish_due(reports, clock_monotonic_ms());
    if (!reports->failed)
        uv_timer_stop(timer);
}

static void fail(struct report *report, enum bus_status status, const char *description)
{
    struct reports *reports = report->reports;
    if (!reports->failing)
        LOG_WARN("results are not acknowledged, publishing them again",
                 LOG_STR("status", bus_status_text(status)), LOG_STR("error", description),
                 LOG_I64("lane", report->lane));
    reports->failing = true;
    int64_t delay_ms = RETRY_FIRST_MS;
    for (unsigned i = 0; i < report->failures && delay_ms < RETRY_MAX_MS; i++)
        delay_ms *= 2;
    report->failures++;
    report->due_ms = clock_monotonic_ms() + (delay_ms < RETRY_MAX_MS ? delay_ms : RETRY_MAX_MS);
    report->next = reports->failed;
    reports->failed = report;
    if (!uv_is_active((uv_handle_t *)&reports->timer))
        uv_timer_start(&reports->timer, on_timer, TICK_MS, TICK_MS);
}

static void on_ack(void *arg, enum bus_status status, const struct bus_ack *ack)
{
    struct report *report = arg;
    struct reports *reports = report->reports;
    if (status != BUS_OK || ack->err_code != 0) {
        fail(report, status, ack->description);
        return;
    }
    if (reports->failing) {
        reports->failing = false;
        LOG_INFO("results are acknowledged again");
    }
    reports->under_way[report->lane]--;
    reports->results -= report->runs.count;
    struct held_run *run;
    while ((run = run_queue_pop(&report->runs)))
        held_run_done(run);
    report_free(report);
}

static void publish(struct report *report)
{
    char subject[32];
    snprintf(subject, sizeof(subject), SUBJECT_RESULT_FORMAT, report->lane);
    enum bus_status status =
        bus_publish_acked(report->reports->bus, subject, NULL, 0, report->bytes.data,
                          report->bytes.length, ACK_TIMEOUT_MS, on_ack, report);
    if (status != BUS_OK)
        fail(report, status, "");
}

static void publish_waiting(struct reports *reports, unsigned lane)
{
    struct report *report = memory_new(1, sizeof(*report));
    report->reports = reports;
    report->lane = lane;
    struct result_batch *batch = &reports->batch;
    batch->kind = RESULT_BATCH_RESULTS;
    batch->reply[0] = '\0';
    batch->count = 0;
    struct run_queue *waiting = &reports->waiting[lane];
    while (waiting->first && batch->count < RESULT_BATCH_MAX) {
        struct held_run *run = run_queue_pop(waiting);
        batch->results[batch->count++] = run->result;
        run_queue_push(&report->runs, run);
    }
    result_batch_encode(batch, &report->bytes);
    for (struct held_run *run = report->runs.first; run; run = run->next)
        held_run_drop_body(run);
    reports->under_way[lane]++;
    reports->published_ms[lane] = clock_monotonic_ms();
    publish(report);
}

static void on_pace(uv_timer_t *timer)
{
    reports_turn(timer->data);
}

void reports_turn(struct reports *reports)
{
    int64_t now_ms = clock_monotonic_ms(), wait_ms = 0;
    for (unsigned lane = 0; lane < LANES; lane++) {
        const struct run_queue *waiting = &reports->waiting[lane];
        int64_t rest_ms = reports->published_ms[lane] + PACE_MS - now_ms;
        while (waiting->first && reports->under_way[lane] < REPORTS_PER_LANE &&
               (rest_ms <= 0 || waiting->count >= RESULT_BATCH_MAX))
            publish_waiting(reports, lane);
        if (waiting->first && reports->under_way[lane] < REPORTS_PER_LANE)
            wait_ms = wait_ms && wait_ms < rest_ms ? wait_ms : rest_ms;
    }
    if (wait_ms && !uv_is_active((uv_handle_t *)&reports->pace))
        uv_timer_start(&reports->pace, on_pace, (uint64_t)wait_ms, 0);
}

void reports_hurry(struct reports *reports)
{
    publish_due(reports, INT64_MAX);
}

size_t reports_waiting(const struct reports *reports)
{
    return reports->results;
}
