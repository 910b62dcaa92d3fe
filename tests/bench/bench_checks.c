/*
 * The rules of checks alone, and a bare loop over as many deadlines: what a check takes, and what a
 * second costs.
 *
 *   bench_checks COUNT
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "scheduler/checks/checks.h"
#include "shared/memory.h"

#define BEGIN_S  INT64_C(1767225600)
#define PERIOD_S 86400
#define GRACE_S  300
#define ACCOUNTS 10000
#define ROUNDS   INT64_C(200)
#define TENTH_PC 100 /* one of so many is due in the second of the one per cent */

/* Seconds behind BEGIN_S, long before the others are expected: one check is due in each of them, in
 * the next one a hundredth of all. */
#define SINGLE_S  3600
#define PERCENT_S (SINGLE_S + ROUNDS + 1)

static double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int by_value(const void *left, const void *right)
{
    const double *a = left, *b = right;
    return (*a > *b) - (*a < *b);
}

static double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof(*values), by_value);
    return values[count / 2];
}

/* As a gateway draws them: all over the 63 bits, each once. */
static int64_t id_of(int64_t number)
{
    uint64_t x = (uint64_t)number * 0x9e3779b97f4a7c15ULL;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    return (int64_t)((x ^ (x >> 31)) >> 1) | 1;
}

/* When the check is expected, in seconds behind BEGIN_S. */
static int64_t expected_of(int64_t number)
{
    if (number < ROUNDS)
        return SINGLE_S + number;
    if (number % TENTH_PC == 0)
        return PERCENT_S;
    return PERIOD_S / 2 + number % (PERIOD_S / 2);
}

static void load(struct checks *checks, int64_t count)
{
    for (int64_t number = 0; number < count; number++) {
        const struct check_settings settings = {.period_s = PERIOD_S,
                                                .timezone = "UTC",
                                                .grace_s = GRACE_S,
                                                .maint_schedule = "",
                                                .alert_after = 1,
                                                .recover_after = 1,
                                                .created_ms = BEGIN_S * 1000};
        const struct check_state_row state = {.status = CHECK_UP,
                                              .status_since_s = BEGIN_S - PERIOD_S,
                                              .base_s = BEGIN_S - PERIOD_S + expected_of(number),
                                              .last_ping_ms = BEGIN_S * 1000,
                                              .last_duration_ms = -1,
                                              .ping_count = 1};
        if (checks_load(checks, id_of(number), 1 + number % ACCOUNTS, &settings, &state)) {
            fprintf(stderr, "a check was refused\n");
            exit(1);
        }
    }
    checks_loaded(checks);
}

/* Transactions until nothing is left; returns how many changes of states they wrote. */
static size_t drain(struct checks *checks, int64_t at_s, struct check_writing *writing)
{
    int64_t notice = 1, outbox = 1;
    size_t flips = 0;
    while (checks_has_rows(checks, at_s * 1000)) {
        checks_collect(checks, at_s * 1000, &notice, &outbox, writing);
        flips += writing->flip_count;
        check_writing_clear(writing);
    }
    return flips;
}

static double evaluate_ms(struct checks *checks, int64_t second)
{
    double begun = now_ms();
    checks_evaluate(checks, BEGIN_S + second);
    return now_ms() - begun;
}

/* All that a second takes, with the rows it gives. */
static double second_ms(struct checks *checks, int64_t second, size_t expected)
{
    struct check_writing writing = {0};
    double begun = now_ms();
    checks_evaluate(checks, BEGIN_S + second);
    size_t flips = drain(checks, BEGIN_S + second, &writing);
    double took = now_ms() - begun;
    check_writing_free(&writing);
    if (flips != expected) {
        fprintf(stderr, "%zu changes, not %zu\n", flips, expected);
        exit(1);
    }
    return took;
}

/* What cannot be had for less: each deadline is looked at once. */
static double bare_ms(int64_t count)
{
    uint32_t *deadlines = memory_new((size_t)count, sizeof(*deadlines));
    double took[ROUNDS];
    volatile uint32_t due = 0;
    for (int64_t number = 0; number < count; number++)
        deadlines[number] = (uint32_t)(BEGIN_S + expected_of(number));
    for (int64_t round = 0; round < ROUNDS; round++) {
        uint32_t until = (uint32_t)(BEGIN_S + SINGLE_S + round), found = 0;
        double begun = now_ms();
        for (int64_t number = 0; number < count; number++)
            found += deadlines[number] <= until;
        took[round] = now_ms() - begun;
        due += found;
    }
    free(deadlines);
    return median(took, ROUNDS);
}

int main(int argc, char **argv)
{
    int64_t count = argc == 2 ? strtoll(argv[1], NULL, 10) : 0;
    if (count < 2 * ROUNDS) {
        fprintf(stderr, "usage: bench_checks COUNT (%d at least)\n", (int)(2 * ROUNDS));
        return 64;
    }
    const struct checks_progress progress = {.next_ping = 1, .next_flip = 1, .next_alert = 1};
    struct checks *checks = checks_create(&progress);
    double begun = now_ms();
    load(checks, count);
    double load_ms = now_ms() - begun;
    double bytes = (double)checks_bytes(checks) / (double)count;

    double idle[ROUNDS], scan[ROUNDS];
    for (int64_t second = 0; second < ROUNDS; second++)
        idle[second] = evaluate_ms(checks, second);
    struct check_writing writing = {0};
    for (int64_t round = 0; round < ROUNDS; round++) {
        scan[round] = evaluate_ms(checks, SINGLE_S + round);
        if (drain(checks, BEGIN_S + SINGLE_S + round, &writing) != 1)
            return 1;
    }
    check_writing_free(&writing);
    int64_t percent = 0;
    for (int64_t number = ROUNDS; number < count; number++)
        percent += number % TENTH_PC == 0;
    double percent_ms = second_ms(checks, PERCENT_S, (size_t)percent);
    /* All are late and down then, but for those that are late already. */
    double all_ms =
        second_ms(checks, INT64_C(2) * PERIOD_S, (size_t)(2 * count - percent - ROUNDS));
    printf("{\"checks\": %lld, \"bytes\": %.1f, \"load_ms\": %.1f, \"idle_us\": %.3f, \"scan_ms\": "
           "%.3f, \"bare_ms\": %.3f, \"percent_ms\": %.1f, \"all_ms\": %.1f}\n",
           (long long)count, bytes, load_ms, median(idle, ROUNDS) * 1e3, median(scan, ROUNDS),
           bare_ms(count), percent_ms, all_ms);
    checks_free(checks);
    return 0;
}
