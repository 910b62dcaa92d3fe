#include "scheduler/sql_facts.h"

#include "scheduler/core/execution.h"
#include "scheduler/sql_check_facts.h"
#include "scheduler/sql_unit.h"
#include "shared/command.h"

/* The statements that every batch needs; then those of struct sql_facts_read. */
enum facts_read { READ_ANSWERS, READ_TOKENS, READ_ACCOUNTS, READ_JOBS, READ_MORE };

static void array_of_tokens(struct db_unit *unit, const struct command *commands, size_t count)
{
    static const uint8_t none[TOKEN_ID_SIZE];
    EACH_IF(commands, count, DB_ARRAY_BYTES, memcmp(row->token_id, none, TOKEN_ID_SIZE) != 0,
            db_element_bytes(unit, row->token_id, TOKEN_ID_SIZE));
}

static void read_answers(struct db_unit *unit, const struct command *commands, size_t count)
{
    ADD(unit, "read_answers",
        "SELECT id, fingerprint, status::integer, body FROM answers WHERE id = ANY ($1::text[])");
    EACH(commands, count, DB_ARRAY_TEXT, element_string(unit, row->id));
}

static void read_tokens(struct db_unit *unit, const struct command *commands, size_t count)
{
    ADD(unit, "read_tokens",
        "SELECT id, purpose, email, created_at, expires_at, used_at FROM tokens"
        " WHERE id = ANY ($1::bytea[])");
    array_of_tokens(unit, commands, count);
}

static bool needs_account(const struct command *command)
{
    return command->kind == COMMAND_ACCOUNT_UPDATE ||
           command->kind == COMMAND_ACCOUNT_SET_BILLING ||
           command->kind == COMMAND_CHANNEL_CREATE || command->kind == COMMAND_CHANNEL_UPDATE;
}

static void read_accounts(struct db_unit *unit, const struct command *commands, size_t count)
{
    ADD(unit, "read_accounts",
        "SELECT id, email, plan, failure_email_enabled, key_hash, created_at, b.version, "
        "b.customer,"
        " b.subscription, b.checkout, b.status, b.period_end, b.cancels"
        " FROM accounts LEFT JOIN billing b ON b.account_id = id"
        " WHERE id IN (SELECT id FROM accounts WHERE email = ANY ($1::text[])"
        " UNION SELECT unnest($2::bigint[])"
        " UNION SELECT a.id FROM tokens t JOIN accounts a USING (email)"
        " WHERE t.id = ANY ($3::bytea[]))");
    EACH_IF(commands, count, DB_ARRAY_TEXT, row->email, element_string(unit, row->email));
    EACH_IF(commands, count, DB_ARRAY_I64, needs_account(row), db_element_i64(unit, row->account));
    array_of_tokens(unit, commands, count);
}

static void read_jobs(struct db_unit *unit, const struct command *commands, size_t count)
{
    ADD(unit, "read_jobs",
        "SELECT j.id, account_id, version, name, cron_expression, webhook_url, headers, payload,"
        " failure_webhook_url, enabled, due_after, created_at, updated_at, s.last_run_at, timezone,"
        " run_at, start_at, end_at,"
        " CASE catch_up WHEN 'latest' THEN 0 WHEN 'all' THEN 1 ELSE 2 END,"
        " coalesce(catch_up_window_seconds, -1), allow_overlap, jitter_seconds, max_retries,"
        " auto_pause, external_id, paused_reason"
        " FROM jobs j LEFT JOIN job_state s ON s.job_id = j.id"
        " WHERE j.id IN (SELECT unnest($1::bigint[]) UNION SELECT e.id FROM jobs e"
        " JOIN unnest($2::bigint[], $3::text[]) AS u (account, name)"
        " ON e.account_id = u.account AND e.external_id = u.name)");
    EACH_IF(commands, count, DB_ARRAY_I64, row->job_id, db_element_i64(unit, row->job_id));
    EACH_IF(commands, count, DB_ARRAY_I64, row->job.external_id,
            db_element_i64(unit, row->account));
    EACH_IF(commands, count, DB_ARRAY_TEXT, row->job.external_id,
            element_string(unit, row->job.external_id));
}

static bool is_about_secrets(const struct command *command)
{
    return command->kind == COMMAND_SECRET_CREATE || command->kind == COMMAND_SECRET_ROTATE ||
           command->kind == COMMAND_SECRET_DELETE;
}

static void read_secrets(struct db_unit *unit, const struct command *commands, size_t count)
{
    ADD(unit, "read_secrets",
        "SELECT id, account_id, created_at, expires_at FROM webhook_secrets"
        " WHERE account_id = ANY ($1::bigint[])");
    EACH_IF(commands, count, DB_ARRAY_I64, is_about_secrets(row),
            db_element_i64(unit, row->account));
}

/* Of every slot of every command of an operator: which, and what of it. */
static void array_of_slots(struct db_unit *unit, const struct command *commands, size_t count,
                           enum db_array_type type,
                           void (*element)(struct db_unit *unit, const struct command_slot *slot))
{
    db_array_begin(unit, type);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < commands[i].slot_count; j++)
            element(unit, &commands[i].slots[j]);
    db_array_end(unit);
}

static void slot_job(struct db_unit *unit, const struct command_slot *slot)
{
    db_element_i64(unit, slot->job);
}

static void slot_time(struct db_unit *unit, const struct command_slot *slot)
{
    db_element_time(unit, slot->slot_s * 1000);
}

static void read_slots(struct db_unit *unit, const struct command *commands, size_t count)
{
    /* A window's rows in the order of time, one more than may be run: then it is refused. */
    ADD(unit, "read_slots",
        "SELECT e.job_id, e.scheduled_at, e.status FROM unnest($1::bigint[], $2::timestamptz[],"
        " $3::timestamptz[], $4::boolean[], $5::boolean[], $6::boolean[])"
        " AS u (job_id, since, till, failure, skipped, success)"
        " CROSS JOIN LATERAL (SELECT job_id, scheduled_at, CASE status WHEN 'success' THEN 1"
        " WHEN 'failure' THEN 2 ELSE 3 END AS status FROM executions x WHERE x.job_id = u.job_id"
        " AND x.scheduled_at BETWEEN u.since AND u.till AND x.replay = 0"
        " AND (u.failure AND x.status = 'failure' OR u.skipped AND x.status = 'skipped'"
        " OR u.success AND x.status = 'success') ORDER BY x.scheduled_at LIMIT $9::integer) e"
        " UNION SELECT e.job_id, e.scheduled_at, CASE e.status WHEN 'success' THEN 1"
        " WHEN 'failure' THEN 2 ELSE 3 END FROM executions e"
        " JOIN unnest($7::bigint[], $8::timestamptz[]) AS u (job_id, scheduled_at)"
        " USING (job_id, scheduled_at) WHERE e.replay = 0 AND e.status <> 'pending'"
        " ORDER BY 2, 1");
#define EACH_REPLAY(type, element)                                                                 \
    EACH_IF(commands, count, type, row->kind == COMMAND_JOB_REPLAY, (element))
    EACH_REPLAY(DB_ARRAY_I64, db_element_i64(unit, row->job_id));
    EACH_REPLAY(DB_ARRAY_TIME, db_element_time(unit, row->window.from_s * 1000));
    EACH_REPLAY(DB_ARRAY_TIME, db_element_time(unit, row->window.to_s * 1000));
    EACH_REPLAY(DB_ARRAY_BOOL, db_element_bool(unit, row->window.failure));
    EACH_REPLAY(DB_ARRAY_BOOL, db_element_bool(unit, row->window.skipped));
    EACH_REPLAY(DB_ARRAY_BOOL, db_element_bool(unit, row->window.success));
#undef EACH_REPLAY
    array_of_slots(unit, commands, count, DB_ARRAY_I64, slot_job);
    array_of_slots(unit, commands, count, DB_ARRAY_TIME, slot_time);
    db_param_i32(unit, REPLAY_MAX + 1);
}

struct sql_facts_read sql_read_facts(struct db_unit *unit, const struct command *commands,
                                     size_t count)
{
    read_answers(unit, commands, count);
    read_tokens(unit, commands, count);
    read_accounts(unit, commands, count);
    read_jobs(unit, commands, count);
    struct sql_facts_read read = {.secrets = false};
    for (size_t i = 0; i < count; i++) {
        read.secrets |= is_about_secrets(&commands[i]);
        read.slots |= commands[i].kind == COMMAND_JOB_REPLAY || commands[i].slot_count > 0;
        read.checks |= sql_needs_checks(&commands[i]);
        read.all_checks |= sql_needs_all_checks(&commands[i]);
        read.channels |= sql_needs_channels(&commands[i]);
    }
    if (read.secrets)
        read_secrets(unit, commands, count);
    if (read.slots)
        read_slots(unit, commands, count);
    if (read.checks)
        sql_read_checks(unit, commands, count);
    if (read.all_checks)
        sql_read_all_checks(unit, commands, count);
    if (read.channels)
        sql_read_channels(unit, commands, count);
    return read;
}

static void bytes_of(const struct db_rows *rows, int row, int column, uint8_t *bytes, size_t size)
{
    size_t length;
    const void *found = db_bytes(rows, row, column, &length);
    INVARIANT(length == size); /* only the scheduler writes them */
    memcpy(bytes, found, size);
}

static void answer_rows(const struct db_rows *rows, struct facts *facts)
{
    for (int row = 0; row < rows->count; row++) {
        struct fact_answer *answer = facts_add_answer(facts);
        fact_set(&answer->id, db_text(rows, row, 0));
        bytes_of(rows, row, 1, answer->fingerprint, HASH_SIZE);
        answer->status = db_i32(rows, row, 2);
        fact_set(&answer->body, db_text(rows, row, 3));
    }
}

static void token_rows(const struct db_rows *rows, struct facts *facts)
{
    for (int row = 0; row < rows->count; row++) {
        struct fact_token *token = facts_add_token(facts);
        bytes_of(rows, row, 0, token->id, TOKEN_ID_SIZE);
        fact_set(&token->purpose, db_text(rows, row, 1));
        fact_set(&token->email, db_text(rows, row, 2));
        token->created_ms = db_time_ms(rows, row, 3);
        token->expires_ms = db_time_ms(rows, row, 4);
        token->used_ms = time_or_zero(rows, row, 5);
    }
}

static void billing_row(const struct db_rows *rows, int row, struct fact_billing *billing)
{
    billing->version = db_i64(rows, row, 6);
    fact_set(&billing->customer, text_or_null(rows, row, 7));
    fact_set(&billing->subscription, text_or_null(rows, row, 8));
    fact_set(&billing->checkout, text_or_null(rows, row, 9));
    fact_set(&billing->status, text_or_null(rows, row, 10));
    billing->period_end_ms = time_or_zero(rows, row, 11);
    billing->cancels = db_bool(rows, row, 12);
}

static void account_rows(const struct db_rows *rows, struct facts *facts)
{
    for (int row = 0; row < rows->count; row++) {
        struct fact_account *account = facts_add_account(facts);
        account->id = db_i64(rows, row, 0);
        fact_set(&account->email, db_text(rows, row, 1));
        fact_set(&account->plan, db_text(rows, row, 2));
        account->failure_email_enabled = db_bool(rows, row, 3);
        bytes_of(rows, row, 4, account->key_hash, HASH_SIZE);
        account->created_ms = db_time_ms(rows, row, 5);
        billing_row(rows, row, &account->billing);
    }
}

static void job_rows(const struct db_rows *rows, struct facts *facts)
{
    for (int row = 0; row < rows->count; row++) {
        struct fact_job *job = facts_add_job(facts);
        job->id = db_i64(rows, row, 0);
        job->account = db_i64(rows, row, 1);
        job->version = (uint32_t)db_i32(rows, row, 2);
        fact_set(&job->name, db_text(rows, row, 3));
        fact_set(&job->cron_expression, text_or_null(rows, row, 4));
        fact_set(&job->webhook_url, db_text(rows, row, 5));
        fact_set(&job->headers, text_or_null(rows, row, 6));
        fact_set(&job->payload, text_or_null(rows, row, 7));
        fact_set(&job->failure_webhook_url, text_or_null(rows, row, 8));
        job->enabled = db_bool(rows, row, 9);
        job->due_after_ms = db_time_ms(rows, row, 10);
        job->created_ms = db_time_ms(rows, row, 11);
        job->updated_ms = db_time_ms(rows, row, 12);
        job->last_run_ms = time_or_zero(rows, row, 13);
        fact_set(&job->timezone, db_text(rows, row, 14));
        job->run_at_s = time_or_zero(rows, row, 15) / 1000;
        job->start_at_s = time_or_zero(rows, row, 16) / 1000;
        job->end_at_s = time_or_zero(rows, row, 17) / 1000;
        job->catch_up = (enum catch_up)db_i32(rows, row, 18);
        job->catch_up_window_s = db_i32(rows, row, 19);
        job->allow_overlap = db_bool(rows, row, 20);
        job->jitter_s = (uint16_t)db_i32(rows, row, 21);
        job->max_retries = (uint8_t)db_i32(rows, row, 22);
        job->auto_pause = db_bool(rows, row, 23);
        fact_set(&job->external_id, text_or_null(rows, row, 24));
        fact_set(&job->paused_reason, text_or_null(rows, row, 25));
    }
}

static void secret_rows(const struct db_rows *rows, struct facts *facts)
{
    for (int row = 0; row < rows->count; row++) {
        struct fact_secret *secret = facts_add_secret(facts);
        bytes_of(rows, row, 0, secret->id, TOKEN_ID_SIZE);
        secret->account = db_i64(rows, row, 1);
        secret->created_ms = db_time_ms(rows, row, 2);
        secret->expires_ms = time_or_zero(rows, row, 3);
    }
}

static void slot_rows(const struct db_rows *rows, struct facts *facts)
{
    for (int row = 0; row < rows->count; row++)
        *facts_add_slot(facts) = (struct fact_slot){.job = db_i64(rows, row, 0),
                                                    .slot_s = db_time_ms(rows, row, 1) / 1000,
                                                    .status = (uint8_t)db_i32(rows, row, 2)};
}

void sql_facts_rows(const struct db_outcome *outcome, struct sql_facts_read read,
                    struct facts *facts)
{
    const struct db_rows *more = &outcome->statements[READ_MORE];
    INVARIANT(outcome->count == (size_t)READ_MORE + read.secrets + read.slots + read.checks +
                                    read.all_checks + read.channels);
    answer_rows(&outcome->statements[READ_ANSWERS], facts);
    token_rows(&outcome->statements[READ_TOKENS], facts);
    account_rows(&outcome->statements[READ_ACCOUNTS], facts);
    job_rows(&outcome->statements[READ_JOBS], facts);
    if (read.secrets)
        secret_rows(more++, facts);
    if (read.slots)
        slot_rows(more++, facts);
    if (read.checks)
        sql_check_rows(more++, facts);
    if (read.all_checks)
        sql_check_rows(more++, facts);
    if (read.channels)
        sql_channel_rows(more, facts);
}
