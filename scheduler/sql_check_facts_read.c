#include "scheduler/sql_check_facts.h"

#include "scheduler/sql_unit.h"

#define COLUMNS                                                                                    \
    " c.id, public_id, account_id, version, name, slug, group_name, tags, period_seconds,"         \
    " cron_expression, timezone, grace_seconds, maint_start, maint_end, maint_schedule,"           \
    " alert_after, recover_after, reminder_seconds, parents, channels, job_id, paused,"            \
    " paused_reason, created_at, updated_at"

bool sql_needs_checks(const struct command *command)
{
    switch (command->kind) {
    case COMMAND_CHECK_CREATE:
    case COMMAND_CHECK_UPDATE:
    case COMMAND_CHECK_DELETE:
    case COMMAND_CHECK_PAUSE:
    case COMMAND_CHECK_RESUME:
    case COMMAND_CHECK_IMPORT:
    case COMMAND_JOB_CREATE:
    case COMMAND_JOB_UPDATE:
    case COMMAND_JOB_DELETE:
    case COMMAND_JOB_PUT: return true;
    default: return false;
    }
}

bool sql_needs_all_checks(const struct command *command)
{
    return command->kind == COMMAND_ACCOUNT_DELETE;
}

bool sql_needs_channels(const struct command *command)
{
    return command->channel_id != 0;
}

/* Of every command each check that it names: its own, new ones, and parents. */
static void array_of_ids(struct db_unit *unit, const struct command *commands, size_t count)
{
    db_array_begin(unit, DB_ARRAY_I64);
    for (size_t i = 0; i < count; i++) {
        if (commands[i].check_id)
            db_element_i64(unit, commands[i].check_id);
        for (size_t j = 0; j < commands[i].check.parent_count; j++)
            db_element_i64(unit, commands[i].check.parents[j]);
        for (size_t j = 0; j < commands[i].item_count; j++)
            db_element_i64(unit, commands[i].items[j].id);
    }
    db_array_end(unit);
}

/* Every slug that a command wants, and whose. */
static void arrays_of_slugs(struct db_unit *unit, const struct command *commands, size_t count)
{
    db_array_begin(unit, DB_ARRAY_I64);
    for (size_t i = 0; i < count; i++) {
        if (commands[i].check.slug)
            db_element_i64(unit, commands[i].account);
        for (size_t j = 0; j < commands[i].item_count; j++)
            if (commands[i].items[j].input.slug)
                db_element_i64(unit, commands[i].account);
    }
    db_array_end(unit);
    db_array_begin(unit, DB_ARRAY_TEXT);
    for (size_t i = 0; i < count; i++) {
        if (commands[i].check.slug)
            element_string(unit, commands[i].check.slug);
        for (size_t j = 0; j < commands[i].item_count; j++)
            if (commands[i].items[j].input.slug)
                element_string(unit, commands[i].items[j].input.slug);
    }
    db_array_end(unit);
}

void sql_read_checks(struct db_unit *unit, const struct command *commands, size_t count)
{
    /*
     * The parents of a check are read for their public ids. LIMIT 1 has each row found by its
     * index: PostgreSQL cannot know how few they are, and would rather read the whole table.
     */
    ADD(unit, "read_checks",
        "WITH named AS MATERIALIZED (SELECT unnest($1::bigint[]) AS id"
        " UNION SELECT c.id FROM unnest($2::bigint[]) AS u (job)"
        " CROSS JOIN LATERAL (SELECT id FROM checks WHERE job_id = u.job LIMIT 1) c"
        " UNION SELECT c.id FROM unnest($3::bigint[], $4::text[]) AS u (account, name)"
        " JOIN jobs j ON j.account_id = u.account AND j.external_id = u.name"
        " CROSS JOIN LATERAL (SELECT id FROM checks WHERE job_id = j.id LIMIT 1) c"
        " UNION SELECT c.id FROM unnest($5::bigint[], $6::text[]) AS u (account, slug)"
        " CROSS JOIN LATERAL (SELECT id FROM checks WHERE account_id = u.account"
        " AND slug = u.slug LIMIT 1) c),"
        " family AS MATERIALIZED (SELECT id FROM named UNION SELECT unnest(c.parents)"
        " FROM named n CROSS JOIN LATERAL (SELECT parents FROM checks WHERE id = n.id LIMIT 1) c)"
        " SELECT" COLUMNS " FROM family f"
        " CROSS JOIN LATERAL (SELECT * FROM checks WHERE id = f.id LIMIT 1) c");
    array_of_ids(unit, commands, count);
    EACH_IF(commands, count, DB_ARRAY_I64, row->job_id, db_element_i64(unit, row->job_id));
    EACH_IF(commands, count, DB_ARRAY_I64, row->job.external_id,
            db_element_i64(unit, row->account));
    EACH_IF(commands, count, DB_ARRAY_TEXT, row->job.external_id,
            element_string(unit, row->job.external_id));
    arrays_of_slugs(unit, commands, count);
}

void sql_read_all_checks(struct db_unit *unit, const struct command *commands, size_t count)
{
    ADD(unit, "read_all_checks",
        "SELECT" COLUMNS " FROM (SELECT id AS owner FROM accounts WHERE email = ANY ($1::text[])) a"
        " JOIN checks c ON c.account_id = a.owner");
    EACH_IF(commands, count, DB_ARRAY_TEXT, sql_needs_all_checks(row),
            element_string(unit, row->email));
}

void sql_read_channels(struct db_unit *unit, const struct command *commands, size_t count)
{
    ADD(unit, "read_channels",
        "SELECT id, account_id, kind::text, name, target, enabled, verified, created_at,"
        " updated_at FROM channels WHERE id = ANY ($1::bigint[])");
    EACH_IF(commands, count, DB_ARRAY_I64, row->channel_id, db_element_i64(unit, row->channel_id));
}

static bool is_among(const struct facts *facts, size_t count, int64_t id)
{
    for (size_t i = 0; i < count; i++)
        if (facts->checks[i].id == id)
            return true;
    return false;
}

void sql_check_rows(const struct db_rows *rows, struct facts *facts)
{
    size_t before = facts->check_count;
    for (int row = 0; row < rows->count; row++) {
        int64_t id = db_i64(rows, row, 0);
        if (is_among(facts, before, id))
            continue;
        struct fact_check *check = facts_add_check(facts);
        check->id = id;
        fact_set(&check->public_id, db_text(rows, row, 1));
        check->account = db_i64(rows, row, 2);
        check->version = (uint32_t)db_i32(rows, row, 3);
        fact_set(&check->name, db_text(rows, row, 4));
        fact_set(&check->slug, text_or_null(rows, row, 5));
        fact_set(&check->group, db_text(rows, row, 6));
        fact_set(&check->tags, db_text(rows, row, 7));
        check->period_s = db_i32(rows, row, 8);
        fact_set(&check->cron_expression, text_or_null(rows, row, 9));
        fact_set(&check->timezone, db_text(rows, row, 10));
        check->grace_s = db_i32(rows, row, 11);
        check->maint_start_s = time_or_zero(rows, row, 12) / 1000;
        check->maint_end_s = time_or_zero(rows, row, 13) / 1000;
        fact_set(&check->maint_schedule, db_text(rows, row, 14));
        check->alert_after = db_i32(rows, row, 15);
        check->recover_after = db_i32(rows, row, 16);
        check->reminder_s = db_i32(rows, row, 17);
        check->parent_count = db_i64_array(rows, row, 18, check->parents, CHECK_PARENTS_MAX);
        check->all_channels = db_is_null(rows, row, 19);
        if (!check->all_channels)
            check->channel_count = db_i64_array(rows, row, 19, check->channels, CHECK_CHANNELS_MAX);
        check->job = db_i64(rows, row, 20);
        check->paused = db_bool(rows, row, 21);
        fact_set(&check->paused_reason, text_or_null(rows, row, 22));
        check->created_ms = db_time_ms(rows, row, 23);
        check->updated_ms = db_time_ms(rows, row, 24);
    }
}

void sql_channel_rows(const struct db_rows *rows, struct facts *facts)
{
    for (int row = 0; row < rows->count; row++) {
        struct fact_channel *channel = facts_add_channel(facts);
        channel->id = db_i64(rows, row, 0);
        channel->account = db_i64(rows, row, 1);
        channel->kind = channel_kind_of(db_text(rows, row, 2));
        INVARIANT(channel->kind != CHANNEL_KINDS); /* a type of PostgreSQL, of the same words */
        fact_set(&channel->name, db_text(rows, row, 3));
        fact_set(&channel->target, db_text(rows, row, 4));
        channel->enabled = db_bool(rows, row, 5);
        channel->verified = db_bool(rows, row, 6);
        channel->created_ms = db_time_ms(rows, row, 7);
        channel->updated_ms = db_time_ms(rows, row, 8);
    }
}
