#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "shared/json.h"
#include "tests/unit/sample.h"

static const char *const valid[] = {
    "null",
    "true",
    "false",
    "0",
    "-0",
    "1",
    "-1",
    "1.5",
    "1e5",
    "1E+5",
    "1e-5",
    "0e0",
    "0.0",
    "1.25e10",
    "123456789012345678901234567890",
    "1e400",
    "\"\"",
    "\"a\"",
    "[]",
    "{}",
    "[ ]",
    "{ }",
    " 1 ",
    "\t\r\n1\t\r\n ",
    "[1]",
    "[1,2]",
    "[1 , 2]",
    "[[],{},\"\",0,null,true]",
    "{\"a\":1}",
    "{\"a\":1,\"b\":2}",
    "{ \"a\" : [ 1 , { \"b\" : null } ] }",
    "{\"\":1}",
    "{\"\":{\"\":{}}}",
    "{\"a\":1,\"A\":2}",
    "{\"a\":{\"b\":1,\"b\":2}}",
    "[{\"a\":1,\"a\":2}]",
    "{\"\\u0061\":1,\"b\":2}",
    "{\"a\":1,\"a \":2}",
    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
    "\"\\u0041\"",
    "\"\\u00e9\"",
    "\"\\uFFFF\"",
    "\"\\u0001\"",
    "\"\\ud83d\\ude00\"",
    "\"\\uD83D\\uDE00\"",
    "\"\\udbff\\udfff\"",
    "\"\x7f\"",
    "\"\xc3\xa9\"",
    "\"\xe2\x82\xac\"",
    "\"\xf0\x9f\x98\x80\"",
    "\"\xf4\x8f\xbf\xbf\"",
    "\"\xef\xbf\xbf\"",
    "\"\xed\x9f\xbf\"",
    "\"\xee\x80\x80\"",
    "\"\xc2\x80\"",
    "\"\xe0\xa0\x80\"",
    "\"\xf0\x90\x80\x80\"",
    "\"\xef\xbb\xbf\"",
    "\"'\"",
    "\"//\"",
    /* 63 digits */
    "123456789012345678901234567890123456789012345678901234567890123",
};

static const struct {
    const char *text;
    const char *error;
} invalid[] = {
    {"", "invalid JSON at byte 0: expected a value"},
    {" ", "invalid JSON at byte 1: expected a value"},
    {"nul", "invalid JSON at byte 0: expected a value"},
    {"nulL", "invalid JSON at byte 0: expected a value"},
    {"True", "invalid JSON at byte 0: expected a value"},
    {"nullx", "invalid JSON at byte 4: something follows the value"},
    {"1 2", "invalid JSON at byte 2: something follows the value"},
    {"{}{}", "invalid JSON at byte 2: something follows the value"},
    {"[]]", "invalid JSON at byte 2: something follows the value"},
    {"undefined", "invalid JSON at byte 0: expected a value"},
    {"NaN", "invalid JSON at byte 0: expected a value"},
    {"Infinity", "invalid JSON at byte 0: expected a value"},
    {"-Infinity", "invalid JSON at byte 0: not a number"},
    {"01", "invalid JSON at byte 0: not a number"},
    {"-01", "invalid JSON at byte 0: not a number"},
    {"00", "invalid JSON at byte 0: not a number"},
    {"-", "invalid JSON at byte 0: not a number"},
    {"--1", "invalid JSON at byte 0: not a number"},
    {"+1", "invalid JSON at byte 0: expected a value"},
    {".5", "invalid JSON at byte 0: expected a value"},
    {"1.", "invalid JSON at byte 0: not a number"},
    {"1.e5", "invalid JSON at byte 0: not a number"},
    {"1e", "invalid JSON at byte 0: not a number"},
    {"1e+", "invalid JSON at byte 0: not a number"},
    {"1.5.5", "invalid JSON at byte 3: something follows the value"},
    {"1e5e5", "invalid JSON at byte 3: something follows the value"},
    {"0x10", "invalid JSON at byte 1: something follows the value"},
    {"1_000", "invalid JSON at byte 1: something follows the value"},
    {"1234567890123456789012345678901234567890123456789012345678901234",
     "invalid JSON at byte 0: a number of more than 63 characters"},
    {"'a'", "invalid JSON at byte 0: expected a value"},
    {"\"a", "invalid JSON at byte 0: a string that does not end"},
    {"\"", "invalid JSON at byte 0: a string that does not end"},
    {"\"\\\"", "invalid JSON at byte 0: a string that does not end"},
    {"\"\\", "invalid JSON at byte 1: the text ends inside a string"},
    {"\"\\x41\"", "invalid JSON at byte 1: unknown escape"},
    {"\"\\a\"", "invalid JSON at byte 1: unknown escape"},
    {"\"\\'\"", "invalid JSON at byte 1: unknown escape"},
    {"\"\\U0041\"", "invalid JSON at byte 1: unknown escape"},
    {"\"\\u\"", "invalid JSON at byte 1: \\u wants four hex digits"},
    {"\"\\u12\"", "invalid JSON at byte 1: \\u wants four hex digits"},
    {"\"\\u123", "invalid JSON at byte 1: \\u wants four hex digits"},
    {"\"\\u123g\"", "invalid JSON at byte 1: \\u wants four hex digits"},
    {"\"\\u+123\"", "invalid JSON at byte 1: \\u wants four hex digits"},
    {"\"a\\u0000\"", "invalid JSON at byte 2: \\u0000 is not allowed"},
    {"{\"\\u0000\":1}", "invalid JSON at byte 2: \\u0000 is not allowed"},
    {"\"\\ud83d\"", "invalid JSON at byte 1: half of a surrogate pair"},
    {"\"\\ude00\"", "invalid JSON at byte 1: half of a surrogate pair"},
    {"\"\\ud83d\\n\"", "invalid JSON at byte 1: half of a surrogate pair"},
    {"\"\\ud83dx\"", "invalid JSON at byte 1: half of a surrogate pair"},
    {"\"\\ud83d\\ud83d\"", "invalid JSON at byte 1: half of a surrogate pair"},
    {"\"\\ud83d\\u0041\"", "invalid JSON at byte 1: half of a surrogate pair"},
    {"\"\\ud83d\\ude0\"", "invalid JSON at byte 1: half of a surrogate pair"},
    {"\"\\ude00\\ud83d\"", "invalid JSON at byte 1: half of a surrogate pair"},
    {"\"a\tb\"", "invalid JSON at byte 2: control character in a string"},
    {"\"a\nb\"", "invalid JSON at byte 2: control character in a string"},
    {"\"\x01\"", "invalid JSON at byte 1: control character in a string"},
    {"\"\x1f\"", "invalid JSON at byte 1: control character in a string"},
    {"\x01"
     "1",
     "invalid JSON at byte 0: expected a value"},
    {"\x0b"
     "1",
     "invalid JSON at byte 0: expected a value"},
    {"\xef\xbb\xbf{}", "invalid JSON at byte 0: expected a value"},
    {"\xc2\xa0"
     "1",
     "invalid JSON at byte 0: expected a value"},
    {"\"\x80\"", "invalid JSON at byte 1: not UTF-8"},
    {"\"\xbf\"", "invalid JSON at byte 1: not UTF-8"},
    {"\"\xc3\"", "invalid JSON at byte 1: not UTF-8"},
    {"\"\xc3(\"", "invalid JSON at byte 1: not UTF-8"},
    {"\"\xc0\x80\"", "invalid JSON at byte 1: not UTF-8"},
    {"\"\xc1\xbf\"", "invalid JSON at byte 1: not UTF-8"},
    {"\"\xe0\x9f\xbf\"", "invalid JSON at byte 1: not UTF-8"},
    {"\"\xe2\x82\"", "invalid JSON at byte 1: not UTF-8"},
    {"\"\xed\xa0\x80\"", "invalid JSON at byte 1: not UTF-8"},
    {"\"\xed\xbf\xbf\"", "invalid JSON at byte 1: not UTF-8"},
    {"\"\xf0\x8f\xbf\xbf\"", "invalid JSON at byte 1: not UTF-8"},
    {"\"\xf4\x90\x80\x80\"", "invalid JSON at byte 1: not UTF-8"},
    {"\"\xf5\x80\x80\x80\"", "invalid JSON at byte 1: not UTF-8"},
    {"\"\xf0\x9f\x98\"", "invalid JSON at byte 1: not UTF-8"},
    {"\"\xff\"", "invalid JSON at byte 1: not UTF-8"},
    {"\"\xfe\"", "invalid JSON at byte 1: not UTF-8"},
    {"\"\xf0\x9f\x98", "invalid JSON at byte 1: not UTF-8"},
    {"[", "invalid JSON at byte 1: expected a value"},
    {"[1", "invalid JSON at byte 2: the text ends too early"},
    {"[1,", "invalid JSON at byte 3: expected a value"},
    {"[1,]", "invalid JSON at byte 3: expected a value"},
    {"[,1]", "invalid JSON at byte 1: expected a value"},
    {"[1 2]", "invalid JSON at byte 3: expected ',' or ']'"},
    {"[1}", "invalid JSON at byte 2: expected ',' or ']'"},
    {"[1:2]", "invalid JSON at byte 2: expected ',' or ']'"},
    {"{", "invalid JSON at byte 1: expected the name of a member in quotes"},
    {"{]", "invalid JSON at byte 1: expected the name of a member in quotes"},
    {"{a:1}", "invalid JSON at byte 1: expected the name of a member in quotes"},
    {"{1:1}", "invalid JSON at byte 1: expected the name of a member in quotes"},
    {"{'a':1}", "invalid JSON at byte 1: expected the name of a member in quotes"},
    {"{\"a\"}", "invalid JSON at byte 4: expected ':'"},
    {"{\"a\" 1}", "invalid JSON at byte 5: expected ':'"},
    {"{\"a\":}", "invalid JSON at byte 5: expected a value"},
    {"{\"a\":1", "invalid JSON at byte 6: the text ends too early"},
    {"{\"a\":1,}", "invalid JSON at byte 7: expected the name of a member in quotes"},
    {"{\"a\":1 \"b\":2}", "invalid JSON at byte 7: expected ',' or '}'"},
    {"{\"a\":1]", "invalid JSON at byte 6: expected ',' or '}'"},
    {"{\"a\":1,,\"b\":2}", "invalid JSON at byte 7: expected the name of a member in quotes"},
    {"// x\n1", "invalid JSON at byte 0: expected a value"},
    {"/**/1", "invalid JSON at byte 0: expected a value"},
    {"[1]//", "invalid JSON at byte 3: something follows the value"},
    {"{\"a\":1,\"a\":2}", "invalid JSON: member \"a\" appears more than once"},
    {"{\"a\":1,\"b\":2,\"c\":3,\"a\":1}", "invalid JSON: member \"a\" appears more than once"},
    {"{\"a\":1,\"\\u0061\":2}", "invalid JSON: member \"a\" appears more than once"},
    {"{\"\":1,\"\":2}", "invalid JSON: member \"\" appears more than once"},
    {"{\"\\/\":1,\"/\":2}", "invalid JSON: member \"/\" appears more than once"},
    {"{\"\\ud83d\\ude00\":1,\"\xf0\x9f\x98\x80\":2}",
     "invalid JSON: member \"\xf0\x9f\x98\x80\" appears more than once"},
};

static void test_valid(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(valid); i++) {
        char error[JSON_ERROR_SIZE] = "";
        size_t length = strlen(valid[i]);
        char *text = sample_exact(valid[i], length);
        cJSON *tree = json_parse(text, length, error);
        if (!tree)
            fail_msg("refused: %s: %s", valid[i], error);
        cJSON_Delete(tree);
        free(text);
    }
}

static void test_invalid(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(invalid); i++) {
        char error[JSON_ERROR_SIZE] = "";
        size_t length = strlen(invalid[i].text);
        char *text = sample_exact(invalid[i].text, length);
        cJSON *tree = json_parse(text, length, error);
        if (tree || strcmp(error, invalid[i].error) != 0)
            fail_msg("%s: %s \"%s\"", invalid[i].text, tree ? "taken" : "refused", error);
        free(text);
    }
    char error[JSON_ERROR_SIZE];
    assert_null(json_parse(NULL, 0, error));
    assert_null(json_parse("\"\0\"", 3, error));
    assert_string_equal(error, "invalid JSON at byte 1: control character in a string");
    assert_null(json_parse("1\0", 2, error));
    assert_string_equal(error, "invalid JSON at byte 1: something follows the value");
}

static void test_long_name_in_error(void **state)
{
    (void)state;
    char error[JSON_ERROR_SIZE];
    struct buffer text = BUFFER_EMPTY;
    for (int i = 0; i < 2; i++) {
        buffer_text(&text, i ? ",\"a" : "{\"a");
        for (int j = 0; j < 1000; j++)
            buffer_text(&text, "\xe2\x82\xac");
        buffer_text(&text, "\":1");
    }
    buffer_text(&text, "}");
    assert_null(json_parse(text.data, text.length, error));
    assert_true(json_utf8_valid(error, strlen(error)));
    assert_non_null(strstr(error, "\xac\" appears more than once"));
    buffer_free(&text);
}

static void test_depth(void **state)
{
    (void)state;
    static const char *const kinds[][3] = {{"[", "1", "]"}, {"{\"a\":", "1", "}"}, {"[", "", "]"}};
    for (size_t kind = 0; kind < ARRAY_LENGTH(kinds); kind++) {
        for (size_t depth = JSON_DEPTH_MAX - 2; depth <= 100000; depth += depth > 70 ? 33333 : 1) {
            char error[JSON_ERROR_SIZE] = "";
            struct buffer text = BUFFER_EMPTY;
            for (size_t i = 0; i < depth; i++)
                buffer_text(&text, kinds[kind][0]);
            buffer_text(&text, kinds[kind][1]);
            for (size_t i = 0; i < depth; i++)
                buffer_text(&text, kinds[kind][2]);
            cJSON *tree = json_parse(text.data, text.length, error);
            assert_int_equal(tree != NULL, depth <= JSON_DEPTH_MAX);
            assert_int_equal(strstr(error, "nested too deeply") != NULL, depth > JSON_DEPTH_MAX);
            cJSON_Delete(tree);
            buffer_free(&text);
        }
    }
}

/* Ten thousand members: the search for duplicates must not compare each with each. */
static void test_many_members(void **state)
{
    (void)state;
    char error[JSON_ERROR_SIZE];
    struct buffer text = BUFFER_EMPTY;
    for (int i = 0; i < 10000; i++)
        buffer_format(&text, "%s\"%d\":%d", i ? "," : "{", i, i);
    size_t length = text.length;
    buffer_text(&text, "}");
    cJSON *tree = json_parse(text.data, text.length, error);
    assert_non_null(tree);
    cJSON_Delete(tree);
    text.length = length;
    buffer_text(&text, ",\"7777\":1}");
    assert_null(json_parse(text.data, text.length, error));
    assert_string_equal(error, "invalid JSON: member \"7777\" appears more than once");
    buffer_free(&text);
}

static const struct {
    const char *text;
    const char *name;
    const char *span; /* NULL: no such member */
} spans[] = {
    {"{\"a\":1}", "a", "1"},
    {" { \"a\" : 1 } ", "a", "1"},
    {"{\"a\":\t[1, 2 ] \n,\"b\":2}", "a", "[1, 2 ]"},
    {"{\"a\":1,\"b\":{\"c\" : {} }}", "b", "{\"c\" : {} }"},
    {"{\"a\":{\"b\":1},\"b\":2}", "b", "2"},
    {"{\"a\":[{\"b\":1}],\"b\":\"x\"}", "b", "\"x\""},
    {"{\"a\":\"\\\"b\\\":1\",\"b\":3}", "b", "3"},
    {"{\"a\":\"}\",\"b\":\"]{\"}", "b", "\"]{\""},
    {"{\"a\":1e5 }", "a", "1e5"},
    {"{\"a\":null}", "a", "null"},
    {"{\"a\":-0.50}", "a", "-0.50"},
    {"{\"\\u0061\":1}", "a", "1"},
    {"{\"\\u0061\\u0062\":1}", "ab", "1"},
    {"{\"p\\u0061yload\": {\"x\": 1.0}}", "payload", "{\"x\": 1.0}"},
    {"{\"\":1}", "", "1"},
    {"{\"\\n\\t\\b\\f\\r\\/\\\\\\\"\":1}", "\n\t\b\f\r/\\\"", "1"},
    {"{\"\\u00e9\":1}", "\xc3\xa9", "1"},
    {"{\"\\u20ac\":1}", "\xe2\x82\xac", "1"},
    {"{\"\xe2\x82\xac\":1}", "\xe2\x82\xac", "1"},
    {"{\"\\ud83d\\ude00\":1}", "\xf0\x9f\x98\x80", "1"},
    {"{\"a\":1}", "b", NULL},
    {"{\"a\":1}", "", NULL},
    {"{\"ab\":1}", "a", NULL},
    {"{\"a\":1}", "ab", NULL},
    {"{\"\\u0061b\":1}", "a", NULL},
    {"{\"\\u00e9\":1}", "\xc3", NULL},
    {"{\"A\":1}", "a", NULL},
    {"{}", "a", NULL},
    {"[]", "a", NULL},
    {"[{\"a\":1}]", "a", NULL},
    {"1", "a", NULL},
    {"\"a\"", "a", NULL},
};

static void test_spans(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(spans); i++) {
        size_t length = strlen(spans[i].text);
        char *text = sample_exact(spans[i].text, length);
        const char *start = NULL;
        size_t span = 0;
        int status = json_member_span(text, length, spans[i].name, &start, &span);
        if (status != (spans[i].span ? 0 : -1))
            fail_msg("%s of %s: %d", spans[i].name, spans[i].text, status);
        if (spans[i].span) {
            assert_int_equal(span, strlen(spans[i].span));
            assert_memory_equal(start, spans[i].span, span);
        }
        /* Cut short it may find the member or not, but reads nothing behind the end. */
        for (size_t cut = 0; cut < length; cut++) {
            char *part = sample_exact(text, cut);
            (void)!json_member_span(part, cut, spans[i].name, &start, &span);
            free(part);
        }
        free(text);
    }
}

static const struct {
    const char *text;
    const char *written;
} strings[] = {
    {"", "\"\""},
    {"a", "\"a\""},
    {"\"", "\"\\\"\""},
    {"\\", "\"\\\\\""},
    {"/", "\"/\""},
    {"\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\""},
    {"\x01\x1f", "\"\\u0001\\u001f\""},
    {"\x7f", "\"\x7f\""},
    {"caf\xc3\xa9 \xf0\x9f\x98\x80", "\"caf\xc3\xa9 \xf0\x9f\x98\x80\""},
    {"a\"b\"c", "\"a\\\"b\\\"c\""},
    {"</script>", "\"</script>\""},
};

static void test_written_strings(void **state)
{
    (void)state;
    struct buffer out = BUFFER_EMPTY;
    for (size_t i = 0; i < ARRAY_LENGTH(strings); i++) {
        buffer_clear(&out);
        json_write_string(&out, strings[i].text, strlen(strings[i].text));
        assert_string_equal(out.data, strings[i].written);
    }
    buffer_clear(&out);
    json_write_string(&out, "a\0b", 3);
    assert_string_equal(out.data, "\"a\\u0000b\"");
    buffer_free(&out);
}

static size_t random_text(struct sample *sample, char text[static 256])
{
    size_t length = 0;
    uint64_t count = sample_below(sample, 50);
    for (uint64_t i = 0; i < count; i++) {
        static const char *const wide[] = {"\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\\u"};
        if (sample_below(sample, 4)) {
            text[length++] = (char)sample_within(sample, 1, 127);
            continue;
        }
        const char *character = wide[sample_below(sample, ARRAY_LENGTH(wide))];
        memcpy(text + length, character, strlen(character));
        length += strlen(character);
    }
    text[length] = '\0';
    return length;
}

static void test_strings_come_back(void **state)
{
    (void)state;
    struct sample sample = sample_begin("JSON strings");
    for (int i = 0; i < 20000; i++) {
        char error[JSON_ERROR_SIZE];
        char text[256];
        size_t length = random_text(&sample, text);
        struct buffer out = BUFFER_EMPTY;
        buffer_text(&out, "{");
        json_write_string(&out, text, length);
        buffer_text(&out, " : ");
        json_write_string(&out, text, length);
        buffer_text(&out, " }");
        cJSON *tree = json_parse(out.data, out.length, error);
        assert_non_null(tree);
        assert_string_equal(json_text(tree, text), text);
        const char *start;
        size_t span;
        assert_int_equal(json_member_span(out.data, out.length, text, &start, &span), 0);
        assert_int_equal(start[0], '"');
        assert_int_equal(out.data + out.length - start, span + 2);
        cJSON_Delete(tree);
        buffer_free(&out);
    }
}

static void test_cut_short(void **state)
{
    (void)state;
    static const char whole[] = " {\"a\\ud83d\\ude00\" : [1.5e-3, true, null, "
                                "{\"\xf0\x9f\x98\x80\": \"\\n\"}], \"b\": false}";
    char error[JSON_ERROR_SIZE];
    for (size_t length = 0; length < sizeof whole - 1; length++) {
        char *cut = sample_exact(whole, length);
        assert_null(json_parse(cut, length, error));
        free(cut);
    }
    cJSON *tree = json_parse(whole, sizeof whole - 1, error);
    assert_non_null(tree);
    cJSON_Delete(tree);
}

static void test_utf8(void **state)
{
    (void)state;
    assert_true(json_utf8_valid("", 0));
    assert_true(json_utf8_valid(NULL, 0));
    assert_true(json_utf8_valid("a\0b", 3));
    /* Every code point; the surrogates are none. */
    for (unsigned code = 0; code < 0x110000; code++) {
        char text[4];
        size_t size;
        if (code < 0x80) {
            text[0] = (char)code;
            size = 1;
        } else if (code < 0x800) {
            text[0] = (char)(0xc0 | code >> 6);
            text[1] = (char)(0x80 | (code & 63));
            size = 2;
        } else if (code < 0x10000) {
            text[0] = (char)(0xe0 | code >> 12);
            text[1] = (char)(0x80 | (code >> 6 & 63));
            text[2] = (char)(0x80 | (code & 63));
            size = 3;
        } else {
            text[0] = (char)(0xf0 | code >> 18);
            text[1] = (char)(0x80 | (code >> 12 & 63));
            text[2] = (char)(0x80 | (code >> 6 & 63));
            text[3] = (char)(0x80 | (code & 63));
            size = 4;
        }
        bool surrogate = code >= 0xd800 && code <= 0xdfff;
        if (json_utf8_valid(text, size) == surrogate)
            fail_msg("U+%04X", code);
        if (size > 1 && json_utf8_valid(text, size - 1))
            fail_msg("U+%04X cut short", code);
    }
}

static void test_integers(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        int status;
        int64_t integer;
    } integers[] = {
        {"0", 0, 0},
        {"-5", 0, -5},
        {"1e3", 0, 1000},
        {"1.0", 0, 1},
        {"9007199254740992", 0, 9007199254740992},
        {"-9007199254740992", 0, -9007199254740992},
        {"9007199254740994", -1, 0},
        {"1e300", -1, 0},
        {"1e400", -1, 0},
        {"-1e400", -1, 0},
        {"1.5", -1, 0},
        {"1e-3", -1, 0},
        {"\"1\"", -1, 0},
        {"true", -1, 0},
        {"null", -1, 0},
        {"[1]", -1, 0},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(integers); i++) {
        char error[JSON_ERROR_SIZE];
        struct buffer text = BUFFER_EMPTY;
        int64_t value = 77;
        buffer_format(&text, "{\"n\":%s}", integers[i].value);
        cJSON *tree = json_parse(text.data, text.length, error);
        assert_non_null(tree);
        int status = json_integer(tree, "n", INT64_MIN, INT64_MAX, &value);
        if (status != integers[i].status || value != (status ? 77 : integers[i].integer))
            fail_msg("%s: %d, %lld", integers[i].value, status, (long long)value);
        assert_int_equal(json_integer(tree, "N", INT64_MIN, INT64_MAX, &value), -1);
        cJSON_Delete(tree);
        buffer_free(&text);
    }
    cJSON *tree = cJSON_Parse("{\"n\":5}");
    int64_t value = 0;
    assert_int_equal(json_integer(tree, "n", 5, 5, &value), 0);
    assert_int_equal(json_integer(tree, "n", 6, 9, &value), -1);
    assert_int_equal(json_integer(tree, "n", 0, 4, &value), -1);
    assert_null(json_text(tree, "n"));
    cJSON_Delete(tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_valid),
        cmocka_unit_test(test_invalid),
        cmocka_unit_test(test_long_name_in_error),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_many_members),
        cmocka_unit_test(test_spans),
        cmocka_unit_test(test_written_strings),
        cmocka_unit_test(test_strings_come_back),
        cmocka_unit_test(test_cut_short),
        cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_integers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
