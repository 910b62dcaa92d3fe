#include "tests/simulation/database.h"

#include <stdlib.h>
#include <string.h>

#include "shared/memory.h"
#include "tests/simulation/allowances.h"
#include "tests/simulation/calendar.h"
#include "tests/simulation/clients.h"
#include "tests/simulation/ledger.h"
#include "tests/simulation/notices.h"
#include "tests/simulation/rows.h"
#include "tests/simulation/schedulers.h"
#include "tests/simulation/streams.h"

void database_open(struct world *world)
{
    struct database *database = memory_new(1, sizeof(*database));
    world->database = database;
    database->lease_holder = -1;
    database->progress =
        (struct core_progress){.has_last_tick = true,
                               .last_tick = (uint32_t)(world->begun_ms / MINUTE_MS),
                               .next_account = 1,
                               .next_job = 1,
                               .next_outbox = 1,
                               .next_notice = 1,
                               .next_replay = 1,
                               .next_channel = 1};
}

void database_close(struct world *world)
{
    struct database *database = world->database;
    for (size_t i = 0; i < database->answer_room; i++)
        free(database->answers[i].body);
    free(database->answers);
    facts_free(&database->rows);
    free(database);
}

/* ---- the lease ---- */

static bool lease_runs(const struct world *world)
{
    const struct database *database = world->database;
    return database->lease_holder >= 0 &&
           (database->lease_renewed || world->now_ms < database->lease_expires_ms);
}

bool database_leads(const struct world *world, uint64_t epoch)
{
    return world->database->lease_epoch == epoch && lease_runs(world);
}

bool database_lease_take(struct world *world, unsigned scheduler, uint64_t *epoch)
{
    struct database *database = world->database;
    if (lease_runs(world))
        return false;
    *epoch = ++database->lease_epoch;
    database->lease_holder = (int)scheduler;
    database->lease_renewed = false;
    database->lease_expires_ms = world->now_ms + LEASE_TTL_MS;
    return true;
}

void database_lease_release(struct world *world, uint64_t epoch)
{
    if (!database_leads(world, epoch))
        return;
    world->database->lease_holder = -1;
    schedulers_campaign(world, 0);
}

void database_lease_stall(struct world *world)
{
    struct database *database = world->database;
    if (database->lease_holder < 0 || !database->lease_renewed)
        return;
    database->lease_renewed = false;
    database->lease_expires_ms =
        world->now_ms + LEASE_TTL_MS - chance_between(world, 0, LEASE_TTL_MS / 3);
    schedulers_lease_ends(world, (unsigned)database->lease_holder, database->lease_expires_ms);
    schedulers_campaign(world, database->lease_expires_ms - world->now_ms);
}

void database_lease_resume(struct world *world, uint64_t epoch)
{
    if (database_leads(world, epoch))
        world->database->lease_renewed = true;
}

/* ---- rows ---- */

struct fact_account *database_account(struct world *world, const char *email)
{
    return facts_account_by_email(&world->database->rows, email);
}

const struct fact_job *database_job(const struct world *world, int64_t id)
{
    const struct facts *rows = &world->database->rows;
    if (id < 1 || (size_t)id > rows->job_count || rows->jobs[id - 1].change == FACT_DELETED)
        return NULL;
    return &rows->jobs[id - 1];
}

static void account_copy(struct fact_account *to, const struct fact_account *from)
{
    to->id = from->id;
    fact_set(&to->email, from->email);
    fact_set(&to->plan, from->plan);
    to->failure_email_enabled = from->failure_email_enabled;
    memcpy(to->key_hash, from->key_hash, HASH_SIZE);
    to->created_ms = from->created_ms;
}

static void token_copy(struct fact_token *to, const struct fact_token *from)
{
    memcpy(to->id, from->id, TOKEN_ID_SIZE);
    fact_set(&to->purpose, from->purpose);
    fact_set(&to->email, from->email);
    to->created_ms = from->created_ms;
    to->expires_ms = from->expires_ms;
    to->used_ms = from->used_ms;
}

void database_copy_job(struct fact_job *to, const struct fact_job *from)
{
    to->id = from->id;
    to->account = from->account;
    to->version = from->version;
    fact_set(&to->name, from->name);
    fact_set(&to->webhook_url, from->webhook_url);
    fact_set(&to->timezone, from->timezone);
    fact_set(&to->cron_expression, from->cron_expression);
    fact_set(&to->failure_webhook_url, from->failure_webhook_url);
    fact_set(&to->paused_reason, from->paused_reason);
    to->run_at_s = from->run_at_s;
    to->start_at_s = from->start_at_s;
    to->end_at_s = from->end_at_s;
    to->catch_up_window_s = from->catch_up_window_s;
    to->catch_up = from->catch_up;
    to->jitter_s = from->jitter_s;
    to->max_retries = from->max_retries;
    to->allow_overlap = from->allow_overlap;
    to->auto_pause = from->auto_pause;
    to->enabled = from->enabled;
    to->due_after_ms = from->due_after_ms;
    to->created_ms = from->created_ms;
    to->updated_ms = from->updated_ms;
}

void database_read_facts(struct world *world, const uint64_t *commands, size_t count,
                         struct facts *facts)
{
    static const uint8_t none[TOKEN_ID_SIZE];
    struct database *database = world->database;
    const struct facts *rows = &database->rows;
    for (size_t i = 0; i < count; i++) {
        const struct command *command = clients_command(world, commands[i]);
        const struct database_answer *answer =
            commands[i] < database->answer_room ? &database->answers[commands[i]] : NULL;
        if (answer && answer->kept && !facts_answer(facts, command->id)) {
            struct fact_answer *fact = facts_add_answer(facts);
            fact_set(&fact->id, command->id);
            memcpy(fact->fingerprint, answer->fingerprint, HASH_SIZE);
            fact->status = answer->status;
            fact_set(&fact->body, answer->body);
        }
        const struct fact_token *token = memcmp(command->token_id, none, TOKEN_ID_SIZE) != 0
                                             ? facts_token(rows, command->token_id)
                                             : NULL;
        if (token && !facts_token(facts, token->id))
            token_copy(facts_add_token(facts), token);
        const struct fact_account *accounts[3] = {
            command->email ? facts_account_by_email(rows, command->email) : NULL,
            token ? facts_account_by_email(rows, token->email) : NULL,
            command->kind == COMMAND_ACCOUNT_UPDATE ? facts_account(rows, command->account) : NULL};
        for (size_t j = 0; j < ARRAY_LENGTH(accounts); j++)
            if (accounts[j] && !facts_account(facts, accounts[j]->id))
                account_copy(facts_add_account(facts), accounts[j]);
        const struct fact_job *job = database_job(world, command->job_id);
        if (job && !facts_job(facts, job->id))
            database_copy_job(facts_add_job(facts), job);
        if (job && command->kind == COMMAND_JOB_REPLAY)
            ledger_window(world, job->id, &command->window, facts);
    }
}

/* ---- transactions ---- */

static void delete_jobs_of(struct world *world, int64_t account)
{
    struct facts *rows = &world->database->rows;
    for (size_t i = 0; i < rows->job_count; i++) {
        if (rows->jobs[i].account == account && rows->jobs[i].change != FACT_DELETED) {
            rows->jobs[i].change = FACT_DELETED;
            ledger_deleted(world, rows->jobs[i].id);
        }
    }
}

static void write_accounts(struct world *world, const struct facts *facts)
{
    struct facts *rows = &world->database->rows;
    for (size_t i = 0; i < facts->account_count; i++) {
        const struct fact_account *account = &facts->accounts[i];
        struct fact_account *row = facts_account(rows, account->id);
        if (account->change == FACT_DELETED && row) {
            row->change = FACT_DELETED;
            delete_jobs_of(world, account->id);
            notices_deleted(world, account->id);
            allowances_deleted(world, account->id);
        }
    }
    for (size_t i = 0; i < facts->account_count; i++) {
        const struct fact_account *account = &facts->accounts[i];
        if (account->change != FACT_WRITTEN)
            continue;
        struct fact_account *row = facts_account(rows, account->id);
        const struct fact_account *same = facts_account_by_email(rows, account->email);
        if (same && same != row)
            world_fail(world, "two accounts of %s", account->email);
        account_copy(row ? row : facts_add_account(rows), account);
        allowances_plan(world, account->id, account->plan);
    }
    for (size_t i = 0; i < facts->token_count; i++) {
        const struct fact_token *token = &facts->tokens[i];
        if (token->change != FACT_WRITTEN)
            continue;
        struct fact_token *row = facts_token(rows, token->id);
        if (row && row->used_ms)
            world_fail(world, "a token was used twice");
        token_copy(row ? row : facts_add_token(rows), token);
    }
}

static void write_jobs(struct world *world, const struct transaction *transaction)
{
    struct facts *rows = &world->database->rows;
    const struct facts *facts = &transaction->facts;
    for (size_t i = 0; i < facts->job_count; i++) {
        const struct fact_job *job = &facts->jobs[i];
        bool present = job->id >= 1 && (size_t)job->id <= rows->job_count;
        if (!present && job->change != FACT_CLEAN) {
            /* Ids are consecutive; one made and deleted in one batch leaves its number. */
            if ((size_t)job->id != rows->job_count + 1)
                world_fail(world, "job %lld comes after %zu", (long long)job->id, rows->job_count);
            struct fact_job *added = facts_add_job(rows);
            database_copy_job(added, job);
            added->enabled = false;
            calendar_changed(world, added, transaction->emitted);
        }
        struct fact_job *row = job->change == FACT_CLEAN ? NULL : &rows->jobs[job->id - 1];
        if (job->change == FACT_DELETED && row->change != FACT_DELETED) {
            row->change = FACT_DELETED;
            ledger_deleted(world, job->id);
        } else if (job->change == FACT_WRITTEN) {
            if (row->change == FACT_DELETED)
                world_fail(world, "job %lld was changed after its deletion", (long long)job->id);
            database_copy_job(row, job);
            calendar_changed(world, job, transaction->emitted);
        }
    }
}

static void write_answers(struct world *world, const struct facts *facts)
{
    struct database *database = world->database;
    for (size_t i = 0; i < facts->answer_count; i++) {
        const struct fact_answer *fact = &facts->answers[i];
        if (fact->change != FACT_WRITTEN)
            continue;
        uint64_t number = clients_number(fact->id);
        while (number >= database->answer_room) {
            size_t room = database->answer_room ? 2 * database->answer_room : 1024;
            database->answers = memory_resize(database->answers, room, sizeof(*database->answers));
            memset(database->answers + database->answer_room, 0,
                   (room - database->answer_room) * sizeof(*database->answers));
            database->answer_room = room;
        }
        struct database_answer *answer = &database->answers[number];
        if (answer->kept)
            world_fail(world, "command %s was applied twice", fact->id);
        answer->kept = true;
        memcpy(answer->fingerprint, fact->fingerprint, HASH_SIZE);
        answer->status = fact->status;
        fact_set(&answer->body, fact->body);
    }
}

void database_add_mail(struct world *world, int64_t id, const char *subject, const char *message_id,
                       const void *payload, size_t length)
{
    struct facts *rows = &world->database->rows;
    if ((size_t)id != rows->mail_count + 1)
        world_fail(world, "outbox row %lld is not the next one", (long long)id);
    struct fact_mail *row = facts_add_mail(rows);
    row->outbox = id;
    fact_set(&row->subject, subject);
    fact_set(&row->message_id, message_id);
    buffer_append(&row->payload, payload, length);
}

static void write_outbox(struct world *world, const struct transaction *transaction)
{
    struct facts *rows = &world->database->rows;
    for (size_t i = 0; i < transaction->facts.mail_count; i++) {
        const struct fact_mail *mail = &transaction->facts.mails[i];
        database_add_mail(world, mail->outbox, mail->subject, mail->message_id, mail->payload.data,
                          mail->payload.length);
    }
    for (size_t i = 0; i < transaction->outbox_count; i++)
        fact_set(&rows->mails[transaction->outbox[i] - 1].message_id, NULL);
}

static void write_progress(struct world *world, const struct core_progress *progress)
{
    struct core_progress *row = &world->database->progress;
    if (progress->last_tick < row->last_tick || progress->runs_seq < row->runs_seq ||
        progress->commands_seq < row->commands_seq || progress->results_seq < row->results_seq)
        world_fail(world, "progress goes back: last_tick %u to %u, RUNS %llu to %llu",
                   row->last_tick, progress->last_tick, (unsigned long long)row->runs_seq,
                   (unsigned long long)progress->runs_seq);
    uint64_t before = row->runs_seq;
    *row = *progress;
    streams_check_runs(world, before, progress->runs_seq, progress->last_tick);
    ledger_complete(world, progress->last_tick);
}

bool database_commit(struct world *world, const struct transaction *transaction)
{
    struct database *database = world->database;
    if (!database_leads(world, transaction->epoch)) {
        database->refused++;
        trace_add(world, (int)transaction->scheduler, "PostgreSQL refuses a transaction of epoch",
                  (long long)transaction->epoch, (long long)database->lease_epoch);
        return false;
    }
    database->transactions++;
    if (transaction->loaded_gap_to)
        calendar_gap(world, (uint32_t)transaction->loaded_gap_after,
                     (uint32_t)transaction->loaded_gap_to);
    uint32_t now = (uint32_t)(transaction->now_ms / MINUTE_MS);
    if (transaction->facts.answer_count &&
        (transaction->emitted < now || transaction->progress.last_tick < transaction->emitted))
        world_fail(world, "commands were applied at minute %u, emitted %u, last_tick %u", now,
                   transaction->emitted, transaction->progress.last_tick);
    write_accounts(world, &transaction->facts);
    write_jobs(world, transaction);
    write_answers(world, &transaction->facts);
    write_outbox(world, transaction);
    rows_write(world, &transaction->writing, transaction->now_ms);
    for (size_t i = 0; i < transaction->alert_count; i++)
        notices_add_alert(world, &transaction->alerts[i], transaction->now_ms);
    database->alerts += transaction->alert_count;
    write_progress(world, &transaction->progress);
    trace_add(world, (int)transaction->scheduler, "committed rows, last_tick",
              (long long)transaction->writing.executions.count, transaction->progress.last_tick);
    return true;
}

void transaction_free(void *data)
{
    struct transaction *transaction = data;
    facts_free(&transaction->facts);
    writing_free(&transaction->writing);
    free(transaction->outbox);
    free(transaction);
}
