/*
 * A nats-server, a loop and a bus for one test.
 */
#ifndef TESTS_UNIT_BUS_FIXTURE_H
#define TESTS_UNIT_BUS_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* cmocka wants these before itself. */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "shared/bus.h"
#include "tests/unit/nats_server.h"

#define FIXTURE_TIMEOUT_MS 30000
#define FIXTURE_OTHERS     4

struct bus_fixture {
    struct nats_server server;
    uv_loop_t loop;
    struct bus *bus;
    struct bus *others[FIXTURE_OTHERS]; /* open ones; the rest is NULL */
    size_t connects;
    size_t disconnects;
    size_t other_connects;
    bool prompt; /* of every bus */
};

/* For cmocka: *state becomes a struct bus_fixture whose bus is connected. */
int bus_fixture_setup(void **state);
/* The same where each message is written at once. */
int bus_fixture_setup_prompt(void **state);
int bus_fixture_teardown(void **state);

/* Runs the loop until *count >= wanted; fails the test after FIXTURE_TIMEOUT_MS. */
void bus_fixture_wait(struct bus_fixture *fixture, const size_t *count, size_t wanted);
/* Runs the loop for so long. */
void bus_fixture_run(struct bus_fixture *fixture, int64_t ms);
/* A further connection, when it is there; what a test leaves open the teardown closes. */
struct bus *bus_fixture_open_other(struct bus_fixture *fixture);
void bus_fixture_close_other(struct bus_fixture *fixture, struct bus *bus);
/* Kills the server, starts it again, and waits for the bus to notice both. */
void bus_fixture_restart_server(struct bus_fixture *fixture);

/* A JetStream API call that must succeed; body is JSON. */
void bus_fixture_api(struct bus_fixture *fixture, const char *subject, const char *body);
/* Publishes count messages "0", "1" ... to a stream's subject, and waits for their acks. */
void bus_fixture_fill(struct bus_fixture *fixture, const char *subject, size_t count);

#endif
