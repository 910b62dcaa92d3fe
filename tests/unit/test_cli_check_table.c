#include "cli/check_table.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "cli/printable.h"

#define NOW       1707700180 /* 180 s after the documented ping */
#define VIEWS_MAX 8

static const char documented[] =
    "{\"id\":\"abc123\",\"name\":\"Nightly backup\",\"period\":86400,\"grace\":300,"
    "\"status\":\"up\",\"last_ping_at\":1707700000,\"next_expected_at\":1707786400,"
    "\"alert_count\":0,\"ping_count\":42,\"created_at\":1707000000,\"updated_at\":1707700000}";

static const char complete[] =
    "{\"id\":\"x9\",\"name\":\"J\xc3\xbcrgen's job\",\"period\":3600,\"grace\":90,"
    "\"status\":\"down\",\"last_ping_at\":null,\"next_expected_at\":null,\"alert_count\":3,"
    "\"ping_count\":0,\"created_at\":1707000000,\"tags\":\"production, database\","
    "\"group\":\"db\",\"cron_expression\":\"0 2 * * *\",\"timezone\":\"Europe/Berlin\","
    "\"last_duration_ms\":61500}";

/* Text of checks as a table; the caller frees nothing: the next call does. */
static const char *table_of(const char *const *checks, size_t count, bool colours)
{
    static struct buffer out;
    struct check_view views[VIEWS_MAX];
    cJSON *trees[VIEWS_MAX];
    buffer_free(&out);
    for (size_t i = 0; i < count; i++) {
        trees[i] = cJSON_Parse(checks[i]);
        assert_non_null(trees[i]);
        check_view_read(trees[i], &views[i]);
    }
    check_table(&out, views, count, NOW, colours);
    for (size_t i = 0; i < count; i++)
        cJSON_Delete(trees[i]);
    return out.data;
}

static const char *page_of(const char *check, const char *ping_url, bool colours)
{
    static struct buffer out;
    struct check_view view;
    cJSON *tree = cJSON_Parse(check);
    buffer_free(&out);
    check_view_read(tree, &view);
    check_page(&out, &view, ping_url, NOW, colours);
    cJSON_Delete(tree);
    return out.data;
}

static void the_documented_check_is_a_line(void **state)
{
    (void)state;
    const char *checks[] = {documented};
    assert_string_equal(table_of(checks, 1, false),
                        "STATUS  NAME            ID      SCHEDULE  LAST PING  NEXT\n"
                        "up      Nightly backup  abc123  every 1d  3m ago     in 23h 57m\n");
}

static void columns_fit_and_appear_where_there_is_something(void **state)
{
    (void)state;
    const char *checks[] = {complete, documented};
    assert_string_equal(
        table_of(checks, 2, false),
        "STATUS  NAME            ID      SCHEDULE                 LAST PING  NEXT    "
        "    GROUP  TAGS\n"
        "down    J\xc3\xbcrgen's job    x9      0 2 * * * Europe/Berlin  -         "
        " -           db     production, database\n"
        "up      Nightly backup  abc123  every 1d                 3m ago     in 23h "
        "57m\n");
}

static void colours_are_those_of_the_badges(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"{\"status\":\"up\"}", "\x1b[32mup\x1b[0m"},
        {"{\"status\":\"down\"}", "\x1b[31mdown\x1b[0m"},
        {"{\"status\":\"late\"}", "\x1b[33mlate\x1b[0m"},
        {"{\"status\":\"paused\"}", "\x1b[90mpaused\x1b[0m"},
        {"{\"status\":\"new\"}", "\x1b[34mnew\x1b[0m"},
        {"{\"status\":\"odd\"}", "\nodd "},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        const char *check = rows[i][0];
        assert_non_null(strstr(table_of(&check, 1, true), rows[i][1]));
        assert_null(strchr(table_of(&check, 1, false), '\x1b'));
        assert_null(strchr(page_of(check, "", false), '\x1b'));
    }
}

static void a_page_has_it_all(void **state)
{
    (void)state;
    assert_string_equal(page_of(complete, "https://x.io/ping/x9", false),
                        "J\xc3\xbcrgen's job\n"
                        "  Id          x9\n"
                        "  Status      down\n"
                        "  Schedule    0 2 * * * Europe/Berlin, grace 1m 30s\n"
                        "  Last ping   -\n"
                        "  Next        -\n"
                        "  Last run    1m 1s\n"
                        "  Pings       0\n"
                        "  Alerts      3\n"
                        "  Group       db\n"
                        "  Tags        production, database\n"
                        "  Created     2024-02-03 22:40:00 +0000 (8d 2h ago)\n"
                        "  Ping URL    https://x.io/ping/x9\n");
}

static void what_is_missing_or_odd_reads_as_nothing(void **state)
{
    (void)state;
    static const char *const checks[] = {
        "{}",
        "[]",
        "\"text\"",
        "{\"id\":7,\"name\":[],\"status\":{},\"period\":\"x\",\"tags\":5,\"last_ping_at\":-1}",
        "{\"period\":1e300,\"next_expected_at\":1.5,\"tags\":[null,{}],\"group\":null}",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(checks); i++) {
        assert_non_null(strstr(table_of(&checks[i], 1, true), "-"));
        assert_non_null(strstr(page_of(checks[i], "", true), "(no name)"));
    }
}

static void names_do_not_command_the_terminal(void **state)
{
    (void)state;
    const char *check = "{\"name\":\"a\\u001b[2Jb\\nc\\u009bd\\u202ee\",\"id\":\"\\u0007\"}";
    const char *table = table_of(&check, 1, false);
    assert_non_null(strstr(table, "a?[2Jb?c?d?e"));
    assert_null(strchr(table, '\x1b'));
    assert_null(strchr(table, '\a'));
    assert_non_null(strstr(page_of(check, "x\x1b", false), "x?\n"));
}

static void wide_characters_take_two_columns(void **state)
{
    (void)state;
    struct buffer out = BUFFER_EMPTY;
    if (!setlocale(LC_CTYPE, "C.UTF-8"))
        skip();
    assert_int_equal(printable_append(&out, "\xe6\x97\xa5\xe6\x9c\xac"), 4);
    assert_int_equal(printable_append(&out, "e\xcc\x81"), 1); /* a combining accent */
    assert_int_equal(printable_append(&out, "\xff\xc3"), 2);
    assert_string_equal(out.data, "\xe6\x97\xa5\xe6\x9c\xac"
                                  "e\xcc\x81??");
    buffer_free(&out);
}

static void copies_end_at_a_character(void **state)
{
    (void)state;
    char copy[6];
    printable_copy(copy, sizeof copy, "abcd\xc3\xa4");
    assert_string_equal(copy, "abcd");
    printable_copy(copy, sizeof copy, "abc\xc3\xa4z");
    assert_string_equal(copy, "abc\xc3\xa4");
    printable_copy(copy, sizeof copy, "a\x1b\r");
    assert_string_equal(copy, "a??");
    printable_copy(copy, 1, "a");
    assert_string_equal(copy, "");
}

static void tags_come_in_two_forms(void **state)
{
    (void)state;
    static const struct {
        const char *check;
        const char *tag;
        bool found;
    } rows[] = {
        {"{\"tags\":\"production,database\"}", "production", true},
        {"{\"tags\":\"production, database \"}", "database", true},
        {"{\"tags\":\"production,database\"}", "data", false},
        {"{\"tags\":\"production,database\"}", "production,database", false},
        {"{\"tags\":[\"production\",\"database\"]}", "database", true},
        {"{\"tags\":[\"production\",7]}", "7", false},
        {"{\"tags\":\"\"}", "", false},
        {"{\"tags\":\" , ,\"}", "", false},
        {"{}", "production", false},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct check_view view;
        cJSON *tree = cJSON_Parse(rows[i].check);
        check_view_read(tree, &view);
        assert_int_equal(check_view_has_tag(&view, rows[i].tag), rows[i].found);
        cJSON_Delete(tree);
    }
}

int main(void)
{
    setenv("TZ", "UTC", 1);
    tzset();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_documented_check_is_a_line),
        cmocka_unit_test(columns_fit_and_appear_where_there_is_something),
        cmocka_unit_test(colours_are_those_of_the_badges),
        cmocka_unit_test(a_page_has_it_all),
        cmocka_unit_test(what_is_missing_or_odd_reads_as_nothing),
        cmocka_unit_test(names_do_not_command_the_terminal),
        cmocka_unit_test(wide_characters_take_two_columns),
        cmocka_unit_test(copies_end_at_a_character),
        cmocka_unit_test(tags_come_in_two_forms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
