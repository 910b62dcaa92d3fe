#include "tests/simulation/rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/memory.h"
#include "tests/simulation/allowances.h"
#include "tests/simulation/calendar.h"
#include "tests/simulation/database.h"
#include "tests/simulation/ledger.h"
#include "tests/simulation/notices.h"

void rows_open(struct world *world)
{
    world->rows = memory_new(1, sizeof(*world->rows));
}

void rows_close(struct world *world)
{
    free(world->rows->states);
    free(world->rows);
}

struct job_state *rows_state(struct world *world, int64_t job)
{
    struct rows *rows = world->rows;
    while (rows->count < (size_t)job) {
        if (rows->count == rows->room) {
            rows->room = rows->room ? 2 * rows->room : 256;
            rows->states = memory_resize(rows->states, rows->room, sizeof(*rows->states));
        }
        rows->states[rows->count++] = (struct job_state){0};
    }
    return &rows->states[job - 1];
}

static int64_t account_of(struct world *world, const struct execution *row)
{
    const struct fact_job *job = database_job(world, row->job);
    return job ? job->account : 0;
}

/* ---- executions ---- */

static void write_executions(struct world *world, const struct writing *writing, int64_t now_ms)
{
    const struct execution_batch *batch = &writing->executions;
    for (size_t i = 0; i < batch->count; i++) {
        const struct execution *row = &batch->rows[i], *before = row - 1;
        if (i && (before->job > row->job ||
                  (before->job == row->job &&
                   (before->slot_s > row->slot_s ||
                    (before->slot_s == row->slot_s && before->replay >= row->replay)))))
            world_fail(world, "job %lld: rows out of order, or twice in one statement",
                       (long long)row->job);
        if (row->replay == RUN_NOTICE) {
            notices_row(world, row);
            continue;
        }
        ledger_row(world, row, now_ms);
        if (row->status == EXECUTION_SUCCESS || row->status == EXECUTION_FAILURE)
            rows_state(world, row->job)->has_run = true;
    }
    for (size_t i = 0; i < writing->attempt_count; i++)
        ledger_attempt(world, &writing->attempts[i]);
}

/* ---- what they cause ---- */

/* A final failure of the batch that a notice or a mail is about. */
static const struct execution *failure_of(const struct writing *writing, int64_t job,
                                          int64_t failed_ms)
{
    for (size_t i = 0; i < writing->executions.count; i++) {
        const struct execution *row = &writing->executions.rows[i];
        if (row->job == job && row->replay != RUN_NOTICE && row->status == EXECUTION_FAILURE &&
            row->completed_ms == failed_ms)
            return row;
    }
    return NULL;
}

/* Every failure that is to be told has one notice. */
static void write_new_notices(struct world *world, const struct writing *writing)
{
    size_t wanted = 0;
    for (size_t i = 0; i < writing->executions.count; i++) {
        const struct execution *row = &writing->executions.rows[i];
        const struct fact_job *job =
            row->replay == RUN_NOTICE ? NULL : database_job(world, row->job);
        wanted += job && row->status == EXECUTION_FAILURE && job->failure_webhook_url;
    }
    if (wanted != writing->notice_count)
        world_fail(world, "%zu failures are to be told, %zu notices are written", wanted,
                   writing->notice_count);
    for (size_t i = 0; i < writing->notice_count; i++) {
        const struct notice_row *row = &writing->notices[i];
        const struct fact_job *job = database_job(world, row->job);
        if (!job || !job->failure_webhook_url || !failure_of(writing, row->job, row->failed_ms))
            world_fail(world, "notice %lld of job %lld tells of nothing", (long long)row->id,
                       (long long)row->job);
        for (size_t j = 0; j < i; j++)
            if (writing->notices[j].job == row->job &&
                writing->notices[j].failed_ms == row->failed_ms &&
                failure_of(writing, row->job, row->failed_ms) == NULL)
                world_fail(world, "a failure of job %lld is told twice", (long long)row->job);
        notices_add(world, row);
        world->rows->notices++;
    }
}

static void write_failing(struct world *world, const struct writing *writing)
{
    for (size_t i = 0; i < writing->failing_count; i++) {
        const struct failing_row *row = &writing->failing[i];
        for (size_t j = 0; j < i; j++)
            if (writing->failing[j].job == row->job)
                world_fail(world, "job %lld has two rows of its failures", (long long)row->job);
        struct job_state *state = rows_state(world, row->job);
        if (!state->has_run)
            world_fail(world, "job %lld fails, and never ran", (long long)row->job);
        state->failing = *row;
    }
}

static void write_pauses(struct world *world, const struct writing *writing)
{
    struct facts *rows = &world->database->rows;
    for (size_t i = 0; i < writing->pause_count; i++) {
        const struct pause_row *pause = &writing->pauses[i];
        if (!database_job(world, pause->job))
            world_fail(world, "job %lld is paused, and is not there", (long long)pause->job);
        struct fact_job *row = &rows->jobs[pause->job - 1];
        row->enabled = false;
        fact_set(&row->paused_reason, pause_reason_name(pause->reason));
        calendar_paused(world, pause->job, pause->minute);
        world->rows->pauses++;
    }
}

static void mail_check(struct world *world, const struct letter_row *letter, int64_t now_ms)
{
    struct job_state *state = rows_state(world, letter->job);
    if (letter->kind == MAIL_GONE || letter->kind == MAIL_PAUSED)
        state->pause_told_ms = now_ms;
    if (letter->kind != MAIL_FAILURE)
        return;
    if (state->mailed_ms && now_ms - state->mailed_ms < FAILURE_MAIL_INTERVAL_MS - 1000)
        world_fail(world, "job %lld: two mails about failures within %lld ms",
                   (long long)letter->job, (long long)(now_ms - state->mailed_ms));
    state->mailed_ms = now_ms;
    state->told += letter->count;
    if (state->told > state->failures)
        world_fail(world, "job %lld: mails stand for %lld failures of %lld", (long long)letter->job,
                   (long long)state->told, (long long)state->failures);
}

static void write_letters(struct world *world, const struct writing *writing, int64_t now_ms)
{
    for (size_t i = 0; i < writing->executions.count; i++) {
        const struct execution *row = &writing->executions.rows[i];
        if (row->replay != RUN_NOTICE && row->status == EXECUTION_FAILURE && account_of(world, row))
            rows_state(world, row->job)->failures++;
    }
    for (size_t i = 0; i < writing->letter_count; i++) {
        const struct letter_row *letter = &writing->letters[i];
        if (!failure_of(writing, letter->job, letter->failed_ms))
            world_fail(world, "a mail about job %lld tells of nothing", (long long)letter->job);
        mail_check(world, letter, now_ms);
        char id[32];
        snprintf(id, sizeof(id), "letter-%lld", (long long)letter->outbox);
        database_add_mail(world, letter->outbox, "letter", id, "", 0);
        world->rows->letters++;
    }
}

void rows_write(struct world *world, const struct writing *writing, int64_t now_ms)
{
    write_executions(world, writing, now_ms);
    allowances_write(world, writing->usage, writing->usage_count);
    write_failing(world, writing);
    write_pauses(world, writing);
    write_new_notices(world, writing);
    write_letters(world, writing, now_ms);
    allowances_check(world, now_ms);
}
