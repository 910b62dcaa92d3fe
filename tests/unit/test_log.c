#include "shared/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <cjson/cJSON.h>

#include "shared/compiler.h"

/* Standard error goes to a file while a test runs. */
static int capture_file;
static int real_stderr;

static int capture_start(void **state)
{
    (void)state;
    char path[] = "/tmp/test_log_XXXXXX";
    capture_file = mkostemp(path, O_APPEND);
    unlink(path);
    real_stderr = dup(STDERR_FILENO);
    dup2(capture_file, STDERR_FILENO);
    log_open("tester", "one", LOG_LEVEL_DEBUG);
    return 0;
}

static int capture_stop(void **state)
{
    (void)state;
    dup2(real_stderr, STDERR_FILENO);
    close(real_stderr);
    close(capture_file);
    return 0;
}

/* What was written since the last call; the caller frees it. */
static char *capture_take(void)
{
    off_t size = lseek(capture_file, 0, SEEK_END);
    char *text = calloc((size_t)size + 1, 1);
    assert_non_null(text);
    assert_int_equal(pread(capture_file, text, (size_t)size, 0), size);
    assert_int_equal(ftruncate(capture_file, 0), 0);
    return text;
}

/* The one line that was written, as JSON. */
static cJSON *take_line(void)
{
    char *text = capture_take();
    char *newline = strchr(text, '\n');
    assert_non_null(newline);
    assert_string_equal(newline, "\n");
    const char *end;
    cJSON *line = cJSON_ParseWithOpts(text, &end, 0);
    if (!line)
        fail_msg("not JSON: %s", text);
    assert_string_equal(end, "\n");
    free(text);
    return line;
}

static const char *string_of(const cJSON *line, const char *name)
{
    const char *value = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(line, name));
    assert_non_null(value);
    return value;
}

static void test_line_has_its_parts_in_order(void **state)
{
    (void)state;
    LOG_INFO("job created", LOG_I64("job", 42), LOG_STR("plan", "free"), LOG_REAL("ratio", 0.25),
             LOG_BOOL("new", 1), LOG_BOOL("old", 0), LOG_STR("none", NULL));
    cJSON *line = take_line();
    static const char *const names[] = {"time", "level", "process", "instance", "message", "job",
                                        "plan", "ratio", "new",     "old",      "none"};
    const cJSON *member = line->child;
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++, member = member->next) {
        assert_non_null(member);
        assert_string_equal(member->string, names[i]);
    }
    assert_null(member);
    assert_string_equal(string_of(line, "level"), "info");
    assert_string_equal(string_of(line, "process"), "tester");
    assert_string_equal(string_of(line, "instance"), "one");
    assert_string_equal(string_of(line, "message"), "job created");
    assert_string_equal(string_of(line, "plan"), "free");
    const char *time = string_of(line, "time");
    assert_int_equal(strlen(time), 24);
    assert_int_equal(time[23], 'Z');
    assert_true(cJSON_IsTrue(cJSON_GetObjectItem(line, "new")));
    assert_true(cJSON_IsFalse(cJSON_GetObjectItem(line, "old")));
    assert_true(cJSON_IsNull(cJSON_GetObjectItem(line, "none")));
    cJSON_Delete(line);
}

static void expect_field(struct log_field field, const char *json)
{
    log_write(LOG_LEVEL_INFO, "m", &field, 1);
    char *text = capture_take();
    char expected[512];
    snprintf(expected, sizeof expected, ",\"message\":\"m\",\"f\":%s}\n", json);
    const char *tail = strstr(text, ",\"message\"");
    assert_non_null(tail);
    assert_string_equal(tail, expected);
    free(text);
}

static void test_values(void **state)
{
    (void)state;
    expect_field(LOG_I64("f", 0), "0");
    expect_field(LOG_I64("f", INT64_MAX), "9223372036854775807");
    expect_field(LOG_I64("f", INT64_MIN), "-9223372036854775808");
    expect_field(LOG_REAL("f", 0.1), "0.1");
    expect_field(LOG_REAL("f", -2.5e300), "-2.5e+300");
    expect_field(LOG_REAL("f", (double)NAN), "null");
    expect_field(LOG_REAL("f", (double)INFINITY), "null");
    expect_field(LOG_BOOL("f", 7), "true");
}

static void test_strings_are_escaped(void **state)
{
    (void)state;
#define BAD "\xEF\xBF\xBD"
    static const struct {
        const char *value;
        const char *json;
    } rows[] = {
        {"", "\"\""},
        {"plain /", "\"plain /\""},
        {"say \"hi\" \\", "\"say \\\"hi\\\" \\\\\""},
        {"a\nb\rc\td", "\"a\\nb\\rc\\td\""},
        {"\x01\x1f\x7f\x08", "\"\\u0001\\u001f\\u007f\\u0008\""},
        /* valid: the first and last of each length */
        {"\xC2\x80\xDF\xBF", "\"\xC2\x80\xDF\xBF\""},
        {"\xE0\xA0\x80\xEF\xBF\xBF", "\"\xE0\xA0\x80\xEF\xBF\xBF\""},
        {"\xED\x9F\xBF\xEE\x80\x80", "\"\xED\x9F\xBF\xEE\x80\x80\""},
        {"\xF0\x90\x80\x80\xF4\x8F\xBF\xBF", "\"\xF0\x90\x80\x80\xF4\x8F\xBF\xBF\""},
        /* invalid: stray, cut short, too long a form, surrogates, beyond U+10FFFF */
        {"\x80", "\"" BAD "\""},
        {"a\xFF"
         "b",
         "\"a" BAD "b\""},
        {"\xC2", "\"" BAD "\""},
        {"\xC2"
         "a",
         "\"" BAD "a\""},
        {"\xE2\x82", "\"" BAD BAD "\""},
        {"\xF0\x9F\x98", "\"" BAD BAD BAD "\""},
        {"\xC0\xAF", "\"" BAD BAD "\""},
        {"\xE0\x9F\xBF", "\"" BAD BAD BAD "\""},
        {"\xED\xA0\x80", "\"" BAD BAD BAD "\""},
        {"\xF0\x8F\xBF\xBF", "\"" BAD BAD BAD BAD "\""},
        {"\xF4\x90\x80\x80", "\"" BAD BAD BAD BAD "\""},
        {"\xF5\x80", "\"" BAD BAD "\""},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
        expect_field(LOG_STR("f", rows[i].value), rows[i].json);
}

/* Whatever the strings are, a line is one JSON object of at most LOG_LINE_SIZE bytes. */
static void test_long_strings_are_cut(void **state)
{
    (void)state;
    static const char *const units[] = {"x", "\"", "\n", "\x01", "\xE2\x82\xAC", "\xFF"};
    for (size_t unit = 0; unit < ARRAY_LENGTH(units); unit++) {
        size_t unit_length = strlen(units[unit]);
        for (size_t count = LOG_LINE_SIZE / 8; count < LOG_LINE_SIZE + 100; count += 37) {
            char *value = calloc(count + 1, unit_length);
            assert_non_null(value);
            for (size_t i = 0; i < count; i++)
                memcpy(value + i * unit_length, units[unit], unit_length);
            LOG_WARN("long", LOG_STR("first", value), LOG_STR("second", value), LOG_I64("n", 1));
            free(value);
            cJSON *line = take_line();
            assert_string_equal(string_of(line, "message"), "long");
            assert_non_null(cJSON_GetObjectItem(line, "first"));
            cJSON_Delete(line);
        }
    }
}

static void test_line_size_is_bounded(void **state)
{
    (void)state;
    static char value[(size_t)3 * LOG_LINE_SIZE];
    memset(value, 'v', sizeof value - 1);
    LOG_INFO("long", LOG_STR("value", value));
    char *text = capture_take();
    assert_in_range(strlen(text), LOG_LINE_SIZE - 8, LOG_LINE_SIZE);
    assert_string_equal(text + strlen(text) - 6, "...\"}\n");
    free(text);
}

static void test_levels(void **state)
{
    (void)state;
    static const char *const names[] = {"debug", "info", "warn", "error"};
    for (int lowest = LOG_LEVEL_DEBUG; lowest <= (int)LOG_LEVEL_ERROR; lowest++) {
        log_open("tester", NULL, (enum log_level)lowest);
        for (int level = LOG_LEVEL_DEBUG; level <= (int)LOG_LEVEL_ERROR; level++) {
            LOG_AT((enum log_level)level, "hello");
            if (level < lowest) {
                char *text = capture_take();
                assert_string_equal(text, "");
                free(text);
                continue;
            }
            cJSON *line = take_line();
            assert_string_equal(string_of(line, "level"), names[level]);
            assert_null(cJSON_GetObjectItem(line, "instance"));
            cJSON_Delete(line);
        }
    }
}

static void test_errno_survives(void **state)
{
    (void)state;
    errno = ENOENT;
    LOG_ERROR("something failed");
    assert_int_equal(errno, ENOENT);
    cJSON_Delete(take_line());
}

#define WRITERS      4
#define WRITER_LINES 500

static void *write_lines(void *arg)
{
    char filler[1500];
    memset(filler, 'f', sizeof filler - 1);
    filler[sizeof filler - 1] = '\0';
    for (int i = 0; i < WRITER_LINES; i++)
        LOG_INFO("together", LOG_STR("who", arg), LOG_STR("filler", filler), LOG_I64("n", i));
    return NULL;
}

/* Threads of two processes on one pipe. */
static void test_lines_do_not_mix(void **state)
{
    (void)state;
    int pipe_ends[2];
    assert_int_equal(pipe(pipe_ends), 0);
    dup2(pipe_ends[1], STDERR_FILENO);
    close(pipe_ends[1]);
    pid_t children[2];
    for (int child = 0; child < 2; child++) {
        children[child] = fork();
        assert_true(children[child] >= 0);
        if (children[child] == 0) {
            pthread_t threads[WRITERS];
            static char name[] = "thread";
            for (int i = 0; i < WRITERS; i++)
                if (pthread_create(&threads[i], NULL, write_lines, name) != 0)
                    _exit(1);
            for (int i = 0; i < WRITERS; i++)
                pthread_join(threads[i], NULL);
            _exit(0);
        }
    }
    dup2(capture_file, STDERR_FILENO);

    FILE *lines = fdopen(pipe_ends[0], "r");
    assert_non_null(lines);
    char text[LOG_LINE_SIZE + 2];
    int count = 0;
    while (fgets(text, sizeof text, lines)) {
        cJSON *line = cJSON_Parse(text);
        if (!line)
            fail_msg("mixed: %s", text);
        assert_int_equal(strlen(string_of(line, "filler")), 1499);
        cJSON_Delete(line);
        count++;
    }
    fclose(lines);
    assert_int_equal(count, 2 * WRITERS * WRITER_LINES);
    for (int child = 0; child < 2; child++) {
        int status;
        assert_int_equal(waitpid(children[child], &status, 0), children[child]);
        assert_int_equal(status, 0);
    }
}

#define CAPTURED(test) cmocka_unit_test_setup_teardown(test, capture_start, capture_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CAPTURED(test_line_has_its_parts_in_order),
        CAPTURED(test_values),
        CAPTURED(test_strings_are_escaped),
        CAPTURED(test_long_strings_are_cut),
        CAPTURED(test_line_size_is_bounded),
        CAPTURED(test_levels),
        CAPTURED(test_errno_survives),
        CAPTURED(test_lines_do_not_mix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
