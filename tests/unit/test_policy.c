#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scheduler/core/policy.h"
#include "shared/compiler.h"

static void whatever_differs_makes_a_policy_one_of_its_own(void **state)
{
    (void)state;
    assert_true(policy_is_standard(&policy_standard));
    struct policy others[8];
    for (size_t i = 0; i < ARRAY_LENGTH(others); i++)
        others[i] = policy_standard;
    others[0].first_minute = 1;
    others[1].last_minute = 1;
    others[2].catch_up_window_s = 0;
    others[3].jitter_s = 1;
    others[4].max_retries = 0;
    others[5].catch_up = CATCH_UP_NONE;
    others[6].no_overlap = true;
    others[7].never_paused = true;
    for (size_t i = 0; i < ARRAY_LENGTH(others); i++)
        assert_false(policy_is_standard(&others[i]));
}

static void a_policy_is_found_by_its_job(void **state)
{
    (void)state;
    struct place_table policies;
    place_table_init(&policies, sizeof(struct policy));
    uint32_t place = place_table_add(&policies, 7);
    ((struct policy *)place_table_at(&policies, place))->jitter_s = 9;
    assert_int_equal(policy_of(&policies, 7, true)->jitter_s, 9);
    assert_ptr_equal(policy_of(&policies, 7, false), &policy_standard);
    assert_ptr_equal(policy_of(&policies, 8, true), &policy_standard);
    place_table_free(&policies);
}

/* Every second from 0 to the jitter comes up about as often as any other. */
static void jitter_spreads_evenly_and_never_changes(void **state)
{
    (void)state;
    enum { JITTER = 59, SLOTS = 60000 };
    const struct policy policy = {.jitter_s = JITTER};
    unsigned counts[JITTER + 1] = {0};
    for (int64_t i = 0; i < SLOTS; i++) {
        uint32_t jitter_s = policy_jitter_s(&policy, i % 100 + 1, i / 100 * 60);
        assert_in_range(jitter_s, 0, JITTER);
        assert_int_equal(policy_jitter_s(&policy, i % 100 + 1, i / 100 * 60), jitter_s);
        counts[jitter_s]++;
    }
    for (size_t i = 0; i <= JITTER; i++)
        assert_in_range(counts[i], 800, 1200);
    assert_int_equal(policy_jitter_s(&policy_standard, 1, 60), 0);
}

static void an_attempt_waits_longer_than_the_one_before(void **state)
{
    (void)state;
    static const int64_t delays_ms[] = {0, 30000, 120000, 480000, 480000, 480000};
    for (uint8_t attempt = 1; attempt <= 5; attempt++) {
        int64_t least = INT64_MAX, most = 0;
        for (int64_t job = 1; job <= 10000; job++) {
            int64_t delay_ms = policy_backoff_ms(job, 60, 0, attempt);
            assert_int_equal(policy_backoff_ms(job, 60, 0, attempt), delay_ms);
            least = delay_ms < least ? delay_ms : least;
            most = delay_ms > most ? delay_ms : most;
        }
        int64_t fifth = delays_ms[attempt] / 5, hundredth = delays_ms[attempt] / 100;
        assert_in_range(least, delays_ms[attempt] - fifth, delays_ms[attempt] - fifth + hundredth);
        assert_in_range(most, delays_ms[attempt] + fifth - hundredth, delays_ms[attempt] + fifth);
    }
    assert_int_not_equal(policy_backoff_ms(1, 60, 0, 1), policy_backoff_ms(1, 60, 1, 1));
    assert_int_not_equal(policy_backoff_ms(1, 60, 0, 3), policy_backoff_ms(1, 60, 0, 4));
    assert_in_range(policy_backoff_ms(1, 60, 0, UINT8_MAX), 384000, 576000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_differs_makes_a_policy_one_of_its_own),
        cmocka_unit_test(a_policy_is_found_by_its_job),
        cmocka_unit_test(jitter_spreads_evenly_and_never_changes),
        cmocka_unit_test(an_attempt_waits_longer_than_the_one_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
