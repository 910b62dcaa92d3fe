/* Checks, channels and keys on their way to PostgreSQL and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scheduler/migrate.h"
#include "scheduler/sql_facts.h"
#include "scheduler/sql_lease.h"
#include "tests/unit/db_fixture.h"

#define NOW_MS INT64_C(1798761630000) /* 2027-01-01T00:00:30Z */
#define BIG    INT64_C(7777777777777777777)

static struct db *db;
static struct facts found; /* of the last look */
static struct sql_facts_read statements;

static int start(void **state)
{
    if (db_fixture_start(state) != 0 ||
        migrate_apply(postgres_server_url(server), migrations, migrations_count) != 0)
        return -1;
    postgres_server_execute(
        server,
        "INSERT INTO accounts SELECT n, n || '@example.com', 'pro', true,"
        " decode(lpad(to_hex(n), 64, '0'), 'hex'), now() FROM generate_series(1, 3) n;"
        "INSERT INTO jobs (id, account_id, version, name, cron_expression, webhook_url, enabled,"
        " due_after, created_at, updated_at, external_id) VALUES (7, 1, 1, 'j', '* * * * *',"
        " 'http://x/', true, now(), now(), now(), 'nightly')");
    char url[POSTGRES_URL_SIZE];
    db = open_pool_at(postgres_server_url_of(server, "croncoco_scheduler", "postgres", url));
    return 0;
}

static int stop(void **state)
{
    close_pool(db);
    facts_free(&found);
    return db_fixture_stop(state);
}

static int forget(void **state)
{
    postgres_server_execute(server, "DELETE FROM checks; DELETE FROM channels; DELETE FROM "
                                    "ping_keys; DELETE FROM check_keys; DELETE FROM check_purges;"
                                    "DELETE FROM check_state; DELETE FROM check_starts");
    return db_fixture_forget(state);
}

/* ---- what is written and read ---- */

static struct fact_check *add_check(struct facts *facts, int64_t id, int64_t account)
{
    struct fact_check *check = facts_add_check(facts);
    check->change = FACT_WRITTEN;
    check->id = id;
    check->account = account;
    check->version = 1;
    char public_id[24];
    snprintf(public_id, sizeof public_id, "id%lld", (long long)id);
    fact_set(&check->public_id, public_id);
    fact_set(&check->name, "nightly \xe2\x82\xac");
    fact_set(&check->group, "");
    fact_set(&check->tags, "");
    fact_set(&check->timezone, "UTC");
    fact_set(&check->maint_schedule, "");
    check->period_s = 3600;
    check->grace_s = 300;
    check->alert_after = check->recover_after = 1;
    check->all_channels = true;
    check->created_ms = check->updated_ms = NOW_MS;
    return check;
}

static void add_full_check(struct facts *facts, int64_t id)
{
    struct fact_check *check = add_check(facts, id, 1);
    fact_set(&check->group, "db");
    fact_set(&check->tags, "production,database");
    fact_set(&check->slug, "nightly");
    fact_set(&check->cron_expression, "0 2 * * *");
    fact_set(&check->timezone, "Europe/Berlin");
    fact_set(&check->maint_schedule, "daily:02:00-04:00");
    fact_set(&check->paused_reason, "plan");
    check->version = 4;
    check->period_s = 86400;
    check->maint_start_s = 1778335201;
    check->maint_end_s = 1778335202;
    check->alert_after = 3;
    check->recover_after = 2;
    check->reminder_s = 300;
    check->parents[0] = BIG - 1;
    check->parents[1] = 5;
    check->parent_count = 2;
    check->all_channels = false;
    check->channels[0] = 3;
    check->channels[1] = 1;
    check->channel_count = 2;
    check->job = 7;
    check->paused = true;
    check->updated_ms = NOW_MS + 1001;
}

static struct fact_channel *add_channel(struct facts *facts, int64_t id, enum channel_kind kind)
{
    struct fact_channel *channel = facts_add_channel(facts);
    channel->change = FACT_WRITTEN;
    channel->id = id;
    channel->account = 1;
    channel->kind = kind;
    fact_set(&channel->name, "ops");
    fact_set(&channel->target, kind == CHANNEL_EMAIL ? "ops@example.com" : "https://x.example/");
    channel->enabled = kind != CHANNEL_SLACK;
    channel->verified = kind != CHANNEL_EMAIL;
    channel->created_ms = channel->updated_ms = NOW_MS;
    return channel;
}

static void write_facts(struct facts *facts)
{
    struct probe probe = {0};
    struct db_unit *unit = db_unit_new();
    unsigned before = finished;
    sql_begin(unit);
    sql_write_facts(unit, facts, NOW_MS);
    sql_commit(unit);
    run(db, unit, WAIT_MS, &probe);
    wait_for(before + 1);
    if (probe.status != DB_OK)
        fail_msg("%s %s", probe.sqlstate, probe.message);
    facts_free(facts);
}

static void take_rows(const struct db_outcome *outcome)
{
    sql_facts_rows(outcome, statements, &found);
}

/* Reads what these commands need, into found. */
static void read_for(struct command *commands, size_t count)
{
    struct probe probe = {.look = take_rows};
    struct db_unit *unit = db_unit_new();
    unsigned before = finished;
    for (size_t i = 0; i < count; i++)
        commands[i].id = "7:abc";
    facts_clear(&found);
    statements = sql_read_facts(unit, commands, count);
    run(db, unit, WAIT_MS, &probe);
    wait_for(before + 1);
    if (probe.status != DB_OK)
        fail_msg("%s %s", probe.sqlstate, probe.message);
}

static void read_one(struct command command)
{
    read_for(&command, 1);
}

static struct command about_check(int64_t id)
{
    return (struct command){.kind = COMMAND_CHECK_UPDATE, .account = 1, .check_id = id};
}

static void assert_text(const char *a, const char *b)
{
    assert_int_equal(a != NULL, b != NULL);
    if (a)
        assert_string_equal(a, b);
}

static void assert_check(const struct fact_check *a, const struct fact_check *b)
{
    assert_true(a->id == b->id && a->account == b->account);
    assert_int_equal(a->version, b->version);
    assert_text(a->public_id, b->public_id);
    assert_text(a->name, b->name);
    assert_text(a->group, b->group);
    assert_text(a->tags, b->tags);
    assert_text(a->timezone, b->timezone);
    assert_text(a->maint_schedule, b->maint_schedule);
    assert_text(a->slug, b->slug);
    assert_text(a->cron_expression, b->cron_expression);
    assert_text(a->paused_reason, b->paused_reason);
    assert_int_equal(a->period_s, b->period_s);
    assert_int_equal(a->grace_s, b->grace_s);
    assert_int_equal(a->alert_after, b->alert_after);
    assert_int_equal(a->recover_after, b->recover_after);
    assert_int_equal(a->reminder_s, b->reminder_s);
    assert_true(a->maint_start_s == b->maint_start_s);
    assert_true(a->maint_end_s == b->maint_end_s);
    assert_int_equal(a->parent_count, b->parent_count);
    assert_memory_equal(a->parents, b->parents, sizeof a->parents);
    assert_int_equal(a->all_channels, b->all_channels);
    assert_int_equal(a->channel_count, b->channel_count);
    assert_memory_equal(a->channels, b->channels, sizeof a->channels);
    assert_true(a->job == b->job);
    assert_int_equal(a->paused, b->paused);
    assert_true(a->created_ms == b->created_ms && a->updated_ms == b->updated_ms);
}

/* ---- tests ---- */

static void test_a_check_comes_back_as_it_was(void **state)
{
    (void)state;
    struct facts facts = {0};
    struct facts expected = {0};
    add_full_check(&facts, BIG);
    add_full_check(&expected, BIG);
    (void)add_check(&facts, BIG - 1, 1);
    (void)add_check(&expected, BIG - 1, 1);
    (void)add_check(&facts, 9, 2);
    write_facts(&facts);

    read_one(about_check(BIG)); /* and its parent, for its name */
    assert_int_equal(found.check_count, 2);
    assert_check(facts_check(&found, BIG), &expected.checks[0]);
    assert_check(facts_check(&found, BIG - 1), &expected.checks[1]);

    /* What may change is changed, and the rest is not. */
    struct fact_check *changed = add_check(&facts, BIG, 1);
    fact_set(&changed->name, "daily");
    changed->version = 5;
    changed->job = 0;
    changed->updated_ms = NOW_MS + 60000;
    write_facts(&facts);
    read_one(about_check(BIG));
    struct fact_check *check = facts_check(&found, BIG);
    assert_int_equal(found.check_count, 1);
    assert_string_equal(check->name, "daily");
    assert_int_equal(check->version, 5);
    assert_null(check->slug);
    assert_null(check->cron_expression);
    assert_null(check->paused_reason);
    assert_true(check->all_channels);
    assert_int_equal(check->parent_count, 0);
    assert_false(check->paused);
    assert_int_equal(check->job, 7); /* for ever */
    assert_true(check->maint_start_s == 0 && check->updated_ms == NOW_MS + 60000);
    facts_free(&expected);
}

static void test_whatever_a_command_names_is_read(void **state)
{
    (void)state;
    struct facts facts = {0};
    add_full_check(&facts, BIG);
    (void)add_check(&facts, 5, 1);
    (void)add_check(&facts, 6, 2);
    write_facts(&facts);

    read_one((struct command){.kind = COMMAND_JOB_DELETE, .account = 1, .job_id = 7});
    assert_int_equal(found.check_count, 2); /* with a parent that is there */
    assert_non_null(facts_check_of_job(&found, 7));
    assert_int_equal(found.job_count, 1);
    read_one(
        (struct command){.kind = COMMAND_JOB_PUT, .account = 1, .job = {.external_id = "nightly"}});
    assert_non_null(facts_check_of_job(&found, 7));
    read_one(
        (struct command){.kind = COMMAND_JOB_PUT, .account = 2, .job = {.external_id = "nightly"}});
    assert_int_equal(found.check_count, 0);

    struct command create = {.kind = COMMAND_CHECK_CREATE, .account = 1, .check_id = 99};
    create.check.slug = "nightly";
    read_one(create);
    assert_non_null(facts_check_by_slug(&found, 1, "nightly"));
    create.account = 2;
    create.check.parents[0] = 6;
    create.check.parent_count = 1;
    read_one(create);
    assert_int_equal(found.check_count, 1);
    assert_non_null(facts_check(&found, 6));

    struct check_item items[2] = {{.id = 6}, {.id = 100, .input = {.slug = "nightly"}}};
    read_one((struct command){
        .kind = COMMAND_CHECK_IMPORT, .account = 1, .items = items, .item_count = 2});
    assert_non_null(facts_check(&found, 6));
    assert_non_null(facts_check_by_slug(&found, 1, "nightly"));

    read_one((struct command){.kind = COMMAND_ACCOUNT_DELETE, .email = "1@example.com"});
    assert_int_equal(found.check_count, 2);
    assert_int_equal(found.account_count, 1);
    struct command both[] = {{.kind = COMMAND_CHECK_PAUSE, .account = 1, .check_id = 5},
                             {.kind = COMMAND_ACCOUNT_DELETE, .email = "1@example.com"}};
    read_for(both, 2);
    assert_int_equal(found.check_count, 2); /* each once */
    read_one((struct command){.kind = COMMAND_ACCOUNT_REGISTER, .email = "1@example.com"});
    assert_int_equal(found.check_count, 0);
}

static void test_several_kinds_are_read_at_once(void **state)
{
    (void)state;
    struct facts facts = {0};
    (void)add_channel(&facts, 1, CHANNEL_WEBHOOK);
    (void)add_channel(&facts, 2, CHANNEL_SLACK);
    (void)add_channel(&facts, 3, CHANNEL_EMAIL);
    (void)add_check(&facts, 5, 1);
    write_facts(&facts);
    struct command commands[] = {
        {.kind = COMMAND_CHANNEL_UPDATE, .account = 1, .channel_id = 2},
        {.kind = COMMAND_SECRET_CREATE, .account = 1},
        {.kind = COMMAND_JOB_REPLAY, .account = 1, .job_id = 7, .window = {.failure = true}},
        {.kind = COMMAND_CHANNEL_DELETE, .account = 1, .channel_id = 3},
        {.kind = COMMAND_CHANNEL_TEST, .account = 1, .channel_id = 1},
        {.kind = COMMAND_CHECK_PAUSE, .account = 1, .check_id = 5}};
    read_for(commands, sizeof commands / sizeof *commands);
    assert_int_equal(found.channel_count, 3);
    assert_int_equal(found.check_count, 1);
    assert_int_equal(found.job_count, 1);
    for (int i = 0; i < CHANNEL_KINDS; i++) {
        struct fact_channel *channel = facts_channel(&found, i + 1);
        assert_int_equal(channel->kind, i);
        assert_int_equal(channel->account, 1);
        assert_string_equal(channel->name, "ops");
        assert_string_equal(channel->target,
                            i == CHANNEL_EMAIL ? "ops@example.com" : "https://x.example/");
        assert_int_equal(channel->enabled, i != CHANNEL_SLACK);
        assert_int_equal(channel->verified, i != CHANNEL_EMAIL);
        assert_true(channel->created_ms == NOW_MS && channel->updated_ms == NOW_MS);
    }
    /* A channel asks for its account, whose address may be the one that it has. */
    assert_non_null(facts_account(&found, 1));
}

static void test_slugs_change_hands(void **state)
{
    (void)state;
    struct facts facts = {0};
    for (int64_t turn = 0; turn < 2; turn++) {
        for (int64_t i = 0; i < 2; i++) {
            struct fact_check *check = add_check(&facts, i + 1, 1);
            fact_set(&check->slug, turn == i ? "a" : "b");
            check->renamed = turn > 0;
        }
        write_facts(&facts);
    }
    read_one(about_check(1));
    assert_string_equal(found.checks[0].slug, "b");
    read_one(about_check(2));
    assert_string_equal(found.checks[0].slug, "a");
}

static int64_t count(const char *table)
{
    char sql[160];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", table);
    char *value = postgres_server_value(server, sql);
    int64_t number = strtoll(value, NULL, 10);
    free(value);
    return number;
}

static void test_what_is_deleted_is_remembered(void **state)
{
    (void)state;
    struct facts facts = {0};
    for (int64_t id = 1; id <= 5; id++)
        (void)add_check(&facts, id, id == 5 ? 2 : 1);
    write_facts(&facts);
    postgres_server_execute(
        server, "INSERT INTO check_state SELECT id, 'up', now(), NULL, NULL, NULL, NULL, 0, 0, 0,"
                " 0, NULL, false, false, NULL, NULL, 0 FROM checks;"
                "INSERT INTO check_starts SELECT id, '', now() FROM checks");
    add_check(&facts, 1, 1)->change = FACT_DELETED;
    add_check(&facts, 77, 1)->change = FACT_DELETED; /* made and deleted in one turn */
    write_facts(&facts);
    assert_int_equal(count("checks"), 4);
    assert_int_equal(count("check_state"), 4);
    assert_int_equal(count("check_starts"), 4);
    assert_int_equal(count("check_purges"), 1);

    /* An account takes all its checks along; and what was made for it meanwhile. */
    read_one((struct command){.kind = COMMAND_ACCOUNT_DELETE, .email = "2@example.com"});
    assert_int_equal(found.account_count, 1);
    (void)add_check(&found, 88, 2);
    struct fact_channel *channel = add_channel(&found, 9, CHANNEL_EMAIL);
    channel->account = 2;
    fact_set(&facts_ping_key(&found, 2)->key, "pk_2");
    facts_ping_key(&found, 2)->change = FACT_WRITTEN;
    facts_check_key(&found, 2)->change = FACT_WRITTEN;
    facts_delete_account(&found, &found.accounts[0]);
    write_facts(&found);
    assert_int_equal(count("accounts"), 2);
    assert_int_equal(count("checks"), 3);
    assert_int_equal(count("check_purges WHERE check_id = 5"), 1);
    assert_int_equal(count("check_purges"), 2);
    assert_int_equal(count("channels"), 0);
    assert_int_equal(count("ping_keys"), 0);
}

static void test_keys(void **state)
{
    (void)state;
    struct facts facts = {0};
    for (int turn = 0; turn < 2; turn++) {
        struct fact_ping_key *key = facts_ping_key(&facts, 3);
        key->change = FACT_WRITTEN;
        key->id = BIG + turn;
        fact_set(&key->key, turn ? "pk_b" : "pk_a");
        key->created_ms = NOW_MS;
        struct fact_check_key *api_key = facts_check_key(&facts, 3);
        api_key->change = FACT_WRITTEN;
        memset(api_key->key_hash, turn + 1, HASH_SIZE);
        api_key->created_ms = NOW_MS;
        assert_ptr_equal(facts_ping_key(&facts, 3), key);
        assert_ptr_equal(facts_check_key(&facts, 3), api_key);
        write_facts(&facts);
        assert_int_equal(count("ping_keys WHERE key = 'pk_b' AND id = 7777777777777777778"), turn);
        assert_int_equal(count("check_keys WHERE key_hash = decode(repeat('02', 32), 'hex')"),
                         turn);
        assert_int_equal(count("ping_keys"), 1);
        assert_int_equal(count("check_keys"), 1);
    }
    facts_check_key(&facts, 3)->change = FACT_DELETED;
    write_facts(&facts);
    assert_int_equal(count("check_keys"), 0);
    assert_int_equal(count("ping_keys"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_a_check_comes_back_as_it_was, forget),
        cmocka_unit_test_setup(test_whatever_a_command_names_is_read, forget),
        cmocka_unit_test_setup(test_several_kinds_are_read_at_once, forget),
        cmocka_unit_test_setup(test_slugs_change_hands, forget),
        cmocka_unit_test_setup(test_what_is_deleted_is_remembered, forget),
        cmocka_unit_test_setup(test_keys, forget),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
