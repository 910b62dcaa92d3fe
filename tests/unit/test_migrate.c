/* The migration command and what the schema promises: privileges, the lease, partitions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <libpq-fe.h>

#include "scheduler/migrate.h"
#include "shared/compiler.h"
#include "shared/memory.h"
#include "tests/unit/postgres_server.h"

#define OUTPUT_SIZE 8192
#define PROCESSES   4

static struct postgres_server *server;

/* A run of the command in a process of its own. */
struct run {
    FILE *output; /* both streams */
    pid_t process;
    int code;
    char text[OUTPUT_SIZE];
};

static void run_start(struct run *run, const char *url, const struct migration *table, size_t count)
{
    run->output = tmpfile();
    assert_non_null(run->output);
    fflush(NULL);
    run->process = fork();
    assert_true(run->process >= 0);
    if (run->process == 0) {
        dup2(fileno(run->output), STDOUT_FILENO);
        dup2(fileno(run->output), STDERR_FILENO);
        int code = migrate_apply(url, table, count);
        fflush(NULL);
        _exit(code);
    }
}

static void run_wait(struct run *run)
{
    int status;
    assert_int_equal(waitpid(run->process, &status, 0), run->process);
    assert_true(WIFEXITED(status));
    run->code = WEXITSTATUS(status);
    rewind(run->output);
    run->text[fread(run->text, 1, OUTPUT_SIZE - 1, run->output)] = '\0';
    fclose(run->output);
}

static struct run migrated(const char *url, const struct migration *table, size_t count)
{
    struct run run = {0};
    run_start(&run, url, table, count);
    run_wait(&run);
    return run;
}

static unsigned occurrences(const char *text, const char *part)
{
    unsigned count = 0;
    while ((text = strstr(text, part)) != NULL) {
        text += strlen(part);
        count++;
    }
    return count;
}

/* A fresh database of an owner who is no superuser; returns its url in text. */
static const char *new_database(const char *name, char text[static POSTGRES_URL_SIZE])
{
    char sql[128];
    snprintf(sql, sizeof(sql), "CREATE DATABASE %s OWNER owner", name);
    postgres_server_execute(server, sql);
    return postgres_server_url_of(server, "owner", name, text);
}

static PGconn *connect_as(const char *role)
{
    char url[POSTGRES_URL_SIZE];
    PGconn *connection = PQconnectdb(postgres_server_url_of(server, role, "croncoco", url));
    assert_int_equal(PQstatus(connection), CONNECTION_OK);
    return connection;
}

/* The first value, or the SQLSTATE of the error; the caller frees. */
static char *answer(PGconn *connection, const char *sql)
{
    PGresult *result = PQexec(connection, sql);
    const char *text = PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "";
    if (PQresultStatus(result) == PGRES_FATAL_ERROR) {
        text = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    }
    if (text == NULL) {
        text = "no answer";
    }
    char *copy = memory_text(text, strlen(text));
    PQclear(result);
    return copy;
}

static void expect(PGconn *connection, const char *sql, const char *wanted)
{
    char *got = answer(connection, sql);
    if (strcmp(got, wanted) != 0) {
        fail_msg("%s: %s instead of %s", sql, got, wanted);
    }
    free(got);
}

static void test_fresh_and_twice(void **state)
{
    (void)state;
    char url[POSTGRES_URL_SIZE];
    new_database("croncoco", url);
    struct run first = migrated(url, migrations, migrations_count);
    assert_string_equal(strstr(first.text, "migrate:") == NULL ? "" : first.text, "");
    assert_int_equal(first.code, 0);
    assert_int_equal(occurrences(first.text, "applied "), migrations_count);
    assert_non_null(strstr(first.text, "applied 001_roles.sql\napplied 002_leader.sql\n"));
    assert_non_null(strstr(first.text, "schema is up to date ("));

    struct run second = migrated(url, migrations, migrations_count);
    assert_int_equal(second.code, 0);
    assert_int_equal(occurrences(second.text, "applied "), 0);
    assert_non_null(strstr(second.text, "schema is up to date ("));
}

static void test_several_at_once(void **state)
{
    (void)state;
    char url[POSTGRES_URL_SIZE];
    struct run runs[PROCESSES] = {0};
    unsigned applied = 0;
    new_database("crowded", url);
    for (size_t i = 0; i < PROCESSES; i++) {
        run_start(&runs[i], url, migrations, migrations_count);
    }
    for (size_t i = 0; i < PROCESSES; i++) {
        run_wait(&runs[i]);
        assert_int_equal(runs[i].code, 0);
        applied += occurrences(runs[i].text, "applied ");
    }
    assert_int_equal(applied, migrations_count);
}

static void test_changed_file(void **state)
{
    (void)state;
    char url[POSTGRES_URL_SIZE];
    struct migration table[] = {{1, "001_one.sql", "CREATE TABLE one ()"},
                                {2, "002_two.sql", "CREATE TABLE two ()"}};
    new_database("changed", url);
    assert_int_equal(migrated(url, table, 1).code, 0);
    table[0].sql = "CREATE TABLE one (id integer)";
    struct run run = migrated(url, table, 2);
    assert_int_equal(run.code, 1);
    assert_non_null(strstr(run.text, "001_one.sql"));
    assert_int_equal(occurrences(run.text, "applied 002"), 0);
}

static void test_failing_file(void **state)
{
    (void)state;
    char url[POSTGRES_URL_SIZE];
    struct migration table[] = {{1, "001_one.sql", "CREATE TABLE one ()"},
                                {2, "002_two.sql", "CREATE TABLE two (); SELECT * FROM nowhere"},
                                {3, "003_three.sql", "CREATE TABLE three ()"}};
    new_database("failing", url);
    struct run run = migrated(url, table, 3);
    assert_int_equal(run.code, 1);
    assert_non_null(strstr(run.text, "002_two.sql: ERROR:  relation \"nowhere\" does not exist"));
    assert_non_null(strstr(run.text, "applied 001_one.sql"));
    assert_int_equal(occurrences(run.text, "003"), 0);
    table[1].sql = "CREATE TABLE two ()"; /* it had no effect, so it may be put right */
    run = migrated(url, table, 3);
    assert_int_equal(run.code, 0);
    assert_int_equal(occurrences(run.text, "applied "), 2);

    table[1].sql = "CREATE TABLE two ()";
    run = migrated(url, table, 2);
    assert_int_equal(run.code, 0);
    assert_non_null(strstr(run.text, "newer than this program"));
}

static void test_file_with_its_own_commit(void **state)
{
    (void)state;
    char url[POSTGRES_URL_SIZE];
    const struct migration table[] = {{1, "001_one.sql", "CREATE TABLE one (); COMMIT"}};
    new_database("committing", url);
    assert_int_equal(migrated(url, table, 1).code, 1);
}

static void test_urls(void **state)
{
    (void)state;
    char url[POSTGRES_URL_SIZE];
    struct run run = migrated(NULL, migrations, migrations_count);
    assert_int_equal(run.code, 64);
    assert_non_null(strstr(run.text, "DATABASE_URL is not set"));
    run = migrated("postgres://user:secret@[", migrations, migrations_count);
    assert_int_equal(run.code, 64);
    assert_null(strstr(run.text, "secret"));
    postgres_server_url_of(server, "owner", "absent", url);
    assert_int_equal(migrated(url, migrations, migrations_count).code, 69);
}

static void test_server_that_is_starting(void **state)
{
    (void)state;
    char url[POSTGRES_URL_SIZE];
    struct run run = {0};
    postgres_server_stop(server);
    run_start(&run, postgres_server_url_of(server, "owner", "croncoco", url), migrations,
              migrations_count);
    usleep(600000);
    postgres_server_restart(server);
    run_wait(&run);
    assert_int_equal(run.code, 0);
    assert_non_null(strstr(run.text, "waiting for PostgreSQL"));
}

static const char *const tables[] = {"lease",     "progress",   "plans",  "accounts",
                                     "tokens",    "answers",    "outbox", "jobs",
                                     "job_state", "executions", "purges", "schema_migrations"};

/* The letters of what role may do with whole tables: r read, i insert, u update, d delete. */
static void expect_tables(const char *role, const char *const *wanted)
{
    PGconn *connection = connect_as(role);
    for (size_t i = 0; i < ARRAY_LENGTH(tables); i++) {
        char sql[512];
        snprintf(sql, sizeof(sql),
                 "SELECT string_agg(CASE WHEN has_table_privilege('%s', name) THEN letter END, ''"
                 " ORDER BY place) FROM (VALUES (1, 'r', 'SELECT'), (2, 'i', 'INSERT'),"
                 " (3, 'u', 'UPDATE'), (4, 'd', 'DELETE'), (5, 't', 'TRUNCATE'))"
                 " AS p (place, letter, name)",
                 tables[i]);
        expect(connection, sql, wanted[i]);
    }
    PQfinish(connection);
}

static void test_table_privileges(void **state)
{
    (void)state;
    static const char *const gateway[] = {"", "", "r", "", "", "", "", "r", "r", "r", "", ""};
    static const char *const scheduler[] = {"ru",   "ru",   "r",    "riud", "riud", "riud",
                                            "riud", "riud", "riud", "riud", "riud", ""};
    static const char *const dispatcher[] = {"", "", "", "", "", "", "", "r", "", "", "", ""};
    expect_tables("croncoco_gateway", gateway);
    expect_tables("croncoco_scheduler", scheduler);
    expect_tables("croncoco_dispatcher", dispatcher);
}

#define DENIED "42501"

static void test_denied_statements(void **state)
{
    (void)state;
    static const char *const roles[] = {"croncoco_gateway", "croncoco_scheduler",
                                        "croncoco_dispatcher"};
    for (size_t i = 0; i < ARRAY_LENGTH(roles); i++) {
        PGconn *connection = connect_as(roles[i]);
        expect(connection, "CREATE TABLE mine ()", DENIED);
        expect(connection, "CREATE TEMPORARY TABLE mine ()", DENIED);
        expect(connection, "CREATE SCHEMA mine", DENIED);
        expect(connection, "DROP TABLE jobs", DENIED);
        expect(connection, "ALTER TABLE jobs ADD COLUMN more text", DENIED);
        expect(connection, "SET ROLE owner", DENIED);
        expect(connection, "SELECT * FROM schema_migrations", DENIED);
        expect(connection, "SELECT * FROM executions_20260101", DENIED);
        expect(connection, "DELETE FROM executions_20260101", DENIED);
        PQfinish(connection);
    }
    PGconn *gateway = connect_as("croncoco_gateway");
    expect(gateway,
           "SELECT id, email, plan, failure_email_enabled FROM accounts WHERE key_hash = ''", "");
    expect(gateway, "SELECT created_at FROM accounts", DENIED);
    expect(gateway, "SELECT * FROM tokens", DENIED);
    expect(gateway, "SELECT * FROM answers", DENIED);
    expect(gateway, "SELECT * FROM outbox", DENIED);
    expect(gateway, "SELECT count(*) FROM executions", "0");
    expect(gateway, "UPDATE jobs SET enabled = false", DENIED);
    expect(gateway, "SELECT id FROM jobs FOR UPDATE", DENIED);
    expect(gateway, "SELECT assert_leader(0)", DENIED);
    expect(gateway, "SELECT lease_unblock()", DENIED);
    expect(gateway, "SELECT executions_maintain('2026-01-01', '2026-01-01', '2026-01-01')", DENIED);
    PQfinish(gateway);
    PGconn *dispatcher = connect_as("croncoco_dispatcher");
    expect(dispatcher, "SELECT count(*) FROM jobs", "0");
    expect(dispatcher, "SELECT * FROM accounts", DENIED);
    expect(dispatcher, "SELECT * FROM executions", DENIED);
    expect(dispatcher, "DELETE FROM jobs", DENIED);
    expect(dispatcher, "SELECT assert_leader(0)", DENIED);
    PQfinish(dispatcher);
    PGconn *scheduler = connect_as("croncoco_scheduler");
    expect(scheduler, "UPDATE plans SET active_jobs = 1000000", DENIED);
    expect(scheduler, "DELETE FROM lease", DENIED);
    expect(scheduler, "TRUNCATE jobs", DENIED);
    PQfinish(scheduler);
}

static void test_assert_leader(void **state)
{
    (void)state;
    PGconn *leader = connect_as("croncoco_scheduler");
    expect(leader,
           "UPDATE lease SET holder = 'a', epoch = 7, expires_at = now() + interval '1 hour'"
           " RETURNING epoch",
           "7");
    expect(leader, "SELECT assert_leader(7)", "");
    expect(leader, "SELECT assert_leader(6)", "CC001");
    expect(leader, "SELECT assert_leader(8)", "CC001");
    expect(leader, "UPDATE lease SET expires_at = now() - interval '1 ms' RETURNING epoch", "7");
    expect(leader, "SELECT assert_leader(7)", "CC001");
    PQfinish(leader);
}

/* A transaction of the leader holds up who takes its lease, and not its own renewals. */
static void test_lease_locks(void **state)
{
    (void)state;
    PGconn *leader = connect_as("croncoco_scheduler");
    PGconn *other = connect_as("croncoco_scheduler");
    expect(leader, "UPDATE lease SET epoch = 9, expires_at = now() + interval '1 hour'", "");
    expect(other, "SET lock_timeout = 200", "");
    expect(leader, "BEGIN", "");
    expect(leader, "SELECT assert_leader(9)", "");
    expect(other, "UPDATE lease SET expires_at = now() + interval '2 hours' RETURNING epoch", "9");
    expect(other, "UPDATE lease SET epoch = epoch + 1", "55P03");
    expect(leader, "COMMIT", "");
    expect(other, "UPDATE lease SET epoch = epoch + 1 RETURNING epoch", "10");

    /* The other way round: a transaction that starts while the lease is being taken. */
    expect(other, "BEGIN", "");
    expect(other, "UPDATE lease SET epoch = epoch + 1 RETURNING epoch", "11");
    assert_int_equal(PQsendQuery(leader, "SELECT assert_leader(10)"), 1);
    usleep(100000);
    PQconsumeInput(leader);
    assert_int_equal(PQisBusy(leader), 1);
    expect(other, "COMMIT", "");
    PGresult *result = PQgetResult(leader);
    assert_string_equal(PQresultErrorField(result, PG_DIAG_SQLSTATE), "CC001");
    PQclear(result);
    PQfinish(leader);
    PQfinish(other);
}

/* A leader that stands still in the middle of a transaction. */
static void test_lease_unblock(void **state)
{
    (void)state;
    PGconn *leader = connect_as("croncoco_scheduler");
    PGconn *other = connect_as("croncoco_scheduler");
    expect(other, "UPDATE lease SET epoch = 20, expires_at = now() + interval '1 hour'", "");
    expect(leader, "BEGIN", "");
    expect(leader, "SELECT assert_leader(20)", "");
    expect(other, "SELECT lease_unblock()", "");
    expect(leader, "SELECT 1", "1");
    expect(other, "UPDATE lease SET expires_at = now() - interval '2 seconds'", "");
    expect(other, "SET lock_timeout = 5000", "");
    expect(other, "SELECT lease_unblock()", "");
    expect(other, "UPDATE lease SET epoch = epoch + 1 RETURNING epoch", "21");
    free(answer(leader, "SELECT 1"));
    assert_int_equal(PQstatus(leader), CONNECTION_BAD);
    PQfinish(leader);
    PQfinish(other);
}

#define PARTITIONS "SELECT count(*) FROM pg_inherits WHERE inhparent = 'executions'::regclass"

static void test_partitions(void **state)
{
    (void)state;
    PGconn *leader = connect_as("croncoco_scheduler");
    expect(leader, "SET TimeZone = 'America/St_Johns'; SET DateStyle = 'German'", "");
    expect(leader, PARTITIONS, "0");
    for (int i = 0; i < 2; i++) {
        expect(leader, "SELECT executions_maintain('2025-12-30', '2026-01-02', '2025-12-01')", "");
        expect(leader, PARTITIONS, "4");
    }
    expect(leader,
           "INSERT INTO executions SELECT 1, t, 0, t, NULL, 'pending', NULL, NULL, 1, 1, 10, NULL"
           " FROM generate_series('2025-12-30T00:00Z'::timestamptz, '2026-01-02T23:59:59Z',"
           " interval '1 hour') t",
           "");
    expect(
        leader,
        "SELECT string_agg(tableoid::regclass || ' ' || n, ', ' ORDER BY tableoid::regclass::text)"
        " FROM (SELECT tableoid, count(*) n FROM executions GROUP BY 1) x",
        "executions_20251230 24, executions_20251231 24, executions_20260101 24, "
        "executions_20260102 24");
    expect(leader, "INSERT INTO executions SELECT * FROM executions LIMIT 1", "23505");
    expect(leader,
           "INSERT INTO executions VALUES"
           " (1, '2026-01-03T00:00Z', 0, now(), NULL, 'pending', NULL, NULL, 1, 1, 10, NULL)",
           "23514");
    expect(leader, "SELECT executions_maintain('2026-01-02', '2026-01-02', '2026-01-01')", "");
    expect(leader, PARTITIONS, "2");
    expect(leader, "SELECT count(*) FROM executions", "48");
    expect(leader,
           "SELECT count(*) FROM pg_index i JOIN pg_inherits p ON p.inhrelid = i.indrelid"
           " WHERE p.inhparent = 'executions'::regclass AND i.indisvalid",
           "4");

    /* A reader that does not end delays the drop, and neither the new partition nor the call. */
    PGconn *reader = connect_as("croncoco_gateway");
    expect(reader, "BEGIN", "");
    expect(reader, "SELECT count(*) FROM executions", "48");
    expect(leader, "SELECT executions_maintain('2026-01-03', '2026-01-03', '2026-01-02')", "");
    expect(leader, PARTITIONS, "3");
    expect(reader, "COMMIT", "");
    expect(leader, "SELECT executions_maintain('2026-01-03', '2026-01-03', '2026-01-02')", "");
    expect(leader, PARTITIONS, "2");
    expect(leader, "DELETE FROM executions", "");
    expect(leader, "SELECT executions_maintain('2026-01-01', '2026-01-01', '2026-01-01')", "");
    PQfinish(reader);
    PQfinish(leader);
}

static int start_server(void **state)
{
    (void)state;
    server = postgres_server_start();
    postgres_server_execute(server, "CREATE ROLE owner LOGIN CREATEROLE");
    return 0;
}

static int stop_server(void **state)
{
    (void)state;
    postgres_server_free(server);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests_in_order[] = {
        cmocka_unit_test(test_fresh_and_twice),
        cmocka_unit_test(test_several_at_once),
        cmocka_unit_test(test_changed_file),
        cmocka_unit_test(test_failing_file),
        cmocka_unit_test(test_file_with_its_own_commit),
        cmocka_unit_test(test_urls),
        cmocka_unit_test(test_server_that_is_starting),
        cmocka_unit_test(test_partitions),
        cmocka_unit_test(test_table_privileges),
        cmocka_unit_test(test_denied_statements),
        cmocka_unit_test(test_assert_leader),
        cmocka_unit_test(test_lease_locks),
        cmocka_unit_test(test_lease_unblock),
    };
    return cmocka_run_group_tests(tests_in_order, start_server, stop_server);
}
