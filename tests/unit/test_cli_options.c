#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cli/help.h"
#include "cli/options.h"

#define WORDS_MAX 16

/* The words of a command line, one blank between them; "" for an empty one is written as ''. */
static int parse(const char *line, struct options *options, char error[static OPTIONS_ERROR_SIZE])
{
    static char copy[1024];
    static char *words[WORDS_MAX];
    int count = 0;
    assert_in_range(snprintf(copy, sizeof copy, "%s", line), 0, sizeof copy - 1);
    char *rest = NULL;
    for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        if (strcmp(word, "''") == 0)
            word[0] = '\0';
        words[count++] = word;
        assert_true(count < WORDS_MAX);
    }
    words[count] = NULL;
    return options_parse(count, words, options, error);
}

static struct options parsed(const char *line)
{
    struct options options;
    char error[OPTIONS_ERROR_SIZE] = "";
    if (parse(line, &options, error))
        fail_msg("%s: %s", line, error);
    return options;
}

static void each_documented_line_is_understood(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        enum command command;
        enum ping_kind kind;
        const char *check;
    } rows[] = {
        {"cronpulse ping abc123", COMMAND_PING, PING_SUCCESS, "abc123"},
        {"cronpulse ping abc123 --start", COMMAND_PING, PING_START, "abc123"},
        {"cronpulse ping abc123 --fail", COMMAND_PING, PING_FAIL, "abc123"},
        {"cronpulse ping --fail abc123", COMMAND_PING, PING_FAIL, "abc123"},
        {"cronpulse ping abc123 --log", COMMAND_PING, PING_LOG, "abc123"},
        {"cronpulse ping abc123 --exit-code 0", COMMAND_PING, PING_SUCCESS, "abc123"},
        {"cronpulse ping abc123 --exit-code=255", COMMAND_PING, PING_FAIL, "abc123"},
        {"cronpulse ping pk_A1/nightly-backup_2 --create", COMMAND_PING, PING_SUCCESS,
         "pk_A1/nightly-backup_2"},
        {"cronpulse wrap abc123 -- ./backup.sh", COMMAND_WRAP, PING_SUCCESS, "abc123"},
        {"cronpulse list", COMMAND_LIST, PING_SUCCESS, NULL},
        {"cronpulse status abc123", COMMAND_STATUS, PING_SUCCESS, "abc123"},
        {"cronpulse config", COMMAND_CONFIG, PING_SUCCESS, NULL},
        {"cronpulse --version", COMMAND_VERSION, PING_SUCCESS, NULL},
        {"cronpulse --help", COMMAND_HELP, PING_SUCCESS, NULL},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct options options = parsed(rows[i].line);
        assert_int_equal(options.command, rows[i].command);
        assert_int_equal(options.kind, rows[i].kind);
        if (rows[i].check)
            assert_string_equal(options.check, rows[i].check);
        else
            assert_null(options.check);
    }
}

static void values_are_taken_from_either_form(void **state)
{
    (void)state;
    struct options options = parsed("cronpulse ping a --rid 7f --message=a=b --exit-code 3 --json");
    assert_string_equal(options.rid, "7f");
    assert_string_equal(options.message, "a=b");
    assert_int_equal(options.exit_code, 3);
    assert_true(options.json);
    assert_int_equal(parsed("cronpulse ping a").exit_code, PING_NO_EXIT);

    options = parsed("cronpulse list --tag production --group=database --allow-http");
    assert_string_equal(options.tag, "production");
    assert_string_equal(options.group, "database");
    assert_true(options.allow_http);

    options = parsed("cronpulse config --api-key '' --server=");
    assert_string_equal(options.api_key, "");
    assert_string_equal(options.server, "");
    assert_string_equal(parsed("cronpulse config --api-key -").api_key, "-");
    assert_string_equal(parsed("cronpulse ping a --message -").message, "-");
}

static void the_command_is_left_alone(void **state)
{
    (void)state;
    struct options options =
        parsed("cronpulse wrap --log a --quiet --exit-code -- sh --help -- --log '' x");
    assert_true(options.log && options.quiet && options.codes);
    static const char *const words[] = {"sh", "--help", "--", "--log", "", "x"};
    for (size_t i = 0; i < ARRAY_LENGTH(words); i++)
        assert_string_equal(options.job[i], words[i]);
    assert_null(options.job[ARRAY_LENGTH(words)]);
}

static void help_goes_before_what_is_missing(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        enum command topic;
    } rows[] = {
        {"cronpulse help", COMMANDS},
        {"cronpulse -h", COMMANDS},
        {"cronpulse help wrap", COMMAND_WRAP},
        {"cronpulse wrap --help", COMMAND_WRAP},
        {"cronpulse wrap a -h -- x", COMMAND_WRAP},
        {"cronpulse ping --help", COMMAND_PING},
        {"cronpulse status -h", COMMAND_STATUS},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct options options = parsed(rows[i].line);
        assert_int_equal(options.command, COMMAND_HELP);
        assert_int_equal(options.topic, rows[i].topic);
        assert_true(strstr(help_text(options.topic), "usage:") != NULL);
    }
}

static void wrong_lines_are_refused_with_words(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"cronpulse", "a command is needed"},
        {"cronpulse pong", "there is no command 'pong'"},
        {"cronpulse help pong", "there is no command 'pong'"},
        {"cronpulse ping", "ping needs the id of a check"},
        {"cronpulse status", "status needs the id of a check"},
        {"cronpulse wrap -- x", "wrap needs the id of a check"},
        {"cronpulse wrap a", "wrap needs a command"},
        {"cronpulse wrap a --", "wrap needs a command"},
        {"cronpulse wrap a --log ls", "a '--' is needed before the command"},
        {"cronpulse ping a b", "'b' is too much"},
        {"cronpulse list a", "'a' is too much"},
        {"cronpulse ping a --", "ping has no option '--'"},
        {"cronpulse ping a --tag x", "ping has no option '--tag'"},
        {"cronpulse ping a --st", "ping has no option '--st'"},
        {"cronpulse ping a --start=1", "--start takes no value"},
        {"cronpulse ping a --rid", "--rid needs a value"},
        {"cronpulse ping a --rid ''", "--rid must be"},
        {"cronpulse ping a --rid \xc3\xa4", "--rid must be"},
        {"cronpulse ping a --rid "
         "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
         "--rid must be"},
        {"cronpulse ping a --exit-code 256", "within 0-255"},
        {"cronpulse ping a --exit-code -1", "within 0-255"},
        {"cronpulse ping a --exit-code 1x", "within 0-255"},
        {"cronpulse ping a --exit-code 0001", "within 0-255"},
        {"cronpulse ping a --exit-code ''", "within 0-255"},
        {"cronpulse ping a --start --fail", "only one of"},
        {"cronpulse ping a --log --exit-code 0", "only one of"},
        {"cronpulse ping ''", "is no id of a check"},
        {"cronpulse ping a?b", "is no id of a check"},
        {"cronpulse ping ../a", "is no id of a check"},
        {"cronpulse ping a/b/c", "is no id of a check"},
        {"cronpulse ping a/", "is no id of a check"},
        {"cronpulse status a/b", "is no id of a check"},
        {"cronpulse ping https://cron-pulse.com/ping/abc", "is no id of a check"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct options options;
        char error[OPTIONS_ERROR_SIZE] = "";
        assert_int_equal(parse(rows[i][0], &options, error), -1);
        if (!strstr(error, rows[i][1]))
            fail_msg("%s: %s", rows[i][0], error);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_documented_line_is_understood),
        cmocka_unit_test(values_are_taken_from_either_form),
        cmocka_unit_test(the_command_is_left_alone),
        cmocka_unit_test(help_goes_before_what_is_missing),
        cmocka_unit_test(wrong_lines_are_refused_with_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
