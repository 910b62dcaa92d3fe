/* What runs' deliveries need, from a real PostgreSQL: jobs, notices, and the accounts' keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "dispatcher/job_details.h"
#include "dispatcher/loader.h"
#include "shared/clock.h"
#include "shared/compiler.h"
#include "tests/unit/db_fixture.h"

#define SIGNING_SECRET "0123456789abcdef0123456789abcdef"
#define RUNS_MAX       64

static const char schema[] =
    "DROP TABLE IF EXISTS jobs, notices, webhook_secrets;"
    "CREATE TABLE jobs (id bigint PRIMARY KEY, account_id bigint NOT NULL, version integer NOT "
    "NULL,"
    " webhook_url text NOT NULL, headers text, payload text);"
    "CREATE TABLE notices (id bigint PRIMARY KEY, account_id bigint NOT NULL, url text NOT NULL,"
    " body text NOT NULL, kind text NOT NULL);"
    "CREATE TABLE webhook_secrets (id bytea PRIMARY KEY, account_id bigint NOT NULL,"
    " created_at timestamptz NOT NULL, expires_at timestamptz);"
    "INSERT INTO jobs SELECT n, n / 10, 3, 'https://example.com/' || n, NULL, '{}'"
    " FROM generate_series(1, 99) n;"
    "INSERT INTO notices VALUES"
    " (1, 1, 'https://example.com/failed', '{\"job_id\": 10}', 'failure'),"
    " (7, 5, 'https://example.com/failed', '{}', 'failure'),"
    " (8, 5, 'https://example.com/alert', '{\"event\": \"test\"}', 'alert');"
    "INSERT INTO webhook_secrets VALUES"
    " ('\\x11111111111111111111111111111111', 1, now(), now() + interval '1 day'),"
    " ('\\x12121212121212121212121212121212', 1, now(), NULL),"
    " ('\\x13131313131313131313131313131313', 1, now(), now() - interval '1 second'),"
    " ('\\x22222222222222222222222222222222', 2, now(), NULL)";

struct fixture {
    struct db *db;
    struct job_cache *jobs, *notices;
    struct account_key_cache *keys;
    struct messages *messages;
    struct loader *loader;
    uv_check_t turn;
    struct held_run *done[RUNS_MAX];
    size_t count;
    uint64_t sequence;
};

static void on_done_run(void *arg, struct held_run *run)
{
    struct fixture *fixture = arg;
    INVARIANT(fixture->count < RUNS_MAX);
    fixture->done[fixture->count++] = run;
}

static void on_turn(uv_check_t *turn)
{
    loader_turn(((struct fixture *)turn->data)->loader);
}

static int setup(void **state)
{
    static struct fixture fixture;
    db_fixture_forget(state);
    postgres_server_execute(server, schema);
    memset(&fixture, 0, sizeof fixture);
    fixture.db = open_pool(2, 64, 4);
    fixture.jobs = job_cache_create(1 << 20);
    fixture.notices = job_cache_create(1 << 20);
    fixture.keys = account_key_cache_create(100);
    fixture.messages = messages_create(NULL);
    struct loader_options options = {.db = fixture.db,
                                     .jobs = fixture.jobs,
                                     .notices = fixture.notices,
                                     .keys = fixture.keys,
                                     .signing_secret = SIGNING_SECRET,
                                     .on_done = on_done_run,
                                     .arg = &fixture};
    fixture.loader = loader_open(&loop, &options);
    uv_check_init(&loop, &fixture.turn);
    fixture.turn.data = &fixture;
    uv_check_start(&fixture.turn, on_turn);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    uv_close((uv_handle_t *)&fixture->turn, NULL);
    db_close(fixture->db);
    loader_close(fixture->loader);
    uv_run(&loop, UV_RUN_DEFAULT);
    messages_free(fixture->messages);
    job_cache_free(fixture->jobs);
    job_cache_free(fixture->notices);
    account_key_cache_free(fixture->keys);
    return 0;
}

/* A message of one run. */
static void add(struct fixture *fixture, int64_t job, uint32_t version, uint32_t replay)
{
    struct run_batch batch = {
        .count = 1,
        .runs = {{.job = job, .slot_s = 60, .version = version, .replay = replay, .attempt = 1}}};
    struct message *message =
        messages_hold(fixture->messages, 0, ++fixture->sequence, 1, "", &batch);
    loader_add(fixture->loader, &message->runs[0]);
}

static void wait_done(struct fixture *fixture, size_t count)
{
    for (int64_t end_ms = clock_monotonic_ms() + WAIT_MS; fixture->count < count;) {
        assert_true(clock_monotonic_ms() < end_ms);
        run_for(5);
    }
    assert_int_equal(fixture->count, count);
}

static struct held_run *load(struct fixture *fixture, int64_t job, uint32_t version,
                             uint32_t replay)
{
    fixture->count = 0;
    add(fixture, job, version, replay);
    wait_done(fixture, 1);
    return fixture->done[0];
}

static void assert_keys(const struct held_run *run, size_t count, const uint8_t *first_bytes)
{
    assert_non_null(run->keys);
    assert_int_equal(run->keys->count, count);
    for (size_t i = 0; i < count; i++) {
        uint8_t id[TOKEN_ID_SIZE], key[HASH_SIZE];
        memset(id, first_bytes[i], sizeof id);
        webhook_secret_key(SIGNING_SECRET, id, key);
        assert_memory_equal(run->keys->keys[i].key, key, sizeof key);
    }
}

static void test_jobs(void **state)
{
    struct fixture *fixture = *state;
    for (int64_t job = 1; job <= 30; job++)
        add(fixture, job, 1, 0);
    wait_done(fixture, 30);
    for (size_t i = 0; i < 30; i++) {
        const struct held_run *run = fixture->done[i];
        assert_int_equal(run->details->job, run->run.job);
        assert_int_equal(run->details->account, run->run.job / 10);
        if (run->details->account == 1)
            assert_keys(run, 2, (const uint8_t[]){0x12, 0x11});
        else if (run->details->account == 2)
            assert_keys(run, 1, (const uint8_t[]){0x22});
        else
            assert_keys(run, 0, NULL);
    }
    const struct account_keys *keys = fixture->done[10]->keys;
    assert_true(keys->keys[0].expires_ms == INT64_MAX);
    int64_t left_ms = keys->keys[1].expires_ms - clock_now_ms();
    assert_true(left_ms > 86000000 && left_ms <= 86400000);
}

static void test_notices(void **state)
{
    struct fixture *fixture = *state;
    const struct held_run *run = load(fixture, 1, 0, RUN_NOTICE);
    assert_string_equal(run->details->url, "https://example.com/failed");
    assert_string_equal(run->details->payload, "{\"job_id\": 10}");
    assert_false(run->details->alert);
    assert_keys(run, 2, (const uint8_t[]){0x12, 0x11});
    assert_true(load(fixture, 8, 0, RUN_NOTICE)->details->alert);
    assert_string_equal(fixture->done[0]->details->payload, "{\"event\": \"test\"}");
    assert_string_equal(fixture->done[0]->details->problem, "");
    /* A job of the same id is another thing. */
    assert_string_equal(load(fixture, 1, 1, 0)->details->url, "https://example.com/1");
    assert_string_equal(load(fixture, 7, 0, RUN_NOTICE)->details->url,
                        "https://example.com/failed");
    assert_keys(fixture->done[0], 0, NULL);
    assert_null(load(fixture, 2, 0, RUN_NOTICE)->details);
}

static void test_gone(void **state)
{
    struct fixture *fixture = *state;
    const struct held_run *run = load(fixture, 1000, 1, 0);
    assert_null(run->details);
    assert_int_equal(run->looks, 3);
    /* Older than the run: looked for a few times, then delivered as it is. */
    assert_int_equal(load(fixture, 20, 4, 0)->details->version, 3);
    assert_keys(fixture->done[0], 1, (const uint8_t[]){0x22});
}

static void test_changes_of_secrets(void **state)
{
    struct fixture *fixture = *state;
    assert_keys(load(fixture, 20, 1, 0), 1, (const uint8_t[]){0x22});
    postgres_server_execute(server, "DELETE FROM webhook_secrets WHERE account_id = 2");
    assert_keys(load(fixture, 20, 1, 0), 1, (const uint8_t[]){0x22});
    account_key_cache_changed(fixture->keys, 2);
    assert_keys(load(fixture, 20, 1, 0), 0, NULL);
    postgres_server_execute(server, "INSERT INTO webhook_secrets VALUES"
                                    " ('\\x33333333333333333333333333333333', 2, now(), NULL)");
    account_key_cache_changed_all(fixture->keys);
    assert_keys(load(fixture, 20, 1, 0), 1, (const uint8_t[]){0x33});
}

/* The event comes while the old secret is on its way: it is read again. */
static void test_a_change_overtakes(void **state)
{
    struct fixture *fixture = *state;
    add(fixture, 20, 1, 0);
    uv_run(&loop, UV_RUN_NOWAIT);
    account_key_cache_changed(fixture->keys, 2);
    postgres_server_execute(server, "DELETE FROM webhook_secrets WHERE account_id = 2");
    wait_done(fixture, 1);
    assert_keys(fixture->done[0], 0, NULL);
}

#define WITH_LOADER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_LOADER(test_jobs),
        WITH_LOADER(test_notices),
        WITH_LOADER(test_gone),
        WITH_LOADER(test_changes_of_secrets),
        WITH_LOADER(test_a_change_overtakes),
    };
    return cmocka_run_group_tests_name("loader", tests, db_fixture_start, db_fixture_stop);
}
