#include "scheduler/sql_checks_write.h"

#include "scheduler/sql_unit.h"

static void element_bytes_or_null(struct db_unit *unit, const char *bytes, size_t length)
{
    if (bytes)
        db_element_bytes(unit, bytes, length);
    else
        db_element_null(unit);
}

static void element_text_or_null(struct db_unit *unit, const char *text, size_t length)
{
    if (text)
        db_element_text(unit, text, length);
    else
        db_element_null(unit);
}

static void element_source(struct db_unit *unit, const struct ping_row *row)
{
    if (row->source_bytes && !row->of_job)
        db_element_inet(unit, row->source, row->source_bytes);
    else
        db_element_null(unit);
}

/* None is -1. */
static void element_duration(struct db_unit *unit, int64_t duration_ms)
{
    if (duration_ms >= 0)
        db_element_i64(unit, duration_ms);
    else
        db_element_null(unit);
}

static void element_exit_code(struct db_unit *unit, int16_t exit_code)
{
    if (exit_code == PING_NO_EXIT)
        db_element_null(unit);
    else
        db_element_i16(unit, exit_code);
}

static void write_pings(struct db_unit *unit, const struct check_writing *writing)
{
    /*
     * Words by number, those of enum ping_kind, ping_method and ping_mark; null beyond them. The
     * arrays are taken apart in the SELECT list: in FROM each would become a table of its own
     * first, and this is done for every ping.
     */
    ADD(unit, "write_pings",
        "INSERT INTO pings (check_id, received_at, id, type, source_ip, method, exit_code, rid,"
        " duration_ms, mark, body) SELECT check_id, received_at, id,"
        " ('{success,start,fail,log}'::text[])[type + 1], source_ip,"
        " ('{GET,POST,HEAD}'::text[])[method + 1], exit_code, rid, duration_ms,"
        " ('{early,duplicate}'::text[])[mark], body"
        " FROM (SELECT unnest($1::bigint[]) AS check_id, unnest($2::timestamptz[]) AS received_at,"
        " unnest($3::bigint[]) AS id, unnest($4::smallint[]) AS type, unnest($5::inet[]) AS"
        " source_ip, unnest($6::smallint[]) AS method, unnest($7::smallint[]) AS exit_code,"
        " unnest($8::text[]) AS rid, unnest($9::bigint[]) AS duration_ms, unnest($10::smallint[])"
        " AS mark, unnest($11::bytea[]) AS body) u");
#define EACH_PING(type, element) EACH(writing->pings, writing->ping_count, type, (element))
    EACH_PING(DB_ARRAY_I64, db_element_i64(unit, row->check));
    EACH_PING(DB_ARRAY_TIME, db_element_time(unit, row->time_ms));
    EACH_PING(DB_ARRAY_I64, db_element_i64(unit, row->id));
    EACH_PING(DB_ARRAY_I16, db_element_i16(unit, (int16_t)row->kind));
    EACH_PING(DB_ARRAY_INET, element_source(unit, row));
    EACH_PING(DB_ARRAY_I16,
              db_element_i16(unit, (int16_t)(row->of_job ? PING_METHODS : row->method)));
    EACH_PING(DB_ARRAY_I16, element_exit_code(unit, row->exit_code));
    EACH_PING(DB_ARRAY_TEXT, element_text_or_null(unit, row->rid, row->rid_bytes));
    EACH_PING(DB_ARRAY_I64, element_duration(unit, row->duration_ms));
    EACH_PING(DB_ARRAY_I16, db_element_i16(unit, (int16_t)row->mark));
    EACH_PING(DB_ARRAY_BYTES, element_bytes_or_null(unit, row->body, row->body_bytes));
#undef EACH_PING
}

static void write_states(struct db_unit *unit, const struct check_writing *writing)
{
    /* As write_pings. */
    ADD(unit, "write_check_states",
        "INSERT INTO check_state (check_id, status, status_since, base, last_ping_at,"
        " last_ping_type, last_duration_ms, ping_count, alert_count, failures, successes,"
        " counted_until, alerted, owed, owed_from, reminded_at, reminders) SELECT check_id,"
        " ('{new,up,late,down,paused}'::check_status[])[status + 1], status_since, base,"
        " last_ping_at, CASE WHEN last_ping_at IS NOT NULL THEN"
        " ('{success,start,fail,log}'::text[])[last_ping_type + 1] END, last_duration_ms,"
        " ping_count, alert_count, failures, successes, counted_until, alerted, owed, owed_from,"
        " reminded_at, reminders FROM (SELECT unnest($1::bigint[]) AS check_id,"
        " unnest($2::smallint[]) AS status, unnest($3::timestamptz[]) AS status_since,"
        " unnest($4::timestamptz[]) AS base, unnest($5::timestamptz[]) AS last_ping_at,"
        " unnest($6::smallint[]) AS last_ping_type, unnest($7::bigint[]) AS last_duration_ms,"
        " unnest($8::bigint[]) AS ping_count, unnest($9::bigint[]) AS alert_count,"
        " unnest($10::integer[]) AS failures, unnest($11::integer[]) AS successes,"
        " unnest($12::timestamptz[]) AS counted_until, unnest($13::boolean[]) AS alerted,"
        " unnest($14::boolean[]) AS owed, unnest($15::timestamptz[]) AS owed_from,"
        " unnest($16::timestamptz[]) AS reminded_at, unnest($17::integer[]) AS reminders) u"
        " ON CONFLICT (check_id) DO UPDATE SET status = excluded.status,"
        " status_since = excluded.status_since, base = excluded.base,"
        " last_ping_at = excluded.last_ping_at, last_ping_type = excluded.last_ping_type,"
        " last_duration_ms = excluded.last_duration_ms, ping_count = excluded.ping_count,"
        " alert_count = excluded.alert_count, failures = excluded.failures,"
        " successes = excluded.successes, counted_until = excluded.counted_until,"
        " alerted = excluded.alerted, owed = excluded.owed, owed_from = excluded.owed_from,"
        " reminded_at = excluded.reminded_at, reminders = excluded.reminders");
#define EACH_STATE(type, element) EACH(writing->states, writing->state_count, type, (element))
#define EACH_TIME(time_ms)        EACH_STATE(DB_ARRAY_TIME, element_time_or_null(unit, time_ms))
    EACH_STATE(DB_ARRAY_I64, db_element_i64(unit, row->check));
    EACH_STATE(DB_ARRAY_I16, db_element_i16(unit, (int16_t)row->status));
    EACH_STATE(DB_ARRAY_TIME, db_element_time(unit, row->status_since_s * 1000));
    EACH_TIME(row->base_s * 1000);
    EACH_TIME(row->last_ping_ms);
    EACH_STATE(DB_ARRAY_I16, db_element_i16(unit, (int16_t)row->last_ping_kind));
    EACH_STATE(DB_ARRAY_I64, element_duration(unit, row->last_duration_ms));
    EACH_STATE(DB_ARRAY_I64, db_element_i64(unit, row->ping_count));
    EACH_STATE(DB_ARRAY_I64, db_element_i64(unit, row->alert_count));
    EACH_STATE(DB_ARRAY_I32, db_element_i32(unit, row->failures));
    EACH_STATE(DB_ARRAY_I32, db_element_i32(unit, row->successes));
    EACH_TIME(row->counted_until_s * 1000);
    EACH_STATE(DB_ARRAY_BOOL, db_element_bool(unit, row->alerted));
    EACH_STATE(DB_ARRAY_BOOL, db_element_bool(unit, row->owed));
    EACH_TIME(row->owed_from_s * 1000);
    EACH_TIME(row->reminded_s * 1000);
    EACH_STATE(DB_ARRAY_I32, db_element_i32(unit, row->reminders));
#undef EACH_TIME
#undef EACH_STATE
}

static void write_starts(struct db_unit *unit, const struct check_writing *writing)
{
    ADD(unit, "delete_check_starts",
        "DELETE FROM check_starts USING unnest($1::bigint[], $2::text[]) AS u (check_id, rid)"
        " WHERE check_starts.check_id = u.check_id AND check_starts.rid = u.rid");
#define EACH_START(type, is_gone, element)                                                         \
    EACH_IF(writing->starts, writing->start_count, type, row->gone == (is_gone), (element))
    EACH_START(DB_ARRAY_I64, true, db_element_i64(unit, row->check));
    EACH_START(DB_ARRAY_TEXT, true, element_string(unit, row->rid));
    ADD(unit, "write_check_starts",
        "INSERT INTO check_starts (check_id, rid, started_at, due_at, ended_at)"
        " SELECT * FROM unnest($1::bigint[], $2::text[], $3::timestamptz[], $4::timestamptz[],"
        " $5::timestamptz[]) ON CONFLICT (check_id, rid) DO UPDATE SET"
        " started_at = excluded.started_at, due_at = excluded.due_at,"
        " ended_at = excluded.ended_at");
    EACH_START(DB_ARRAY_I64, false, db_element_i64(unit, row->check));
    EACH_START(DB_ARRAY_TEXT, false, element_string(unit, row->rid));
    EACH_START(DB_ARRAY_TIME, false, element_time_or_null(unit, row->started_ms));
    EACH_START(DB_ARRAY_TIME, false, element_time_or_null(unit, row->due_s * 1000));
    EACH_START(DB_ARRAY_TIME, false, element_time_or_null(unit, row->ended_ms));
#undef EACH_START
}

static void write_flips(struct db_unit *unit, const struct check_writing *writing)
{
    ADD(unit, "write_check_flips",
        "INSERT INTO check_flips (check_id, id, at, from_status, to_status, reason)"
        " SELECT check_id, id, at, ('{new,up,late,down,paused}'::check_status[])[was + 1],"
        " ('{new,up,late,down,paused}'::check_status[])[becomes + 1], reason"
        " FROM unnest($1::bigint[], $2::bigint[], $3::timestamptz[], $4::smallint[],"
        " $5::smallint[], $6::text[]) AS u (check_id, id, at, was, becomes, reason)");
#define EACH_FLIP(type, element) EACH(writing->flips, writing->flip_count, type, (element))
    EACH_FLIP(DB_ARRAY_I64, db_element_i64(unit, row->check));
    EACH_FLIP(DB_ARRAY_I64, db_element_i64(unit, row->id));
    EACH_FLIP(DB_ARRAY_TIME, db_element_time(unit, row->at_s * 1000));
    EACH_FLIP(DB_ARRAY_I16, db_element_i16(unit, (int16_t)row->from));
    EACH_FLIP(DB_ARRAY_I16, db_element_i16(unit, (int16_t)row->to));
    EACH_FLIP(DB_ARRAY_TEXT, element_string(unit, row->reason));
#undef EACH_FLIP
}

static void write_pauses(struct db_unit *unit, const struct check_writing *writing)
{
    ADD(unit, "write_check_pauses",
        "UPDATE checks SET paused = true, paused_reason = u.reason"
        " FROM unnest($1::bigint[], $2::text[]) AS u (id, reason) WHERE checks.id = u.id");
    EACH(writing->pauses, writing->pause_count, DB_ARRAY_I64, db_element_i64(unit, row->check));
    EACH(writing->pauses, writing->pause_count, DB_ARRAY_TEXT, element_string(unit, row->reason));
}

void sql_write_checks(struct db_unit *unit, const struct check_writing *writing)
{
    if (writing->ping_count)
        write_pings(unit, writing);
    if (writing->state_count)
        write_states(unit, writing);
    if (writing->start_count)
        write_starts(unit, writing);
    if (writing->flip_count)
        write_flips(unit, writing);
    if (writing->pause_count)
        write_pauses(unit, writing);
}

void sql_write_checks_progress(struct db_unit *unit, const struct checks_progress *progress,
                               const char *stream)
{
    ADD(unit, "write_checks_progress",
        "UPDATE progress SET pings_seq = $1::bigint, pings_stream = $2::text,"
        " next_ping = $3::bigint, next_flip = $4::bigint, next_alert = $5::bigint");
    db_param_i64(unit, (int64_t)progress->pings_seq);
    param_string(unit, stream);
    db_param_i64(unit, progress->next_ping);
    db_param_i64(unit, progress->next_flip);
    db_param_i64(unit, progress->next_alert);
}
