#include "core_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct world world;

static const struct plan big = {.name = "big",
                                .active_jobs = 100000,
                                .stored_jobs = 100000,
                                .min_interval_s = 60,
                                .timeout_s = 60,
                                .executions_per_month = UINT32_MAX,
                                .concurrency = 100000,
                                .burst_per_minute = 100000};

void world_begin(void)
{
    memset(world.accounts, 0, sizeof(world.accounts));
    memset(world.jobs, 0, sizeof(world.jobs));
    memset(world.index, 0, sizeof(world.index));
    memset(world.notices, 0, sizeof(world.notices));
    world.plan_count = world.row_count = world.letter_count = world.change_count = 0;
    world.outgoing_count = world.message_count = world.result_count = world.applied = 0;
    world.alert_count = 0;
    world.epoch = 0;
    world.under_way = false;
    world.on_emitted = NULL;
    world.revived = 0;
    world.limits = (struct core_limits){.open_runs = 1000000,
                                        .catch_up_window_s = 86400,
                                        .address_per_hour = 5,
                                        .failure_mail_interval_ms = 3600000,
                                        .auto_pause_after_ms = INT64_C(604800000)};
    world.collect = (struct core_collect_limits){
        .skipped = 1000, .held = 1000, .pending = 1000, .pending_age_ms = 200};
    world.now_ms = WORLD_HOUR * WORLD_MINUTE_MS;
    world.plans[world.plan_count++] = big;
    world.progress = (struct core_progress){.has_last_tick = true,
                                            .last_tick = WORLD_HOUR,
                                            .next_account = 1000,
                                            .next_job = 100000,
                                            .next_outbox = 1,
                                            .next_notice = 1,
                                            .next_replay = 1};
}

void world_end(void)
{
    core_free(world.core);
    world.core = NULL;
    writing_free(&world.writing);
}

int world_set_up(void **state)
{
    (void)state;
    world_begin();
    return 0;
}

int world_tear_down(void **state)
{
    (void)state;
    world_end();
    return 0;
}

/* ---- PostgreSQL ---- */

struct world_account *world_account(int64_t id)
{
    for (size_t i = 0; i < WORLD_ACCOUNTS; i++)
        if (world.accounts[i].there && world.accounts[i].id == id)
            return &world.accounts[i];
    fprintf(stderr, "no account %lld\n", (long long)id);
    abort();
}

static uint32_t *row_index(int64_t job, int64_t slot_s, uint32_t replay)
{
    uint64_t x = (uint64_t)job * 0x9e3779b97f4a7c15ULL ^ (uint64_t)slot_s * 0xc2b2ae3d27d4eb4fULL ^
                 (uint64_t)replay * 0x165667b19e3779f9ULL;
    uint32_t at = (uint32_t)(x >> 40) % (2 * WORLD_ROWS);
    for (; world.index[at]; at = (at + 1) % (2 * WORLD_ROWS)) {
        const struct execution *row = &world.rows[world.index[at] - 1].row;
        if (row->job == job && row->slot_s == slot_s && row->replay == replay)
            break;
    }
    return &world.index[at];
}

struct world_row *world_row(int64_t job, int64_t slot_s, uint32_t replay)
{
    uint32_t at = *row_index(job, slot_s, replay);
    return at && world.rows[at - 1].there ? &world.rows[at - 1] : NULL;
}

struct world_row *world_slot(int64_t job, uint32_t minute)
{
    return world_row(job, (int64_t)minute * 60, 0);
}

static bool is_final(uint8_t status)
{
    return status != EXECUTION_PENDING;
}

static void row_write(const struct execution *row)
{
    assert_true(world.jobs[row->job].there);
    assert_int_equal(is_final(row->status), row->completed_ms != 0);
    bool none = row->status == EXECUTION_SKIPPED;
    bool waits = row->status == EXECUTION_PENDING && row->next_attempt_ms;
    assert_true(row->attempts == 0 ? none || waits : !none);
    assert_true(row->triggered_ms > 0);
    struct world_row *stored = world_row(row->job, row->slot_s, row->replay);
    if (!stored) {
        assert_true(world.row_count < WORLD_ROWS);
        uint32_t *at = row_index(row->job, row->slot_s, row->replay);
        if (!*at)
            *at = (uint32_t)++world.row_count;
        stored = &world.rows[*at - 1];
        *stored = (struct world_row){.there = true};
    } else if (is_final(stored->row.status)) {
        assert_int_equal(stored->row.status, EXECUTION_SKIPPED);
        if (row->status == EXECUTION_SKIPPED)
            return;
        world.revived++;
    } else {
        assert_true(row->attempts >= stored->row.attempts);
        assert_int_equal(row->trigger, stored->row.trigger);
    }
    stored->row = *row;
    snprintf(stored->error, sizeof(stored->error), "%s", row->end.error ? row->end.error : "");
    stored->row.end.error = stored->row.end.body = NULL;
}

static void notice_write(const struct execution *row)
{
    struct world_notice *notice = &world.notices[row->job];
    if (!notice->there || is_final(notice->status))
        fail_msg("a notice that is over, or not there, was written");
    assert_true(row->attempts >= notice->attempts);
    notice->status = row->status;
    notice->attempts = row->attempts;
    notice->next_attempt_ms = row->next_attempt_ms;
    if (!row->ended)
        return;
    notice->code = row->end.code;
    snprintf(notice->error, sizeof(notice->error), "%s", row->end.error ? row->end.error : "");
}

static void executions_write(void)
{
    const struct execution_batch *batch = &world.writing.executions;
    for (size_t i = 0; i < batch->count; i++) {
        const struct execution *row = &batch->rows[i], *before = i ? row - 1 : NULL;
        assert_true(!before || before->job < row->job ||
                    (before->job == row->job &&
                     (before->slot_s < row->slot_s ||
                      (before->slot_s == row->slot_s && before->replay < row->replay))));
        if (row->replay == RUN_NOTICE)
            notice_write(row);
        else
            row_write(row);
    }
    for (size_t i = 0; i < world.writing.attempt_count; i++) {
        const struct attempt *attempt = &world.writing.attempts[i];
        struct world_row *row = world_row(attempt->job, attempt->slot_s, attempt->replay);
        if (!row) {
            fail_msg("an attempt without its execution");
            continue;
        }
        assert_int_equal(row->row.attempts, attempt->number);
        assert_false(row->attempt_rows >> attempt->number & 1);
        assert_false(attempt->end.success);
        row->attempt_rows |= 1u << attempt->number;
    }
}

static void notices_write(void)
{
    for (size_t i = 0; i < world.writing.notice_count; i++) {
        const struct notice_row *row = &world.writing.notices[i];
        assert_true(row->id < WORLD_NOTICES && !world.notices[row->id].there && row->error);
        assert_true(world.jobs[row->job].there);
        world.notices[row->id] = (struct world_notice){.id = row->id,
                                                       .job = row->job,
                                                       .account = world.jobs[row->job].account,
                                                       .created_s = row->created_s,
                                                       .next_attempt_ms = row->created_s * 1000,
                                                       .timeout_s = row->timeout_s,
                                                       .status = EXECUTION_PENDING,
                                                       .there = true};
    }
    for (size_t i = 0; i < world.writing.letter_count; i++) {
        const struct letter_row *row = &world.writing.letters[i];
        assert_true(world.letter_count < WORLD_LETTERS && row->error && row->count > 0);
        world.letters[world.letter_count++] = (struct world_letter){.kind = row->kind,
                                                                    .job = row->job,
                                                                    .count = row->count,
                                                                    .at_ms = world.collected_ms,
                                                                    .pause_ms = row->pause_ms,
                                                                    .code = row->code};
    }
}

static void alerts_write(void)
{
    for (size_t i = 0; i < world.alert_count; i++) {
        const struct world_notice *alert = &world.alerts[i];
        assert_true(alert->id < WORLD_NOTICES && !world.notices[alert->id].there);
        assert_non_null(world_account(alert->account));
        world.notices[alert->id] = *alert;
    }
}

static void rest_write(void)
{
    const struct writing *writing = &world.writing;
    for (size_t i = 0; i < writing->usage_count; i++) {
        for (size_t j = 0; j < i; j++)
            assert_int_not_equal(writing->usage[i].account, writing->usage[j].account);
        struct world_account *account = world_account(writing->usage[i].account);
        account->usage = writing->usage[i];
    }
    for (size_t i = 0; i < writing->failing_count; i++) {
        for (size_t j = 0; j < i; j++)
            assert_int_not_equal(writing->failing[i].job, writing->failing[j].job);
        world.jobs[writing->failing[i].job].failing = writing->failing[i];
    }
    for (size_t i = 0; i < writing->pause_count; i++) {
        struct world_job *job = &world.jobs[writing->pauses[i].job];
        assert_true(job->there);
        job->settings.enabled = false;
        job->paused = pause_reason_name(writing->pauses[i].reason);
    }
}

static void job_forget(int64_t id)
{
    world.jobs[id].there = false;
    for (size_t i = 0; i < world.row_count; i++)
        if (world.rows[i].row.job == id)
            world.rows[i].there = false;
}

static void account_forget(struct world_account *account)
{
    for (int64_t id = 0; id < WORLD_JOBS; id++)
        if (world.jobs[id].there && world.jobs[id].account == account->id)
            job_forget(id);
    for (size_t i = 0; i < WORLD_NOTICES; i++)
        if (world.notices[i].there && world.notices[i].account == account->id)
            world.notices[i].there = false;
    *account = (struct world_account){0};
}

static void account_insert(const struct change *change)
{
    size_t i = 0;
    while (i < WORLD_ACCOUNTS && world.accounts[i].there)
        i++;
    assert_true(i < WORLD_ACCOUNTS);
    world.accounts[i] = (struct world_account){
        .id = change->id, .there = true, .mails = true, .plan = change->plan};
}

static void change_write(const struct change *change)
{
    switch (change->kind) {
    case CHANGE_ACCOUNT_ADD: account_insert(change); break;
    case CHANGE_ACCOUNT_REMOVE: account_forget(world_account(change->id)); break;
    case CHANGE_PLAN: world_account(change->id)->plan = change->plan; break;
    case CHANGE_JOB_ADD:
        world.jobs[change->id] = (struct world_job){.id = change->id,
                                                    .account = change->account,
                                                    .there = true,
                                                    .settings = change->settings};
        break;
    case CHANGE_JOB_SET:
        world.jobs[change->id].settings = change->settings;
        world.jobs[change->id].paused = NULL;
        break;
    case CHANGE_JOB_REMOVE: job_forget(change->id); break;
    }
}

/* ---- commands ---- */

struct job_settings world_settings(const char *cron)
{
    return (struct job_settings){.cron_expression = cron,
                                 .timezone = "UTC",
                                 .catch_up = CATCH_UP_LATEST,
                                 .catch_up_window_s = CATCH_UP_WINDOW_NONE,
                                 .allow_overlap = true,
                                 .max_retries = 3,
                                 .auto_pause = true,
                                 .enabled = true,
                                 .due_after_ms = world.now_ms,
                                 .version = 1};
}

uint32_t world_place(int64_t job)
{
    return place_table_find(&world.core->jobs, job);
}

void world_apply(const struct change *change)
{
    struct core *core = world.core;
    if (!core) {
        change_write(change);
        return;
    }
    uint32_t account = place_table_find(
        &core->accounts, change->kind == CHANGE_JOB_ADD ? change->account : change->id);
    switch (change->kind) {
    case CHANGE_ACCOUNT_ADD:
        core_add_account(core, change->id, core_plan(core, change->plan));
        break;
    case CHANGE_ACCOUNT_REMOVE: core_remove_account(core, account); break;
    case CHANGE_PLAN: core_change_plan(core, account, core_plan(core, change->plan)); break;
    case CHANGE_JOB_ADD: core_add_job(core, change->id, account, &change->settings); break;
    case CHANGE_JOB_SET: core_change_job(core, world_place(change->id), &change->settings); break;
    case CHANGE_JOB_REMOVE: core_remove_job(core, world_place(change->id)); break;
    }
    assert_true(world.change_count < WORLD_CHANGES && !world.under_way);
    world.changes[world.change_count++] = *change;
}

void world_add_account(int64_t id, const char *plan)
{
    world_apply(&(struct change){.kind = CHANGE_ACCOUNT_ADD, .id = id, .plan = plan});
}

void world_add_job(int64_t id, int64_t account, const struct job_settings *settings)
{
    world_apply(&(struct change){
        .kind = CHANGE_JOB_ADD, .id = id, .account = account, .settings = *settings});
}

void world_add(int64_t id, int64_t account, const char *cron)
{
    struct job_settings settings = world_settings(cron);
    world_add_job(id, account, &settings);
}

void world_set(int64_t id, const struct job_settings *settings)
{
    world_apply(&(struct change){.kind = CHANGE_JOB_SET, .id = id, .settings = *settings});
}

/* ---- leaders ---- */

static void emit(void *arg, uint64_t number, unsigned lane, const struct run_batch *batch)
{
    (void)arg;
    assert_true(world.outgoing_count < WORLD_OUTGOING);
    assert_in_range(batch->count, 1, RUN_BATCH_MAX);
    assert_int_equal(number, run_log_next(&world.core->log) - 1);
    assert_int_equal(batch->epoch, world.epoch);
    world.outgoing[world.outgoing_count++] =
        (struct world_message){.batch = *batch, .number = number, .lane = lane};
    for (size_t i = 0; world.on_emitted && i < batch->count; i++)
        world.on_emitted(&batch->runs[i], lane);
}

static void tables_load(void)
{
    struct core *core = world.core;
    for (size_t i = 0; i < world.plan_count; i++)
        core_load_plan(core, &world.plans[i]);
    for (size_t i = 0; i < WORLD_ACCOUNTS; i++) {
        const struct world_account *account = &world.accounts[i];
        const struct account_row row = {.id = account->id,
                                        .plan = account->plan,
                                        .failure_email_enabled = account->mails,
                                        .month = account->usage.month,
                                        .executions = account->usage.executions,
                                        .minute = account->usage.minute,
                                        .starts = account->usage.starts};
        if (account->there)
            assert_int_equal(core_load_account(core, &row, world.now_ms), 0);
    }
    for (int64_t id = 0; id < WORLD_JOBS; id++)
        if (world.jobs[id].there)
            (void)core_load_job(core, id, world.jobs[id].account, &world.jobs[id].settings);
    for (int64_t id = 0; id < WORLD_JOBS; id++)
        if (world.jobs[id].failing.since_ms || world.jobs[id].failing.mailed_ms)
            core_load_failing(core, &world.jobs[id].failing);
}

static void pending_load(void)
{
    for (size_t i = 0; i < world.row_count; i++) {
        const struct execution *row = &world.rows[i].row;
        const struct pending_row pending = {.run = {.job = row->job,
                                                    .slot_s = row->slot_s,
                                                    .replay = row->replay,
                                                    .version = row->version,
                                                    .timeout_s = row->timeout_s},
                                            .attempts = row->attempts,
                                            .trigger = row->trigger,
                                            .next_attempt_ms = row->next_attempt_ms};
        if (world.rows[i].there && row->status == EXECUTION_PENDING)
            core_load_pending(world.core, &pending);
    }
    for (size_t i = 0; i < WORLD_NOTICES; i++) {
        const struct world_notice *notice = &world.notices[i];
        const struct pending_row pending = {.run = {.job = notice->id,
                                                    .slot_s = notice->created_s,
                                                    .replay = RUN_NOTICE,
                                                    .timeout_s = notice->timeout_s},
                                            .account = notice->account,
                                            .alert = notice->alert,
                                            .attempts = notice->attempts,
                                            .next_attempt_ms = notice->next_attempt_ms};
        if (notice->there && notice->status == EXECUTION_PENDING)
            core_load_pending(world.core, &pending);
    }
}

static bool run_is_final(const struct run *run)
{
    if (run->replay == RUN_NOTICE)
        return world.notices[run->job].there && is_final(world.notices[run->job].status);
    const struct world_row *row = world_row(run->job, run->slot_s, run->replay);
    return row && (row->row.status == EXECUTION_SUCCESS || row->row.status == EXECUTION_FAILURE);
}

void world_lead(void)
{
    assert_null(world.core);
    world.epoch++;
    world.core = core_create(&world.limits, world.epoch, &world.progress, emit, NULL);
    tables_load();
    pending_load();
    assert_true(world.message_count < WORLD_MESSAGES);
    world.messages[world.message_count++] = (struct world_message){0}; /* the marker */
    for (size_t i = world.progress.runs_seq; i < world.message_count; i++) {
        bool final[RUN_BATCH_MAX];
        for (size_t j = 0; j < world.messages[i].batch.count; j++)
            final[j] = run_is_final(&world.messages[i].batch.runs[j]);
        core_load_message(world.core, i + 1, &world.messages[i].batch, final, world.now_ms);
    }
    core_loaded(world.core, world.now_ms);
    world.applied = world.progress.results_seq;
}

void world_store(size_t count)
{
    assert_true(count <= world.outgoing_count && world.message_count + count <= WORLD_MESSAGES);
    for (size_t i = 0; i < count; i++) {
        world.messages[world.message_count++] = world.outgoing[i];
        if (world.core)
            core_acknowledged(world.core, world.outgoing[i].number, world.message_count);
    }
    world.outgoing_count -= count;
    memmove(world.outgoing, world.outgoing + count,
            world.outgoing_count * sizeof(world.outgoing[0]));
}

void world_collect(void)
{
    assert_false(world.under_way);
    core_collect(world.core, world.now_ms, &world.collect, &world.writing);
    world.core->progress.results_seq = world.applied;
    world.next = world.core->progress;
    world.collected_ms = world.now_ms;
    world.under_way = true;
    /* What is empty is not written, and nobody says that it was. */
    assert_true(!writing_is_empty(&world.writing) || !world.core->writing.count);
}

int64_t world_add_alert(int64_t account)
{
    assert_true(world.under_way && world.alert_count < WORLD_ALERTS);
    int64_t id = world.core->progress.next_notice++;
    world.next.next_notice = world.core->progress.next_notice;
    world.alerts[world.alert_count++] = (struct world_notice){.id = id,
                                                              .account = account,
                                                              .created_s = world.now_ms / 1000,
                                                              .next_attempt_ms = world.now_ms,
                                                              .timeout_s = 5,
                                                              .status = EXECUTION_PENDING,
                                                              .there = true,
                                                              .alert = true};
    core_add_alert_notice(world.core, account, id, world.now_ms);
    return id;
}

static void transaction_write(void)
{
    for (size_t i = 0; i < world.change_count; i++)
        change_write(&world.changes[i]);
    executions_write();
    rest_write();
    notices_write();
    alerts_write();
    assert_true(world.next.last_tick >= world.progress.last_tick);
    assert_true(world.next.runs_seq >= world.progress.runs_seq);
    world.progress = world.next;
}

static void transaction_forget(void)
{
    writing_clear(&world.writing);
    world.change_count = 0;
    world.alert_count = 0;
    world.under_way = false;
}

void world_commit(void)
{
    assert_true(world.under_way);
    transaction_write();
    transaction_forget();
    core_committed(world.core);
}

void world_die(size_t stored, bool committed)
{
    core_free(world.core);
    world.core = NULL;
    world_store(stored);
    world.outgoing_count = 0;
    if (world.under_way && committed)
        transaction_write();
    transaction_forget();
}

/* ---- what happens ---- */

void world_settle(void)
{
    world_store(world.outgoing_count);
    do {
        world_collect();
        world_commit();
    } while (world.core->open.finished.count || world.core->unwritten.count ||
             world.core->unwritten_slots.count ||
             world.core->skipped_first < world.core->skipped.count);
}

void world_tick_to(uint32_t minute)
{
    if (world.now_ms < minute * WORLD_MINUTE_MS)
        world.now_ms = minute * WORLD_MINUTE_MS;
    while (core_next_minute(world.core) <= minute)
        core_tick(world.core, world.now_ms);
}

void world_pass_ms(int64_t ms)
{
    world.now_ms += ms;
    world_tick_to((uint32_t)(world.now_ms / WORLD_MINUTE_MS));
    core_release(world.core, world.now_ms);
}

void world_result_add(const struct run *run, enum result_outcome outcome, uint16_t code,
                      uint16_t retry_after_s)
{
    assert_true(world.result_count < WORLD_RESULTS);
    struct result *result = &world.results[world.result_count++];
    *result = (struct result){.job = run->job,
                              .slot_s = run->slot_s,
                              .replay = run->replay,
                              .attempt = run->attempt,
                              .outcome = (uint8_t)outcome,
                              .code = code,
                              .started_ms = world.now_ms - 20,
                              .duration_ms = 20,
                              .dns_ms = RESULT_NO_TIME,
                              .retry_after_s = retry_after_s,
                              .body = "no",
                              .body_bytes = outcome == RESULT_HTTP_ERROR ? 2 : 0};
    if (outcome != RESULT_SUCCESS)
        snprintf(result->error, sizeof(result->error), "HTTP %u", (unsigned)code);
}

void world_results_apply(size_t count)
{
    for (; count && world.applied < world.result_count; count--)
        (void)core_result(world.core, &world.results[world.applied++], world.now_ms);
}

bool world_result(int64_t job, int64_t slot_s, uint32_t replay, uint8_t attempt,
                  enum result_outcome outcome, uint16_t code)
{
    const struct run run = {.job = job, .slot_s = slot_s, .replay = replay, .attempt = attempt};
    world_result_add(&run, outcome, code, 0);
    assert_int_equal(world.applied, world.result_count - 1);
    return core_result(world.core, &world.results[world.applied++], world.now_ms);
}

bool world_ends(int64_t job, uint32_t minute, uint8_t attempt, uint16_t code)
{
    return world_result(job, (int64_t)minute * 60, 0, attempt,
                        code < 400 ? RESULT_SUCCESS : RESULT_HTTP_ERROR, code);
}

static bool is_run(const struct run *run, int64_t job, int64_t slot_s, uint32_t replay,
                   uint8_t attempt)
{
    return run->job == job && run->slot_s == slot_s && run->replay == replay &&
           run->attempt == attempt;
}

size_t world_published(int64_t job, int64_t slot_s, uint32_t replay, uint8_t attempt)
{
    size_t times = 0;
    for (size_t i = 0; i < world.message_count; i++)
        for (size_t j = 0; j < world.messages[i].batch.count; j++)
            times += is_run(&world.messages[i].batch.runs[j], job, slot_s, replay, attempt);
    for (size_t i = 0; i < world.outgoing_count; i++)
        for (size_t j = 0; j < world.outgoing[i].batch.count; j++)
            times += is_run(&world.outgoing[i].batch.runs[j], job, slot_s, replay, attempt);
    return times;
}

size_t world_runs(void)
{
    size_t count = 0;
    for (size_t i = 0; i < world.message_count; i++)
        count += world.messages[i].batch.count;
    for (size_t i = 0; i < world.outgoing_count; i++)
        count += world.outgoing[i].batch.count;
    return count;
}

size_t world_letters(int64_t job, enum mail_kind kind)
{
    size_t count = 0;
    for (size_t i = 0; i < world.letter_count; i++)
        count += world.letters[i].job == job && world.letters[i].kind == kind;
    return count;
}
