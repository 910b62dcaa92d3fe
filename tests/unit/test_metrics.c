#include "shared/metrics.h"

#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/compiler.h"

/* Metrics live as long as the process, so the tests share one page and take names of their own. */
static char *print_page(void)
{
    struct buffer page = BUFFER_EMPTY;
    metrics_print(&page);
    return page.data;
}

static void expect_on_page(const char *text)
{
    char *page = print_page();
    if (!strstr(page, text))
        fail_msg("'%s' is not in:\n%s", text, page);
    free(page);
}

static int occurrences(const char *page, const char *text)
{
    int count = 0;
    for (const char *next = page; (next = strstr(next, text)); next++)
        count++;
    return count;
}

static double value_on_page(const char *name)
{
    char *page = print_page();
    char line_start[128];
    snprintf(line_start, sizeof line_start, "\n%s ", name);
    const char *line = strstr(page, line_start);
    assert_non_null(line);
    double value = strtod(line + strlen(line_start), NULL);
    free(page);
    return value;
}

static void test_counter(void **state)
{
    (void)state;
    struct metric *counter = metric_counter("t_runs_total", "", "Runs.");
    expect_on_page("# HELP t_runs_total Runs.\n# TYPE t_runs_total counter\nt_runs_total 0\n");
    metric_add(counter, 1);
    metric_add(counter, 0);
    metric_add(counter, 2.5);
    expect_on_page("\nt_runs_total 3.5\n");
}

static void test_gauge(void **state)
{
    (void)state;
    struct metric *gauge = metric_gauge("t_waiting", "lane=\"3\"", "Waiting.");
    metric_set(gauge, 10);
    metric_add(gauge, -12);
    expect_on_page("# TYPE t_waiting gauge\nt_waiting{lane=\"3\"} -2\n");
}

static void test_head_once_a_name(void **state)
{
    (void)state;
    metric_counter("t_results_total", "status=\"success\"", "Results.");
    metric_counter("t_results_total", "status=\"failure\"", "Results.");
    metric_counter("t_results_total", "status=\"skipped\"", "Results.");
    char *page = print_page();
    assert_int_equal(occurrences(page, "# HELP t_results_total "), 1);
    assert_int_equal(occurrences(page, "# TYPE t_results_total "), 1);
    assert_int_equal(occurrences(page, "\nt_results_total{"), 3);
    free(page);
}

static void test_help_is_escaped(void **state)
{
    (void)state;
    metric_gauge("t_help", "", "one\ntwo \\ three");
    expect_on_page("# HELP t_help one\\ntwo \\\\ three\n");
}

static void test_numbers(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *line;
    } rows[] = {
        {0, "t_number 0\n"},
        {-1, "t_number -1\n"},
        {0.1, "t_number 0.1\n"},
        {1.0 / 3, "t_number 0.3333333333333333\n"},
        {9007199254740993.0, "t_number 9007199254740992\n"},
        {123456789012.0, "t_number 123456789012\n"},
        {1e300, "t_number 1e+300\n"},
    };
    struct metric *gauge = metric_gauge("t_number", "", "A number.");
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        metric_set(gauge, rows[i].value);
        expect_on_page(rows[i].line);
    }
    metric_set(gauge, (double)INFINITY);
    expect_on_page("t_number +Inf\n");
    metric_set(gauge, -(double)INFINITY);
    expect_on_page("t_number -Inf\n");
    metric_set(gauge, (double)NAN);
    expect_on_page("t_number NaN\n");
}

static void test_histogram(void **state)
{
    (void)state;
    static const double bounds[] = {0.1, 1, 10};
    struct metric *plain = metric_histogram("t_late_seconds", "", "Lateness.", bounds, 3);
    struct metric *labelled =
        metric_histogram("t_late_seconds", "lane=\"1\"", "Lateness.", bounds, 3);
    static const double values[] = {0, 0.1, 0.100001, 1, 5, 10, 10.5, 1000};
    for (size_t i = 0; i < ARRAY_LENGTH(values); i++)
        metric_observe(plain, values[i]);
    metric_observe(labelled, 2);
    expect_on_page("# HELP t_late_seconds Lateness.\n"
                   "# TYPE t_late_seconds histogram\n"
                   "t_late_seconds_bucket{le=\"0.1\"} 2\n"
                   "t_late_seconds_bucket{le=\"1\"} 4\n"
                   "t_late_seconds_bucket{le=\"10\"} 6\n"
                   "t_late_seconds_bucket{le=\"+Inf\"} 8\n"
                   "t_late_seconds_sum 1026.700001\n"
                   "t_late_seconds_count 8\n"
                   "t_late_seconds_bucket{lane=\"1\",le=\"0.1\"} 0\n"
                   "t_late_seconds_bucket{lane=\"1\",le=\"1\"} 0\n"
                   "t_late_seconds_bucket{lane=\"1\",le=\"10\"} 1\n"
                   "t_late_seconds_bucket{lane=\"1\",le=\"+Inf\"} 1\n"
                   "t_late_seconds_sum{lane=\"1\"} 2\n"
                   "t_late_seconds_count{lane=\"1\"} 1\n");
}

static void test_seconds_bounds(void **state)
{
    (void)state;
    assert_true(metric_seconds_bounds[0] == 0.001);
    assert_true(metric_seconds_bounds[metric_seconds_bounds_count - 1] == 60);
    for (size_t i = 1; i < metric_seconds_bounds_count; i++)
        assert_true(metric_seconds_bounds[i - 1] < metric_seconds_bounds[i]);
}

static void test_process(void **state)
{
    (void)state;
    assert_in_range((uint64_t)value_on_page("process_resident_memory_bytes"), 100000, 1ull << 40);
    double start_s = value_on_page("process_start_time_seconds");
    assert_true(start_s > (double)time(NULL) - 60 && start_s < (double)time(NULL) + 2);
    double cpu_s = value_on_page("process_cpu_seconds_total");
    assert_true(cpu_s >= 0 && cpu_s < 60);
    expect_on_page("\ncroncoco_build_info{version=\"" CRONCOCO_VERSION "\"} 1\n");
}

/* Every line of the page is a comment or a sample, and the last one ends. */
static void test_page_is_well_formed(void **state)
{
    (void)state;
    char *page = print_page();
    assert_int_equal(page[strlen(page) - 1], '\n');
    char *rest;
    for (char *line = strtok_r(page, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        if (strncmp(line, "# HELP ", 7) == 0 || strncmp(line, "# TYPE ", 7) == 0)
            continue;
        char *space = strrchr(line, ' ');
        assert_non_null(space);
        char *end;
        (void)strtod(space + 1, &end);
        assert_true(end > space + 1 && *end == '\0');
        assert_true(line[0] != '#' && line[0] != ' ');
    }
    free(page);
}

static void same_series_twice(void)
{
    metric_gauge("t_twice", "", "Once.");
    metric_gauge("t_twice", "", "Twice.");
}

static void series_apart(void)
{
    metric_gauge("t_apart", "n=\"1\"", "One.");
    metric_gauge("t_between", "", "Between.");
    metric_gauge("t_apart", "n=\"2\"", "Two.");
}

static void bad_name(void)
{
    metric_gauge("1t-bad", "", "Bad.");
}

static void falling_counter(void)
{
    metric_add(metric_counter("t_falling_total", "", "Falls."), -1);
}

static void falling_bounds(void)
{
    static const double bounds[] = {1, 1};
    metric_histogram("t_bounds", "", "Bounds.", bounds, 2);
}

static void test_misuse_aborts(void **state)
{
    (void)state;
    static void (*const misuses[])(void) = {same_series_twice, series_apart, bad_name,
                                            falling_counter, falling_bounds};
    for (size_t i = 0; i < ARRAY_LENGTH(misuses); i++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            signal(SIGABRT, SIG_DFL);
            close(STDERR_FILENO);
            misuses[i]();
            _exit(0);
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counter),
        cmocka_unit_test(test_gauge),
        cmocka_unit_test(test_head_once_a_name),
        cmocka_unit_test(test_help_is_escaped),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_histogram),
        cmocka_unit_test(test_seconds_bounds),
        cmocka_unit_test(test_process),
        cmocka_unit_test(test_page_is_well_formed),
        cmocka_unit_test(test_misuse_aborts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
