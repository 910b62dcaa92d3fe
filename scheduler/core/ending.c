#include <stdio.h>
#include <string.h>

#include "scheduler/core/core_internal.h"
#include "shared/compiler.h"
#include "shared/memory.h"

#define WARNING_MS      INT64_C(86400000) /* so long before a job is paused its owner is warned */
#define HTTP_OK         200
#define HTTP_REDIRECT   300
#define HTTP_TIMEOUT    408
#define HTTP_GONE       410
#define HTTP_TOO_EARLY  425
#define HTTP_TOO_MANY   429
#define HTTP_SERVER_ERR 500

/* ---- the end of an attempt ---- */

/* Whether the same request may succeed later. */
static bool may_pass(enum result_outcome outcome, uint16_t code)
{
    if (outcome == RESULT_TIMEOUT || outcome == RESULT_CONNECT || outcome == RESULT_DNS)
        return true;
    return outcome == RESULT_HTTP_ERROR && (code == HTTP_TIMEOUT || code == HTTP_TOO_EARLY ||
                                            code == HTTP_TOO_MANY || code >= HTTP_SERVER_ERR);
}

int64_t next_slot_ms(const struct core *core, const struct run *run, int64_t now_ms)
{
    uint32_t place = place_table_find(&core->jobs, run->job);
    if (place == PLACE_NONE)
        return INT64_MAX;
    const struct job *job = job_at(&core->jobs, place);
    if (job->due_after == JOB_PAUSED)
        return INT64_MAX;
    const struct policy *policy = policy_of(&core->policies, job->id, job->has_policy);
    int64_t after = run->replay ? now_ms / MINUTE_MS : run->slot_s / MINUTE_S;
    if (after + 1 < policy->first_minute)
        after = (int64_t)policy->first_minute - 1;
    int64_t next = cron_next(&job->cron, after);
    return next == CRON_NEVER || next > policy->last_minute ? INT64_MAX : next * MINUTE_MS;
}

/* What the dispatcher calls a success is none where the alert is answered by a redirect. */
static void alert_judge(struct attempt_end *end)
{
    if (!end->success || (end->code >= HTTP_OK && end->code < HTTP_REDIRECT))
        return;
    char error[16];
    int length = snprintf(error, sizeof(error), "HTTP %u", (unsigned)end->code);
    end->success = false;
    end->error = memory_text(error, (size_t)length);
}

static bool is_tried_again(const struct open_run *open, const struct result *result)
{
    return open->alert ? result->outcome != RESULT_BLOCKED
                       : may_pass((enum result_outcome)result->outcome, result->code);
}

/* Whether the run that just failed is tried again, and when. */
static bool retry_at(const struct core *core, const struct open_run *open,
                     const struct result *result, int64_t now_ms, int64_t *at_ms)
{
    const struct run *run = &open->run;
    if (!is_tried_again(open, result) || !has_owner(core, run))
        return false;
    int64_t delay_ms = policy_backoff_ms(run->job, run->slot_s, run->replay, run->attempt);
    int64_t asked_ms = (int64_t)result->retry_after_s * 1000;
    *at_ms = now_ms + (delay_ms > asked_ms ? delay_ms : asked_ms);
    if (is_notice(run))
        return run->attempt <= NOTICE_RETRIES;
    const struct account *account = account_at(&core->accounts, open->account);
    const struct job *job = job_at(&core->jobs, place_table_find(&core->jobs, run->job));
    return run->attempt <= policy_of(&core->policies, job->id, job->has_policy)->max_retries &&
           account->used < plan_of(core, account)->executions_per_month &&
           *at_ms < next_slot_ms(core, run, now_ms);
}

static void run_ended(struct core *core, uint32_t place, const struct result *result,
                      int64_t now_ms)
{
    struct open_run *open = &core->open.runs[place];
    INVARIANT(!open->end);
    open->end = attempt_end_of(result);
    if (open->alert)
        alert_judge(open->end);
    if (!is_notice(&open->run)) {
        account_at(&core->accounts, open->account)->under_way--;
        account_line_up(core, open->account);
    }
    int64_t at_ms;
    if (!open->end->success && retry_at(core, open, result, now_ms, &at_ms)) {
        open->state = OPEN_RUN_HELD;
        open->run.attempt++;
        if (open->alert)
            open->run.timeout_s = alert_timeout_s(open->run.attempt);
        held_add(core, place, at_ms);
    } else {
        run_finish(core, place);
    }
}

bool core_is_open(const struct core *core, int64_t job, int64_t slot_s, uint32_t replay,
                  uint8_t attempt)
{
    uint32_t place = open_runs_find(&core->open, job, slot_s, replay);
    if (place == OPEN_RUN_NONE)
        return false;
    const struct open_run *open = &core->open.runs[place];
    return (open->state == OPEN_RUN_EMITTED || open->state == OPEN_RUN_RECORDED) &&
           open->run.attempt == attempt;
}

bool core_result(struct core *core, const struct result *result, int64_t now_ms)
{
    if (!core_is_open(core, result->job, result->slot_s, result->replay, result->attempt))
        return false;
    core_set_time(core, now_ms);
    run_ended(core, open_runs_find(&core->open, result->job, result->slot_s, result->replay),
              result, now_ms);
    return true;
}

uint32_t core_close_lost(struct core *core, uint64_t before)
{
    uint32_t lost = 0;
    for (uint32_t place = 0; place < core->open.length; place++) {
        const struct open_run *open = &core->open.runs[place];
        bool waits = open->state == OPEN_RUN_EMITTED || open->state == OPEN_RUN_RECORDED;
        if (!waits || open->message >= before)
            continue;
        struct result result = {.outcome = RESULT_GONE,
                                .started_ms = open->run.slot_s * 1000,
                                .dns_ms = RESULT_NO_TIME,
                                .connect_ms = RESULT_NO_TIME,
                                .tls_ms = RESULT_NO_TIME,
                                .first_byte_ms = RESULT_NO_TIME,
                                .error = "the run was lost before its result was known"};
        run_ended(core, place, &result, result.started_ms);
        lost++;
    }
    return lost;
}

/* ---- what a final failure causes ---- */

struct failure {
    const struct run *run;
    const struct attempt_end *end; /* its texts live as long as the row */
    uint32_t place;                /* of the job */
    int64_t failed_ms;
    int64_t now_ms;
};

static const char *error_of(const struct failure *failure)
{
    return failure->end->error ? failure->end->error : "";
}

static void letter_add(struct core *core, struct writing *writing, const struct failure *failure,
                       const struct failing *failing, enum mail_kind kind, int64_t count,
                       int64_t pause_ms)
{
    *writing_add_letter(writing) = (struct letter_row){.outbox = core->progress.next_outbox++,
                                                       .kind = kind,
                                                       .job = failure->run->job,
                                                       .failed_ms = failure->failed_ms,
                                                       .since_ms = failing->since_ms,
                                                       .pause_ms = pause_ms,
                                                       .count = count,
                                                       .code = failure->end->code,
                                                       .error = error_of(failure)};
}

static void webhook_tell(struct core *core, struct writing *writing, const struct failure *failure,
                         const struct job *job)
{
    const struct account *account = account_at(&core->accounts, job->account);
    struct run run = {.job = core->progress.next_notice++,
                      .slot_s = failure->now_ms / 1000,
                      .version = 1,
                      .replay = RUN_NOTICE,
                      .timeout_s = plan_of(core, account)->timeout_s,
                      .attempt = 1};
    *writing_add_notice(writing) = (struct notice_row){.id = run.job,
                                                       .job = job->id,
                                                       .created_s = run.slot_s,
                                                       .failed_ms = failure->failed_ms,
                                                       .code = failure->end->code,
                                                       .timeout_s = run.timeout_s,
                                                       .error = error_of(failure)};
    uint32_t place = open_runs_add(&core->open, &run, OPEN_RUN_HELD, job->account);
    held_add_writing(core, place, failure->now_ms);
}

void core_add_alert_notice(struct core *core, int64_t account, int64_t notice, int64_t now_ms)
{
    uint32_t owner = place_table_find(&core->accounts, account);
    INVARIANT(owner != PLACE_NONE);
    struct run run = {.job = notice,
                      .slot_s = now_ms / 1000,
                      .version = 1,
                      .replay = RUN_NOTICE,
                      .timeout_s = alert_timeout_s(1),
                      .attempt = 1};
    uint32_t place = open_runs_add(&core->open, &run, OPEN_RUN_HELD, owner);
    core->open.runs[place].alert = true;
    held_add_writing(core, place, now_ms);
}

static void mail_tell(struct core *core, struct writing *writing, const struct failure *failure,
                      struct failing *failing)
{
    failing->unmailed++;
    if (failing->mailed_ms &&
        failure->now_ms - failing->mailed_ms < core->limits.failure_mail_interval_ms)
        return;
    letter_add(core, writing, failure, failing, MAIL_FAILURE, failing->unmailed, 0);
    failing->mailed_ms = failure->now_ms;
    failing->unmailed = 0;
}

/* Pauses the job and says so: no other mail tells of the same failure. */
static void pause_tell(struct core *core, struct writing *writing, const struct failure *failure,
                       struct failing *failing, enum pause_reason reason, enum mail_kind kind)
{
    job_pause(core, failure->place, reason, core->emitted);
    letter_add(core, writing, failure, failing, kind, (int64_t)failing->unmailed + 1, 0);
    failing->unmailed = 0;
}

/* A job that fails for too long is paused, and its owner warned before. Returns whether it is. */
static bool failing_pause(struct core *core, struct writing *writing, const struct failure *failure,
                          struct failing *failing)
{
    int64_t after_ms = core->limits.auto_pause_after_ms;
    int64_t warning_ms = after_ms - (after_ms / 2 < WARNING_MS ? after_ms / 2 : WARNING_MS);
    int64_t lasts_ms = failure->now_ms - failing->since_ms;
    if (failing->warned && lasts_ms >= after_ms) {
        pause_tell(core, writing, failure, failing, PAUSE_FAILING, MAIL_PAUSED);
        return true;
    }
    if (!failing->warned && lasts_ms >= warning_ms) {
        int64_t pause_ms = failing->since_ms + after_ms;
        failing->warned = true;
        letter_add(core, writing, failure, failing, MAIL_PAUSE_WARNING, 1,
                   pause_ms > failure->now_ms ? pause_ms : failure->now_ms);
    }
    return false;
}

/* Several executions of a job may end in one transaction, which has one row for it. */
static void failing_changed(struct failing *failing, struct writing *writing)
{
    if (!failing->changed)
        writing_add_failing(writing)->job = failing->job;
    failing->changed = true;
}

static void failing_write(struct core *core, struct writing *writing)
{
    for (size_t i = 0; i < writing->failing_count; i++) {
        struct failing_row *row = &writing->failing[i];
        uint32_t place = place_table_find(&core->failing, row->job);
        struct failing *failing = place_table_at(&core->failing, place);
        failing->changed = false;
        *row = (struct failing_row){.job = failing->job,
                                    .since_ms = failing->since_ms,
                                    .mailed_ms = failing->mailed_ms,
                                    .unmailed = failing->unmailed,
                                    .warned = failing->warned};
        if (!failing->since_ms && !failing->mailed_ms)
            place_table_remove(&core->failing, place);
    }
}

static void failed(struct core *core, struct writing *writing, const struct failure *failure)
{
    const struct job *job = job_at(&core->jobs, failure->place);
    uint32_t place = place_table_find(&core->failing, job->id);
    if (place == PLACE_NONE)
        place = place_table_add(&core->failing, job->id);
    struct failing *failing = place_table_at(&core->failing, place);
    bool enabled = job->due_after != JOB_PAUSED;
    /* A job that was resumed has the whole time again. */
    if (!failing->since_ms ||
        (enabled && failing->since_ms < (int64_t)job->due_after * MINUTE_MS)) {
        failing->since_ms = failure->failed_ms;
        failing->warned = false;
    }
    if (job->tells_webhook)
        webhook_tell(core, writing, failure, job);
    bool paused = false;
    if (enabled && failure->end->code == HTTP_GONE) {
        pause_tell(core, writing, failure, failing, PAUSE_GONE, MAIL_GONE);
        paused = true;
    } else if (enabled && !policy_of(&core->policies, job->id, job->has_policy)->never_paused) {
        paused = failing_pause(core, writing, failure, failing);
    }
    if (!paused && account_at(&core->accounts, job->account)->mails)
        mail_tell(core, writing, failure, failing);
    failing_changed(failing, writing);
}

/* What was mailed is kept for as long as it holds back other mails: some jobs fail now and then. */
static void succeeded(struct core *core, struct writing *writing, int64_t job, int64_t now_ms)
{
    uint32_t place = core->failing.count ? place_table_find(&core->failing, job) : PLACE_NONE;
    if (place == PLACE_NONE)
        return;
    struct failing *failing = place_table_at(&core->failing, place);
    bool held_back =
        failing->mailed_ms && now_ms - failing->mailed_ms < core->limits.failure_mail_interval_ms;
    if (held_back && !failing->since_ms)
        return;
    failing->since_ms = 0;
    failing->warned = false;
    if (!held_back) {
        failing->mailed_ms = 0;
        failing->unmailed = 0;
    }
    failing_changed(failing, writing);
}

/* ---- rows ---- */

static void final_row(struct open_run *open, struct execution *row)
{
    row->given_up = open->given_up;
    row->ended = !open->skipped && !open->given_up;
    row->end = *open->end;
    if (!row->ended) {
        row->status = open->skipped ? EXECUTION_SKIPPED : EXECUTION_FAILURE;
        row->completed_ms = open->end->started_ms;
    } else {
        row->status = open->end->success ? EXECUTION_SUCCESS : EXECUTION_FAILURE;
        row->triggered_ms = open->end->started_ms;
        row->completed_ms = open->end->started_ms + open->end->duration_ms;
    }
    open->end->error = open->end->body = NULL; /* the row's now */
}

void finished_collect(struct core *core, int64_t now_ms, struct writing *writing)
{
    uint32_t place;
    while ((place = open_runs_next_finished(&core->open)) != OPEN_RUN_NONE) {
        struct open_run *open = &core->open.runs[place];
        struct run run = open->run;
        attempt_recorded(core, open);
        if (has_owner(core, &run)) {
            struct execution *row = row_of(writing, open);
            final_row(open, row);
            struct failure failure = {
                .run = &run, .end = &row->end, .failed_ms = row->completed_ms, .now_ms = now_ms};
            bool of_job = !is_notice(&run);
            if (of_job)
                failure.place = place_table_find(&core->jobs, run.job);
            if (of_job && row->status == EXECUTION_SUCCESS)
                succeeded(core, writing, run.job, now_ms);
            else if (of_job && row->status == EXECUTION_FAILURE)
                failed(core, writing, &failure);
        }
        run_forget(core, place);
    }
    failing_write(core, writing);
}
