/* What the tests of the pool share: a server, a loop, and units whose end is recorded. */
#ifndef TESTS_DB_FIXTURE_H
#define TESTS_DB_FIXTURE_H

#include <stdint.h>

#include <uv.h>

#include "shared/db.h"
#include "tests/unit/postgres_server.h"

#define WAIT_MS 20000

extern struct postgres_server *server;
extern uv_loop_t loop;
extern unsigned finished; /* callbacks of all units since db_fixture_forget */

extern const struct db_statement one;     /* gives its argument back */
extern const struct db_statement nap;     /* of so many milliseconds; gives 1 */
extern const struct db_statement backend; /* the server's process of the connection */

/* What became of a unit. */
struct probe {
    unsigned calls;
    unsigned order; /* among all callbacks of the test, from 1 */
    enum db_status status;
    size_t count;
    char sqlstate[6];
    char message[128];
    int64_t number; /* first column of the last statement's first row, where it is an integer */
    void (*look)(const struct db_outcome *outcome);
};

/* For cmocka. */
int db_fixture_start(void **state);
int db_fixture_stop(void **state);
int db_fixture_forget(void **state);

struct db *open_pool(unsigned connections, unsigned queue_limit, unsigned depth);
struct db *open_pool_at(const char *url);
void close_pool(struct db *db);
void wait_until_up(const struct db *db);
void run_for(uint64_t ms);
/* Runs the loop until so many callbacks came. */
void wait_for(unsigned callbacks);

struct db_unit *unit_of(const struct db_statement *statement);
struct db_unit *unit_with(const struct db_statement *statement, int64_t argument);
void run(struct db *db, struct db_unit *unit, int64_t timeout_ms, struct probe *probe);
void expect_number(struct db *db, struct db_unit *unit, int64_t number);

#endif
