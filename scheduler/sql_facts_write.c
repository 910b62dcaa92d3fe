#include "scheduler/sql_facts.h"

#include "scheduler/sql_check_facts.h"
#include "scheduler/sql_fact_arrays.h"
#include "scheduler/sql_unit.h"

COUNTER(account)
COUNTER(token)
COUNTER(job)
COUNTER(secret)
COUNTER(answer)

static void delete_jobs(struct db_unit *unit, const struct facts *facts)
{
    ADD(unit, "delete_jobs",
        "WITH gone AS (DELETE FROM jobs WHERE id = ANY ($1::bigint[]) RETURNING id),"
        " state AS (DELETE FROM job_state WHERE job_id = ANY ($1::bigint[]))"
        " INSERT INTO purges SELECT id FROM gone ON CONFLICT DO NOTHING");
    EACH_FACT(job, FACT_DELETED, DB_ARRAY_I64, db_element_i64(unit, job->id));
}

static void delete_accounts(struct db_unit *unit, const struct facts *facts)
{
    ADD(unit, "delete_jobs_of_accounts",
        "WITH gone AS (DELETE FROM jobs WHERE account_id = ANY ($1::bigint[]) RETURNING id),"
        " state AS (DELETE FROM job_state WHERE job_id IN (SELECT id FROM jobs"
        " WHERE account_id = ANY ($1::bigint[])))"
        " INSERT INTO purges SELECT id FROM gone ON CONFLICT DO NOTHING");
    EACH_FACT(account, FACT_DELETED, DB_ARRAY_I64, db_element_i64(unit, account->id));
    ADD(unit, "delete_accounts", "DELETE FROM accounts WHERE id = ANY ($1::bigint[])");
    EACH_FACT(account, FACT_DELETED, DB_ARRAY_I64, db_element_i64(unit, account->id));
}

static void write_accounts(struct db_unit *unit, const struct facts *facts)
{
    ADD(unit, "write_accounts",
        "INSERT INTO accounts (id, email, plan, failure_email_enabled, key_hash, created_at)"
        " SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::boolean[], $5::bytea[],"
        " $6::timestamptz[]) ON CONFLICT (id) DO UPDATE SET plan = excluded.plan,"
        " failure_email_enabled = excluded.failure_email_enabled, key_hash = excluded.key_hash");
    EACH_FACT(account, FACT_WRITTEN, DB_ARRAY_I64, db_element_i64(unit, account->id));
    EACH_FACT(account, FACT_WRITTEN, DB_ARRAY_TEXT, element_string(unit, account->email));
    EACH_FACT(account, FACT_WRITTEN, DB_ARRAY_TEXT, element_string(unit, account->plan));
    EACH_FACT(account, FACT_WRITTEN, DB_ARRAY_BOOL,
              db_element_bool(unit, account->failure_email_enabled));
    EACH_FACT(account, FACT_WRITTEN, DB_ARRAY_BYTES,
              db_element_bytes(unit, account->key_hash, HASH_SIZE));
    EACH_FACT(account, FACT_WRITTEN, DB_ARRAY_TIME, db_element_time(unit, account->created_ms));
}

static void write_billing(struct db_unit *unit, const struct facts *facts)
{
    ADD(unit, "write_billing",
        "INSERT INTO billing (account_id, version, customer, subscription, checkout, status,"
        " period_end, cancels) SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[],"
        " $4::text[], $5::text[], $6::text[], $7::timestamptz[], $8::boolean[])"
        " ON CONFLICT (account_id) DO UPDATE SET version = excluded.version,"
        " customer = excluded.customer, subscription = excluded.subscription,"
        " checkout = excluded.checkout, status = excluded.status,"
        " period_end = excluded.period_end, cancels = excluded.cancels");
#define EACH_BILLING(type, element)                                                                \
    EACH_IF(facts->accounts, facts->account_count, type,                                           \
            row->change == FACT_WRITTEN && row->billing.written, (element))
    EACH_BILLING(DB_ARRAY_I64, db_element_i64(unit, row->id));
    EACH_BILLING(DB_ARRAY_I64, db_element_i64(unit, row->billing.version));
    EACH_BILLING(DB_ARRAY_TEXT, element_string(unit, row->billing.customer));
    EACH_BILLING(DB_ARRAY_TEXT, element_string(unit, row->billing.subscription));
    EACH_BILLING(DB_ARRAY_TEXT, element_string(unit, row->billing.checkout));
    EACH_BILLING(DB_ARRAY_TEXT, element_string(unit, row->billing.status));
    EACH_BILLING(DB_ARRAY_TIME, element_time_or_null(unit, row->billing.period_end_ms));
    EACH_BILLING(DB_ARRAY_BOOL, db_element_bool(unit, row->billing.cancels));
#undef EACH_BILLING
}

static void write_tokens(struct db_unit *unit, const struct facts *facts)
{
    ADD(unit, "write_tokens",
        "INSERT INTO tokens (id, purpose, email, created_at, expires_at, used_at)"
        " SELECT * FROM unnest($1::bytea[], $2::text[], $3::text[], $4::timestamptz[],"
        " $5::timestamptz[], $6::timestamptz[])"
        " ON CONFLICT (id) DO UPDATE SET used_at = excluded.used_at");
    EACH_FACT(token, FACT_WRITTEN, DB_ARRAY_BYTES,
              db_element_bytes(unit, token->id, TOKEN_ID_SIZE));
    EACH_FACT(token, FACT_WRITTEN, DB_ARRAY_TEXT, element_string(unit, token->purpose));
    EACH_FACT(token, FACT_WRITTEN, DB_ARRAY_TEXT, element_string(unit, token->email));
    EACH_FACT(token, FACT_WRITTEN, DB_ARRAY_TIME, db_element_time(unit, token->created_ms));
    EACH_FACT(token, FACT_WRITTEN, DB_ARRAY_TIME, db_element_time(unit, token->expires_ms));
    EACH_FACT(token, FACT_WRITTEN, DB_ARRAY_TIME, element_time_or_null(unit, token->used_ms));
}

/* Two jobs may have swapped theirs, which no order of rows could write. */
static void release_external_ids(struct db_unit *unit, const struct facts *facts)
{
    ADD(unit, "release_external_ids",
        "UPDATE jobs SET external_id = NULL"
        " WHERE id = ANY ($1::bigint[]) AND external_id IS NOT NULL");
    EACH_IF(facts->jobs, facts->job_count, DB_ARRAY_I64,
            row->change == FACT_WRITTEN && row->renamed, db_element_i64(unit, row->id));
}

static void write_jobs(struct db_unit *unit, const struct facts *facts)
{
    bool renamed = false;
    for (size_t i = 0; i < facts->job_count; i++)
        renamed |= facts->jobs[i].renamed;
    if (renamed)
        release_external_ids(unit, facts);
    ADD(unit, "write_jobs",
        "INSERT INTO jobs (id, account_id, version, name, cron_expression, webhook_url, headers,"
        " payload, failure_webhook_url, enabled, due_after, created_at, updated_at, timezone,"
        " run_at, start_at, end_at, catch_up, catch_up_window_seconds, allow_overlap,"
        " jitter_seconds, max_retries, auto_pause, external_id, paused_reason)"
        " SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::integer[], $4::text[], $5::text[],"
        " $6::text[], $7::text[], $8::text[], $9::text[], $10::boolean[], $11::timestamptz[],"
        " $12::timestamptz[], $13::timestamptz[], $14::text[], $15::timestamptz[],"
        " $16::timestamptz[], $17::timestamptz[], $18::text[], $19::integer[], $20::boolean[],"
        " $21::integer[], $22::integer[], $23::boolean[], $24::text[], $25::text[])"
        " ON CONFLICT (id) DO UPDATE SET version = excluded.version, name = excluded.name,"
        " cron_expression = excluded.cron_expression, webhook_url = excluded.webhook_url,"
        " headers = excluded.headers, payload = excluded.payload,"
        " failure_webhook_url = excluded.failure_webhook_url, enabled = excluded.enabled,"
        " due_after = excluded.due_after, updated_at = excluded.updated_at,"
        " timezone = excluded.timezone, run_at = excluded.run_at, start_at = excluded.start_at,"
        " end_at = excluded.end_at, catch_up = excluded.catch_up,"
        " catch_up_window_seconds = excluded.catch_up_window_seconds,"
        " allow_overlap = excluded.allow_overlap, jitter_seconds = excluded.jitter_seconds,"
        " max_retries = excluded.max_retries, auto_pause = excluded.auto_pause,"
        " external_id = excluded.external_id, paused_reason = excluded.paused_reason");
#define EACH_JOB(type, element) EACH_FACT(job, FACT_WRITTEN, type, (element))
    EACH_JOB(DB_ARRAY_I64, db_element_i64(unit, job->id));
    EACH_JOB(DB_ARRAY_I64, db_element_i64(unit, job->account));
    EACH_JOB(DB_ARRAY_I32, db_element_i32(unit, (int32_t)job->version));
    EACH_JOB(DB_ARRAY_TEXT, element_string(unit, job->name));
    EACH_JOB(DB_ARRAY_TEXT, element_string(unit, job->cron_expression));
    EACH_JOB(DB_ARRAY_TEXT, element_string(unit, job->webhook_url));
    EACH_JOB(DB_ARRAY_TEXT, element_string(unit, job->headers));
    EACH_JOB(DB_ARRAY_TEXT, element_string(unit, job->payload));
    EACH_JOB(DB_ARRAY_TEXT, element_string(unit, job->failure_webhook_url));
    EACH_JOB(DB_ARRAY_BOOL, db_element_bool(unit, job->enabled));
    EACH_JOB(DB_ARRAY_TIME, db_element_time(unit, job->due_after_ms));
    EACH_JOB(DB_ARRAY_TIME, db_element_time(unit, job->created_ms));
    EACH_JOB(DB_ARRAY_TIME, db_element_time(unit, job->updated_ms));
    EACH_JOB(DB_ARRAY_TEXT, element_string(unit, job->timezone));
    EACH_JOB(DB_ARRAY_TIME, element_time_or_null(unit, job->run_at_s * 1000));
    EACH_JOB(DB_ARRAY_TIME, element_time_or_null(unit, job->start_at_s * 1000));
    EACH_JOB(DB_ARRAY_TIME, element_time_or_null(unit, job->end_at_s * 1000));
    EACH_JOB(DB_ARRAY_TEXT, element_string(unit, catch_up_name(job->catch_up)));
    EACH_JOB(DB_ARRAY_I32, job->catch_up_window_s == CATCH_UP_WINDOW_NONE
                               ? db_element_null(unit)
                               : db_element_i32(unit, job->catch_up_window_s));
    EACH_JOB(DB_ARRAY_BOOL, db_element_bool(unit, job->allow_overlap));
    EACH_JOB(DB_ARRAY_I32, db_element_i32(unit, job->jitter_s));
    EACH_JOB(DB_ARRAY_I32, db_element_i32(unit, job->max_retries));
    EACH_JOB(DB_ARRAY_BOOL, db_element_bool(unit, job->auto_pause));
    EACH_JOB(DB_ARRAY_TEXT, element_string(unit, job->external_id));
    EACH_JOB(DB_ARRAY_TEXT, element_string(unit, job->paused_reason));
#undef EACH_JOB
}

static void delete_secrets(struct db_unit *unit, const struct facts *facts)
{
    ADD(unit, "delete_secrets", "DELETE FROM webhook_secrets WHERE id = ANY ($1::bytea[])");
    EACH_FACT(secret, FACT_DELETED, DB_ARRAY_BYTES,
              db_element_bytes(unit, secret->id, TOKEN_ID_SIZE));
}

static void write_secrets(struct db_unit *unit, const struct facts *facts)
{
    ADD(unit, "write_secrets",
        "INSERT INTO webhook_secrets (id, account_id, created_at, expires_at)"
        " SELECT * FROM unnest($1::bytea[], $2::bigint[], $3::timestamptz[], $4::timestamptz[])"
        " ON CONFLICT (id) DO UPDATE SET expires_at = excluded.expires_at");
    EACH_FACT(secret, FACT_WRITTEN, DB_ARRAY_BYTES,
              db_element_bytes(unit, secret->id, TOKEN_ID_SIZE));
    EACH_FACT(secret, FACT_WRITTEN, DB_ARRAY_I64, db_element_i64(unit, secret->account));
    EACH_FACT(secret, FACT_WRITTEN, DB_ARRAY_TIME, db_element_time(unit, secret->created_ms));
    EACH_FACT(secret, FACT_WRITTEN, DB_ARRAY_TIME, element_time_or_null(unit, secret->expires_ms));
}

static void write_answers(struct db_unit *unit, const struct facts *facts, int64_t now_ms)
{
    ADD(unit, "write_answers",
        "INSERT INTO answers (id, fingerprint, status, body, created_at)"
        " SELECT id, fingerprint, status, body, $5::timestamptz FROM unnest($1::text[],"
        " $2::bytea[], $3::smallint[], $4::text[]) AS u (id, fingerprint, status, body)");
    EACH_FACT(answer, FACT_WRITTEN, DB_ARRAY_TEXT, element_string(unit, answer->id));
    EACH_FACT(answer, FACT_WRITTEN, DB_ARRAY_BYTES,
              db_element_bytes(unit, answer->fingerprint, HASH_SIZE));
    EACH_FACT(answer, FACT_WRITTEN, DB_ARRAY_I16, db_element_i16(unit, (int16_t)answer->status));
    EACH_FACT(answer, FACT_WRITTEN, DB_ARRAY_TEXT, element_string(unit, answer->body));
    db_param_time(unit, now_ms);
}

static void write_mails(struct db_unit *unit, const struct facts *facts)
{
    ADD(unit, "write_outbox",
        "INSERT INTO outbox (id, subject, message_id, payload)"
        " SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bytea[])");
    EACH(facts->mails, facts->mail_count, DB_ARRAY_I64, db_element_i64(unit, row->outbox));
    EACH(facts->mails, facts->mail_count, DB_ARRAY_TEXT, element_string(unit, row->subject));
    EACH(facts->mails, facts->mail_count, DB_ARRAY_TEXT, element_string(unit, row->message_id));
    EACH(facts->mails, facts->mail_count, DB_ARRAY_BYTES,
         db_element_bytes(unit, row->payload.data, row->payload.length));
}

static bool any_billing(const struct facts *facts)
{
    for (size_t i = 0; i < facts->account_count; i++)
        if (facts->accounts[i].change == FACT_WRITTEN && facts->accounts[i].billing.written)
            return true;
    return false;
}

void sql_write_facts(struct db_unit *unit, const struct facts *facts, int64_t now_ms)
{
    /* Deletions first: an address may be registered anew in the same transaction. Those of checks
     * before those of accounts and jobs, which would take them along without a trace. */
    sql_delete_check_facts(unit, facts);
    if (COUNT(account, FACT_DELETED))
        delete_accounts(unit, facts);
    if (COUNT(job, FACT_DELETED))
        delete_jobs(unit, facts);
    if (COUNT(secret, FACT_DELETED))
        delete_secrets(unit, facts);
    if (COUNT(account, FACT_WRITTEN))
        write_accounts(unit, facts);
    if (any_billing(facts))
        write_billing(unit, facts);
    if (COUNT(token, FACT_WRITTEN))
        write_tokens(unit, facts);
    if (COUNT(job, FACT_WRITTEN))
        write_jobs(unit, facts);
    if (COUNT(secret, FACT_WRITTEN))
        write_secrets(unit, facts);
    sql_write_check_facts(unit, facts);
    if (COUNT(answer, FACT_WRITTEN))
        write_answers(unit, facts, now_ms);
    if (facts->mail_count)
        write_mails(unit, facts);
}
