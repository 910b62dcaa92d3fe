#include "scheduler/sql_check_facts.h"

#include <inttypes.h>

#include "scheduler/sql_fact_arrays.h"
#include "scheduler/sql_unit.h"
#include "shared/buffer.h"

COUNTER(check)
COUNTER(channel)
COUNTER(ping_key)
COUNTER(check_key)

/* An array inside of an array parameter, as PostgreSQL writes it: unnest would take it apart. */
static void element_ids(struct db_unit *unit, const int64_t *ids, size_t count)
{
    struct buffer text = BUFFER_EMPTY;
    buffer_text(&text, "{");
    for (size_t i = 0; i < count; i++)
        buffer_format(&text, "%s%" PRId64, i > 0 ? "," : "", ids[i]);
    buffer_text(&text, "}");
    db_element_text(unit, text.data, text.length);
    buffer_free(&text);
}

static void element_i64_or_null(struct db_unit *unit, int64_t value)
{
    if (value)
        db_element_i64(unit, value);
    else
        db_element_null(unit);
}

static void delete_checks(struct db_unit *unit, const struct facts *facts)
{
    ADD(unit, "delete_checks",
        "WITH gone AS (DELETE FROM checks WHERE id = ANY ($1::bigint[]) RETURNING id),"
        " state AS (DELETE FROM check_state WHERE check_id = ANY ($1::bigint[])),"
        " starts AS (DELETE FROM check_starts WHERE check_id = ANY ($1::bigint[]))"
        " INSERT INTO check_purges SELECT id FROM gone ON CONFLICT DO NOTHING");
    EACH_FACT(check, FACT_DELETED, DB_ARRAY_I64, db_element_i64(unit, check->id));
}

static void delete_channels(struct db_unit *unit, const struct facts *facts)
{
    ADD(unit, "delete_channels", "DELETE FROM channels WHERE id = ANY ($1::bigint[])");
    EACH_FACT(channel, FACT_DELETED, DB_ARRAY_I64, db_element_i64(unit, channel->id));
}

static void delete_check_keys(struct db_unit *unit, const struct facts *facts)
{
    ADD(unit, "delete_check_keys", "DELETE FROM check_keys WHERE account_id = ANY ($1::bigint[])");
    EACH_FACT(check_key, FACT_DELETED, DB_ARRAY_I64, db_element_i64(unit, check_key->account));
}

void sql_delete_check_facts(struct db_unit *unit, const struct facts *facts)
{
    if (COUNT(check, FACT_DELETED))
        delete_checks(unit, facts);
    if (COUNT(channel, FACT_DELETED))
        delete_channels(unit, facts);
    if (COUNT(check_key, FACT_DELETED))
        delete_check_keys(unit, facts);
}

/* Two checks may have swapped theirs, which no order of rows could write. */
static void release_slugs(struct db_unit *unit, const struct facts *facts)
{
    ADD(unit, "release_slugs",
        "UPDATE checks SET slug = NULL WHERE id = ANY ($1::bigint[]) AND slug IS NOT NULL");
    EACH_IF(facts->checks, facts->check_count, DB_ARRAY_I64,
            row->change == FACT_WRITTEN && row->renamed, db_element_i64(unit, row->id));
}

static void write_checks(struct db_unit *unit, const struct facts *facts)
{
    bool renamed = false;
    for (size_t i = 0; i < facts->check_count; i++)
        renamed |= facts->checks[i].renamed;
    if (renamed)
        release_slugs(unit, facts);
    ADD(unit, "write_checks",
        "INSERT INTO checks (id, public_id, account_id, version, name, slug, group_name, tags,"
        " period_seconds, cron_expression, timezone, grace_seconds, maint_start, maint_end,"
        " maint_schedule, alert_after, recover_after, reminder_seconds, parents, channels, job_id,"
        " paused, paused_reason, created_at, updated_at)"
        " SELECT id, public_id, account, version, name, slug, group_name, tags, period,"
        " expression, timezone, grace, since, till, schedule, alert_after, recover_after, reminder,"
        " parents::bigint[], channels::bigint[], job, paused, reason, created_at, updated_at"
        " FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::integer[], $5::text[],"
        " $6::text[], $7::text[], $8::text[], $9::integer[], $10::text[], $11::text[],"
        " $12::integer[], $13::timestamptz[], $14::timestamptz[], $15::text[], $16::integer[],"
        " $17::integer[], $18::integer[], $19::text[], $20::text[], $21::bigint[], $22::boolean[],"
        " $23::text[], $24::timestamptz[], $25::timestamptz[]) AS u (id, public_id, account,"
        " version, name, slug, group_name, tags, period, expression, timezone, grace, since, till,"
        " schedule, alert_after, recover_after, reminder, parents, channels, job, paused, reason,"
        " created_at, updated_at)"
        " ON CONFLICT (id) DO UPDATE SET version = excluded.version, name = excluded.name,"
        " slug = excluded.slug, group_name = excluded.group_name, tags = excluded.tags,"
        " period_seconds = excluded.period_seconds, cron_expression = excluded.cron_expression,"
        " timezone = excluded.timezone, grace_seconds = excluded.grace_seconds,"
        " maint_start = excluded.maint_start, maint_end = excluded.maint_end,"
        " maint_schedule = excluded.maint_schedule, alert_after = excluded.alert_after,"
        " recover_after = excluded.recover_after, reminder_seconds = excluded.reminder_seconds,"
        " parents = excluded.parents, channels = excluded.channels, paused = excluded.paused,"
        " paused_reason = excluded.paused_reason, updated_at = excluded.updated_at");
#define EACH_CHECK(type, element) EACH_FACT(check, FACT_WRITTEN, type, (element))
    EACH_CHECK(DB_ARRAY_I64, db_element_i64(unit, check->id));
    EACH_CHECK(DB_ARRAY_TEXT, element_string(unit, check->public_id));
    EACH_CHECK(DB_ARRAY_I64, db_element_i64(unit, check->account));
    EACH_CHECK(DB_ARRAY_I32, db_element_i32(unit, (int32_t)check->version));
    EACH_CHECK(DB_ARRAY_TEXT, element_string(unit, check->name));
    EACH_CHECK(DB_ARRAY_TEXT, element_string(unit, check->slug));
    EACH_CHECK(DB_ARRAY_TEXT, element_string(unit, check->group));
    EACH_CHECK(DB_ARRAY_TEXT, element_string(unit, check->tags));
    EACH_CHECK(DB_ARRAY_I32, db_element_i32(unit, check->period_s));
    EACH_CHECK(DB_ARRAY_TEXT, element_string(unit, check->cron_expression));
    EACH_CHECK(DB_ARRAY_TEXT, element_string(unit, check->timezone));
    EACH_CHECK(DB_ARRAY_I32, db_element_i32(unit, check->grace_s));
    EACH_CHECK(DB_ARRAY_TIME, element_time_or_null(unit, check->maint_start_s * 1000));
    EACH_CHECK(DB_ARRAY_TIME, element_time_or_null(unit, check->maint_end_s * 1000));
    EACH_CHECK(DB_ARRAY_TEXT, element_string(unit, check->maint_schedule));
    EACH_CHECK(DB_ARRAY_I32, db_element_i32(unit, check->alert_after));
    EACH_CHECK(DB_ARRAY_I32, db_element_i32(unit, check->recover_after));
    EACH_CHECK(DB_ARRAY_I32, db_element_i32(unit, check->reminder_s));
    EACH_CHECK(DB_ARRAY_TEXT, element_ids(unit, check->parents, check->parent_count));
    EACH_CHECK(DB_ARRAY_TEXT, check->all_channels
                                  ? db_element_null(unit)
                                  : element_ids(unit, check->channels, check->channel_count));
    EACH_CHECK(DB_ARRAY_I64, element_i64_or_null(unit, check->job));
    EACH_CHECK(DB_ARRAY_BOOL, db_element_bool(unit, check->paused));
    EACH_CHECK(DB_ARRAY_TEXT, element_string(unit, check->paused_reason));
    EACH_CHECK(DB_ARRAY_TIME, db_element_time(unit, check->created_ms));
    EACH_CHECK(DB_ARRAY_TIME, db_element_time(unit, check->updated_ms));
#undef EACH_CHECK
}

static void write_channels(struct db_unit *unit, const struct facts *facts)
{
    ADD(unit, "write_channels",
        "INSERT INTO channels (id, account_id, kind, name, target, enabled, verified, created_at,"
        " updated_at) SELECT id, account, kind::channel_kind, name, target, enabled, verified,"
        " created_at, updated_at FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[],"
        " $5::text[], $6::boolean[], $7::boolean[], $8::timestamptz[], $9::timestamptz[])"
        " AS u (id, account, kind, name, target, enabled, verified, created_at, updated_at)"
        " ON CONFLICT (id) DO UPDATE SET name = excluded.name, target = excluded.target,"
        " enabled = excluded.enabled, verified = excluded.verified,"
        " updated_at = excluded.updated_at");
#define EACH_CHANNEL(type, element) EACH_FACT(channel, FACT_WRITTEN, type, (element))
    EACH_CHANNEL(DB_ARRAY_I64, db_element_i64(unit, channel->id));
    EACH_CHANNEL(DB_ARRAY_I64, db_element_i64(unit, channel->account));
    EACH_CHANNEL(DB_ARRAY_TEXT, element_string(unit, channel_kind_name(channel->kind)));
    EACH_CHANNEL(DB_ARRAY_TEXT, element_string(unit, channel->name));
    EACH_CHANNEL(DB_ARRAY_TEXT, element_string(unit, channel->target));
    EACH_CHANNEL(DB_ARRAY_BOOL, db_element_bool(unit, channel->enabled));
    EACH_CHANNEL(DB_ARRAY_BOOL, db_element_bool(unit, channel->verified));
    EACH_CHANNEL(DB_ARRAY_TIME, db_element_time(unit, channel->created_ms));
    EACH_CHANNEL(DB_ARRAY_TIME, db_element_time(unit, channel->updated_ms));
#undef EACH_CHANNEL
}

static void write_ping_keys(struct db_unit *unit, const struct facts *facts)
{
    ADD(unit, "write_ping_keys",
        "INSERT INTO ping_keys (account_id, id, key, created_at)"
        " SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::timestamptz[])"
        " ON CONFLICT (account_id) DO UPDATE SET id = excluded.id, key = excluded.key,"
        " created_at = excluded.created_at");
    EACH_FACT(ping_key, FACT_WRITTEN, DB_ARRAY_I64, db_element_i64(unit, ping_key->account));
    EACH_FACT(ping_key, FACT_WRITTEN, DB_ARRAY_I64, db_element_i64(unit, ping_key->id));
    EACH_FACT(ping_key, FACT_WRITTEN, DB_ARRAY_TEXT, element_string(unit, ping_key->key));
    EACH_FACT(ping_key, FACT_WRITTEN, DB_ARRAY_TIME, db_element_time(unit, ping_key->created_ms));
}

static void write_check_keys(struct db_unit *unit, const struct facts *facts)
{
    ADD(unit, "write_check_keys",
        "INSERT INTO check_keys (account_id, key_hash, created_at)"
        " SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::timestamptz[])"
        " ON CONFLICT (account_id) DO UPDATE SET key_hash = excluded.key_hash,"
        " created_at = excluded.created_at");
    EACH_FACT(check_key, FACT_WRITTEN, DB_ARRAY_I64, db_element_i64(unit, check_key->account));
    EACH_FACT(check_key, FACT_WRITTEN, DB_ARRAY_BYTES,
              db_element_bytes(unit, check_key->key_hash, HASH_SIZE));
    EACH_FACT(check_key, FACT_WRITTEN, DB_ARRAY_TIME, db_element_time(unit, check_key->created_ms));
}

void sql_write_check_facts(struct db_unit *unit, const struct facts *facts)
{
    if (COUNT(check, FACT_WRITTEN))
        write_checks(unit, facts);
    if (COUNT(channel, FACT_WRITTEN))
        write_channels(unit, facts);
    if (COUNT(ping_key, FACT_WRITTEN))
        write_ping_keys(unit, facts);
    if (COUNT(check_key, FACT_WRITTEN))
        write_check_keys(unit, facts);
}
