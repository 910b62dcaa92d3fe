#include "scheduler/term.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "scheduler/load.h"
#include "scheduler/ping_intake.h"
#include "scheduler/results.h"
#include "scheduler/run_stream.h"
#include "scheduler/sql_housekeeping.h"
#include "scheduler/sql_lease.h"
#include "scheduler/stats.h"
#include "scheduler/sweep.h"
#include "scheduler/tail_load.h"
#include "scheduler/trim.h"
#include "scheduler/turn.h"
#include "shared/bus_streams.h"
#include "shared/bus_tail.h"
#include "shared/clock.h"
#include "shared/log.h"
#include "shared/memory.h"

#define MINUTE_MS           60000
#define DAY_MS              INT64_C(86400000)
#define PREPARE_AHEAD_MS    5000  /* the scan for a minute is done so long before it begins */
#define CLOCK_LOOK_MS       1000  /* the longest that the clock is not looked at */
#define TICKING_MS          50    /* minutes that were missed are dealt with for so long at once */
#define SKIPPED_WAITING_MAX 20000 /* rows: missed minutes wait until these are written */
#define COMMAND_CREDIT      512
#define RESULT_CREDIT       256 /* messages, each of up to 300 KiB */
#define HOUSEKEEPING_MS     10000
#define TENDING_MS          2000 /* between looks at the streams */
#define PURGE_AGAIN_MS      100  /* while there is something to purge */
#define PARTITIONS_AHEAD    2    /* days */

enum term_state {
    TERM_LOADING,
    TERM_ANCHORING,
    TERM_READING,
    TERM_PREPARING,
    TERM_LEADING,
    TERM_FINISHING,
    TERM_ENDING
};

/* The newest tick that emitted something, for its log line. */
struct tick {
    uint32_t minute;
    uint32_t runs;
    uint64_t first, last; /* numbers of its messages; first > last: all acknowledged */
    int64_t scan_ms, emit_ms;
};

struct term {
    struct term_options options;
    uv_loop_t *loop;
    enum term_state state;
    int64_t begun_ms; /* monotonic */
    uv_timer_t ending, clock, housekeeping, tending;
    unsigned open_timers;

    struct db *db;
    struct outbox *outbox;
    struct load *load;
    struct core *core;
    struct checks *checks;
    struct ping_intake *pings;
    struct run_stream *stream;
    struct tail_load *tail_load;
    struct turn *turn;
    struct bus_tail *commands, *results;
    struct trim *trim_commands, *trim_results, *trim_pings, *trim_mail;
    struct sweep *sweep;
    struct flip_place flips_expired;
    size_t expire_flips; /* that statement's place in the housekeeping under way */
    uint64_t runs_seq;   /* newest sequence of RUNS that is known */
    struct tick tick;
    int64_t scan_ms; /* of the minute that is prepared */
};

static void term_tick(struct term *term);

/* ---- the end ---- */

static void ended(uv_timer_t *timer)
{
    struct term *term = timer->data;
    term->options.on_ended(term->options.arg);
}

void term_fail(struct term *term, const char *reason)
{
    if (term->state == TERM_ENDING)
        return;
    LOG_WARN("term ends", LOG_I64("epoch", term->options.epoch), LOG_STR("reason", reason));
    term->state = TERM_ENDING;
    uv_timer_start(&term->ending, ended, 0, 0);
}

static void failed(void *arg, const char *reason)
{
    term_fail(arg, reason);
}

static void finished(void *arg)
{
    struct term *term = arg;
    if (term->state == TERM_ENDING)
        return;
    LOG_INFO("term finished", LOG_I64("epoch", term->options.epoch));
    term->state = TERM_ENDING;
    uv_timer_start(&term->ending, ended, 0, 0);
}

void term_finish(struct term *term)
{
    if (term->state == TERM_LEADING) {
        term->state = TERM_FINISHING;
        uv_timer_stop(&term->clock);
        uv_timer_stop(&term->housekeeping);
        ping_intake_stop(term->pings);
        turn_finish(term->turn, finished, term);
    } else {
        finished(term);
    }
}

static void timer_closed(uv_handle_t *handle)
{
    struct term *term = handle->data;
    if (--term->open_timers == 0)
        free(term);
}

void term_close(struct term *term)
{
    metric_set(stats.leading, 0);
    /* PostgreSQL and NATS first: nothing calls back into what is freed behind them. */
    if (term->db)
        db_close(term->db);
    if (term->commands)
        bus_tail_close(term->commands);
    if (term->results)
        bus_tail_close(term->results);
    if (term->pings)
        ping_intake_close(term->pings);
    if (term->sweep)
        sweep_close(term->sweep);
    if (term->trim_commands)
        trim_close(term->trim_commands);
    if (term->trim_results)
        trim_close(term->trim_results);
    if (term->trim_pings)
        trim_close(term->trim_pings);
    if (term->trim_mail)
        trim_close(term->trim_mail);
    if (term->tail_load)
        tail_load_free(term->tail_load);
    if (term->stream)
        run_stream_close(term->stream);
    if (term->turn)
        turn_close(term->turn);
    if (term->load)
        load_free(term->load);
    if (term->outbox)
        outbox_close(term->outbox);
    core_free(term->core);
    checks_free(term->checks);
    uv_close((uv_handle_t *)&term->ending, timer_closed);
    uv_close((uv_handle_t *)&term->clock, timer_closed);
    uv_close((uv_handle_t *)&term->housekeeping, timer_closed);
    uv_close((uv_handle_t *)&term->tending, timer_closed);
}

/* ---- ticks ---- */

static bool may_write(void *arg)
{
    struct term *term = arg;
    return (term->state == TERM_LEADING || term->state == TERM_FINISHING) &&
           lease_valid(term->options.lease);
}

static void emit(void *arg, uint64_t number, unsigned lane, const struct run_batch *batch)
{
    struct term *term = arg;
    run_stream_publish(term->stream, number, lane, batch);
}

static void tick_log(struct term *term)
{
    char slot[CLOCK_TEXT_SIZE];
    int64_t slot_ms = (int64_t)term->tick.minute * MINUTE_MS;
    int64_t acknowledged_ms = clock_now_ms() - slot_ms;
    metric_observe(stats.tick_seconds, (double)acknowledged_ms / 1000.0);
    LOG_INFO("tick emitted", LOG_STR("slot", clock_format_s(slot, slot_ms / 1000)),
             LOG_I64("runs", term->tick.runs),
             LOG_I64("messages", term->tick.last - term->tick.first + 1),
             LOG_I64("scan_ms", term->tick.scan_ms), LOG_I64("emit_ms", term->tick.emit_ms),
             LOG_I64("last_ack_ms", acknowledged_ms));
}

static void acknowledged(void *arg, uint64_t number, uint64_t sequence)
{
    struct term *term = arg;
    core_acknowledged(term->core, number, sequence);
    term->runs_seq = sequence;
    if (term->tick.runs && number == term->tick.last) {
        tick_log(term);
        term->tick.runs = 0;
    }
    if (!run_log_waiting(&term->core->log))
        turn_kick(term->turn);
}

/* Deals with the next minute, which has come. */
static void tick_now(struct term *term)
{
    struct core *core = term->core;
    int64_t now_ms = clock_now_ms(), begun_ms = clock_monotonic_ms();
    uint32_t minute = core_next_minute(core);
    uint64_t first = run_log_next(&core->log);
    size_t skipped = core->skipped.count;
    uint32_t runs = core_tick(core, now_ms);
    metric_add(stats.runs, runs);
    metric_add(stats.skipped, (double)(core->skipped.count - skipped));
    if (runs)
        term->tick = (struct tick){.minute = minute,
                                   .runs = runs,
                                   .first = first,
                                   .last = run_log_next(&core->log) - 1,
                                   .scan_ms = term->scan_ms,
                                   .emit_ms = clock_monotonic_ms() - begun_ms};
    turn_kick(term->turn);
}

static void clock_timer(uv_timer_t *timer)
{
    struct term *term = timer->data;
    turn_kick(term->turn);
    term_tick(term);
}

/* The wall clock may be set meanwhile, so it is looked at every second. */
static void clock_until(struct term *term, int64_t time_ms)
{
    int64_t delay_ms = time_ms - clock_now_ms();
    if (delay_ms > CLOCK_LOOK_MS)
        delay_ms = CLOCK_LOOK_MS;
    uv_update_time(term->loop);
    /* Not 0: libuv would call it again at once, before it looks at what came in. */
    uv_timer_start(&term->clock, clock_timer, (uint64_t)(delay_ms > 1 ? delay_ms : 1), 0);
}

/*
 * Lets go the held runs whose time has come, and that have their row. Not while a command is
 * applied and not committed: the commit comes back here.
 */
static void release(struct term *term)
{
    if (term->state != TERM_LEADING || turn_holds_commands(term->turn) ||
        !lease_valid(term->options.lease))
        return;
    uint32_t runs = core_release(term->core, clock_now_ms());
    metric_add(stats.runs, runs);
    if (core_has_rows(term->core))
        turn_kick(term->turn);
}

/* Comes again at time_ms, or when the next held run may leave. */
static void clock_until_release(struct term *term, int64_t now_ms, int64_t time_ms)
{
    int64_t release_ms =
        turn_holds_commands(term->turn) ? INT64_MAX : core_next_release_ms(term->core, now_ms);
    clock_until(term, release_ms < time_ms ? release_ms : time_ms);
}

/*
 * Does what the clock says, and comes again when it says the next thing. A long backlog of minutes
 * is dealt with in pieces, between which the lease is renewed.
 */
static void term_tick(struct term *term)
{
    struct core *core = term->core;
    int64_t until_ms = clock_monotonic_ms() + TICKING_MS;
    release(term);
    while (term->state == TERM_LEADING) {
        if (!lease_valid(term->options.lease)) {
            term_fail(term, "the lease ran out");
            return;
        }
        int64_t now_ms = clock_now_ms();
        int64_t slot_ms = (int64_t)core_next_minute(core) * MINUTE_MS;
        if (now_ms < slot_ms - PREPARE_AHEAD_MS) {
            clock_until_release(term, now_ms, slot_ms - PREPARE_AHEAD_MS);
            return;
        }
        if (core->prepared != core_next_minute(core)) {
            int64_t begun_ms = clock_monotonic_ms();
            core_prepare(core, core_next_minute(core));
            term->scan_ms = clock_monotonic_ms() - begun_ms;
            metric_observe(stats.scan_seconds, (double)term->scan_ms / 1000.0);
        }
        if (now_ms < slot_ms) {
            clock_until_release(term, now_ms, slot_ms);
            return;
        }
        /* Both are over with the next commit, which comes back here. */
        if (turn_holds_commands(term->turn) ||
            core->skipped.count - core->skipped_first > SKIPPED_WAITING_MAX) {
            clock_until(term, now_ms + CLOCK_LOOK_MS);
            return;
        }
        if (clock_monotonic_ms() >= until_ms) {
            clock_until(term, now_ms);
            return;
        }
        tick_now(term);
    }
}

/* ---- leading ---- */

static void gauges_set(const struct term *term)
{
    const struct core *core = term->core;
    metric_set(stats.jobs, core->jobs.count);
    metric_set(stats.job_bytes,
               core->jobs.count ? (double)place_table_bytes(&core->jobs) / core->jobs.count : 0);
    metric_set(stats.open_runs, core->open.count);
    size_t checks = checks_total(term->checks);
    metric_set(stats.checks, (double)checks);
    metric_set(stats.check_bytes, checks ? (double)checks_bytes(term->checks) / (double)checks : 0);
}

static void committed(void *arg, unsigned commands, unsigned result_messages)
{
    struct term *term = arg;
    gauges_set(term);
    if (term->state != TERM_LEADING)
        return; /* finishing: nothing more is fetched */
    if (commands)
        bus_tail_grant(term->commands, commands);
    if (result_messages)
        bus_tail_grant(term->results, result_messages);
    term_tick(term);
}

static void command_message(void *arg, uint64_t sequence, int64_t time_ms,
                            const struct bus_message *message)
{
    struct term *term = arg;
    (void)time_ms;
    struct command command;
    const char *error;
    if (command_decode(message->subject, message->data, message->length, &command, &error) != 0) {
        LOG_ERROR("command cannot be read", LOG_I64("sequence", sequence),
                  LOG_STR("subject", message->subject), LOG_STR("error", error));
        bus_tail_grant(term->commands, 1);
        return;
    }
    turn_add_command(term->turn, sequence, &command);
}

static void result_message(void *arg, uint64_t sequence, int64_t time_ms,
                           const struct bus_message *message)
{
    struct term *term = arg;
    (void)time_ms;
    results_apply(term->core, term->options.bus, may_write(term), sequence, message);
    turn_results_applied(term->turn, sequence);
    release(term); /* their accounts may have room for the next */
}

/* A day more than promised: slots that are caught up with as the day changes have their place. */
static int32_t keep_days(const struct term *term)
{
    return (int32_t)term->options.config->history_days + 1;
}

static void housekeeping(uv_timer_t *timer);

static void house_kept(void *arg, const struct db_outcome *outcome)
{
    struct term *term = arg;
    bool goes_on = outcome->status == DB_OK && sql_purge_goes_on(outcome);
    if (outcome->status == DB_OK)
        term->flips_expired = sql_flip_place(&outcome->statements[term->expire_flips]);
    else
        LOG_WARN("housekeeping failed, trying again later", LOG_STR("sqlstate", outcome->sqlstate),
                 LOG_STR("error", outcome->message));
    if (term->state == TERM_LEADING)
        uv_timer_start(&term->housekeeping, housekeeping,
                       goes_on ? PURGE_AGAIN_MS : HOUSEKEEPING_MS, 0);
}

static void housekeeping(uv_timer_t *timer)
{
    struct term *term = timer->data;
    if (!may_write(term))
        return; /* the term is about to end */
    int64_t now_ms = clock_now_ms();
    struct db_unit *unit = db_unit_new();
    sql_begin(unit);
    sql_assert_leader(unit, term->options.epoch);
    sql_maintain_partitions(unit, now_ms, now_ms + PARTITIONS_AHEAD * DAY_MS, keep_days(term));
    sql_expire_answers(unit);
    sql_expire_tokens(unit);
    sql_expire_secrets(unit);
    sql_expire_notices(unit, keep_days(term));
    sql_expire_alerts(unit, keep_days(term));
    term->expire_flips = db_unit_count(unit);
    sql_expire_flips(unit, &term->flips_expired);
    sql_purge(unit);
    sql_commit(unit);
    turn_run(term->turn, unit, house_kept, term);
}

static void tend(uv_timer_t *timer)
{
    struct term *term = timer->data;
    const struct core_progress *written = turn_written(term->turn);
    trim_look(term->trim_commands, written->commands_seq);
    trim_look(term->trim_results, written->results_seq);
    trim_look(term->trim_pings, turn_written_pings(term->turn));
    trim_look_acknowledged(term->trim_mail, DURABLE_MAILER);
    if (may_write(term) && sweep_look(term->sweep, term->runs_seq, written->results_seq))
        turn_kick(term->turn);
}

static void pings_work(void *arg)
{
    struct term *term = arg;
    turn_kick(term->turn);
}

static void lead(void *arg, const struct db_outcome *outcome)
{
    struct term *term = arg;
    if (outcome->status != DB_OK) {
        term_fail(term, outcome->message);
        return;
    }
    struct core *core = term->core;
    term->state = TERM_LEADING;
    term->turn = turn_open(term->loop, &(struct turn_options){.core = core,
                                                              .checks = term->checks,
                                                              .pings = term->pings,
                                                              .db = term->db,
                                                              .bus = term->options.bus,
                                                              .outbox = term->outbox,
                                                              .may_write = may_write,
                                                              .on_committed = committed,
                                                              .on_failed = failed,
                                                              .arg = term});
    term->commands = bus_tail_open(term->options.bus, STREAM_COMMANDS, NULL,
                                   core->progress.commands_seq, command_message, term);
    term->results = bus_tail_open(term->options.bus, STREAM_RESULTS, NULL,
                                  core->progress.results_seq, result_message, term);
    bus_tail_grant(term->commands, COMMAND_CREDIT);
    bus_tail_grant(term->results, RESULT_CREDIT);
    ping_intake_start(term->pings);
    term->trim_commands = trim_open(term->options.bus, STREAM_COMMANDS);
    term->trim_results = trim_open(term->options.bus, STREAM_RESULTS);
    term->trim_pings = trim_open(term->options.bus, STREAM_PINGS);
    term->trim_mail = trim_open(term->options.bus, STREAM_MAIL);
    term->sweep = sweep_open(term->options.bus, core);
    uv_timer_start(&term->housekeeping, housekeeping, HOUSEKEEPING_MS, 0);
    uv_timer_start(&term->tending, tend, TENDING_MS, TENDING_MS);
    int64_t load_ms = clock_monotonic_ms() - term->begun_ms;
    metric_set(stats.leading, 1);
    metric_observe(stats.load_seconds, (double)load_ms / 1000.0);
    gauges_set(term);
    LOG_INFO("leading", LOG_I64("epoch", term->options.epoch), LOG_I64("jobs", core->jobs.count),
             LOG_I64("checks", checks_total(term->checks)), LOG_I64("open_runs", core->open.count),
             LOG_I64("load_ms", load_ms),
             LOG_I64("minutes_behind", clock_now_ms() / MINUTE_MS - core->emitted));
    term_tick(term);
}

/* ---- taking over ---- */

static void outbox_acked(void *arg)
{
    struct term *term = arg;
    if (term->turn)
        turn_kick(term->turn);
}

static void tail_read(void *arg)
{
    struct term *term = arg;
    int64_t now_ms = clock_now_ms();
    core_loaded(term->core, now_ms);
    term->state = TERM_PREPARING;
    struct db_unit *unit = db_unit_new();
    sql_begin(unit);
    sql_assert_leader(unit, term->options.epoch);
    /* What is behind in the streams is of this day or the one before. */
    int64_t from_ms = (int64_t)term->core->emitted * MINUTE_MS;
    if (from_ms > now_ms - DAY_MS)
        from_ms = now_ms - DAY_MS;
    sql_maintain_partitions(unit, from_ms, now_ms + PARTITIONS_AHEAD * DAY_MS, keep_days(term));
    sql_commit(unit);
    if (db_run(term->db, unit, term->options.config->lease_ttl_ms, lead, term) != DB_OK)
        term_fail(term, "the queue to PostgreSQL is full");
}

static void anchored(void *arg, uint64_t sequence)
{
    struct term *term = arg;
    term->state = TERM_READING;
    term->runs_seq = sequence;
    term->tail_load = tail_load_start(&(struct tail_load_options){.bus = term->options.bus,
                                                                  .db = term->db,
                                                                  .core = term->core,
                                                                  .marker = sequence,
                                                                  .on_done = tail_read,
                                                                  .on_failed = failed,
                                                                  .arg = term});
}

static void loaded(void *arg, struct core *core, struct checks *checks, const char *pings_stream)
{
    struct term *term = arg;
    term->core = core;
    term->checks = checks;
    term->pings = ping_intake_open(
        term->loop, &(struct ping_intake_options){.bus = term->options.bus,
                                                  .checks = checks,
                                                  .stream = pings_stream,
                                                  .connected_ms = term->options.connected_ms,
                                                  .on_work = pings_work,
                                                  .on_failed = failed,
                                                  .arg = term});
    term->state = TERM_ANCHORING;
    term->stream = run_stream_open(term->options.bus,
                                   &(struct run_stream_options){.epoch = term->options.epoch,
                                                                .on_anchored = anchored,
                                                                .on_acknowledged = acknowledged,
                                                                .on_failed = failed,
                                                                .arg = term});
}

static void timer_open(struct term *term, uv_timer_t *timer)
{
    uv_timer_init(term->loop, timer);
    timer->data = term;
    term->open_timers++;
}

/* Not further back than there are partitions. */
static uint32_t catch_up_window_s(const struct config *config)
{
    int64_t kept_s = config->history_days * DAY_MS / 1000;
    return (uint32_t)(config->catch_up_window_s < kept_s ? config->catch_up_window_s : kept_s);
}

struct term *term_open(uv_loop_t *loop, const struct term_options *options)
{
    const struct config *config = options->config;
    struct term *term = memory_new(1, sizeof(*term));
    term->options = *options;
    term->loop = loop;
    term->begun_ms = clock_monotonic_ms();
    timer_open(term, &term->ending);
    timer_open(term, &term->clock);
    timer_open(term, &term->housekeeping);
    timer_open(term, &term->tending);
    metric_add(stats.terms, 1);
    metric_set(stats.epoch, (double)options->epoch);
    term->db = db_open(loop, &(struct db_options){.url = config->database_url,
                                                  .name = "croncoco scheduler",
                                                  .connections = 1,
                                                  .queue_limit = 16,
                                                  .pipeline_depth = 1});
    term->outbox = outbox_open(loop, options->bus, outbox_acked, term);
    term->load = load_start(&(struct load_options){
        .db = term->db,
        .outbox = term->outbox,
        .limits = {.open_runs = (uint32_t)config->open_run_limit,
                   .catch_up_window_s = catch_up_window_s(config),
                   .address_per_hour = (uint32_t)config->address_rate_per_hour,
                   .failure_mail_interval_ms = config->failure_mail_interval_s * 1000,
                   .auto_pause_after_ms = config->auto_pause_after_s * 1000},
        .epoch = options->epoch,
        .emit = emit,
        .on_loaded = loaded,
        .on_failed = failed,
        .arg = term});
    return term;
}
