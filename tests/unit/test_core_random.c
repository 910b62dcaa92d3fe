/*
 * A service at random: jobs of all policies are added, changed and removed, plans change, results
 * are good and bad, transactions are lost, leaders die in the middle of everything. Whatever
 * happens, what is promised is counted. TEST_SEED repeats a run, TEST_ROUNDS makes it longer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core_world.h"
#include "sample.h"
#include "shared/compiler.h"
#include "shared/memory.h"

#define ROUNDS        200
#define STEPS         4000
#define MINUTES       2000
#define TRIES         (1u << 16)
#define ACCOUNT_IDS   256
#define JOBS_AT_ONCE  40
#define DOWN_MAX_MS   400000
#define MAIL_EVERY_MS 600000

enum { NOT_DUE, DUE, MAYBE_DUE };

/* An attempt that is in RUNS. */
struct
try {
    struct run run;
    bool executed, failed;
    uint8_t outcome;
};

static struct sample sample;
static uint64_t round_seed;
static struct try tries[TRIES];
static size_t try_count;
static uint32_t try_index[4 * TRIES];
static size_t messages_seen;
static size_t unexecuted[TRIES], unexecuted_count;
static uint32_t tries_of_job[WORLD_JOBS];
static uint8_t due[WORLD_JOBS][MINUTES];
static bool soft[WORLD_JOBS];    /* paused by the service, perhaps only in a leader's memory */
static bool bounded[WORLD_JOBS]; /* had an end: what waits when it is finished runs on */
static uint32_t judged;          /* newest minute whose due slots are known */
static int64_t next_job, next_account;
static uint32_t most_burst[ACCOUNT_IDS];
static bool uncounted[ACCOUNT_IDS]; /* jobs of it were removed, with their rows */

static uint64_t below(uint64_t bound)
{
    return sample_below(&sample, bound);
}

static bool chance(unsigned percent)
{
    return below(100) < percent;
}

/* ---- attempts ---- */

static uint32_t *try_at(const struct run *run, uint8_t attempt)
{
    uint64_t x = (uint64_t)run->job * 0x9e3779b97f4a7c15ULL ^
                 (uint64_t)run->slot_s * 0xc2b2ae3d27d4eb4fULL ^
                 ((uint64_t)run->replay << 8 | attempt) * 0x165667b19e3779f9ULL;
    uint32_t at = (uint32_t)(x >> 40) % (4 * TRIES);
    for (; try_index[at]; at = (at + 1) % (4 * TRIES)) {
        const struct run *other = &tries[try_index[at] - 1].run;
        if (other->job == run->job && other->slot_s == run->slot_s &&
            other->replay == run->replay && other->attempt == attempt)
            break;
    }
    return &try_index[at];
}

static bool is_notice(const struct run *run)
{
    return run->replay == RUN_NOTICE;
}

/* What was stored since is with the dispatchers. */
static void messages_see(void)
{
    for (; messages_seen < world.message_count; messages_seen++) {
        const struct run_batch *batch = &world.messages[messages_seen].batch;
        for (size_t i = 0; i < batch->count; i++) {
            const struct run *run = &batch->runs[i];
            uint32_t *at = try_at(run, run->attempt);
            if (*at)
                fail_msg("job %lld slot %lld replay %u attempt %u was emitted twice",
                         (long long)run->job, (long long)run->slot_s, run->replay, run->attempt);
            assert_true(try_count < TRIES);
            tries[try_count] = (struct try){.run = *run};
            unexecuted[unexecuted_count++] = try_count;
            *at = (uint32_t)++try_count;
            if (!is_notice(run))
                tries_of_job[run->job]++;
        }
    }
}

static size_t in_flight(int64_t account)
{
    size_t count = 0;
    for (size_t i = 0; i < unexecuted_count; i++) {
        const struct run *run = &tries[unexecuted[i]].run;
        count += !is_notice(run) && world.jobs[run->job].there &&
                 world.jobs[run->job].account == account;
    }
    for (size_t i = 0; i < world.outgoing_count; i++)
        for (size_t j = 0; j < world.outgoing[i].batch.count; j++) {
            const struct run *run = &world.outgoing[i].batch.runs[j];
            count += !is_notice(run) && world.jobs[run->job].account == account;
        }
    return count;
}

static size_t used(int64_t account)
{
    size_t count = 0;
    for (int64_t id = 1; id < next_job; id++)
        if (world.jobs[id].there && world.jobs[id].account == account)
            count += tries_of_job[id];
    for (size_t i = 0; i < world.outgoing_count; i++)
        for (size_t j = 0; j < world.outgoing[i].batch.count; j++) {
            const struct run *run = &world.outgoing[i].batch.runs[j];
            count += !is_notice(run) && world.jobs[run->job].account == account;
        }
    return count;
}

static const struct plan *plan_named(const char *name)
{
    for (size_t i = 0; i < world.plan_count; i++)
        if (strcmp(world.plans[i].name, name) == 0)
            return &world.plans[i];
    fprintf(stderr, "no plan %s\n", name);
    abort();
}

static bool is_bounded(const struct job_settings *settings)
{
    return !settings->cron_expression || settings->end_at_s;
}

static bool in_bounds(const struct job_settings *settings, int64_t minute)
{
    int64_t slot_s = minute * 60;
    return settings->cron_expression ? slot_s >= settings->start_at_s &&
                                           (!settings->end_at_s || slot_s <= settings->end_at_s)
                                     : slot_s == settings->run_at_s;
}

static void retry_check(const struct run *run)
{
    uint32_t before = *try_at(run, (uint8_t)(run->attempt - 1));
    assert_true(before && tries[before - 1].executed && tries[before - 1].failed);
    assert_in_range(run->attempt, 2, 6);
    if (run->replay || !core_job_enabled(world.core, world_place(run->job)))
        return;
    const struct job_settings *settings = &world.jobs[run->job].settings;
    int64_t next =
        cron_next(&job_at(&world.core->jobs, world_place(run->job))->cron, run->slot_s / 60);
    if (in_bounds(settings, next))
        assert_true(world.now_ms < next * WORLD_MINUTE_MS);
}

static void emitted(const struct run *run, unsigned lane)
{
    assert_int_equal(*try_at(run, run->attempt), 0);
    if (is_notice(run)) {
        const struct world_notice *notice = &world.notices[run->job];
        assert_true(notice->there);
        assert_int_equal(notice->account % LANES, lane);
        uint32_t before = *try_at(run, (uint8_t)(run->attempt - 1));
        assert_true(run->attempt == 1 ||
                    (before && tries[before - 1].executed && tries[before - 1].failed));
        if (notice->alert)
            assert_int_equal(run->timeout_s, run->attempt == 1 ? 5 : 10);
        return;
    }
    const struct world_job *job = &world.jobs[run->job];
    assert_true(job->there);
    assert_int_equal(job->account % LANES, lane);
    if (run->attempt > 1)
        retry_check(run);
    bool of_version = job->settings.version == run->version;
    if (run->replay == 0 && run->attempt == 1 && of_version && job->settings.jitter_s) {
        const struct policy policy = {.jitter_s = job->settings.jitter_s};
        int64_t leaves_s = run->slot_s + policy_jitter_s(&policy, run->job, run->slot_s);
        assert_true(world.now_ms >= leaves_s * 1000);
    }
    bool by_user = !job->settings.enabled && !job->paused;
    assert_false(run->replay == 0 && by_user && !bounded[run->job]);
    const struct plan *plan = plan_named(world_account(job->account)->plan);
    assert_in_range(in_flight(job->account), 0, plan->concurrency);
    assert_in_range(used(job->account), 0, plan->executions_per_month);
}

/* ---- what happens ---- */

static void soft_see(void)
{
    if (!world.core)
        return;
    for (int64_t id = 1; id < next_job; id++) {
        bounded[id] |= is_bounded(&world.jobs[id].settings);
        uint32_t place = world.jobs[id].there ? world_place(id) : PLACE_NONE;
        if (place == PLACE_NONE || core_job_enabled(world.core, place))
            continue;
        int reason = core_pause_reason(world.core, id);
        for (size_t i = 0; i < world.writing.pause_count; i++)
            if (world.writing.pauses[i].job == id)
                reason = (int)world.writing.pauses[i].reason;
        if (reason < 0 || reason == PAUSE_FINISHED || soft[id])
            continue;
        soft[id] = true;
        for (uint32_t at = world.progress.last_tick + 1 - WORLD_HOUR; at < MINUTES; at++)
            if (due[id][at] == DUE)
                due[id][at] = MAYBE_DUE;
    }
}

/* Which slots are due at a minute that no leader has dealt with yet. */
static void minute_judge(uint32_t minute)
{
    if (minute <= judged)
        return;
    judged = minute;
    assert_true(minute - WORLD_HOUR < MINUTES);
    for (int64_t id = 1; id < next_job; id++) {
        const struct world_job *job = &world.jobs[id];
        if (!job->there || !job->settings.enabled ||
            job->settings.due_after_ms / WORLD_MINUTE_MS >= minute ||
            !in_bounds(&job->settings, minute))
            continue;
        struct cron cron;
        char error[CRON_ERROR_SIZE];
        assert_int_equal(core_schedule(&job->settings, &cron, error), 0);
        struct cron_time time = cron_time_in(cron.zone, minute);
        if (cron_matches(&cron, &time))
            due[id][minute - WORLD_HOUR] = soft[id] ? MAYBE_DUE : DUE;
    }
}

static void time_passes(int64_t ms)
{
    world.now_ms += ms;
    while (core_next_minute(world.core) * WORLD_MINUTE_MS <= world.now_ms) {
        minute_judge(core_next_minute(world.core));
        if (chance(30))
            core_prepare(world.core, core_next_minute(world.core));
        core_tick(world.core, world.now_ms);
        soft_see();
    }
    if (chance(20))
        core_prepare(world.core, core_next_minute(world.core));
    core_release(world.core, world.now_ms);
}

static void executes(void)
{
    if (!unexecuted_count)
        return;
    size_t at = below(unexecuted_count), number = unexecuted[at];
    unexecuted[at] = unexecuted[--unexecuted_count];
    struct try *try = &tries[number];
    static const struct {
        enum result_outcome outcome;
        uint16_t code, retry_after_s;
    } ends[] = {
        {RESULT_SUCCESS, 200, 0},    {RESULT_SUCCESS, 204, 0},    {RESULT_SUCCESS, 302, 0},
        {RESULT_SUCCESS, 200, 0},    {RESULT_SUCCESS, 200, 0},    {RESULT_SUCCESS, 200, 0},
        {RESULT_HTTP_ERROR, 500, 0}, {RESULT_HTTP_ERROR, 503, 0}, {RESULT_HTTP_ERROR, 503, 90},
        {RESULT_TIMEOUT, 0, 0},      {RESULT_CONNECT, 0, 0},      {RESULT_DNS, 0, 0},
        {RESULT_HTTP_ERROR, 404, 0}, {RESULT_HTTP_ERROR, 429, 5}, {RESULT_TLS, 0, 0},
        {RESULT_BLOCKED, 0, 0},
    };
    size_t end = below(ARRAY_LENGTH(ends));
    bool gone = below(60) == 0;
    try->executed = true;
    bool alert = is_notice(&try->run) && world.notices[try->run.job].alert;
    try->failed = gone || ends[end].outcome != RESULT_SUCCESS || (alert && ends[end].code >= 300);
    try->outcome = gone ? RESULT_HTTP_ERROR : (uint8_t)ends[end].outcome;
    if (gone)
        world_result_add(&try->run, RESULT_HTTP_ERROR, 410, 0);
    else
        world_result_add(&try->run, ends[end].outcome, ends[end].code, ends[end].retry_after_s);
    if (chance(5)) { /* it is delivered again */
        world.results[world.result_count] = world.results[below(world.result_count)];
        world.result_count++;
    }
}

static struct job_settings settings_at_random(void)
{
    static const char *const crons[] = {"* * * * *",        "* * * * *",           "*/2 * * * *",
                                        "*/5 * * * *",      "1-59/3 * * * *",      "0 * * * *",
                                        "*/10 12-13 * * *", "30 12,13,14 * * 5,6", "7,9 * * * *"};
    static const char *const zones[] = {"UTC", "UTC", "Europe/Berlin", "Asia/Kathmandu"};
    struct job_settings settings = world_settings(crons[below(ARRAY_LENGTH(crons))]);
    settings.timezone = zones[below(ARRAY_LENGTH(zones))];
    settings.catch_up = (enum catch_up)below(CATCH_UPS);
    settings.catch_up_window_s = chance(70) ? CATCH_UP_WINDOW_NONE : (int32_t)below(600);
    settings.allow_overlap = !chance(25);
    settings.jitter_s = chance(25) ? (uint16_t)below(50) : 0;
    settings.max_retries = (uint8_t)below(6);
    settings.auto_pause = chance(50);
    settings.has_failure_webhook = chance(25);
    settings.enabled = !chance(15);
    int64_t now_s = world.now_ms / 1000;
    if (chance(15)) {
        settings.cron_expression = NULL;
        settings.run_at_s = (now_s / 60 + 1 + (int64_t)below(10)) * 60;
    } else if (chance(20)) {
        settings.start_at_s = chance(50) ? now_s + (int64_t)below(600) : 0;
        settings.end_at_s =
            settings.start_at_s || chance(70) ? now_s + 600 + (int64_t)below(900) : 0;
    }
    return settings;
}

/* A job that is there, or 0. */
static int64_t some_job(void)
{
    for (unsigned i = 0; i < 50; i++) {
        int64_t id = 1 + (int64_t)below((uint64_t)next_job);
        if (id < next_job && world_place(id) != PLACE_NONE)
            return id;
    }
    return 0;
}

static int64_t some_account(void)
{
    for (;;) {
        const struct world_account *account = &world.accounts[below(WORLD_ACCOUNTS)];
        if (account->there && place_table_find(&world.core->accounts, account->id) != PLACE_NONE)
            return account->id;
    }
}

struct replaced {
    int64_t id;
    bool resumed, removed;
};

static void job_changes(int64_t id, struct replaced *replaced)
{
    struct job_settings settings = world.jobs[id].settings;
    settings.enabled = core_job_enabled(world.core, world_place(id));
    settings.version++;
    unsigned what = (unsigned)below(4);
    if (what == 0) {
        settings = settings_at_random();
        settings.version = world.jobs[id].settings.version + 1;
        settings.due_after_ms = world.now_ms;
    } else if (what == 1) {
        settings.enabled = false;
    } else if (what == 2 && !settings.enabled) {
        settings.enabled = true;
        settings.due_after_ms = world.now_ms;
    } else {
        settings.allow_overlap = !settings.allow_overlap;
    }
    *replaced = (struct replaced){.id = id, .resumed = settings.enabled};
    world_set(id, &settings);
}

static void account_adds(void)
{
    int64_t id = next_account++;
    const struct plan *plan = &world.plans[below(world.plan_count)];
    assert_true(id < ACCOUNT_IDS);
    most_burst[id] = plan->burst_per_minute;
    world_add_account(id, plan->name);
}

static void runs_on_demand(int64_t id)
{
    uint32_t place = world_place(id);
    struct run run;
    if (chance(50))
        (void)core_run_now(world.core, place, world.now_ms, &run);
    else
        (void)core_replay(world.core, place, world.now_ms / 1000 / 60 * 60 - 3600, world.now_ms,
                          &run);
}

/* One job or account a batch is changed: what commands see of each other's changes is not asked
 * here. */
static void commands(void)
{
    if (world.under_way || !core_settled(world.core, world.now_ms))
        return;
    struct replaced replaced = {0};
    int64_t account = some_account(), id = some_job();
    uint64_t what = below(100);
    if (what < 40 && world.core->jobs.count < JOBS_AT_ONCE) {
        struct job_settings settings = settings_at_random();
        world_add_job(next_job++, account, &settings);
    } else if (what < 60 && id) {
        job_changes(id, &replaced);
    } else if (what < 68 && id) {
        replaced = (struct replaced){.id = id, .removed = true};
        world_apply(&(struct change){.kind = CHANGE_JOB_REMOVE, .id = id});
    } else if (what < 90 && id) {
        runs_on_demand(id);
    } else if (what < 96) {
        const struct plan *plan = &world.plans[below(world.plan_count)];
        if (most_burst[account] < plan->burst_per_minute)
            most_burst[account] = plan->burst_per_minute;
        world_apply(&(struct change){.kind = CHANGE_PLAN, .id = account, .plan = plan->name});
    } else if (what < 98 && world.core->accounts.count > 2) {
        world_apply(&(struct change){.kind = CHANGE_ACCOUNT_REMOVE, .id = account});
    } else if (next_account < ACCOUNT_IDS - 1) {
        account_adds();
    }
    soft_see();
    world_collect();
    bool last = chance(15), committed = !last || chance(50);
    if (committed && replaced.id) {
        if (replaced.removed)
            uncounted[world.jobs[replaced.id].account] = true;
        if (replaced.resumed)
            soft[replaced.id] = false;
    }
    if (last)
        world_die(below(world.outgoing_count + 1), committed);
    else
        world_commit();
}

static void leads(void)
{
    messages_see();
    world.now_ms += (int64_t)below(chance(20) ? DOWN_MAX_MS : 3000);
    world.collect = (struct core_collect_limits){.skipped = 1 + below(40),
                                                 .held = 1 + below(40),
                                                 .pending = 1 + below(40),
                                                 .pending_age_ms = chance(50) ? 200 : 5000};
    world_lead();
    soft_see();
}

static void collects(void)
{
    world_collect();
    for (unsigned i = chance(10) ? 1 + (unsigned)below(3) : 0; i; i--)
        world_add_alert(some_account());
}

static void dies(void)
{
    size_t stored = below(world.outgoing_count + 1);
    world_die(stored, chance(50));
}

static void step(void)
{
    uint64_t what = below(1000);
    if (what < 350)
        time_passes((int64_t)below(what < 100 ? 20000 : 800));
    else if (what < 500)
        world_store(chance(70) ? world.outgoing_count : below(world.outgoing_count + 1));
    else if (what < 700)
        for (uint64_t i = below(12); i; i--)
            executes();
    else if (what < 800)
        world_results_apply(below(30));
    else if (what < 960 && world.under_way)
        world_commit();
    else if (what < 960)
        collects();
    else if (what < 985)
        commands();
    else if (what < 989)
        dies();
    if (!world.core)
        leads();
    messages_see();
    soft_see();
}

/* Time goes on, but no tick comes: what is open ends. */
static void drain(void)
{
    time_passes(0); /* what the leader before was about to do */
    world.collect = (struct core_collect_limits){10000, 10000, 10000, 0};
    for (unsigned i = 0; world.core->open.count || world.outgoing_count; i++) {
        assert_in_range(i, 0, 200);
        if (world.under_way)
            world_commit();
        world_store(world.outgoing_count);
        messages_see();
        while (unexecuted_count)
            executes();
        world_results_apply(WORLD_RESULTS);
        world_settle();
        if (i % 4 == 0)
            world.now_ms += 600000;
        core_release(world.core, world.now_ms);
    }
    if (world.under_way)
        world_commit();
    world_settle();
    world_settle();
}

/* ---- what was promised ---- */

static void row_check(const struct world_row *stored)
{
    static const char *const reasons[] = {"monthly limit reached",
                                          "burst limit reached",
                                          "concurrency limit: the next run came first",
                                          "overlap",
                                          "missed",
                                          "paused",
                                          "capacity"};
    const struct execution *row = &stored->row;
    struct run run = {.job = row->job, .slot_s = row->slot_s, .replay = row->replay};
    assert_int_not_equal(row->status, EXECUTION_PENDING);
    uint8_t there = 0;
    bool succeeded = false;
    for (uint32_t at; (at = *try_at(&run, (uint8_t)(there + 1))) != 0; there++) {
        assert_false(succeeded); /* nothing comes behind a success */
        succeeded = !tries[at - 1].failed;
    }
    if (there != row->attempts)
        fail_msg("job %lld slot %lld replay %u: %u attempts, its row says %u (%u %s)",
                 (long long)row->job, (long long)row->slot_s, row->replay, there, row->attempts,
                 row->status, stored->error);
    assert_int_equal(succeeded, row->status == EXECUTION_SUCCESS);
    for (uint8_t attempt = 1; attempt + 1 < row->attempts; attempt++)
        assert_true(stored->attempt_rows >> attempt & 1);
    bool known = row->status != EXECUTION_SKIPPED;
    for (size_t i = 0; i < ARRAY_LENGTH(reasons); i++)
        known |= strcmp(stored->error, reasons[i]) == 0;
    assert_true(known);
    if (row->replay == 0 && due[row->job][row->slot_s / 60 - WORLD_HOUR] == NOT_DUE)
        fail_msg("job %lld was not due at minute %lld (%s)", (long long)row->job,
                 (long long)(row->slot_s / 60 - WORLD_HOUR), stored->error);
}

static void slots_check(void)
{
    for (int64_t id = 1; id < next_job; id++)
        for (uint32_t at = 0; world.jobs[id].there && at < MINUTES; at++)
            if (due[id][at] == DUE && !world_slot(id, WORLD_HOUR + at))
                fail_msg("job %lld (%s) has no row of minute %u", (long long)id,
                         world.jobs[id].settings.cron_expression, at);
}

static void usage_check(const struct world_account *account)
{
    static uint32_t starts[2 * MINUTES];
    memset(starts, 0, sizeof(starts));
    uint32_t attempts = 0;
    for (size_t i = 0; i < world.row_count; i++) {
        const struct execution *row = &world.rows[i].row;
        if (!world.rows[i].there || world.jobs[row->job].account != account->id)
            continue;
        attempts += row->attempts;
        if (row->attempts && row->trigger != TRIGGER_REPLAY)
            starts[row->slot_s / 60 - WORLD_HOUR]++;
    }
    for (size_t i = 0; i < ARRAY_LENGTH(starts); i++)
        assert_in_range(starts[i], 0, most_burst[account->id]);
    if (!uncounted[account->id])
        assert_int_equal(account->usage.executions, attempts);
    uint32_t place = place_table_find(&world.core->accounts, account->id);
    const struct account *own = account_at(&world.core->accounts, place);
    assert_int_equal(own->under_way, 0);
    assert_int_equal(own->used, own->recorded);
    assert_int_equal(own->ready.count, 0);
}

static void letters_check(void)
{
    static int64_t mailed[WORLD_JOBS];
    static bool warned[WORLD_JOBS];
    memset(mailed, 0, sizeof(mailed));
    memset(warned, 0, sizeof(warned));
    for (size_t i = 0; i < world.letter_count; i++) {
        const struct world_letter *letter = &world.letters[i];
        if (letter->kind == MAIL_FAILURE) {
            assert_true(!mailed[letter->job] ||
                        letter->at_ms - mailed[letter->job] >= MAIL_EVERY_MS);
            mailed[letter->job] = letter->at_ms;
        }
        if (letter->kind == MAIL_PAUSED)
            assert_true(warned[letter->job]);
        warned[letter->job] |= letter->kind == MAIL_PAUSE_WARNING;
    }
}

static void notice_check(const struct world_notice *notice)
{
    assert_int_not_equal(notice->status, EXECUTION_PENDING);
    assert_in_range(notice->attempts, 1, 4);
    const struct run run = {.job = notice->id, .slot_s = notice->created_s, .replay = RUN_NOTICE};
    uint32_t last = *try_at(&run, notice->attempts);
    assert_true(last && tries[last - 1].executed);
    assert_int_equal(notice->status == EXECUTION_FAILURE, tries[last - 1].failed);
    if (notice->alert && notice->status == EXECUTION_FAILURE && notice->attempts < 4)
        assert_int_equal(tries[last - 1].outcome, RESULT_BLOCKED);
}

static void check(void)
{
    const struct core *core = world.core;
    for (size_t i = 0; i < world.row_count; i++)
        if (world.rows[i].there)
            row_check(&world.rows[i]);
    slots_check();
    for (size_t i = 0; i < WORLD_ACCOUNTS; i++)
        if (world.accounts[i].there)
            usage_check(&world.accounts[i]);
    for (size_t i = 0; i < WORLD_NOTICES; i++)
        if (world.notices[i].there)
            notice_check(&world.notices[i]);
    letters_check();
    for (uint32_t i = 0; i < core->policies.length; i++) {
        const struct policy *policy = place_table_at(&core->policies, i);
        assert_true(!policy->job || !policy->no_overlap || policy->open == 0);
    }
    assert_int_equal(core->open.finished.count, 0);
    assert_int_equal(core->waiting_count, 0);
    assert_int_equal(core->held_slots.count, 0);
    assert_int_equal(core->unwritten_slots.count, 0);
    assert_int_equal(core->log.count, 0);
    assert_int_equal(core->progress.runs_seq, world.message_count);
    assert_int_equal(core->progress.last_tick, core->emitted);
}

static void round_begin(void)
{
    world_begin();
    try_count = messages_seen = unexecuted_count = 0;
    memset(try_index, 0, sizeof(try_index));
    memset(tries_of_job, 0, sizeof(tries_of_job));
    memset(due, 0, sizeof(due));
    memset(soft, 0, sizeof(soft));
    memset(bounded, 0, sizeof(bounded));
    memset(uncounted, 0, sizeof(uncounted));
    judged = WORLD_HOUR;
    next_job = next_account = 1;
    const struct plan tiny = {"tiny", 6, 50, 60, 30, 120, 2, 3, 0, 0, 0};
    const struct plan some = {"some", 20, 50, 120, 30, 100000, 4, 8, 0, 0, 0};
    world.plans[world.plan_count++] = tiny;
    world.plans[world.plan_count++] = some;
    world.limits.open_runs = chance(30) ? 40 : 100000;
    world.limits.failure_mail_interval_ms = MAIL_EVERY_MS;
    world.limits.auto_pause_after_ms = 1200000;
    for (unsigned i = 0; i < 5; i++)
        account_adds();
    for (unsigned i = 0; i < 15; i++) {
        struct job_settings settings = settings_at_random();
        world_add_job(next_job++, 1 + (int64_t)below(5), &settings);
    }
    world.on_emitted = emitted;
}

static void whatever_happens_every_slot_ends_once(void **state)
{
    (void)state;
    const char *given = getenv("TEST_ROUNDS");
    unsigned long rounds = given ? strtoul(given, NULL, 10) : ROUNDS;
    size_t rows = 0, revived = 0;
    for (unsigned long i = 0; i < rounds; i++) {
        round_seed = sample.state;
        round_begin();
        leads();
        for (unsigned at = 0; at < STEPS && judged < WORLD_HOUR + MINUTES - 100; at++)
            step();
        drain();
        check();
        rows += world.row_count;
        revived += world.revived;
        world_end();
        assert_null(world.core);
    }
    printf("%lu rounds, %zu executions, %zu of them run after all\n", rounds, rows, revived);
}

static int last_round_tell(void **state)
{
    (void)state;
    printf("TEST_SEED=%llu TEST_ROUNDS=1 repeats the last round\n", (unsigned long long)round_seed);
    return 0;
}

int main(void)
{
    sample = sample_begin("core");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(whatever_happens_every_slot_ends_once, last_round_tell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
