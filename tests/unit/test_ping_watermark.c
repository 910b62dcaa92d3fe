/* How far checks are evaluated: the rules one by one, and gateways at random against the promise.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sample.h"
#include "scheduler/ping_watermark.h"

#define NOW     INT64_C(1764000000000)
#define CALM_MS (INT64_C(2) * WATERMARK_DISTURBED_MS)

/* As of CALM_MS, NATS having been there from 0 on. */
static struct ping_watermark calm(void)
{
    struct ping_watermark mark;
    ping_watermark_init(&mark, 0);
    return mark;
}

static void it_asks_when_something_is_due(void **state)
{
    (void)state;
    struct ping_watermark mark = calm();
    assert_int_equal(ping_watermark_ask_in_ms(&mark, INT64_MAX, NOW, CALM_MS), INT64_MAX);
    assert_int_equal(ping_watermark_ask_in_ms(&mark, NOW / 1000 + 60, NOW, CALM_MS), 61000);
    assert_int_equal(ping_watermark_ask_in_ms(&mark, NOW / 1000 - 60, NOW, CALM_MS), 0);
    ping_watermark_asked(&mark, NOW, CALM_MS);
    assert_int_equal(ping_watermark_ask_in_ms(&mark, NOW / 1000 - 60, NOW, CALM_MS), INT64_MAX);
    ping_watermark_answered(&mark, 0, 0);
    assert_true(ping_watermark_reached(&mark, 0, 0));
    assert_int_equal(ping_watermark_take(&mark, CALM_MS), NOW / 1000 - 1);
    /* What is still due then is looked at a second later. */
    assert_int_equal(ping_watermark_ask_in_ms(&mark, NOW / 1000 - 60, NOW, CALM_MS), 1000);
}

static void it_waits_for_both_streams(void **state)
{
    (void)state;
    struct ping_watermark mark = calm();
    assert_false(ping_watermark_reached(&mark, 100, 100));
    ping_watermark_asked(&mark, NOW, CALM_MS);
    assert_false(ping_watermark_reached(&mark, 100, 100));
    ping_watermark_answered(&mark, 7, 5);
    assert_false(ping_watermark_reached(&mark, 6, 9));
    assert_false(ping_watermark_reached(&mark, 9, 4));
    assert_true(ping_watermark_reached(&mark, 7, 5));
    ping_watermark_answered(&mark, 9, 0); /* RESULTS is empty now: nothing more comes of it */
    assert_true(ping_watermark_reached(&mark, 7, 0));
}

static void a_new_connection_makes_it_careful(void **state)
{
    (void)state;
    struct ping_watermark mark;
    ping_watermark_init(&mark, CALM_MS);
    ping_watermark_asked(&mark, NOW, CALM_MS);
    ping_watermark_answered(&mark, 0, 0);
    assert_int_equal(ping_watermark_take(&mark, CALM_MS + 1000),
                     (NOW - WATERMARK_MARGIN_MS) / 1000);
    assert_int_equal(
        ping_watermark_ask_in_ms(&mark, 1, NOW + 100000, CALM_MS + WATERMARK_DISTURBED_MS), 0);
}

static void a_long_backlog_does_not_make_it_careless(void **state)
{
    (void)state;
    struct ping_watermark mark;
    ping_watermark_init(&mark, CALM_MS);
    ping_watermark_asked(&mark, NOW, CALM_MS);
    ping_watermark_answered(&mark, 1000000, 0);
    assert_int_equal(ping_watermark_take(&mark, CALM_MS + WATERMARK_DISTURBED_MS),
                     (NOW - WATERMARK_MARGIN_MS) / 1000);
}

static void no_answer_makes_it_careful(void **state)
{
    (void)state;
    struct ping_watermark mark = calm();
    ping_watermark_asked(&mark, NOW, CALM_MS);
    ping_watermark_unanswered(&mark, CALM_MS);
    assert_int_equal(ping_watermark_ask_in_ms(&mark, NOW / 1000, NOW, CALM_MS),
                     WATERMARK_MARGIN_MS);
    assert_int_equal(
        ping_watermark_ask_in_ms(&mark, NOW / 1000, NOW, CALM_MS + WATERMARK_DISTURBED_MS),
        WATERMARK_CALM_MARGIN_MS);
}

static void a_ping_that_is_stored_late_makes_it_careful(void **state)
{
    (void)state;
    struct ping_watermark mark = calm();
    ping_watermark_stored(&mark, NOW - WATERMARK_LATE_MS, NOW, NOW, CALM_MS);
    ping_watermark_stored(&mark, NOW + 60000, NOW, NOW, CALM_MS); /* a clock that is ahead */
    ping_watermark_stored(&mark, NOW - 100000, NOW - WATERMARK_DISTURBED_MS, NOW, CALM_MS);
    assert_int_equal(ping_watermark_ask_in_ms(&mark, NOW / 1000, NOW, CALM_MS), 1000);
    ping_watermark_stored(&mark, NOW - WATERMARK_LATE_MS - 1, NOW, NOW, CALM_MS);
    assert_int_equal(ping_watermark_ask_in_ms(&mark, NOW / 1000, NOW, CALM_MS),
                     WATERMARK_MARGIN_MS);
}

static void it_does_not_go_back(void **state)
{
    (void)state;
    struct ping_watermark mark = calm();
    ping_watermark_asked(&mark, NOW, CALM_MS);
    ping_watermark_answered(&mark, 0, 0);
    int64_t until_s = ping_watermark_take(&mark, CALM_MS);
    ping_watermark_asked(&mark, NOW - 5000, CALM_MS); /* the clock was set */
    ping_watermark_answered(&mark, 0, 0);
    assert_int_equal(ping_watermark_take(&mark, CALM_MS), until_s);
}

/* ---- at random ---- */

#define PINGS     4000
#define GATEWAYS  4
#define OUTAGE_MS 20000
#define KEEP_MS   5000 /* a gateway goes on with a ping for so long */

struct stored {
    int64_t arrived_ms, stored_ms;
};

/*
 * Gateways take pings; for a while none can store any, and the first connections after that come at
 * different moments. They are stored in the order of their times.
 */
static size_t play(struct sample *sample, struct stored *pings, int64_t outage_ms)
{
    size_t count = 0;
    int64_t back_ms[GATEWAYS];
    for (size_t i = 0; i < GATEWAYS; i++)
        back_ms[i] = outage_ms + OUTAGE_MS + (int64_t)sample_below(sample, 3500);
    int64_t at_ms = NOW;
    while (count < PINGS) {
        at_ms += (int64_t)sample_below(sample, 60);
        size_t gateway = sample_below(sample, GATEWAYS);
        int64_t stored_ms = at_ms + (int64_t)sample_below(sample, 300);
        if (stored_ms >= outage_ms && stored_ms < back_ms[gateway])
            stored_ms = back_ms[gateway] + (int64_t)sample_below(sample, 300);
        if (stored_ms - at_ms < KEEP_MS) /* else it was answered 503 */
            pings[count++] = (struct stored){at_ms, stored_ms};
    }
    for (size_t i = 1; i < count; i++) {
        struct stored moving = pings[i];
        size_t at = i;
        for (; at > 0 && pings[at - 1].stored_ms > moving.stored_ms; at--)
            pings[at] = pings[at - 1];
        pings[at] = moving;
    }
    return count;
}

static uint64_t stored_by(const struct stored *pings, size_t count, int64_t time_ms)
{
    uint64_t end = 0;
    while (end < count && pings[end].stored_ms <= time_ms)
        end++;
    return end;
}

static void nothing_is_evaluated_before_its_pings(void **state)
{
    (void)state;
    static struct stored pings[PINGS];
    struct sample sample = sample_begin("test_ping_watermark");
    for (unsigned round = 0; round < 20; round++) {
        int64_t outage_ms = NOW + 20000 + (int64_t)sample_below(&sample, 10000);
        int64_t back_ms = outage_ms + OUTAGE_MS; /* of the leader, which is the first */
        size_t count = play(&sample, pings, outage_ms);
        struct ping_watermark mark;
        ping_watermark_init(&mark, NOW - CALM_MS);
        uint64_t applied = 0, evaluations = 0;
        int64_t end_ms = NOW + 110000;
        for (int64_t now_ms = NOW; now_ms < end_ms; now_ms += 10) {
            if (now_ms >= outage_ms && now_ms < back_ms)
                continue;
            if (now_ms - back_ms < 10 && now_ms >= back_ms) /* another term */
                ping_watermark_init(&mark, back_ms);
            uint64_t end = stored_by(pings, count, now_ms);
            /* It reads at a pace of its own. */
            for (uint64_t most = sample_below(&sample, 20); most && applied < end; most--) {
                const struct stored *ping = &pings[applied++];
                ping_watermark_stored(&mark, ping->arrived_ms, ping->stored_ms, now_ms, now_ms);
            }
            if (ping_watermark_ask_in_ms(&mark, 0, now_ms, now_ms) == 0) {
                ping_watermark_asked(&mark, now_ms, now_ms);
                ping_watermark_answered(&mark, end, 0);
            }
            if (!ping_watermark_reached(&mark, applied, 0))
                continue;
            int64_t until_s = ping_watermark_take(&mark, now_ms);
            evaluations++;
            for (uint64_t i = applied; i < count; i++)
                assert_true(pings[i].arrived_ms >= until_s * 1000);
            assert_true(until_s * 1000 > now_ms - WATERMARK_MARGIN_MS - 1000 - 3000);
        }
        assert_true(evaluations > 60);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_asks_when_something_is_due),
        cmocka_unit_test(it_waits_for_both_streams),
        cmocka_unit_test(a_new_connection_makes_it_careful),
        cmocka_unit_test(a_long_backlog_does_not_make_it_careless),
        cmocka_unit_test(no_answer_makes_it_careful),
        cmocka_unit_test(a_ping_that_is_stored_late_makes_it_careful),
        cmocka_unit_test(it_does_not_go_back),
        cmocka_unit_test(nothing_is_evaluated_before_its_pings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
