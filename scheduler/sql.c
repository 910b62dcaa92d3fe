#include "scheduler/sql.h"

#include <stdio.h>
#include <string.h>

#define MINUTE_MS 60000

/* Adds a statement whose text is a constant here. */
#define ADD(unit, statement_name, text)                                                            \
    do {                                                                                           \
        static const struct db_statement statement = {(statement_name), (text)};                   \
        db_unit_add((unit), &statement);                                                           \
    } while (0)

static void param_string(struct db_unit *unit, const char *text)
{
    db_param_text(unit, text, strlen(text));
}

static void element_string(struct db_unit *unit, const char *text)
{
    if (text)
        db_element_text(unit, text, strlen(text));
    else
        db_element_null(unit);
}

/* ---- lease and transactions ---- */

void sql_lease_acquire(struct db_unit *unit, const char *holder, int64_t ttl_ms)
{
    ADD(unit, "lease_unblock", "SELECT lease_unblock()");
    ADD(unit, "lease_acquire",
        "UPDATE lease SET holder = $1::text, epoch = epoch + 1,"
        " expires_at = clock_timestamp() + $2::bigint * interval '1 ms'"
        " WHERE expires_at < clock_timestamp() OR holder = $1::text"
        /* PostgreSQL's clock was set back: who leads would have renewed it long ago. */
        " OR expires_at > clock_timestamp() + interval '2 minutes' RETURNING epoch");
    param_string(unit, holder);
    db_param_i64(unit, ttl_ms);
}

void sql_lease_renew(struct db_unit *unit, uint64_t epoch, int64_t ttl_ms)
{
    ADD(unit, "lease_renew",
        "UPDATE lease SET expires_at = clock_timestamp() + $2::bigint * interval '1 ms'"
        " WHERE epoch = $1::bigint AND expires_at > clock_timestamp() RETURNING epoch");
    db_param_i64(unit, (int64_t)epoch);
    db_param_i64(unit, ttl_ms);
}

void sql_lease_release(struct db_unit *unit, uint64_t epoch)
{
    ADD(unit, "lease_release",
        "UPDATE lease SET expires_at = '-infinity' WHERE epoch = $1::bigint RETURNING epoch");
    db_param_i64(unit, (int64_t)epoch);
}

void sql_begin(struct db_unit *unit)
{
    ADD(unit, "begin", "BEGIN");
}

void sql_assert_leader(struct db_unit *unit, uint64_t epoch)
{
    ADD(unit, "assert_leader", "SELECT assert_leader($1::bigint)");
    db_param_i64(unit, (int64_t)epoch);
}

void sql_commit(struct db_unit *unit)
{
    ADD(unit, "commit", "COMMIT");
}

/* ---- loading ---- */

void sql_read_progress(struct db_unit *unit)
{
    ADD(unit, "read_progress",
        "SELECT last_tick, runs_seq, commands_seq, results_seq, next_account, next_job, next_outbox"
        " FROM progress");
}

void sql_progress_row(const struct db_rows *rows, struct core_progress *progress)
{
    progress->has_last_tick = !db_is_null(rows, 0, 0);
    progress->last_tick =
        progress->has_last_tick ? (uint32_t)(db_time_ms(rows, 0, 0) / MINUTE_MS) : 0;
    progress->runs_seq = (uint64_t)db_i64(rows, 0, 1);
    progress->commands_seq = (uint64_t)db_i64(rows, 0, 2);
    progress->results_seq = (uint64_t)db_i64(rows, 0, 3);
    progress->next_account = db_i64(rows, 0, 4);
    progress->next_job = db_i64(rows, 0, 5);
    progress->next_outbox = db_i64(rows, 0, 6);
}

void sql_read_plans(struct db_unit *unit)
{
    ADD(unit, "read_plans",
        "SELECT name, active_jobs, stored_jobs, min_interval_seconds, timeout_seconds FROM plans"
        " ORDER BY name");
}

void sql_plan_row(const struct db_rows *rows, int row, struct plan *plan)
{
    *plan = (struct plan){.active_jobs = (uint32_t)db_i32(rows, row, 1),
                          .stored_jobs = (uint32_t)db_i32(rows, row, 2),
                          .min_interval_s = (uint32_t)db_i32(rows, row, 3),
                          .timeout_s = (uint16_t)db_i32(rows, row, 4)};
    snprintf(plan->name, sizeof(plan->name), "%s", db_text(rows, row, 0));
}

void sql_slice_accounts(struct db_unit *unit, int64_t after, int32_t limit)
{
    ADD(unit, "slice_accounts",
        "SELECT id, plan FROM accounts WHERE id > $1::bigint ORDER BY id LIMIT $2::integer");
    db_param_i64(unit, after);
    db_param_i32(unit, limit);
}

void sql_slice_jobs(struct db_unit *unit, int64_t after, int32_t limit)
{
    ADD(unit, "slice_jobs",
        "SELECT id, account_id, version, cron_expression, enabled, due_after FROM jobs"
        " WHERE id > $1::bigint ORDER BY id LIMIT $2::integer");
    db_param_i64(unit, after);
    db_param_i32(unit, limit);
}

void sql_slice_pending(struct db_unit *unit, const struct run *after, int32_t limit)
{
    ADD(unit, "slice_pending",
        "SELECT job_id, scheduled_at, replay, version, timeout_seconds::integer,"
        " attempts::integer FROM executions"
        " WHERE status = 'pending' AND (scheduled_at, job_id, replay) >"
        " ($1::timestamptz, $2::bigint, $3::integer)"
        " ORDER BY scheduled_at, job_id, replay LIMIT $4::integer");
    db_param_time(unit, after->slot_s * 1000);
    db_param_i64(unit, after->job);
    db_param_i32(unit, (int32_t)after->replay);
    db_param_i32(unit, limit);
}

void sql_pending_row(const struct db_rows *rows, int row, struct run *run)
{
    *run = (struct run){.job = db_i64(rows, row, 0),
                        .slot_s = db_time_ms(rows, row, 1) / 1000,
                        .replay = (uint32_t)db_i32(rows, row, 2),
                        .version = (uint32_t)db_i32(rows, row, 3),
                        .timeout_s = (uint16_t)db_i32(rows, row, 4),
                        .attempt = (uint8_t)db_i32(rows, row, 5)};
}

void sql_read_recent_tokens(struct db_unit *unit)
{
    ADD(unit, "read_recent_tokens",
        "SELECT email, created_at FROM tokens WHERE created_at > now() - interval '1 hour'"
        " ORDER BY created_at");
}

void sql_slice_outbox(struct db_unit *unit, int64_t after, int32_t limit)
{
    ADD(unit, "slice_outbox",
        "SELECT id, subject, message_id, payload FROM outbox WHERE id > $1::bigint ORDER BY id"
        " LIMIT $2::integer");
    db_param_i64(unit, after);
    db_param_i32(unit, limit);
}

void sql_read_final(struct db_unit *unit, const struct run *runs, size_t count)
{
    ADD(unit, "read_final",
        "SELECT u.place FROM unnest($1::bigint[], $2::timestamptz[], $3::integer[])"
        " WITH ORDINALITY AS u (job_id, scheduled_at, replay, place)"
        " JOIN executions e USING (job_id, scheduled_at, replay)"
        " WHERE e.status IN ('success', 'failure')");
    db_array_begin(unit, DB_ARRAY_I64);
    for (size_t i = 0; i < count; i++)
        db_element_i64(unit, runs[i].job);
    db_array_end(unit);
    db_array_begin(unit, DB_ARRAY_TIME);
    for (size_t i = 0; i < count; i++)
        db_element_time(unit, runs[i].slot_s * 1000);
    db_array_end(unit);
    db_array_begin(unit, DB_ARRAY_I32);
    for (size_t i = 0; i < count; i++)
        db_element_i32(unit, (int32_t)runs[i].replay);
    db_array_end(unit);
}

/* ---- facts ---- */

static void array_of_tokens(struct db_unit *unit, const struct command *commands, size_t count)
{
    static const uint8_t none[TOKEN_ID_SIZE];
    db_array_begin(unit, DB_ARRAY_BYTES);
    for (size_t i = 0; i < count; i++)
        if (memcmp(commands[i].token_id, none, TOKEN_ID_SIZE) != 0)
            db_element_bytes(unit, commands[i].token_id, TOKEN_ID_SIZE);
    db_array_end(unit);
}

void sql_read_facts(struct db_unit *unit, const struct command *commands, size_t count)
{
    ADD(unit, "read_answers",
        "SELECT id, fingerprint, status::integer, body FROM answers WHERE id = ANY ($1::text[])");
    db_array_begin(unit, DB_ARRAY_TEXT);
    for (size_t i = 0; i < count; i++)
        element_string(unit, commands[i].id);
    db_array_end(unit);

    ADD(unit, "read_tokens",
        "SELECT id, purpose, email, created_at, expires_at, used_at FROM tokens"
        " WHERE id = ANY ($1::bytea[])");
    array_of_tokens(unit, commands, count);

    ADD(unit, "read_accounts",
        "SELECT id, email, plan, failure_email_enabled, key_hash, created_at FROM accounts"
        " WHERE id IN (SELECT id FROM accounts WHERE email = ANY ($1::text[])"
        " UNION SELECT unnest($2::bigint[])"
        " UNION SELECT a.id FROM tokens t JOIN accounts a USING (email)"
        " WHERE t.id = ANY ($3::bytea[]))");
    db_array_begin(unit, DB_ARRAY_TEXT);
    for (size_t i = 0; i < count; i++)
        if (commands[i].email)
            element_string(unit, commands[i].email);
    db_array_end(unit);
    db_array_begin(unit, DB_ARRAY_I64);
    for (size_t i = 0; i < count; i++)
        if (commands[i].kind == COMMAND_ACCOUNT_UPDATE)
            db_element_i64(unit, commands[i].account);
    db_array_end(unit);
    array_of_tokens(unit, commands, count);

    ADD(unit, "read_jobs",
        "SELECT j.id, account_id, version, name, cron_expression, webhook_url, headers, payload,"
        " failure_webhook_url, enabled, due_after, created_at, updated_at, s.last_run_at"
        " FROM jobs j LEFT JOIN job_state s ON s.job_id = j.id WHERE j.id = ANY ($1::bigint[])");
    db_array_begin(unit, DB_ARRAY_I64);
    for (size_t i = 0; i < count; i++)
        if (commands[i].job_id)
            db_element_i64(unit, commands[i].job_id);
    db_array_end(unit);
}

static void bytes_of(const struct db_rows *rows, int row, int column, uint8_t *bytes, size_t size)
{
    size_t length;
    const void *found = db_bytes(rows, row, column, &length);
    INVARIANT(length == size); /* only this file writes them */
    memcpy(bytes, found, size);
}

static const char *text_or_null(const struct db_rows *rows, int row, int column)
{
    return db_is_null(rows, row, column) ? NULL : db_text(rows, row, column);
}

static int64_t time_or_zero(const struct db_rows *rows, int row, int column)
{
    return db_is_null(rows, row, column) ? 0 : db_time_ms(rows, row, column);
}

void sql_facts_rows(const struct db_outcome *outcome, struct facts *facts)
{
    INVARIANT(outcome->count == 4);
    const struct db_rows *rows = &outcome->statements[0];
    for (int row = 0; row < rows->count; row++) {
        struct fact_answer *answer = facts_add_answer(facts);
        fact_set(&answer->id, db_text(rows, row, 0));
        bytes_of(rows, row, 1, answer->fingerprint, HASH_SIZE);
        answer->status = db_i32(rows, row, 2);
        fact_set(&answer->body, db_text(rows, row, 3));
    }
    rows = &outcome->statements[1];
    for (int row = 0; row < rows->count; row++) {
        struct fact_token *token = facts_add_token(facts);
        bytes_of(rows, row, 0, token->id, TOKEN_ID_SIZE);
        fact_set(&token->purpose, db_text(rows, row, 1));
        fact_set(&token->email, db_text(rows, row, 2));
        token->created_ms = db_time_ms(rows, row, 3);
        token->expires_ms = db_time_ms(rows, row, 4);
        token->used_ms = time_or_zero(rows, row, 5);
    }
    rows = &outcome->statements[2];
    for (int row = 0; row < rows->count; row++) {
        struct fact_account *account = facts_add_account(facts);
        account->id = db_i64(rows, row, 0);
        fact_set(&account->email, db_text(rows, row, 1));
        fact_set(&account->plan, db_text(rows, row, 2));
        account->failure_email_enabled = db_bool(rows, row, 3);
        bytes_of(rows, row, 4, account->key_hash, HASH_SIZE);
        account->created_ms = db_time_ms(rows, row, 5);
    }
    rows = &outcome->statements[3];
    for (int row = 0; row < rows->count; row++) {
        struct fact_job *job = facts_add_job(facts);
        job->id = db_i64(rows, row, 0);
        job->account = db_i64(rows, row, 1);
        job->version = (uint32_t)db_i32(rows, row, 2);
        fact_set(&job->name, db_text(rows, row, 3));
        fact_set(&job->cron_expression, db_text(rows, row, 4));
        fact_set(&job->webhook_url, db_text(rows, row, 5));
        fact_set(&job->headers, text_or_null(rows, row, 6));
        fact_set(&job->payload, text_or_null(rows, row, 7));
        fact_set(&job->failure_webhook_url, text_or_null(rows, row, 8));
        job->enabled = db_bool(rows, row, 9);
        job->due_after_ms = db_time_ms(rows, row, 10);
        job->created_ms = db_time_ms(rows, row, 11);
        job->updated_ms = db_time_ms(rows, row, 12);
        job->last_run_ms = time_or_zero(rows, row, 13);
    }
}

/* One array parameter of the facts of a kind that are in a state; element writes one. */
// NOLINTBEGIN(bugprone-macro-parentheses): the noun makes names
#define EACH(noun, wanted, type, element)                                                          \
    do {                                                                                           \
        db_array_begin(unit, (type));                                                              \
        for (size_t i = 0; i < facts->noun##_count; i++) {                                         \
            const struct fact_##noun *noun = &facts->noun##s[i];                                   \
            if (noun->change == (wanted))                                                          \
                element;                                                                           \
        }                                                                                          \
        db_array_end(unit);                                                                        \
    } while (0)
// NOLINTEND(bugprone-macro-parentheses)

#define COUNT(noun, wanted) count_##noun##s(facts, (wanted))
#define COUNTER(noun)                                                                              \
    static size_t count_##noun##s(const struct facts *facts, enum fact_change wanted)              \
    {                                                                                              \
        size_t count = 0;                                                                          \
        for (size_t i = 0; i < facts->noun##_count; i++)                                           \
            count += facts->noun##s[i].change == wanted;                                           \
        return count;                                                                              \
    }

COUNTER(account)
COUNTER(token)
COUNTER(job)
COUNTER(answer)

static void delete_jobs(struct db_unit *unit, const struct facts *facts)
{
    ADD(unit, "delete_jobs",
        "WITH gone AS (DELETE FROM jobs WHERE id = ANY ($1::bigint[]) RETURNING id),"
        " state AS (DELETE FROM job_state WHERE job_id = ANY ($1::bigint[]))"
        " INSERT INTO purges SELECT id FROM gone ON CONFLICT DO NOTHING");
    EACH(job, FACT_DELETED, DB_ARRAY_I64, db_element_i64(unit, job->id));
}

static void delete_accounts(struct db_unit *unit, const struct facts *facts)
{
    ADD(unit, "delete_jobs_of_accounts",
        "WITH gone AS (DELETE FROM jobs WHERE account_id = ANY ($1::bigint[]) RETURNING id),"
        " state AS (DELETE FROM job_state WHERE job_id IN (SELECT id FROM jobs"
        " WHERE account_id = ANY ($1::bigint[])))"
        " INSERT INTO purges SELECT id FROM gone ON CONFLICT DO NOTHING");
    EACH(account, FACT_DELETED, DB_ARRAY_I64, db_element_i64(unit, account->id));
    ADD(unit, "delete_accounts", "DELETE FROM accounts WHERE id = ANY ($1::bigint[])");
    EACH(account, FACT_DELETED, DB_ARRAY_I64, db_element_i64(unit, account->id));
}

static void write_accounts(struct db_unit *unit, const struct facts *facts)
{
    ADD(unit, "write_accounts",
        "INSERT INTO accounts (id, email, plan, failure_email_enabled, key_hash, created_at)"
        " SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::boolean[], $5::bytea[],"
        " $6::timestamptz[]) ON CONFLICT (id) DO UPDATE SET plan = excluded.plan,"
        " failure_email_enabled = excluded.failure_email_enabled, key_hash = excluded.key_hash");
    EACH(account, FACT_WRITTEN, DB_ARRAY_I64, db_element_i64(unit, account->id));
    EACH(account, FACT_WRITTEN, DB_ARRAY_TEXT, element_string(unit, account->email));
    EACH(account, FACT_WRITTEN, DB_ARRAY_TEXT, element_string(unit, account->plan));
    EACH(account, FACT_WRITTEN, DB_ARRAY_BOOL,
         db_element_bool(unit, account->failure_email_enabled));
    EACH(account, FACT_WRITTEN, DB_ARRAY_BYTES,
         db_element_bytes(unit, account->key_hash, HASH_SIZE));
    EACH(account, FACT_WRITTEN, DB_ARRAY_TIME, db_element_time(unit, account->created_ms));
}

static void element_time_or_null(struct db_unit *unit, int64_t time_ms)
{
    if (time_ms)
        db_element_time(unit, time_ms);
    else
        db_element_null(unit);
}

static void write_tokens(struct db_unit *unit, const struct facts *facts)
{
    ADD(unit, "write_tokens",
        "INSERT INTO tokens (id, purpose, email, created_at, expires_at, used_at)"
        " SELECT * FROM unnest($1::bytea[], $2::text[], $3::text[], $4::timestamptz[],"
        " $5::timestamptz[], $6::timestamptz[])"
        " ON CONFLICT (id) DO UPDATE SET used_at = excluded.used_at");
    EACH(token, FACT_WRITTEN, DB_ARRAY_BYTES, db_element_bytes(unit, token->id, TOKEN_ID_SIZE));
    EACH(token, FACT_WRITTEN, DB_ARRAY_TEXT, element_string(unit, token->purpose));
    EACH(token, FACT_WRITTEN, DB_ARRAY_TEXT, element_string(unit, token->email));
    EACH(token, FACT_WRITTEN, DB_ARRAY_TIME, db_element_time(unit, token->created_ms));
    EACH(token, FACT_WRITTEN, DB_ARRAY_TIME, db_element_time(unit, token->expires_ms));
    EACH(token, FACT_WRITTEN, DB_ARRAY_TIME, element_time_or_null(unit, token->used_ms));
}

static void write_jobs(struct db_unit *unit, const struct facts *facts)
{
    ADD(unit, "write_jobs",
        "INSERT INTO jobs (id, account_id, version, name, cron_expression, webhook_url, headers,"
        " payload, failure_webhook_url, enabled, due_after, created_at, updated_at)"
        " SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::integer[], $4::text[], $5::text[],"
        " $6::text[], $7::text[], $8::text[], $9::text[], $10::boolean[], $11::timestamptz[],"
        " $12::timestamptz[], $13::timestamptz[])"
        " ON CONFLICT (id) DO UPDATE SET version = excluded.version, name = excluded.name,"
        " cron_expression = excluded.cron_expression, webhook_url = excluded.webhook_url,"
        " headers = excluded.headers, payload = excluded.payload,"
        " failure_webhook_url = excluded.failure_webhook_url, enabled = excluded.enabled,"
        " due_after = excluded.due_after, updated_at = excluded.updated_at");
    EACH(job, FACT_WRITTEN, DB_ARRAY_I64, db_element_i64(unit, job->id));
    EACH(job, FACT_WRITTEN, DB_ARRAY_I64, db_element_i64(unit, job->account));
    EACH(job, FACT_WRITTEN, DB_ARRAY_I32, db_element_i32(unit, (int32_t)job->version));
    EACH(job, FACT_WRITTEN, DB_ARRAY_TEXT, element_string(unit, job->name));
    EACH(job, FACT_WRITTEN, DB_ARRAY_TEXT, element_string(unit, job->cron_expression));
    EACH(job, FACT_WRITTEN, DB_ARRAY_TEXT, element_string(unit, job->webhook_url));
    EACH(job, FACT_WRITTEN, DB_ARRAY_TEXT, element_string(unit, job->headers));
    EACH(job, FACT_WRITTEN, DB_ARRAY_TEXT, element_string(unit, job->payload));
    EACH(job, FACT_WRITTEN, DB_ARRAY_TEXT, element_string(unit, job->failure_webhook_url));
    EACH(job, FACT_WRITTEN, DB_ARRAY_BOOL, db_element_bool(unit, job->enabled));
    EACH(job, FACT_WRITTEN, DB_ARRAY_TIME, db_element_time(unit, job->due_after_ms));
    EACH(job, FACT_WRITTEN, DB_ARRAY_TIME, db_element_time(unit, job->created_ms));
    EACH(job, FACT_WRITTEN, DB_ARRAY_TIME, db_element_time(unit, job->updated_ms));
}

static void write_answers(struct db_unit *unit, const struct facts *facts, int64_t now_ms)
{
    ADD(unit, "write_answers",
        "INSERT INTO answers (id, fingerprint, status, body, created_at)"
        " SELECT id, fingerprint, status, body, $5::timestamptz FROM unnest($1::text[],"
        " $2::bytea[], $3::smallint[], $4::text[]) AS u (id, fingerprint, status, body)");
    EACH(answer, FACT_WRITTEN, DB_ARRAY_TEXT, element_string(unit, answer->id));
    EACH(answer, FACT_WRITTEN, DB_ARRAY_BYTES,
         db_element_bytes(unit, answer->fingerprint, HASH_SIZE));
    EACH(answer, FACT_WRITTEN, DB_ARRAY_I16, db_element_i16(unit, (int16_t)answer->status));
    EACH(answer, FACT_WRITTEN, DB_ARRAY_TEXT, element_string(unit, answer->body));
    db_param_time(unit, now_ms);
}

static void write_mails(struct db_unit *unit, const struct facts *facts)
{
    ADD(unit, "write_outbox",
        "INSERT INTO outbox (id, subject, message_id, payload)"
        " SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bytea[])");
    db_array_begin(unit, DB_ARRAY_I64);
    for (size_t i = 0; i < facts->mail_count; i++)
        db_element_i64(unit, facts->mails[i].outbox);
    db_array_end(unit);
    db_array_begin(unit, DB_ARRAY_TEXT);
    for (size_t i = 0; i < facts->mail_count; i++)
        element_string(unit, facts->mails[i].subject);
    db_array_end(unit);
    db_array_begin(unit, DB_ARRAY_TEXT);
    for (size_t i = 0; i < facts->mail_count; i++)
        element_string(unit, facts->mails[i].message_id);
    db_array_end(unit);
    db_array_begin(unit, DB_ARRAY_BYTES);
    for (size_t i = 0; i < facts->mail_count; i++)
        db_element_bytes(unit, facts->mails[i].payload.data, facts->mails[i].payload.length);
    db_array_end(unit);
}

void sql_write_facts(struct db_unit *unit, const struct facts *facts, int64_t now_ms)
{
    /* Deletions first: an address may be registered anew in the same transaction. */
    if (COUNT(account, FACT_DELETED))
        delete_accounts(unit, facts);
    if (COUNT(job, FACT_DELETED))
        delete_jobs(unit, facts);
    if (COUNT(account, FACT_WRITTEN))
        write_accounts(unit, facts);
    if (COUNT(token, FACT_WRITTEN))
        write_tokens(unit, facts);
    if (COUNT(job, FACT_WRITTEN))
        write_jobs(unit, facts);
    if (COUNT(answer, FACT_WRITTEN))
        write_answers(unit, facts, now_ms);
    if (facts->mail_count)
        write_mails(unit, facts);
}

void sql_delete_outbox(struct db_unit *unit, const int64_t *ids, size_t count)
{
    if (!count)
        return;
    ADD(unit, "delete_outbox", "DELETE FROM outbox WHERE id = ANY ($1::bigint[])");
    db_array_begin(unit, DB_ARRAY_I64);
    for (size_t i = 0; i < count; i++)
        db_element_i64(unit, ids[i]);
    db_array_end(unit);
}

/* ---- executions ---- */

#define EACH_ROW(type, element)                                                                    \
    do {                                                                                           \
        db_array_begin(unit, (type));                                                              \
        for (size_t i = 0; i < batch->count; i++) {                                                \
            const struct execution *row = &batch->rows[i];                                         \
            element;                                                                               \
        }                                                                                          \
        db_array_end(unit);                                                                        \
    } while (0)

/* The newest POST of each job of the batch. */
static void write_job_state(struct db_unit *unit, const struct execution_batch *batch)
{
    bool any = false;
    for (size_t i = 0; i < batch->count; i++)
        any |= batch->rows[i].status == EXECUTION_SUCCESS ||
               batch->rows[i].status == EXECUTION_FAILURE;
    if (!any)
        return;
    ADD(unit, "write_job_state",
        "INSERT INTO job_state (job_id, last_run_at)"
        " SELECT job_id, max(at) FROM unnest($1::bigint[], $2::timestamptz[]) AS u (job_id, at)"
        " WHERE at IS NOT NULL GROUP BY job_id ORDER BY job_id"
        " ON CONFLICT (job_id) DO UPDATE SET last_run_at = excluded.last_run_at"
        " WHERE job_state.last_run_at < excluded.last_run_at");
    EACH_ROW(DB_ARRAY_I64, db_element_i64(unit, row->job));
    EACH_ROW(DB_ARRAY_TIME,
             if (row->status == EXECUTION_SUCCESS || row->status == EXECUTION_FAILURE)
                 db_element_time(unit, row->triggered_ms);
             else db_element_null(unit));
}

void sql_write_executions(struct db_unit *unit, const struct execution_batch *batch)
{
    if (!batch->count)
        return;
    /* Statuses by number, those of enum execution_status. */
    ADD(unit, "write_executions",
        "INSERT INTO executions (job_id, scheduled_at, replay, triggered_at, completed_at, status,"
        " response_code, duration_ms, attempts, version, timeout_seconds, error)"
        " SELECT job_id, scheduled_at, replay, triggered_at, completed_at,"
        " CASE status WHEN 0 THEN 'pending'::execution_status WHEN 1 THEN 'success'"
        " WHEN 2 THEN 'failure' ELSE 'skipped' END, response_code, duration_ms, attempts,"
        " version, timeout_seconds, error FROM unnest($1::bigint[], $2::timestamptz[],"
        " $3::integer[], $4::timestamptz[], $5::timestamptz[], $6::smallint[], $7::smallint[],"
        " $8::integer[], $9::smallint[], $10::integer[], $11::smallint[], $12::text[])"
        " AS u (job_id, scheduled_at, replay, triggered_at, completed_at, status, response_code,"
        " duration_ms, attempts, version, timeout_seconds, error)"
        " ON CONFLICT (job_id, scheduled_at, replay) DO UPDATE SET"
        " triggered_at = excluded.triggered_at, completed_at = excluded.completed_at,"
        " status = excluded.status, response_code = excluded.response_code,"
        " duration_ms = excluded.duration_ms, attempts = excluded.attempts,"
        " version = excluded.version, error = excluded.error"
        " WHERE executions.status = 'pending'"
        " OR (executions.status = 'skipped' AND excluded.status <> 'skipped')");
    EACH_ROW(DB_ARRAY_I64, db_element_i64(unit, row->job));
    EACH_ROW(DB_ARRAY_TIME, db_element_time(unit, row->slot_s * 1000));
    EACH_ROW(DB_ARRAY_I32, db_element_i32(unit, (int32_t)row->replay));
    EACH_ROW(DB_ARRAY_TIME, db_element_time(unit, row->triggered_ms));
    EACH_ROW(DB_ARRAY_TIME, element_time_or_null(unit, row->completed_ms));
    EACH_ROW(DB_ARRAY_I16, db_element_i16(unit, row->status));
    EACH_ROW(DB_ARRAY_I16, if (row->code) db_element_i16(unit, (int16_t)row->code);
             else db_element_null(unit));
    EACH_ROW(DB_ARRAY_I32, if (row->status == EXECUTION_SUCCESS || row->status == EXECUTION_FAILURE)
                               db_element_i32(unit, (int32_t)row->duration_ms);
             else db_element_null(unit));
    EACH_ROW(DB_ARRAY_I16, db_element_i16(unit, row->attempts));
    EACH_ROW(DB_ARRAY_I32, db_element_i32(unit, (int32_t)row->version));
    EACH_ROW(DB_ARRAY_I16, db_element_i16(unit, (int16_t)row->timeout_s));
    EACH_ROW(DB_ARRAY_TEXT, element_string(unit, row->error));
    write_job_state(unit, batch);
}

void sql_write_progress(struct db_unit *unit, const struct core_progress *progress)
{
    ADD(unit, "write_progress",
        "UPDATE progress SET last_tick = $1::timestamptz, runs_seq = $2::bigint,"
        " commands_seq = $3::bigint, results_seq = $4::bigint, next_account = $5::bigint,"
        " next_job = $6::bigint, next_outbox = $7::bigint");
    db_param_time(unit, (int64_t)progress->last_tick * MINUTE_MS);
    db_param_i64(unit, (int64_t)progress->runs_seq);
    db_param_i64(unit, (int64_t)progress->commands_seq);
    db_param_i64(unit, (int64_t)progress->results_seq);
    db_param_i64(unit, progress->next_account);
    db_param_i64(unit, progress->next_job);
    db_param_i64(unit, progress->next_outbox);
}

/* ---- housekeeping ---- */

void sql_maintain_partitions(struct db_unit *unit, int64_t from_ms, int64_t to_ms,
                             int32_t keep_days)
{
    ADD(unit, "maintain_partitions",
        "SELECT executions_maintain(($1::timestamptz AT TIME ZONE 'UTC')::date,"
        " ($2::timestamptz AT TIME ZONE 'UTC')::date, (now() AT TIME ZONE 'UTC')::date - "
        "$3::integer)");
    db_param_time(unit, from_ms);
    db_param_time(unit, to_ms);
    db_param_i32(unit, keep_days);
}

/* Deletions in slices, so that no transaction of the leader is a long one. */
void sql_expire_answers(struct db_unit *unit)
{
    ADD(unit, "expire_answers",
        "DELETE FROM answers WHERE id IN (SELECT id FROM answers"
        " WHERE created_at < now() - interval '24 hours' ORDER BY created_at LIMIT 2000)");
}

void sql_expire_tokens(struct db_unit *unit)
{
    ADD(unit, "expire_tokens",
        "DELETE FROM tokens WHERE id IN (SELECT id FROM tokens"
        " WHERE created_at < now() - interval '24 hours' ORDER BY created_at LIMIT 2000)");
}

void sql_purge(struct db_unit *unit)
{
    ADD(unit, "purge_executions",
        "WITH purge AS (SELECT job_id FROM purges ORDER BY job_id LIMIT 200), gone AS"
        " (DELETE FROM executions WHERE (job_id, scheduled_at, replay) IN"
        " (SELECT e.job_id, e.scheduled_at, e.replay FROM purge JOIN executions e USING (job_id)"
        " LIMIT 5000) RETURNING 1) SELECT count(*) FROM gone");
    ADD(unit, "purge_done",
        "WITH purge AS (SELECT job_id FROM purges ORDER BY job_id LIMIT 200), gone AS"
        " (DELETE FROM purges USING purge WHERE purges.job_id = purge.job_id"
        " AND NOT EXISTS (SELECT FROM executions e WHERE e.job_id = purge.job_id) RETURNING 1)"
        " SELECT count(*) FROM gone");
}

bool sql_purge_goes_on(const struct db_outcome *outcome)
{
    size_t purge = outcome->count - 3; /* the two counts, and COMMIT */
    return db_i64(&outcome->statements[purge], 0, 0) > 0 ||
           db_i64(&outcome->statements[purge + 1], 0, 0) > 0;
}
