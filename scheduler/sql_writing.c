#include "scheduler/sql_writing.h"

#include "scheduler/sql_unit.h"
#include "shared/bus_streams.h"

static bool is_notice(const struct execution *row)
{
    return row->replay == RUN_NOTICE;
}

/* There was an attempt, and this row tells of the end of its newest. */
static bool tells_end(const struct execution *row)
{
    return row->ended && row->status != EXECUTION_SKIPPED;
}

static bool has_run(const struct execution *row)
{
    return !is_notice(row) &&
           (row->status == EXECUTION_SUCCESS || row->status == EXECUTION_FAILURE);
}

static void element_code(struct db_unit *unit, uint16_t code)
{
    if (code)
        db_element_i16(unit, (int16_t)code);
    else
        db_element_null(unit);
}

static void element_duration(struct db_unit *unit, uint32_t duration_ms)
{
    if (duration_ms == RESULT_NO_TIME)
        db_element_null(unit);
    else
        db_element_i32(unit, (int32_t)duration_ms);
}

static void element_body(struct db_unit *unit, const struct attempt_end *end)
{
    if (end->body)
        db_element_bytes(unit, end->body, end->body_bytes);
    else
        db_element_null(unit);
}

/* ---- executions ---- */

static void write_executions(struct db_unit *unit, const struct execution_batch *batch)
{
    /* Statuses and triggers by number, those of enum execution_status and enum run_trigger. */
    ADD(unit, "write_executions",
        "INSERT INTO executions (job_id, scheduled_at, replay, triggered_at, completed_at, status,"
        " response_code, duration_ms, attempts, version, timeout_seconds, error, trigger,"
        " next_attempt_at, dns_ms, connect_ms, tls_ms, first_byte_ms, response)"
        " SELECT job_id, scheduled_at, replay, triggered_at, completed_at,"
        " CASE status WHEN 0 THEN 'pending'::execution_status WHEN 1 THEN 'success'"
        " WHEN 2 THEN 'failure' ELSE 'skipped' END, response_code, duration_ms, attempts,"
        " version, timeout_seconds, error, CASE trigger WHEN 0 THEN 'schedule'::execution_trigger"
        " WHEN 1 THEN 'run' ELSE 'replay' END, next_attempt_at, dns_ms, connect_ms, tls_ms,"
        " first_byte_ms, response FROM unnest($1::bigint[], $2::timestamptz[],"
        " $3::integer[], $4::timestamptz[], $5::timestamptz[], $6::smallint[], $7::smallint[],"
        " $8::integer[], $9::smallint[], $10::integer[], $11::smallint[], $12::text[],"
        " $13::smallint[], $14::timestamptz[], $15::integer[], $16::integer[], $17::integer[],"
        " $18::integer[], $19::bytea[])"
        " AS u (job_id, scheduled_at, replay, triggered_at, completed_at, status, response_code,"
        " duration_ms, attempts, version, timeout_seconds, error, trigger, next_attempt_at,"
        " dns_ms, connect_ms, tls_ms, first_byte_ms, response)"
        " ON CONFLICT (job_id, scheduled_at, replay) DO UPDATE SET"
        " triggered_at = excluded.triggered_at, completed_at = excluded.completed_at,"
        " status = excluded.status, response_code = excluded.response_code,"
        " duration_ms = excluded.duration_ms, attempts = excluded.attempts,"
        " version = excluded.version, error = excluded.error,"
        " next_attempt_at = excluded.next_attempt_at, dns_ms = excluded.dns_ms,"
        " connect_ms = excluded.connect_ms, tls_ms = excluded.tls_ms,"
        " first_byte_ms = excluded.first_byte_ms, response = excluded.response"
        " WHERE executions.status = 'pending'"
        " OR (executions.status = 'skipped' AND excluded.status <> 'skipped')");
#define EACH_ROW(type, element) EACH_IF(batch->rows, batch->count, type, !is_notice(row), (element))
#define EACH_END(type, element) EACH_ROW(type, tells_end(row) ? (element) : db_element_null(unit))
    EACH_ROW(DB_ARRAY_I64, db_element_i64(unit, row->job));
    EACH_ROW(DB_ARRAY_TIME, db_element_time(unit, row->slot_s * 1000));
    EACH_ROW(DB_ARRAY_I32, db_element_i32(unit, (int32_t)row->replay));
    EACH_ROW(DB_ARRAY_TIME, db_element_time(unit, row->triggered_ms));
    EACH_ROW(DB_ARRAY_TIME, element_time_or_null(unit, row->completed_ms));
    EACH_ROW(DB_ARRAY_I16, db_element_i16(unit, row->status));
    EACH_END(DB_ARRAY_I16, element_code(unit, row->end.code));
    EACH_END(DB_ARRAY_I32, db_element_i32(unit, (int32_t)row->end.duration_ms));
    EACH_ROW(DB_ARRAY_I16, db_element_i16(unit, row->attempts));
    EACH_ROW(DB_ARRAY_I32, db_element_i32(unit, (int32_t)row->version));
    EACH_ROW(DB_ARRAY_I16, db_element_i16(unit, (int16_t)row->timeout_s));
    EACH_ROW(DB_ARRAY_TEXT, element_string(unit, row->end.error));
    EACH_ROW(DB_ARRAY_I16, db_element_i16(unit, row->trigger));
    EACH_ROW(DB_ARRAY_TIME, element_time_or_null(unit, row->next_attempt_ms));
    EACH_END(DB_ARRAY_I32, element_duration(unit, row->end.dns_ms));
    EACH_END(DB_ARRAY_I32, element_duration(unit, row->end.connect_ms));
    EACH_END(DB_ARRAY_I32, element_duration(unit, row->end.tls_ms));
    EACH_END(DB_ARRAY_I32, element_duration(unit, row->end.first_byte_ms));
    EACH_END(DB_ARRAY_BYTES, element_body(unit, &row->end));
#undef EACH_END
#undef EACH_ROW
}

static void write_attempts(struct db_unit *unit, const struct writing *writing)
{
    ADD(unit, "write_attempts",
        "INSERT INTO attempts (job_id, scheduled_at, replay, attempt, started_at, duration_ms,"
        " dns_ms, connect_ms, tls_ms, first_byte_ms, response_code, error, response)"
        " SELECT * FROM unnest($1::bigint[], $2::timestamptz[], $3::integer[], $4::smallint[],"
        " $5::timestamptz[], $6::integer[], $7::integer[], $8::integer[], $9::integer[],"
        " $10::integer[], $11::smallint[], $12::text[], $13::bytea[]) ON CONFLICT DO NOTHING");
    /* A notice keeps the newest of its attempts alone. */
#define EACH_ATTEMPT(type, element)                                                                \
    EACH_IF(writing->attempts, writing->attempt_count, type, row->replay != RUN_NOTICE, (element))
    EACH_ATTEMPT(DB_ARRAY_I64, db_element_i64(unit, row->job));
    EACH_ATTEMPT(DB_ARRAY_TIME, db_element_time(unit, row->slot_s * 1000));
    EACH_ATTEMPT(DB_ARRAY_I32, db_element_i32(unit, (int32_t)row->replay));
    EACH_ATTEMPT(DB_ARRAY_I16, db_element_i16(unit, row->number));
    EACH_ATTEMPT(DB_ARRAY_TIME, db_element_time(unit, row->end.started_ms));
    EACH_ATTEMPT(DB_ARRAY_I32, db_element_i32(unit, (int32_t)row->end.duration_ms));
    EACH_ATTEMPT(DB_ARRAY_I32, element_duration(unit, row->end.dns_ms));
    EACH_ATTEMPT(DB_ARRAY_I32, element_duration(unit, row->end.connect_ms));
    EACH_ATTEMPT(DB_ARRAY_I32, element_duration(unit, row->end.tls_ms));
    EACH_ATTEMPT(DB_ARRAY_I32, element_duration(unit, row->end.first_byte_ms));
    EACH_ATTEMPT(DB_ARRAY_I16, element_code(unit, row->end.code));
    EACH_ATTEMPT(DB_ARRAY_TEXT, element_string(unit, row->end.error));
    EACH_ATTEMPT(DB_ARRAY_BYTES, element_body(unit, &row->end));
#undef EACH_ATTEMPT
}

/* Behind write_attempts: such a row shows the attempt that was its last. */
static void write_given_up(struct db_unit *unit, const struct execution_batch *batch)
{
    ADD(unit, "write_given_up",
        "UPDATE executions e SET triggered_at = a.started_at, response_code = a.response_code,"
        " duration_ms = a.duration_ms, dns_ms = a.dns_ms, connect_ms = a.connect_ms,"
        " tls_ms = a.tls_ms, first_byte_ms = a.first_byte_ms, response = a.response,"
        " error = concat_ws('; ', a.error, e.error)"
        " FROM unnest($1::bigint[], $2::timestamptz[], $3::integer[])"
        " AS u (job_id, scheduled_at, replay) JOIN attempts a USING (job_id, scheduled_at, replay)"
        " WHERE e.job_id = u.job_id AND e.scheduled_at = u.scheduled_at AND e.replay = u.replay"
        " AND a.attempt = e.attempts AND e.status = 'failure' AND e.duration_ms IS NULL");
#define EACH_GIVEN_UP(type, element)                                                               \
    EACH_IF(batch->rows, batch->count, type, row->given_up && !is_notice(row), (element))
    EACH_GIVEN_UP(DB_ARRAY_I64, db_element_i64(unit, row->job));
    EACH_GIVEN_UP(DB_ARRAY_TIME, db_element_time(unit, row->slot_s * 1000));
    EACH_GIVEN_UP(DB_ARRAY_I32, db_element_i32(unit, (int32_t)row->replay));
#undef EACH_GIVEN_UP
}

/* ---- accounts and jobs ---- */

static void write_usage(struct db_unit *unit, const struct writing *writing)
{
    /* Joined, for an account may be deleted in the same transaction. */
    ADD(unit, "write_usage",
        "INSERT INTO usage (account_id, period, executions, minute, starts)"
        " SELECT id, make_timestamptz(1970 + month / 12, month % 12 + 1, 1, 0, 0, 0, 'UTC'),"
        " executions, minute, starts FROM unnest($1::bigint[], $2::integer[], $3::bigint[],"
        " $4::timestamptz[], $5::integer[]) AS u (id, month, executions, minute, starts)"
        " JOIN accounts USING (id)"
        " ON CONFLICT (account_id) DO UPDATE SET period = excluded.period,"
        " executions = excluded.executions, minute = excluded.minute, starts = excluded.starts");
#define EACH_USAGE(type, element) EACH(writing->usage, writing->usage_count, type, (element))
    EACH_USAGE(DB_ARRAY_I64, db_element_i64(unit, row->account));
    EACH_USAGE(DB_ARRAY_I32, db_element_i32(unit, row->month));
    EACH_USAGE(DB_ARRAY_I64, db_element_i64(unit, row->executions));
    EACH_USAGE(DB_ARRAY_TIME, db_element_time(unit, (int64_t)row->minute * MINUTE_MS));
    EACH_USAGE(DB_ARRAY_I32, db_element_i32(unit, (int32_t)row->starts));
#undef EACH_USAGE
}

/* The newest POST of each job of the batch. */
static void write_last_runs(struct db_unit *unit, const struct execution_batch *batch)
{
    ADD(unit, "write_last_runs",
        "INSERT INTO job_state (job_id, last_run_at)"
        " SELECT job_id, max(at) FROM unnest($1::bigint[], $2::timestamptz[]) AS u (job_id, at)"
        " GROUP BY job_id ORDER BY job_id"
        " ON CONFLICT (job_id) DO UPDATE SET last_run_at = excluded.last_run_at"
        " WHERE job_state.last_run_at < excluded.last_run_at");
    EACH_IF(batch->rows, batch->count, DB_ARRAY_I64, has_run(row), db_element_i64(unit, row->job));
    EACH_IF(batch->rows, batch->count, DB_ARRAY_TIME, has_run(row),
            db_element_time(unit, row->triggered_ms));
}

/* Behind write_last_runs: a job that fails has run. */
static void write_failing(struct db_unit *unit, const struct writing *writing)
{
    ADD(unit, "write_failing",
        "UPDATE job_state SET failing_since = u.since, mailed_at = u.mailed, unmailed = u.unmailed,"
        " pause_warned = u.warned FROM unnest($1::bigint[], $2::timestamptz[], $3::timestamptz[],"
        " $4::integer[], $5::boolean[]) AS u (job_id, since, mailed, unmailed, warned)"
        " WHERE job_state.job_id = u.job_id");
#define EACH_FAILING(type, element) EACH(writing->failing, writing->failing_count, type, (element))
    EACH_FAILING(DB_ARRAY_I64, db_element_i64(unit, row->job));
    EACH_FAILING(DB_ARRAY_TIME, element_time_or_null(unit, row->since_ms));
    EACH_FAILING(DB_ARRAY_TIME, element_time_or_null(unit, row->mailed_ms));
    EACH_FAILING(DB_ARRAY_I32, db_element_i32(unit, (int32_t)row->unmailed));
    EACH_FAILING(DB_ARRAY_BOOL, db_element_bool(unit, row->warned));
#undef EACH_FAILING
}

static void write_pauses(struct db_unit *unit, const struct writing *writing)
{
    ADD(unit, "write_pauses",
        "UPDATE jobs SET enabled = false, paused_reason = u.reason"
        " FROM unnest($1::bigint[], $2::text[]) AS u (id, reason) WHERE jobs.id = u.id");
    EACH(writing->pauses, writing->pause_count, DB_ARRAY_I64, db_element_i64(unit, row->job));
    EACH(writing->pauses, writing->pause_count, DB_ARRAY_TEXT,
         element_string(unit, pause_reason_name(row->reason)));
}

/* ---- notices ---- */

static void write_new_notices(struct db_unit *unit, const struct writing *writing)
{
    /* The body is the API's "Failure webhook payload". */
    ADD(unit, "write_new_notices",
        "INSERT INTO notices (id, account_id, job_id, url, body, timeout_seconds, status,"
        " attempts, next_attempt_at, created_at)"
        " SELECT u.id, j.account_id, j.id, j.failure_webhook_url, format("
        "'{\"job_id\":%s,\"job_name\":%s,\"status\":\"failure\",\"response_code\":%s,"
        "\"error\":%s,\"failed_at\":\"%s+00:00\"}', j.id, to_json(j.name),"
        " coalesce(u.code::text, 'null'), to_json(u.error),"
        " to_char(u.failed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS')),"
        " u.timeout_seconds, 'pending', 0, u.created_at, u.created_at"
        " FROM unnest($1::bigint[], $2::bigint[], $3::timestamptz[], $4::timestamptz[],"
        " $5::smallint[], $6::smallint[], $7::text[])"
        " AS u (id, job_id, created_at, failed_at, code, timeout_seconds, error)"
        " JOIN jobs j ON j.id = u.job_id WHERE j.failure_webhook_url IS NOT NULL");
#define EACH_NOTICE(type, element) EACH(writing->notices, writing->notice_count, type, (element))
    EACH_NOTICE(DB_ARRAY_I64, db_element_i64(unit, row->id));
    EACH_NOTICE(DB_ARRAY_I64, db_element_i64(unit, row->job));
    EACH_NOTICE(DB_ARRAY_TIME, db_element_time(unit, row->created_s * 1000));
    EACH_NOTICE(DB_ARRAY_TIME, db_element_time(unit, row->failed_ms));
    EACH_NOTICE(DB_ARRAY_I16, element_code(unit, row->code));
    EACH_NOTICE(DB_ARRAY_I16, db_element_i16(unit, (int16_t)row->timeout_s));
    EACH_NOTICE(DB_ARRAY_TEXT, element_string(unit, row->error));
#undef EACH_NOTICE
}

/*
 * And what they say of the alerts that they deliver: several, where checks fell together. A row
 * that tells of no end of an attempt says nothing new.
 */
static void write_notices(struct db_unit *unit, const struct execution_batch *batch)
{
    ADD(unit, "write_notices",
        "WITH n AS (UPDATE notices SET"
        " status = CASE u.status WHEN 0 THEN 'pending'::execution_status"
        " WHEN 1 THEN 'success' WHEN 2 THEN 'failure' ELSE 'skipped' END, attempts = u.attempts,"
        " next_attempt_at = u.next_attempt_at, response_code = u.response_code, error = u.error,"
        " completed_at = u.completed_at FROM unnest($1::bigint[], $2::smallint[], $3::smallint[],"
        " $4::timestamptz[], $5::smallint[], $6::text[], $7::timestamptz[], $8::timestamptz[],"
        " $9::integer[]) AS u (id, status, attempts, next_attempt_at, response_code, error,"
        " completed_at, started_at, duration_ms)"
        " WHERE notices.id = u.id AND notices.status = 'pending'"
        " RETURNING notices.id, notices.kind, notices.status, u.response_code, u.error,"
        " u.completed_at, u.started_at, u.duration_ms)"
        " UPDATE alerts SET status = CASE n.status WHEN 'pending' THEN 'pending'"
        " WHEN 'success' THEN 'sent' ELSE 'failed' END, error = n.error,"
        " sent_at = CASE n.status WHEN 'success' THEN n.completed_at END,"
        " attempts = alerts.attempts || jsonb_build_object("
        "'at', extract(epoch FROM date_trunc('second', n.started_at))::bigint,"
        " 'duration_ms', n.duration_ms, 'response_code', n.response_code, 'error', n.error)"
        " FROM n WHERE n.kind = 'alert' AND n.started_at IS NOT NULL AND alerts.notice_id = n.id");
#define EACH_NOTICE(type, element)                                                                 \
    EACH_IF(batch->rows, batch->count, type, is_notice(row), (element))
#define EACH_END(type, element)                                                                    \
    EACH_NOTICE(type, tells_end(row) ? (element) : db_element_null(unit))
    EACH_NOTICE(DB_ARRAY_I64, db_element_i64(unit, row->job));
    EACH_NOTICE(DB_ARRAY_I16, db_element_i16(unit, row->status));
    EACH_NOTICE(DB_ARRAY_I16, db_element_i16(unit, row->attempts));
    EACH_NOTICE(DB_ARRAY_TIME, element_time_or_null(unit, row->next_attempt_ms));
    EACH_END(DB_ARRAY_I16, element_code(unit, row->end.code));
    EACH_END(DB_ARRAY_TEXT, element_string(unit, row->end.error));
    EACH_NOTICE(DB_ARRAY_TIME, element_time_or_null(unit, row->completed_ms));
    EACH_END(DB_ARRAY_TIME, db_element_time(unit, row->end.started_ms));
    EACH_END(DB_ARRAY_I32, db_element_i32(unit, (int32_t)row->end.duration_ms));
#undef EACH_END
#undef EACH_NOTICE
}

void sql_write_executions(struct db_unit *unit, const struct writing *writing)
{
    const struct execution_batch *batch = &writing->executions;
    size_t notices = 0, runs = 0, given_up = 0;
    for (size_t i = 0; i < batch->count; i++) {
        notices += is_notice(&batch->rows[i]);
        runs += has_run(&batch->rows[i]);
        given_up += batch->rows[i].given_up;
    }
    if (batch->count > notices)
        write_executions(unit, batch);
    if (writing->attempt_count)
        write_attempts(unit, writing);
    if (given_up)
        write_given_up(unit, batch);
    if (writing->usage_count)
        write_usage(unit, writing);
    if (runs)
        write_last_runs(unit, batch);
    if (writing->failing_count)
        write_failing(unit, writing);
    if (writing->pause_count)
        write_pauses(unit, writing);
    if (notices)
        write_notices(unit, batch);
    if (writing->notice_count)
        write_new_notices(unit, writing);
}

/* ---- outbox and positions ---- */

void sql_delete_outbox(struct db_unit *unit, const int64_t *ids, size_t count)
{
    if (!count)
        return;
    ADD(unit, "delete_outbox", "DELETE FROM outbox WHERE id = ANY ($1::bigint[])");
    EACH(ids, count, DB_ARRAY_I64, db_element_i64(unit, *row));
}

static void element_subject(struct db_unit *unit, enum mail_kind kind)
{
    struct buffer subject = BUFFER_EMPTY;
    buffer_format(&subject, SUBJECT_MAIL_FORMAT, mail_kind_name(kind));
    db_element_text(unit, subject.data, subject.length);
    buffer_free(&subject);
}

void sql_write_letters(struct db_unit *unit, const struct writing *writing, int64_t now_ms)
{
    if (!writing->letter_count)
        return;
    /* The payload is what mail_decode reads. */
    ADD(unit, "write_letters",
        "INSERT INTO outbox (id, subject, message_id, payload)"
        " SELECT u.id, u.subject, 'letter-' || u.id, convert_to(json_build_object('v', 1,"
        " 'kind', u.kind, 'id', 'letter-' || u.id, 'to', a.email, 'created_ms', $11::bigint,"
        " 'expires_ms', 0, 'job_id', j.id, 'job_name', j.name, 'code', u.code,"
        " 'error', u.error, 'failed_ms', u.failed_ms, 'since_ms', u.since_ms,"
        " 'pause_ms', u.pause_ms, 'count', u.count)::text, 'UTF8')"
        " FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::smallint[],"
        " $6::text[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[]) AS u (id, subject,"
        " kind, job_id, code, error, failed_ms, since_ms, pause_ms, count)"
        " JOIN jobs j ON j.id = u.job_id JOIN accounts a ON a.id = j.account_id ORDER BY u.id"
        " RETURNING id, subject, message_id, payload");
#define EACH_LETTER(type, element) EACH(writing->letters, writing->letter_count, type, (element))
    EACH_LETTER(DB_ARRAY_I64, db_element_i64(unit, row->outbox));
    EACH_LETTER(DB_ARRAY_TEXT, element_subject(unit, row->kind));
    EACH_LETTER(DB_ARRAY_TEXT, element_string(unit, mail_kind_name(row->kind)));
    EACH_LETTER(DB_ARRAY_I64, db_element_i64(unit, row->job));
    EACH_LETTER(DB_ARRAY_I16, db_element_i16(unit, (int16_t)row->code));
    EACH_LETTER(DB_ARRAY_TEXT, element_string(unit, row->error));
    EACH_LETTER(DB_ARRAY_I64, db_element_i64(unit, row->failed_ms));
    EACH_LETTER(DB_ARRAY_I64, db_element_i64(unit, row->since_ms));
    EACH_LETTER(DB_ARRAY_I64, db_element_i64(unit, row->pause_ms));
    EACH_LETTER(DB_ARRAY_I64, db_element_i64(unit, row->count));
#undef EACH_LETTER
    db_param_i64(unit, now_ms);
}

void sql_write_progress(struct db_unit *unit, const struct core_progress *progress)
{
    ADD(unit, "write_progress",
        "UPDATE progress SET last_tick = $1::timestamptz, runs_seq = $2::bigint,"
        " commands_seq = $3::bigint, results_seq = $4::bigint, next_account = $5::bigint,"
        " next_job = $6::bigint, next_outbox = $7::bigint, next_notice = $8::bigint,"
        " next_replay = $9::bigint, next_channel = $10::bigint");
    db_param_time(unit, (int64_t)progress->last_tick * MINUTE_MS);
    db_param_i64(unit, (int64_t)progress->runs_seq);
    db_param_i64(unit, (int64_t)progress->commands_seq);
    db_param_i64(unit, (int64_t)progress->results_seq);
    db_param_i64(unit, progress->next_account);
    db_param_i64(unit, progress->next_job);
    db_param_i64(unit, progress->next_outbox);
    db_param_i64(unit, progress->next_notice);
    db_param_i64(unit, progress->next_replay);
    db_param_i64(unit, progress->next_channel);
}
