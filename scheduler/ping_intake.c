#include "scheduler/ping_intake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "scheduler/ping_watermark.h"
#include "scheduler/stats.h"
#include "shared/bus_streams.h"
#include "shared/bus_tail.h"
#include "shared/clock.h"
#include "shared/log.h"
#include "shared/memory.h"
#include "shared/ping.h"

#define CREDIT         256   /* messages */
#define PINGS_WAITING  16384 /* pings whose rows one transaction takes, and a message more */
#define API_TIMEOUT_MS 1000  /* also what makes the watermark careful */
#define LOOK_MS        1000  /* the wall clock may be set */
#define AGAIN_MS       5000
#define MADE_SIZE      48
/* What a gateway says of a ping's arrival is not believed beyond this, before or after its
 * storing. */
#define CLOCK_WRONG_MS 60000
/* PINGS is kept for a day; there are partitions for so long, and for two days ahead. */
#define OLDEST_MS 86400000
#define NEWEST_MS 60000

/* A message that waits. */
struct waiting {
    struct waiting *next;
    uint64_t sequence;
    int64_t stored_ms;
    size_t length;
    char data[];
};

struct ping_intake {
    struct ping_intake_options options;
    uv_timer_t timer; /* begins, and looks whether the ends of the streams are to be asked for */
    struct bus_tail *tail;       /* NULL: not yet begun */
    char stream[MADE_SIZE];      /* "": not yet known */
    char last_stream[MADE_SIZE]; /* of the position on record */
    struct ping_watermark mark;
    unsigned asking;                 /* answers that are awaited */
    bool unanswered;                 /* one of them did not come */
    uint64_t pings_end, results_end; /* those that came */
    int64_t answered_ms;             /* monotonic: when both did */
    struct waiting *first, **last;
    unsigned applied, taken; /* messages: in no transaction yet; in the one under way */
    size_t pings;            /* of the former */
    int64_t applied_stored_ms, taken_stored_ms; /* when the newest of each was stored */
    bool stopped;
};

static void on_timer(uv_timer_t *timer);

static void wake_in(struct ping_intake *intake, int64_t ms)
{
    uv_timer_start(&intake->timer, on_timer, (uint64_t)(ms > 1 ? ms : 1), 0);
}

/* ---- applying ---- */

/* When a ping came, as far as clocks can be believed: rows far from now have no partition. */
static int64_t arrival_ms(int64_t said_ms, int64_t stored_ms, int64_t now_ms)
{
    int64_t believed_ms = said_ms;
    if (said_ms < stored_ms - CLOCK_WRONG_MS || said_ms > stored_ms + CLOCK_WRONG_MS)
        believed_ms = stored_ms;
    if (believed_ms < now_ms - OLDEST_MS)
        return now_ms - OLDEST_MS;
    return believed_ms < now_ms + NEWEST_MS ? believed_ms : now_ms;
}

static void apply(struct ping_intake *intake, uint64_t sequence, int64_t stored_ms,
                  const void *data, size_t length)
{
    int64_t now_ms = clock_now_ms();
    struct ping_batch batch;
    if (ping_batch_open(data, length, &batch) == 0) {
        metric_add(stats.pings, batch.left);
        intake->pings += batch.left;
        int64_t oldest_ms = INT64_MAX;
        while (batch.left) {
            struct ping ping;
            ping_batch_next(&batch, &ping);
            ping.time_ms = arrival_ms(ping.time_ms, stored_ms, now_ms);
            oldest_ms = ping.time_ms < oldest_ms ? ping.time_ms : oldest_ms;
            checks_ping(intake->options.checks, &ping);
        }
        ping_watermark_stored(&intake->mark, oldest_ms, stored_ms, now_ms, clock_monotonic_ms());
    } else {
        LOG_ERROR("message in PINGS cannot be read", LOG_I64("sequence", sequence));
    }
    checks_set_pings_seq(intake->options.checks, sequence);
    intake->applied++;
    intake->applied_stored_ms = stored_ms;
}

static bool is_full(const struct ping_intake *intake)
{
    return intake->pings >= PINGS_WAITING;
}

static void keep(struct ping_intake *intake, uint64_t sequence, int64_t stored_ms,
                 const struct bus_message *message)
{
    struct waiting *waiting = memory_new(1, sizeof(*waiting) + message->length);
    waiting->sequence = sequence;
    waiting->stored_ms = stored_ms;
    waiting->length = message->length;
    memcpy(waiting->data, message->data, message->length);
    *intake->last = waiting;
    intake->last = &waiting->next;
}

static void apply_waiting(struct ping_intake *intake)
{
    while (intake->first && !is_full(intake) && !intake->stopped) {
        struct waiting *waiting = intake->first;
        intake->first = waiting->next;
        if (!intake->first)
            intake->last = &intake->first;
        apply(intake, waiting->sequence, waiting->stored_ms, waiting->data, waiting->length);
        free(waiting);
    }
}

static void on_message(void *arg, uint64_t sequence, int64_t time_ms,
                       const struct bus_message *message)
{
    struct ping_intake *intake = arg;
    if (intake->stopped)
        return;
    if (sequence <= checks_progress(intake->options.checks)->pings_seq) {
        /* The next term finds out by the time when it was made. */
        intake->options.on_failed(intake->options.arg, "PINGS was made anew");
        return;
    }
    if (intake->first || is_full(intake)) {
        keep(intake, sequence, time_ms, message);
        return;
    }
    apply(intake, sequence, time_ms, message->data, message->length);
    intake->options.on_work(intake->options.arg);
}

/* ---- the watermark ---- */

static void answered(struct ping_intake *intake)
{
    if (--intake->asking)
        return;
    intake->answered_ms = clock_monotonic_ms();
    if (intake->unanswered) {
        ping_watermark_unanswered(&intake->mark, intake->answered_ms);
        wake_in(intake, LOOK_MS);
        return;
    }
    ping_watermark_answered(&intake->mark, intake->pings_end, intake->results_end);
    intake->options.on_work(intake->options.arg);
}

/* Where nothing is in the stream any more, nothing is to be waited for. */
static uint64_t end_of(uint64_t first, uint64_t last)
{
    return first <= last ? last : 0;
}

static void on_pings_range(void *arg, enum bus_status status, uint64_t first, uint64_t last)
{
    struct ping_intake *intake = arg;
    intake->unanswered |= status != BUS_OK;
    intake->pings_end = end_of(first, last);
    answered(intake);
}

static void on_results_range(void *arg, enum bus_status status, uint64_t first, uint64_t last)
{
    struct ping_intake *intake = arg;
    intake->unanswered |= status != BUS_OK;
    intake->results_end = end_of(first, last);
    answered(intake);
}

static void ask(struct ping_intake *intake)
{
    struct bus *bus = intake->options.bus;
    intake->unanswered = false;
    intake->asking = 1; /* until both are on their way */
    if (bus_stream_range(bus, STREAM_PINGS, API_TIMEOUT_MS, on_pings_range, intake) == BUS_OK)
        intake->asking++;
    else
        intake->unanswered = true;
    if (bus_stream_range(bus, STREAM_RESULTS, API_TIMEOUT_MS, on_results_range, intake) == BUS_OK)
        intake->asking++;
    else
        intake->unanswered = true;
    if (intake->asking == 1)
        answered(intake);
    else
        intake->asking--;
}

/* Asks for the ends of the streams, if it is time. */
static void look(struct ping_intake *intake)
{
    int64_t now_ms = clock_now_ms(), monotonic_ms = clock_monotonic_ms();
    int64_t in_ms = LOOK_MS;
    if (intake->stopped)
        return;
    if (intake->asking) {
        /* The answers come, or end. */
    } else if (intake->mark.asked_ms) {
        if (monotonic_ms - intake->answered_ms >= AGAIN_MS)
            ask(intake);
    } else {
        in_ms = ping_watermark_ask_in_ms(&intake->mark, checks_next_s(intake->options.checks),
                                         now_ms, monotonic_ms);
        if (in_ms == 0) {
            ping_watermark_asked(&intake->mark, now_ms, monotonic_ms);
            ask(intake);
        }
    }
    wake_in(intake, in_ms < LOOK_MS && in_ms > 0 ? in_ms : LOOK_MS);
}

bool ping_intake_has_work(const struct ping_intake *intake, uint64_t results_seq)
{
    return !intake->stopped &&
           ping_watermark_reached(&intake->mark, checks_progress(intake->options.checks)->pings_seq,
                                  results_seq);
}

void ping_intake_evaluate(struct ping_intake *intake, uint64_t results_seq)
{
    if (!ping_intake_has_work(intake, results_seq))
        return;
    uint64_t begun_ns = uv_hrtime();
    checks_evaluate(intake->options.checks,
                    ping_watermark_take(&intake->mark, clock_monotonic_ms()));
    metric_observe(stats.evaluation_seconds, (double)(uv_hrtime() - begun_ns) / 1e9);
    look(intake);
}

/* ---- beginning ---- */

static void begin(struct ping_intake *intake, const char *made, uint64_t last)
{
    snprintf(intake->stream, sizeof(intake->stream), "%s", made);
    uint64_t position = checks_progress(intake->options.checks)->pings_seq;
    bool anew = position && strcmp(intake->stream, intake->last_stream) != 0;
    if (anew || last < position) {
        LOG_ERROR(anew ? "PINGS was made anew: it is read from its first message"
                       : "PINGS lost its last messages, which were applied",
                  LOG_I64("pings_seq", position), LOG_I64("last", last), LOG_STR("made", made));
        position = anew ? 0 : last;
        checks_set_pings_seq(intake->options.checks, position);
    }
    intake->tail =
        bus_tail_open(intake->options.bus, STREAM_PINGS, NULL, position, on_message, intake);
    bus_tail_grant(intake->tail, CREDIT);
    look(intake);
}

static void on_info(void *arg, enum bus_status status, const struct bus_message *message)
{
    struct ping_intake *intake = arg;
    cJSON *tree = message ? cJSON_ParseWithLength(message->data, message->length) : NULL;
    const char *made = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(tree, "created"));
    const cJSON *state = cJSON_GetObjectItemCaseSensitive(tree, "state");
    const cJSON *last = cJSON_GetObjectItemCaseSensitive(state, "last_seq");
    bool well = status == BUS_OK && made && *made && strlen(made) < sizeof(intake->stream) &&
                cJSON_IsNumber(last) && last->valuedouble >= 0;
    if (well) {
        begin(intake, made, (uint64_t)last->valuedouble);
    } else {
        LOG_WARN("PINGS cannot be looked at, trying again",
                 LOG_STR("error", bus_status_text(status == BUS_OK ? BUS_REFUSED : status)));
        wake_in(intake, LOOK_MS);
    }
    cJSON_Delete(tree);
}

void ping_intake_start(struct ping_intake *intake)
{
    if (bus_request(intake->options.bus, "$JS.API.STREAM.INFO." STREAM_PINGS, NULL, 0, NULL, 0,
                    API_TIMEOUT_MS, on_info, intake) != BUS_OK)
        wake_in(intake, LOOK_MS);
}

static void on_timer(uv_timer_t *timer)
{
    struct ping_intake *intake = timer->data;
    if (intake->tail)
        look(intake);
    else
        ping_intake_start(intake);
}

/* ---- transactions ---- */

void ping_intake_taken(struct ping_intake *intake)
{
    intake->taken = intake->applied;
    intake->taken_stored_ms = intake->applied_stored_ms;
    intake->applied = 0;
    intake->pings = 0;
    apply_waiting(intake);
}

void ping_intake_committed(struct ping_intake *intake)
{
    if (!intake->taken)
        return;
    metric_set(stats.pings_lag_seconds,
               (double)(clock_now_ms() - intake->taken_stored_ms) / 1000.0);
    if (!intake->stopped)
        bus_tail_grant(intake->tail, intake->taken);
    intake->taken = 0;
}

unsigned ping_intake_applied(const struct ping_intake *intake)
{
    return intake->applied;
}

const char *ping_intake_stream(const struct ping_intake *intake)
{
    return *intake->stream ? intake->stream : intake->last_stream;
}

struct ping_intake *ping_intake_open(uv_loop_t *loop, const struct ping_intake_options *options)
{
    struct ping_intake *intake = memory_new(1, sizeof(*intake));
    intake->options = *options;
    intake->last = &intake->first;
    snprintf(intake->last_stream, sizeof(intake->last_stream), "%s", options->stream);
    intake->options.stream = NULL;
    ping_watermark_init(&intake->mark, options->connected_ms);
    uv_timer_init(loop, &intake->timer);
    intake->timer.data = intake;
    return intake;
}

void ping_intake_stop(struct ping_intake *intake)
{
    intake->stopped = true;
}

static void intake_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void ping_intake_close(struct ping_intake *intake)
{
    bus_forget(intake->options.bus, intake);
    if (intake->tail)
        bus_tail_close(intake->tail);
    while (intake->first) {
        struct waiting *waiting = intake->first;
        intake->first = waiting->next;
        free(waiting);
    }
    uv_close((uv_handle_t *)&intake->timer, intake_closed);
}
