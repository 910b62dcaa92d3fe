/* How PINGS is read and the time of checks goes on, against a real server. */
#include "scheduler/checks/checks.h"
#include "scheduler/ping_intake.h"
#include "scheduler/stats.h"
#include "shared/bus_streams.h"
#include "shared/clock.h"
#include "tests/unit/bus_fixture.h"

#define STORAGE_BYTES (INT64_C(256) << 20)
#define CHECK         7
#define LATE_MS       INT64_C(1000000) /* since when its ping is due */

static void on_ensured(void *arg, const char *error)
{
    assert_null(error);
    ++*(size_t *)arg;
}

static void on_work(void *arg)
{
    ++*(size_t *)arg;
}

static void on_failed(void *arg, const char *reason)
{
    (void)arg;
    fail_msg("%s", reason);
}

static void load_check(struct checks *checks)
{
    const int64_t now_ms = clock_now_ms();
    const struct check_settings settings = {.period_s = 60,
                                            .grace_s = 60,
                                            .timezone = "UTC",
                                            .maint_schedule = "",
                                            .alert_after = 1,
                                            .recover_after = 1,
                                            .created_ms = now_ms - 2 * LATE_MS};
    const struct check_state_row state = {.check = CHECK,
                                          .status_since_s = (now_ms - LATE_MS) / 1000,
                                          .base_s = (now_ms - LATE_MS) / 1000,
                                          .last_ping_ms = now_ms - LATE_MS,
                                          .status = CHECK_UP,
                                          .last_duration_ms = -1};
    assert_int_equal(checks_load(checks, CHECK, 1, &settings, &state), 0);
    checks_loaded(checks);
}

static void test_stopped(void **state)
{
    struct bus_fixture *fixture = *state;
    size_t ensured = 0, work = 0;
    bus_streams_ensure(fixture->bus, STORAGE_BYTES, on_ensured, &ensured);
    bus_fixture_wait(fixture, &ensured, 1);
    struct checks *checks = checks_create(&(struct checks_progress){1, 1, 1, 1});
    checks_set_pings_seq(checks, 0);
    load_check(checks);
    struct ping_intake *intake =
        ping_intake_open(&fixture->loop, &(struct ping_intake_options){.bus = fixture->bus,
                                                                       .checks = checks,
                                                                       .stream = "",
                                                                       .on_work = on_work,
                                                                       .on_failed = on_failed,
                                                                       .arg = &work});
    ping_intake_start(intake);
    bus_fixture_wait(fixture, &work, 1);
    assert_true(ping_intake_has_work(intake, 0));
    assert_int_equal(checks_status(checks, CHECK), CHECK_UP);
    /* Who waits until there is none waits no longer. */
    ping_intake_stop(intake);
    assert_false(ping_intake_has_work(intake, 0));
    ping_intake_evaluate(intake, 0);
    assert_int_equal(checks_status(checks, CHECK), CHECK_UP);
    ping_intake_close(intake);
    checks_free(checks);
}

int main(void)
{
    stats_register();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_stopped, bus_fixture_setup, bus_fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
