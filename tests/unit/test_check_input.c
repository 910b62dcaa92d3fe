/* What users say of checks and channels, inside of commands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "shared/channel_input_codec.h"
#include "shared/check_input_codec.h"
#include "shared/compiler.h"
#include "shared/json.h"
#include "tests/unit/sample.h"

#define ALL_FIELDS (2U * CHECK_CHANNELS - 1)
#define BIG        INT64_C(7777777777777777777)
#define PUBLIC_ID  "hRafrnC7Szs3fJUd" /* of BIG */

static struct check_input full(void)
{
    struct check_input check = {.fields = ALL_FIELDS,
                                .name = "\"nightly\" \xe2\x82\xac",
                                .period_s = 86400,
                                .cron_expression = "0 2 * * *",
                                .timezone = "Europe/Berlin",
                                .grace_s = 600,
                                .tags = "production,database",
                                .group = "db",
                                .slug = "nightly-1_a",
                                .maint_start_s = 1778335201,
                                .maint_end_s = CHECK_TIME_MAX_S,
                                .maint_schedule = "daily:02:00-04:00",
                                .alert_after = 3,
                                .recover_after = 2,
                                .reminder_s = 300,
                                .parents = {BIG, 1, INT64_MAX},
                                .parent_count = 3,
                                .channels = {3, 1},
                                .channel_count = 2};
    return check;
}

static cJSON *tree_of(const char *text, size_t length)
{
    char error[JSON_ERROR_SIZE];
    cJSON *tree = json_parse(text, length, error);
    if (!tree)
        fail_msg("%s: %s", error, text);
    return tree;
}

static void assert_text(const char *one, const char *other)
{
    assert_int_equal(one != NULL, other != NULL);
    if (one)
        assert_string_equal(one, other);
}

static void assert_checks(const struct check_input *one, const struct check_input *other)
{
    assert_int_equal(one->fields, other->fields);
    assert_text(one->name, other->name);
    assert_text(one->cron_expression, other->cron_expression);
    assert_text(one->timezone, other->timezone);
    assert_text(one->tags, other->tags);
    assert_text(one->group, other->group);
    assert_text(one->slug, other->slug);
    assert_text(one->maint_schedule, other->maint_schedule);
    assert_int_equal(one->period_s, other->period_s);
    assert_int_equal(one->grace_s, other->grace_s);
    assert_true(one->maint_start_s == other->maint_start_s);
    assert_true(one->maint_end_s == other->maint_end_s);
    assert_int_equal(one->alert_after, other->alert_after);
    assert_int_equal(one->recover_after, other->recover_after);
    assert_int_equal(one->reminder_s, other->reminder_s);
    assert_int_equal(one->parent_count, other->parent_count);
    assert_memory_equal(one->parents, other->parents, sizeof one->parents);
    assert_int_equal(one->all_channels, other->all_channels);
    assert_int_equal(one->channel_count, other->channel_count);
    assert_memory_equal(one->channels, other->channels, sizeof one->channels);
}

/* There and back; the text is as expected where that is given. */
static void assert_carried(const struct check_input *check, const struct check_input *expected,
                           const char *text)
{
    struct buffer out = BUFFER_EMPTY;
    struct check_input decoded;
    check_input_encode(check, &out);
    if (text)
        assert_string_equal(out.data, text);
    cJSON *tree = tree_of(out.data, out.length);
    const char *error = check_input_decode(tree, &decoded);
    if (error)
        fail_msg("%s: %s", error, out.data);
    assert_checks(&decoded, expected);
    cJSON_Delete(tree);
    buffer_free(&out);
}

static void test_all_fields(void **state)
{
    (void)state;
    struct check_input check = full();
    assert_carried(&check, &check,
                   "{\"name\":\"\\\"nightly\\\" \xe2\x82\xac\",\"cron_expression\":\"0 2 * * *\","
                   "\"timezone\":\"Europe/Berlin\",\"tags\":\"production,database\","
                   "\"group\":\"db\",\"slug\":\"nightly-1_a\",\"maint_schedule\":"
                   "\"daily:02:00-04:00\",\"period\":86400,\"grace\":600,\"alert_after\":3,"
                   "\"recover_after\":2,\"reminder_seconds\":300,\"maint_start\":1778335201,"
                   "\"maint_end\":253402300799,\"parents\":[\"6bf037ae325f1c71\","
                   "\"0000000000000001\",\"7fffffffffffffff\"],\"channels\":[3,1]}");
}

static void test_null_and_nothing(void **state)
{
    (void)state;
    struct check_input check = check_input_defaults;
    assert_carried(&check, &check_input_defaults, "{}");
    check.fields = CHECK_CRON | CHECK_SLUG | CHECK_MAINT_START | CHECK_PARENTS | CHECK_CHANNELS;
    assert_carried(&check, &check,
                   "{\"cron_expression\":null,\"slug\":null,\"maint_start\":0,\"parents\":[],"
                   "\"channels\":null}");
    check.all_channels = false;
    check.fields = CHECK_CHANNELS;
    assert_carried(&check, &check, "{\"channels\":[]}");
}

/* A field alone, and all but one; what is not there has its default. */
static void test_each_field(void **state)
{
    (void)state;
    for (unsigned field = 1; field <= CHECK_CHANNELS; field *= 2) {
        for (int all = 0; all < 2; all++) {
            struct check_input check = full();
            struct check_input expected = all ? full() : check_input_defaults;
            const struct check_input from = all ? check_input_defaults : full();
            check.fields = expected.fields = all ? ALL_FIELDS & ~field : field;
#define TAKE(bit, member)                                                                          \
    if (field == (bit))                                                                            \
    expected.member = from.member
            TAKE(CHECK_NAME, name);
            TAKE(CHECK_PERIOD, period_s);
            TAKE(CHECK_CRON, cron_expression);
            TAKE(CHECK_TIMEZONE, timezone);
            TAKE(CHECK_GRACE, grace_s);
            TAKE(CHECK_TAGS, tags);
            TAKE(CHECK_GROUP, group);
            TAKE(CHECK_SLUG, slug);
            TAKE(CHECK_MAINT_START, maint_start_s);
            TAKE(CHECK_MAINT_END, maint_end_s);
            TAKE(CHECK_MAINT_SCHEDULE, maint_schedule);
            TAKE(CHECK_ALERT_AFTER, alert_after);
            TAKE(CHECK_RECOVER_AFTER, recover_after);
            TAKE(CHECK_REMINDER, reminder_s);
#undef TAKE
            if (field == CHECK_PARENTS) {
                memcpy(expected.parents, from.parents, sizeof expected.parents);
                expected.parent_count = from.parent_count;
            }
            if (field == CHECK_CHANNELS) {
                memcpy(expected.channels, from.channels, sizeof expected.channels);
                expected.channel_count = from.channel_count;
                expected.all_channels = from.all_channels;
            }
            assert_carried(&check, &expected, NULL);
        }
    }
}

static const char *decode(const char *text)
{
    struct check_input check;
    cJSON *tree = tree_of(text, strlen(text));
    const char *error = check_input_decode(tree, &check);
    cJSON_Delete(tree);
    return error;
}

static void test_bounds(void **state)
{
    (void)state;
    static const struct {
        const char *name, *least, *most, *below, *above;
    } rows[] = {
        {"period", "60", "31536000", "59", "31536001"},
        {"grace", "60", "31536000", "59", "31536001"},
        {"alert_after", "1", "100", "0", "101"},
        {"recover_after", "1", "100", "0", "101"},
        {"reminder_seconds", "0", "2592000", "-1", "2592001"},
        {"reminder_seconds", "300", "300", "1", "299"},
        {"maint_start", "0", "253402300799", "-1", "253402300800"},
        {"maint_end", "0", "253402300799", "-1", "253402300800"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        const char *const values[] = {rows[i].least, rows[i].most, rows[i].below, rows[i].above,
                                      "60.5",        "null",       "\"60\""};
        for (size_t j = 0; j < ARRAY_LENGTH(values); j++) {
            struct buffer text = BUFFER_EMPTY;
            buffer_format(&text, "{\"%s\":%s}", rows[i].name, values[j]);
            const char *error = decode(text.data);
            assert_int_equal(error == NULL, j < 2);
            if (error)
                assert_non_null(strstr(error, "out of range"));
            buffer_free(&text);
        }
    }
}

static void test_lengths(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t most;
    } rows[] = {{"name", 400},          {"cron_expression", 255}, {"timezone", 64},
                {"tags", 500},          {"group", 400},           {"slug", 100},
                {"maint_schedule", 255}};
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        for (size_t length = rows[i].most; length <= rows[i].most + 1; length++) {
            struct buffer text = BUFFER_EMPTY;
            buffer_format(&text, "{\"%s\":\"", rows[i].name);
            for (size_t j = 0; j < length; j++)
                buffer_text(&text, "x");
            buffer_text(&text, "\"}");
            assert_int_equal(decode(text.data) == NULL, length == rows[i].most);
            buffer_free(&text);
        }
    }
}

static void test_refused_checks(void **state)
{
    (void)state;
    static const struct {
        const char *text, *error;
    } rows[] = {
        {"null", "check is not an object"},
        {"[]", "check is not an object"},
        {"{\"name\":null}", "a text field of check is not a string"},
        {"{\"name\":7}", "a text field of check is not a string"},
        {"{\"name\":\"\"}", "the name of check is empty"},
        {"{\"tags\":[]}", "a text field of check is not a string"},
        {"{\"group\":null}", "a text field of check is not a string"},
        {"{\"timezone\":null}", "a text field of check is not a string"},
        {"{\"maint_schedule\":null}", "a text field of check is not a string"},
        {"{\"cron_expression\":false}", "a text field of check is not a string"},
        {"{\"slug\":\"\"}", "the slug of check is malformed"},
        {"{\"slug\":\"A\"}", "the slug of check is malformed"},
        {"{\"slug\":\"a/b\"}", "the slug of check is malformed"},
        {"{\"slug\":\"\xc3\xa9\"}", "the slug of check is malformed"},
        {"{\"parents\":null}", "parents is not a list of at most 10"},
        {"{\"parents\":{}}", "parents is not a list of at most 10"},
        {"{\"parents\":[1]}", "a parent is no id, or there twice"},
        {"{\"parents\":[\"1\"]}", "a parent is no id, or there twice"},
        {"{\"parents\":[\"0000000000000000\"]}", "a parent is no id, or there twice"},
        {"{\"parents\":[\"8000000000000000\"]}", "a parent is no id, or there twice"},
        {"{\"parents\":[\"00000000000000001\"]}", "a parent is no id, or there twice"},
        {"{\"parents\":[\"000000000000000a\",\"000000000000000A\"]}",
         "a parent is no id, or there twice"},
        {"{\"channels\":7}", "channels is not null or a list of at most 20"},
        {"{\"channels\":\"ch_001\"}", "channels is not null or a list of at most 20"},
        {"{\"channels\":[\"ch_001\"]}", "a channel is no id, or there twice"},
        {"{\"channels\":[0]}", "a channel is no id, or there twice"},
        {"{\"channels\":[1.5]}", "a channel is no id, or there twice"},
        {"{\"channels\":[-1]}", "a channel is no id, or there twice"},
        {"{\"channels\":[1e300]}", "a channel is no id, or there twice"},
        {"{\"channels\":[null]}", "a channel is no id, or there twice"},
        {"{\"channels\":[2,3,2]}", "a channel is no id, or there twice"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        const char *error = decode(rows[i].text);
        if (!error || strcmp(error, rows[i].error) != 0)
            fail_msg("%s: %s", rows[i].text, error ? error : "taken");
    }
}

/* One more than a list holds. */
static void test_list_sizes(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        unsigned most;
    } rows[] = {{"parents", CHECK_PARENTS_MAX}, {"channels", CHECK_CHANNELS_MAX}};
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        for (unsigned count = rows[i].most; count <= rows[i].most + 1; count++) {
            struct buffer text = BUFFER_EMPTY;
            buffer_format(&text, "{\"%s\":[", rows[i].name);
            for (unsigned j = 1; j <= count; j++)
                if (i == 0)
                    buffer_format(&text, "%s\"%016x\"", j > 1 ? "," : "", j);
                else
                    buffer_format(&text, "%s%u", j > 1 ? "," : "", j);
            buffer_text(&text, "]}");
            assert_int_equal(decode(text.data) == NULL, count == rows[i].most);
            buffer_free(&text);
        }
    }
}

static void test_slugs(void **state)
{
    (void)state;
    static const char *const right[] = {"a", "0", "-", "_", "nightly-backup_2"};
    static const char *const wrong[] = {"", "A", "a b", "a.b", "a%20b", "\xc3\xa4"};
    for (size_t i = 0; i < ARRAY_LENGTH(right); i++)
        assert_true(check_slug_valid(right[i], strlen(right[i])));
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++)
        assert_false(check_slug_valid(wrong[i], strlen(wrong[i])));
}

static const char *decode_items(const char *text, size_t most, size_t *count)
{
    struct check_item *items;
    cJSON *tree = tree_of(text, strlen(text));
    const char *error = check_items_decode(tree, most, &items, count);
    if (!error && *count) {
        assert_true(items[0].id == BIG);
        assert_string_equal(items[0].public_id, PUBLIC_ID);
        assert_string_equal(items[0].input.name, "n");
    }
    free(items);
    cJSON_Delete(tree);
    return error;
}

static void test_items(void **state)
{
    (void)state;
#define ITEM "{\"public_id\":\"" PUBLIC_ID "\",\"check\":{\"name\":\"n\"}}"
    static const struct {
        const char *text, *error;
    } rows[] = {
        {"{}", "items is no list, or too long"},
        {"null", "items is no list, or too long"},
        {"[" ITEM "," ITEM "," ITEM "]", "items is no list, or too long"},
        {"[7]", "the public_id of an item is missing or malformed"},
        {"[{}]", "the public_id of an item is missing or malformed"},
        {"[{\"public_id\":\"x\",\"check\":{}}]",
         "the public_id of an item is missing or malformed"},
        {"[" ITEM ",{\"public_id\":\"" PUBLIC_ID "\"}]", "check is not an object"},
        {"[{\"public_id\":\"" PUBLIC_ID "\",\"check\":{\"parents\":[]}}]",
         "an item has parents or channels"},
        {"[{\"public_id\":\"" PUBLIC_ID "\",\"check\":{\"channels\":null}}]",
         "an item has parents or channels"},
        {"[{\"public_id\":\"" PUBLIC_ID "\",\"check\":{\"period\":59}}]",
         "a number of check is none, or out of range"},
    };
    size_t count;
    assert_null(decode_items("[]", 2, &count));
    assert_int_equal(count, 0);
    assert_null(decode_items("[" ITEM "," ITEM "]", 2, &count));
    assert_int_equal(count, 2);
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        const char *error = decode_items(rows[i].text, 2, &count);
        if (!error || strcmp(error, rows[i].error) != 0)
            fail_msg("%s: %s", rows[i].text, error ? error : "taken");
    }
#undef ITEM
}

/* ---- channels ---- */

static void test_channels(void **state)
{
    (void)state;
    const struct channel_input channel = {.fields = CHANNEL_NAME | CHANNEL_TARGET,
                                          .kind = CHANNEL_WEBHOOK,
                                          .name = "ops",
                                          .target = "HTTPS://x.example/",
                                          .enabled = true};
    for (int whole = 0; whole < 2; whole++) {
        struct channel_input decoded;
        struct buffer out = BUFFER_EMPTY;
        channel_input_encode(&channel, whole, &out);
        cJSON *tree = tree_of(out.data, out.length);
        assert_null(channel_input_decode(tree, whole, &decoded));
        assert_int_equal(decoded.fields, channel.fields);
        assert_int_equal(decoded.kind, CHANNEL_WEBHOOK);
        assert_string_equal(decoded.name, "ops");
        assert_string_equal(decoded.target, "HTTPS://x.example/");
        assert_true(decoded.enabled);
        cJSON_Delete(tree);
        buffer_free(&out);
    }
}

static void test_refused_channels(void **state)
{
    (void)state;
    static const struct {
        bool whole;
        const char *text, *error; /* NULL: none */
    } rows[] = {
        {false, "{}", NULL},
        {false, "[]", "channel is not an object"},
        {false, "{\"name\":\"\"}", "the name of channel is no string, empty or too long"},
        {false, "{\"name\":7}", "the name of channel is no string, empty or too long"},
        {false, "{\"target\":\"\"}", "the target of channel is no string, empty or too long"},
        {false, "{\"target\":null}", "the target of channel is no string, empty or too long"},
        {false, "{\"enabled\":1}", "enabled of channel is not a boolean"},
        {true, "{}", "the kind of channel is none that is known"},
        {true, "{\"kind\":\"fax\"}", "the kind of channel is none that is known"},
        {true, "{\"kind\":7}", "the kind of channel is none that is known"},
        {true, "{\"kind\":\"email\",\"name\":\"n\"}", "a new channel lacks name or target"},
        {true, "{\"kind\":\"email\",\"target\":\"a@b.c\"}", "a new channel lacks name or target"},
        {true, "{\"kind\":\"email\",\"name\":\"n\",\"target\":\"a@b.c\"}", NULL},
        {true, "{\"kind\":\"slack\",\"name\":\"n\",\"target\":\"http://x/\",\"enabled\":false}",
         NULL},
        {true, "{\"kind\":\"email\",\"name\":\"n\",\"target\":\"https://x/\"}",
         "the target of channel is not of its kind"},
        {true, "{\"kind\":\"webhook\",\"name\":\"n\",\"target\":\"a@b.c\"}",
         "the target of channel is not of its kind"},
        {true, "{\"kind\":\"slack\",\"name\":\"n\",\"target\":\"ftp://x/\"}",
         "the target of channel is not of its kind"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct channel_input channel;
        cJSON *tree = tree_of(rows[i].text, strlen(rows[i].text));
        const char *error = channel_input_decode(tree, rows[i].whole, &channel);
        if ((error != NULL) != (rows[i].error != NULL) ||
            (error && strcmp(error, rows[i].error) != 0))
            fail_msg("%s: %s", rows[i].text, error ? error : "taken");
        cJSON_Delete(tree);
    }
}

static void test_lengths_of_channels(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t most;
    } rows[] = {{"name", 400}, {"target", 2048}};
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        for (size_t length = rows[i].most; length <= rows[i].most + 1; length++) {
            struct channel_input channel;
            struct buffer text = BUFFER_EMPTY;
            buffer_format(&text, "{\"%s\":\"", rows[i].name);
            for (size_t j = 0; j < length; j++)
                buffer_text(&text, "x");
            buffer_text(&text, "\"}");
            cJSON *tree = tree_of(text.data, text.length);
            assert_int_equal(channel_input_decode(tree, false, &channel) == NULL,
                             length == rows[i].most);
            cJSON_Delete(tree);
            buffer_free(&text);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_fields),
        cmocka_unit_test(test_null_and_nothing),
        cmocka_unit_test(test_each_field),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_refused_checks),
        cmocka_unit_test(test_list_sizes),
        cmocka_unit_test(test_slugs),
        cmocka_unit_test(test_items),
        cmocka_unit_test(test_channels),
        cmocka_unit_test(test_refused_channels),
        cmocka_unit_test(test_lengths_of_channels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
