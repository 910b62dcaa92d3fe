#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "scheduler/core/core.h"

#define MINUTE_MS    INT64_C(60000)
#define HOUR         UINT32_C(29979360) /* 2027-01-01T00:00Z, in minutes */
#define NOW_MS       (HOUR * MINUTE_MS)
#define MESSAGES_MAX 4096

/* What the core published. */
static struct run_batch published[MESSAGES_MAX];
static unsigned published_lanes[MESSAGES_MAX];
static size_t published_count;

static struct core *core;
static struct execution_batch rows;

static void emit(void *arg, uint64_t number, unsigned lane, const struct run_batch *batch)
{
    (void)arg;
    assert_int_equal(number, core->log.first + core->log.count - 1);
    assert_true(published_count < MESSAGES_MAX);
    published_lanes[published_count] = lane;
    published[published_count++] = *batch;
}

static struct core *core_new(uint32_t open_runs, const struct core_progress *progress)
{
    const struct core_limits limits = {
        .open_runs = open_runs, .catch_up_window_s = 86400, .address_per_hour = 5};
    const struct plan plan = {"business", 1000, 5000, 60, 60};
    struct core *made = core_create(&limits, 7, progress, emit, NULL);
    core_load_plan(made, &plan);
    for (int64_t account = 1; account <= 20; account++)
        assert_int_equal(core_load_account(made, account, "business"), 0);
    return made;
}

/* A core that has dealt with everything to HOUR. */
static int core_set_up(void **state)
{
    (void)state;
    published_count = 0;
    rows = (struct execution_batch){0};
    core = core_new(1000000, &(struct core_progress){.has_last_tick = true,
                                                     .last_tick = HOUR,
                                                     .runs_seq = 100,
                                                     .next_account = 21,
                                                     .next_job = 1000,
                                                     .next_outbox = 1});
    return 0;
}

static int core_tear_down(void **state)
{
    (void)state;
    core_free(core);
    execution_batch_free(&rows);
    return 0;
}

static void job_add(int64_t id, int64_t account, const char *expression)
{
    assert_int_equal(core_load_job(core, id, account, 1, expression, true, NOW_MS - MINUTE_MS), 0);
}

static void tick_to(uint32_t minute)
{
    while (core->emitted < minute)
        core_tick(core, minute * MINUTE_MS);
}

static size_t runs_published(void)
{
    size_t count = 0;
    for (size_t i = 0; i < published_count; i++)
        count += published[i].count;
    return count;
}

/* How often (job, minute) was published. */
static size_t times_published(int64_t job, uint32_t minute)
{
    size_t times = 0;
    for (size_t i = 0; i < published_count; i++)
        for (size_t j = 0; j < published[i].count; j++)
            times += published[i].runs[j].job == job &&
                     published[i].runs[j].slot_s == (int64_t)minute * 60;
    return times;
}

static void acknowledge_all(uint64_t sequence)
{
    while (run_log_waiting(&core->log)) {
        core_acknowledged(core, core->log.unacked, sequence);
        sequence++;
    }
}

static void collect_at(int64_t now_ms)
{
    static const struct core_collect_limits limits = {
        .skipped = 1000, .pending = 1000, .pending_age_ms = 200};
    execution_batch_clear(&rows);
    core_collect(core, now_ms, &limits, &rows);
}

static bool finish(int64_t job, uint32_t minute, enum result_outcome outcome)
{
    struct result result = {.job = job,
                            .slot_s = (int64_t)minute * 60,
                            .attempt = 1,
                            .outcome = (uint8_t)outcome,
                            .started_ms = minute * MINUTE_MS + 5,
                            .duration_ms = 20};
    return core_result(core, &result);
}

/* Reads what was published as a new leader does, which found it in the stream from 101 on. */
static void take_over(const struct core_progress *progress, int64_t now_ms, void (*load)(void))
{
    static struct run_batch stream[MESSAGES_MAX];
    static const bool none_final[RUN_BATCH_MAX];
    size_t count = published_count;
    memcpy(stream, published, count * sizeof(stream[0]));
    struct core_progress before = *progress;
    core_free(core);
    published_count = 0;
    core = core_new(1000000, &before);
    load();
    for (size_t i = before.runs_seq - 100; i < count; i++)
        core_load_message(core, 101 + i, &stream[i], none_final, now_ms);
    core_load_message(core, 101 + count, &(struct run_batch){0}, none_final, now_ms);
    core_loaded(core, now_ms);
}

/* ---- ticks ---- */

static void a_slot_is_run_once_in_its_minute(void **state)
{
    (void)state;
    job_add(1, 1, "*/5 * * * *");
    core_loaded(core, NOW_MS);
    tick_to(HOUR + 4);
    assert_int_equal(published_count, 0);
    assert_int_equal(core_tick(core, (HOUR + 5) * MINUTE_MS), 1);
    assert_int_equal(times_published(1, HOUR + 5), 1);
    assert_int_equal(published[0].epoch, 7);
    assert_int_equal(published[0].runs[0].timeout_s, 60);
    assert_int_equal(published[0].runs[0].attempt, 1);
    assert_int_equal(published[0].runs[0].version, 1);
    tick_to(HOUR + 9);
    assert_int_equal(runs_published(), 1);
    assert_true(core_is_open(core, 1, (HOUR + 5) * INT64_C(60), 0, 1));
    assert_false(core_is_open(core, 1, (HOUR + 5) * INT64_C(60), 0, 2));
}

static void without_a_last_tick_the_next_minute_is_the_first(void **state)
{
    (void)state;
    core_free(core);
    core = core_new(1000000, &(struct core_progress){.next_job = 1});
    job_add(1, 1, "* * * * *");
    core_loaded(core, NOW_MS + 5000);
    assert_int_equal(core_next_minute(core), HOUR + 1);
    assert_true(core->progress.has_last_tick);
    assert_int_equal(core->progress.last_tick, HOUR);
}

static void slots_up_to_due_after_and_of_paused_jobs_are_not_due(void **state)
{
    (void)state;
    assert_int_equal(core_load_job(core, 1, 1, 1, "* * * * *", true, NOW_MS + 90000), 0);
    assert_int_equal(core_load_job(core, 2, 1, 1, "* * * * *", false, NOW_MS), 0);
    core_loaded(core, NOW_MS);
    for (uint32_t minute = HOUR + 1; minute <= HOUR + 3; minute++)
        tick_to(minute);
    assert_int_equal(times_published(1, HOUR + 1), 0);
    assert_int_equal(times_published(1, HOUR + 2), 1);
    assert_int_equal(times_published(1, HOUR + 3), 1);
    assert_int_equal(runs_published(), 2);
}

static void a_message_is_of_one_lane_and_no_longer_than_a_batch(void **state)
{
    (void)state;
    for (int64_t id = 1; id <= 400; id++)
        job_add(id, id % 3 + 1, "* * * * *");
    core_loaded(core, NOW_MS);
    tick_to(HOUR + 1);
    assert_int_equal(runs_published(), 400);
    for (size_t i = 0; i < published_count; i++) {
        assert_in_range(published[i].count, 1, RUN_BATCH_MAX);
        for (size_t j = 0; j < published[i].count; j++)
            assert_int_equal((published[i].runs[j].job % 3 + 1) % LANES, published_lanes[i]);
    }
    assert_int_equal(core->open.count, 400);
}

/* Accounts 1, 9 and 17 share a lane: none has to wait until another's jobs have all left. */
static void accounts_take_turns(void **state)
{
    (void)state;
    for (int64_t id = 1; id <= 90; id++)
        job_add(id, 1, "* * * * *");
    for (int64_t id = 91; id <= 95; id++)
        job_add(id, 9, "* * * * *");
    job_add(96, 17, "* * * * *");
    core_loaded(core, NOW_MS);
    tick_to(HOUR + 1);
    static const int64_t first[] = {1, 91, 96, 2, 92, 3, 93, 4, 94, 5, 95, 6, 7};
    for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++)
        assert_int_equal(published[0].runs[i].job, first[i]);
}

static void a_clock_that_is_set_back_does_not_hurt(void **state)
{
    (void)state;
    job_add(1, 1, "* * * * *");
    core_loaded(core, NOW_MS);
    assert_int_equal(core_tick(core, NOW_MS + 59999), 1);
    assert_int_equal(times_published(1, HOUR + 1), 1);
}

/* ---- the minute ahead ---- */

static void what_changes_after_the_scan_counts(void **state)
{
    (void)state;
    job_add(1, 1, "* * * * *");
    job_add(2, 1, "* * * * *");
    job_add(3, 1, "* * * * *");
    job_add(4, 1, "0 0 * * *");
    core_loaded(core, NOW_MS);
    core_prepare(core, HOUR + 1);
    uint32_t paused = place_table_find(&core->jobs, 1), due = place_table_find(&core->jobs, 4);
    job_at(&core->jobs, paused)->due_after = JOB_PAUSED;
    core_job_changed(core, paused);
    place_table_remove(&core->jobs, place_table_find(&core->jobs, 2));
    job_at(&core->jobs, due)->cron = job_at(&core->jobs, paused)->cron;
    core_job_changed(core, due);
    core_job_changed(core, due);
    core_job_changed(core, place_table_find(&core->jobs, 3));
    assert_int_equal(core_tick(core, (HOUR + 1) * MINUTE_MS), 2);
    assert_int_equal(times_published(3, HOUR + 1), 1);
    assert_int_equal(times_published(4, HOUR + 1), 1);
}

static void a_new_job_in_the_place_of_a_removed_one_is_judged_by_itself(void **state)
{
    (void)state;
    job_add(1, 1, "* * * * *");
    core_loaded(core, NOW_MS);
    core_prepare(core, HOUR + 1);
    place_table_remove(&core->jobs, place_table_find(&core->jobs, 1));
    assert_int_equal(core_load_job(core, 2, 1, 1, "30 * * * *", true, NOW_MS), 0);
    core_job_changed(core, place_table_find(&core->jobs, 2));
    assert_int_equal(core_tick(core, (HOUR + 1) * MINUTE_MS), 0);
}

/* ---- catching up ---- */

static void of_the_missed_slots_the_newest_runs(void **state)
{
    (void)state;
    job_add(1, 1, "*/10 * * * *");
    job_add(2, 1, "45 * * * *");
    int64_t now_ms = (HOUR + 59) * MINUTE_MS + 30000;
    core_loaded(core, now_ms);
    while (core_next_minute(core) <= now_ms / MINUTE_MS)
        core_tick(core, now_ms);
    assert_int_equal(runs_published(), 2);
    assert_int_equal(times_published(1, HOUR + 50), 1);
    assert_int_equal(times_published(2, HOUR + 45), 1);
    acknowledge_all(101);
    collect_at(now_ms);
    assert_int_equal(rows.count, 4); /* 10, 20, 30, 40 */
    for (size_t i = 0; i < rows.count; i++) {
        assert_int_equal(rows.rows[i].status, EXECUTION_SKIPPED);
        assert_int_equal(rows.rows[i].slot_s, (HOUR + 10 * (i + 1)) * INT64_C(60));
        assert_string_equal(rows.rows[i].error, "missed");
    }
    assert_int_equal(core->progress.last_tick, HOUR + 59);
}

static void what_lies_behind_the_window_is_left_alone(void **state)
{
    (void)state;
    job_add(1, 1, "0 * * * *");
    int64_t now_ms = NOW_MS + 3 * 86400000LL;
    core_loaded(core, now_ms);
    assert_int_equal(core_next_minute(core), HOUR + 2 * 1440 + 1);
    while (core_next_minute(core) <= now_ms / MINUTE_MS)
        core_tick(core, now_ms);
    assert_int_equal(runs_published(), 1);
    collect_at(now_ms);
    assert_int_equal(rows.count, 23);
}

static void skipped_rows_hold_last_tick_until_all_are_taken(void **state)
{
    (void)state;
    for (int64_t id = 1; id <= 10; id++)
        job_add(id, 1, "* * * * *");
    int64_t now_ms = (HOUR + 5) * MINUTE_MS;
    core_loaded(core, now_ms);
    tick_to(HOUR + 5);
    acknowledge_all(101);
    static const struct core_collect_limits limits = {.skipped = 15, .pending = 0};
    static const uint32_t last_ticks[] = {HOUR + 1, HOUR + 3, HOUR + 5};
    static const size_t counts[] = {15, 15, 10};
    for (size_t i = 0; i < 3; i++) {
        assert_false(core_settled(core, now_ms));
        execution_batch_clear(&rows);
        core_collect(core, now_ms, &limits, &rows);
        assert_int_equal(rows.count, counts[i]);
        assert_int_equal(core->progress.last_tick, last_ticks[i]);
    }
    assert_true(core_settled(core, now_ms));
    assert_false(core_settled(core, now_ms + MINUTE_MS));
}

/* ---- limits ---- */

static void runs_over_the_limit_are_skipped(void **state)
{
    (void)state;
    core_free(core);
    core = core_new(100, &(struct core_progress){.has_last_tick = true, .last_tick = HOUR});
    for (int64_t id = 1; id <= 130; id++)
        job_add(id, 1, "* * * * *");
    core_loaded(core, NOW_MS);
    assert_int_equal(core_tick(core, NOW_MS + MINUTE_MS), 100);
    acknowledge_all(101);
    collect_at(NOW_MS + MINUTE_MS);
    assert_int_equal(rows.count, 30);
    assert_string_equal(rows.rows[0].error, "capacity");
    assert_true(finish(1, HOUR + 1, RESULT_SUCCESS));
    collect_at(NOW_MS + MINUTE_MS);
    assert_int_equal(core_tick(core, NOW_MS + 2 * MINUTE_MS), 1);
}

/* ---- rows ---- */

static void a_quick_run_is_written_once(void **state)
{
    (void)state;
    job_add(1, 1, "* * * * *");
    job_add(2, 1, "* * * * *");
    core_loaded(core, NOW_MS);
    tick_to(HOUR + 1);
    acknowledge_all(101);
    int64_t tick_ms = (HOUR + 1) * MINUTE_MS;
    assert_true(finish(2, HOUR + 1, RESULT_HTTP_ERROR));
    assert_false(finish(2, HOUR + 1, RESULT_SUCCESS));
    collect_at(tick_ms + 100);
    assert_int_equal(rows.count, 1);
    assert_int_equal(rows.rows[0].status, EXECUTION_FAILURE);
    assert_int_equal(rows.rows[0].triggered_ms, tick_ms + 5);
    assert_int_equal(rows.rows[0].completed_ms, tick_ms + 25);
    assert_int_equal(core->progress.last_tick, HOUR + 1);
    assert_int_equal(core->progress.runs_seq, 100);
    collect_at(tick_ms + 200);
    assert_int_equal(rows.count, 1);
    assert_int_equal(rows.rows[0].job, 1);
    assert_int_equal(rows.rows[0].status, EXECUTION_PENDING);
    assert_int_equal(core->progress.runs_seq, 101);
    assert_true(finish(1, HOUR + 1, RESULT_SUCCESS));
    assert_true(core_has_rows(core));
    collect_at(tick_ms + 300);
    assert_int_equal(rows.count, 1);
    assert_int_equal(rows.rows[0].status, EXECUTION_SUCCESS);
    assert_int_equal(core->open.count, 0);
    assert_false(core_has_rows(core));
}

/* A row of a run that never got into RUNS would be found by a leader that cannot run it. */
static void a_run_gets_its_pending_row_behind_the_acknowledgement(void **state)
{
    (void)state;
    job_add(1, 1, "* * * * *");
    core_loaded(core, NOW_MS);
    tick_to(HOUR + 1);
    collect_at((HOUR + 1) * MINUTE_MS + 5000);
    assert_int_equal(rows.count, 0);
    assert_int_equal(core->progress.last_tick, HOUR);
    assert_false(core_settled(core, (HOUR + 1) * MINUTE_MS));
    acknowledge_all(101);
    collect_at((HOUR + 1) * MINUTE_MS + 5001);
    assert_int_equal(rows.count, 1);
    assert_int_equal(core->progress.last_tick, HOUR + 1);
}

static void rows_are_in_the_order_of_their_key(void **state)
{
    (void)state;
    for (int64_t id = 50; id >= 1; id--)
        job_add(id, id % 20 + 1, "* * * * *");
    core_loaded(core, NOW_MS);
    tick_to(HOUR + 1);
    acknowledge_all(101);
    for (int64_t id = 1; id <= 25; id++)
        assert_true(finish(id * 7 % 51, HOUR + 1, RESULT_SUCCESS));
    collect_at((HOUR + 1) * MINUTE_MS + 300);
    assert_int_equal(rows.count, 50);
    for (size_t i = 0; i < rows.count; i++)
        assert_int_equal(rows.rows[i].job, i + 1);
}

static void runs_of_deleted_jobs_leave_no_row_and_no_trace(void **state)
{
    (void)state;
    job_add(1, 1, "* * * * *");
    job_add(2, 1, "* * * * *");
    job_add(3, 1, "* * * * *");
    core_loaded(core, NOW_MS);
    tick_to(HOUR + 1);
    acknowledge_all(101);
    assert_true(finish(1, HOUR + 1, RESULT_SUCCESS));
    for (int64_t id = 1; id <= 2; id++)
        place_table_remove(&core->jobs, place_table_find(&core->jobs, id));
    collect_at((HOUR + 1) * MINUTE_MS + 300);
    assert_int_equal(rows.count, 1);
    assert_int_equal(rows.rows[0].job, 3);
    assert_int_equal(core->open.count, 1);
    assert_int_equal(core->progress.runs_seq, 101);
    assert_false(finish(2, HOUR + 1, RESULT_SUCCESS));
}

static void results_nobody_waits_for_are_ignored(void **state)
{
    (void)state;
    core_loaded(core, NOW_MS);
    assert_false(finish(1, HOUR + 1, RESULT_SUCCESS));
    assert_false(core_has_rows(core));
}

/* ---- taking over ---- */

static void load_two_jobs(void)
{
    job_add(1, 1, "* * * * *");
    job_add(2, 1, "* * * * *");
}

static void what_is_in_the_stream_is_open_and_not_emitted_again(void **state)
{
    (void)state;
    load_two_jobs();
    core_loaded(core, NOW_MS);
    tick_to(HOUR + 1);
    struct core_progress nothing_recorded = core->progress;
    take_over(&nothing_recorded, (HOUR + 1) * MINUTE_MS + 500, load_two_jobs);
    assert_int_equal(core_next_minute(core), HOUR + 1);
    assert_int_equal(core_tick(core, (HOUR + 1) * MINUTE_MS + 500), 0);
    assert_int_equal(core->open.count, 2);
    assert_true(finish(1, HOUR + 1, RESULT_SUCCESS));
    collect_at((HOUR + 1) * MINUTE_MS + 1000);
    assert_int_equal(rows.count, 2);
    assert_int_equal(core->progress.last_tick, HOUR + 1);
    assert_int_equal(core->progress.runs_seq, 102); /* past the marker */
}

/* The leader before emitted one of two slots: the other one is made up for. */
static void the_rest_of_a_minute_is_emitted_by_the_next_leader(void **state)
{
    (void)state;
    job_add(1, 1, "* * * * *");
    core_loaded(core, NOW_MS);
    tick_to(HOUR + 1);
    struct core_progress nothing_recorded = core->progress;
    take_over(&nothing_recorded, (HOUR + 1) * MINUTE_MS + 500, load_two_jobs);
    assert_int_equal(core_tick(core, (HOUR + 1) * MINUTE_MS + 500), 1);
    assert_int_equal(times_published(2, HOUR + 1), 1);
    assert_int_equal(core->open.count, 2);
    collect_at((HOUR + 1) * MINUTE_MS + 1000);
    assert_int_equal(core->progress.last_tick, HOUR); /* its message is not acknowledged */
    assert_int_equal(core->progress.runs_seq, 100);
}

/* It emitted the newest missed slot, and died before the rows of the older ones were written. */
static void older_slots_that_were_skipped_in_vain_are_skipped_again(void **state)
{
    (void)state;
    load_two_jobs();
    core_loaded(core, (HOUR + 4) * MINUTE_MS);
    struct core_progress nothing_recorded = core->progress;
    tick_to(HOUR + 4);
    assert_int_equal(core->skipped.count, 6);
    assert_int_equal(runs_published(), 2);
    take_over(&nothing_recorded, (HOUR + 4) * MINUTE_MS + 500, load_two_jobs);
    tick_to(HOUR + 4);
    assert_int_equal(runs_published(), 0);
    collect_at((HOUR + 4) * MINUTE_MS + 1000);
    size_t skipped = 0;
    for (size_t i = 0; i < rows.count; i++)
        skipped += rows.rows[i].status == EXECUTION_SKIPPED;
    assert_int_equal(skipped, 6);
    assert_int_equal(rows.count, 8);
}

static void final_rows_and_pending_rows_are_not_opened_twice(void **state)
{
    (void)state;
    static const bool final[RUN_BATCH_MAX] = {true, false, false};
    struct run_batch batch = {.epoch = 3, .count = 3};
    for (int64_t id = 1; id <= 3; id++) {
        job_add(id, 1, "* * * * *");
        batch.runs[id - 1] =
            (struct run){.job = id, .slot_s = HOUR * INT64_C(60), .attempt = 1, .version = 1};
    }
    core_load_pending(core, &batch.runs[1]);
    core_load_pending(core, &batch.runs[1]);
    struct run deleted = {.job = 99, .slot_s = HOUR * INT64_C(60), .attempt = 1};
    core_load_pending(core, &deleted);
    core_load_message(core, 101, &batch, final, NOW_MS);
    core_loaded(core, NOW_MS);
    assert_int_equal(core->open.count, 2);
    assert_false(finish(1, HOUR, RESULT_SUCCESS));
    assert_true(finish(2, HOUR, RESULT_SUCCESS));
    collect_at(NOW_MS + 10);
    assert_int_equal(rows.count, 1);
    assert_int_equal(core->progress.runs_seq, 100);
    collect_at(NOW_MS + 300);
    assert_int_equal(rows.count, 1);
    assert_int_equal(core->progress.runs_seq, 101);
}

/* RUNS was made anew: the run is emitted under the row that it has. */
static void a_pending_run_that_the_stream_has_lost_is_emitted_again(void **state)
{
    (void)state;
    load_two_jobs();
    struct run lost = {.job = 1, .slot_s = (HOUR + 1) * INT64_C(60), .attempt = 1, .version = 1};
    core_load_pending(core, &lost);
    core_loaded(core, NOW_MS + MINUTE_MS);
    tick_to(HOUR + 1);
    assert_int_equal(runs_published(), 2);
    assert_int_equal(core->open.count, 2);
    acknowledge_all(101);
    assert_true(finish(1, HOUR + 1, RESULT_SUCCESS));
    assert_true(finish(2, HOUR + 1, RESULT_SUCCESS));
    collect_at(NOW_MS + 2 * MINUTE_MS);
    assert_int_equal(rows.count, 2);
    assert_int_equal(core->open.count, 0);
}

static void jobs_that_cannot_be_scheduled_are_there_and_never_due(void **state)
{
    (void)state;
    assert_int_equal(core_load_job(core, 1, 99, 1, "* * * * *", true, NOW_MS), -1);
    assert_int_equal(core_load_job(core, 2, 1, 1, "* * * *", true, NOW_MS), -1);
    assert_int_equal(core_load_account(core, 30, "gold"), -1);
    assert_int_equal(place_table_find(&core->jobs, 1), PLACE_NONE);
    assert_int_not_equal(place_table_find(&core->jobs, 2), PLACE_NONE);
    core_loaded(core, NOW_MS);
    tick_to(HOUR + 120);
    assert_int_equal(published_count, 0);
}

static void lost_runs_end_as_failures(void **state)
{
    (void)state;
    job_add(1, 1, "* * * * *");
    job_add(2, 2, "* * * * *");
    job_add(3, 3, "* * * * *");
    core_load_pending(core,
                      &(struct run){.job = 3, .slot_s = HOUR * 60, .version = 1, .attempt = 1});
    core_loaded(core, NOW_MS);
    tick_to(HOUR + 1);
    acknowledge_all(101);
    assert_true(finish(2, HOUR + 1, RESULT_SUCCESS));
    uint64_t before = run_log_next(&core->log);
    tick_to(HOUR + 2);
    acknowledge_all(110);
    assert_int_equal(core_close_lost(core, before), 3); /* of job 1, and two of job 3 */
    assert_int_equal(core_close_lost(core, before), 0);
    collect_at((HOUR + 2) * MINUTE_MS);
    assert_int_equal(rows.count, 4);
    assert_int_equal(rows.rows[0].status, EXECUTION_FAILURE);
    assert_non_null(strstr(rows.rows[0].error, "lost"));
    assert_int_equal(rows.rows[1].status, EXECUTION_SUCCESS);
    assert_int_equal(core->open.count, 3); /* those of HOUR + 2 */
}

int main(void)
{
#define CORE_TEST(test) cmocka_unit_test_setup_teardown(test, core_set_up, core_tear_down)
    const struct CMUnitTest tests[] = {
        CORE_TEST(a_slot_is_run_once_in_its_minute),
        CORE_TEST(without_a_last_tick_the_next_minute_is_the_first),
        CORE_TEST(slots_up_to_due_after_and_of_paused_jobs_are_not_due),
        CORE_TEST(a_message_is_of_one_lane_and_no_longer_than_a_batch),
        CORE_TEST(accounts_take_turns),
        CORE_TEST(a_clock_that_is_set_back_does_not_hurt),
        CORE_TEST(what_changes_after_the_scan_counts),
        CORE_TEST(a_new_job_in_the_place_of_a_removed_one_is_judged_by_itself),
        CORE_TEST(of_the_missed_slots_the_newest_runs),
        CORE_TEST(what_lies_behind_the_window_is_left_alone),
        CORE_TEST(skipped_rows_hold_last_tick_until_all_are_taken),
        CORE_TEST(runs_over_the_limit_are_skipped),
        CORE_TEST(a_quick_run_is_written_once),
        CORE_TEST(a_run_gets_its_pending_row_behind_the_acknowledgement),
        CORE_TEST(rows_are_in_the_order_of_their_key),
        CORE_TEST(runs_of_deleted_jobs_leave_no_row_and_no_trace),
        CORE_TEST(results_nobody_waits_for_are_ignored),
        CORE_TEST(what_is_in_the_stream_is_open_and_not_emitted_again),
        CORE_TEST(the_rest_of_a_minute_is_emitted_by_the_next_leader),
        CORE_TEST(older_slots_that_were_skipped_in_vain_are_skipped_again),
        CORE_TEST(final_rows_and_pending_rows_are_not_opened_twice),
        CORE_TEST(a_pending_run_that_the_stream_has_lost_is_emitted_again),
        CORE_TEST(lost_runs_end_as_failures),
        CORE_TEST(jobs_that_cannot_be_scheduled_are_there_and_never_due),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
