#include "scheduler/migrate.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <libpq-fe.h>

#include "shared/clock.h"
#include "shared/compiler.h"
#include "shared/secret.h"
#include "shared/service.h"

#define EXIT_MIGRATION     1
#define SERVER_TIMEOUT_MS  30000
#define SERVER_RETRY_MS    250
#define SERVER_VERSION_MIN 150000
#define VERSION_TEXT_SIZE  16

/* The advisory lock of all who migrate this database: "croncoco" in ASCII. */
#define LOCK_STATEMENT "SELECT pg_advisory_lock(x'63726f6e636f636f'::bigint)"

struct migrator {
    PGconn *pg;
    const struct migration *table;
    size_t count;
};

static void complain(const char *format, ...) PRINTF_LIKE(1, 2);

static void complain(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("migrate: ", stderr);
    vfprintf(stderr, format, arguments); // NOLINT(clang-analyzer-valist.Uninitialized): it is
    fputc('\n', stderr);
    va_end(arguments);
}

/* NULL, with a complaint about what, where PostgreSQL refuses. */
static PGresult *query(const struct migrator *migrator, const char *what, const char *sql,
                       int param_count, const char *const *params)
{
    PGresult *result = param_count == 0 ? PQexec(migrator->pg, sql)
                                        : PQexecParams(migrator->pg, sql, param_count, NULL, params,
                                                       NULL, NULL, 0);
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
        return result;
    }
    const char *message = PQerrorMessage(migrator->pg);
    size_t length = strlen(message);
    while (length > 0 && message[length - 1] == '\n') {
        length--;
    }
    complain("%s: %.*s", what, (int)length, message);
    PQclear(result);
    return NULL;
}

static bool execute(const struct migrator *migrator, const char *what, const char *sql)
{
    PGresult *result = query(migrator, what, sql, 0, NULL);
    PQclear(result);
    return result != NULL;
}

static void hash_of(const struct migration *migration, char text[static HEX_SIZE(HASH_SIZE)])
{
    uint8_t hash[HASH_SIZE];
    secret_hash(migration->sql, strlen(migration->sql), hash);
    hex_encode(hash, sizeof(hash), text);
}

static bool record(const struct migrator *migrator, const struct migration *migration)
{
    char version[VERSION_TEXT_SIZE];
    char hash[HEX_SIZE(HASH_SIZE)];
    snprintf(version, sizeof(version), "%d", migration->version);
    hash_of(migration, hash);
    const char *params[] = {version, migration->name, hash};
    PGresult *result = query(migrator, migration->name,
                             "INSERT INTO public.schema_migrations (version, name, sha256)"
                             " VALUES ($1::integer, $2, $3)",
                             (int)ARRAY_LENGTH(params), params);
    PQclear(result);
    return result != NULL;
}

/* What fails leaves the transaction to the end of the connection, which rolls it back. */
static bool apply(const struct migrator *migrator, const struct migration *migration)
{
    if (!execute(migrator, migration->name, "BEGIN") ||
        !execute(migrator, migration->name, migration->sql)) {
        return false;
    }
    if (PQtransactionStatus(migrator->pg) != PQTRANS_INTRANS) {
        complain("%s: ends its own transaction", migration->name);
        return false;
    }
    if (!record(migrator, migration) || !execute(migrator, migration->name, "COMMIT")) {
        return false;
    }
    printf("applied %s\n", migration->name);
    fflush(stdout);
    return true;
}

/* What was applied before must be what this program would apply. */
static bool check_applied(const struct migrator *migrator, const PGresult *applied, int row)
{
    int version = (int)strtol(PQgetvalue(applied, row, 0), NULL, 10);
    if (version < 1 || (size_t)version > migrator->count) {
        return true; /* of a newer program */
    }
    const struct migration *migration = &migrator->table[version - 1];
    char hash[HEX_SIZE(HASH_SIZE)];
    hash_of(migration, hash);
    if (strcmp(hash, PQgetvalue(applied, row, 2)) == 0) {
        return true;
    }
    complain("%s was applied as %s with other content, and must not be changed: write a new "
             "migration",
             migration->name, PQgetvalue(applied, row, 1));
    return false;
}

static int migrate_locked(const struct migrator *migrator)
{
    PGresult *applied = query(
        migrator, "schema_migrations",
        "SELECT version, name, sha256 FROM public.schema_migrations ORDER BY version", 0, NULL);
    if (applied == NULL) {
        return EXIT_MIGRATION;
    }
    int rows = PQntuples(applied);
    int newest = 0;
    bool ok = true;
    for (int i = 0; ok && i < rows; i++) {
        newest = (int)strtol(PQgetvalue(applied, i, 0), NULL, 10);
        ok = check_applied(migrator, applied, i);
    }
    PQclear(applied);
    for (size_t i = (size_t)newest; ok && i < migrator->count; i++) {
        ok = apply(migrator, &migrator->table[i]);
    }
    if (!ok) {
        return EXIT_MIGRATION;
    }
    if ((size_t)newest > migrator->count) {
        printf("schema (%d) is newer than this program (%zu)\n", newest, migrator->count);
    } else {
        printf("schema is up to date (%zu)\n", migrator->count);
    }
    fflush(stdout);
    return 0;
}

static int migrate_connected(const struct migrator *migrator)
{
    int version = PQserverVersion(migrator->pg);
    if (version < SERVER_VERSION_MIN) {
        complain("PostgreSQL 15 or newer is needed, and this is %d", version / 10000);
        return EXIT_MIGRATION;
    }
    if (!execute(migrator, "session",
                 "SET client_min_messages = warning; SET TimeZone = 'UTC';"
                 "SET search_path = public; SET statement_timeout = 0; SET lock_timeout = 0") ||
        !execute(migrator, "lock", LOCK_STATEMENT) ||
        !execute(migrator, "schema_migrations",
                 "CREATE TABLE IF NOT EXISTS public.schema_migrations ("
                 " version integer PRIMARY KEY, name text NOT NULL, sha256 text NOT NULL,"
                 " applied_at timestamptz NOT NULL DEFAULT now())")) {
        return EXIT_MIGRATION;
    }
    return migrate_locked(migrator);
}

/* Waits for a server that is starting; returns 0 or an exit code. */
static int wait_for_server(const char *const *keywords, const char *const *values)
{
    int64_t end_ms = clock_monotonic_ms() + SERVER_TIMEOUT_MS;
    bool told = false;
    for (;;) {
        PGPing answer = PQpingParams(keywords, values, 1);
        if (answer == PQPING_OK) {
            return 0;
        }
        if (answer == PQPING_NO_ATTEMPT) {
            complain("DATABASE_URL is malformed");
            return SERVICE_EXIT_CONFIG;
        }
        if (clock_monotonic_ms() >= end_ms) {
            complain("PostgreSQL does not accept connections (tried for %d s)",
                     SERVER_TIMEOUT_MS / 1000);
            return SERVICE_EXIT_UNAVAILABLE;
        }
        if (!told) {
            complain("waiting for PostgreSQL");
            told = true;
        }
        nanosleep(&(struct timespec){.tv_nsec = SERVER_RETRY_MS * 1000000L}, NULL);
    }
}

int migrate_apply(const char *database_url, const struct migration *table, size_t count)
{
    if (database_url == NULL || database_url[0] == '\0') {
        complain("DATABASE_URL is not set: the connection string of the schema's owner");
        return SERVICE_EXIT_CONFIG;
    }
    char *error = NULL;
    PQconninfoOption *parsed = PQconninfoParse(database_url, &error);
    PQfreemem(error); /* quotes the string, which has a password in it */
    if (parsed == NULL) {
        complain("DATABASE_URL is malformed");
        return SERVICE_EXIT_CONFIG;
    }
    PQconninfoFree(parsed);
    const char *const keywords[] = {"connect_timeout", "dbname", "application_name",
                                    "client_encoding", NULL};
    const char *const values[] = {"5", database_url, "croncoco-migrate", "UTF8", NULL};
    int code = wait_for_server(keywords, values);
    if (code != 0) {
        return code;
    }
    struct migrator migrator = {
        .pg = PQconnectdbParams(keywords, values, 1), .table = table, .count = count};
    if (PQstatus(migrator.pg) == CONNECTION_OK) {
        code = migrate_connected(&migrator);
    } else {
        complain("%.*s", (int)strcspn(PQerrorMessage(migrator.pg), "\n"),
                 PQerrorMessage(migrator.pg));
        code = SERVICE_EXIT_UNAVAILABLE;
    }
    PQfinish(migrator.pg);
    return code;
}

int migrate_run(const char *database_url)
{
    return migrate_apply(database_url, migrations, migrations_count);
}
