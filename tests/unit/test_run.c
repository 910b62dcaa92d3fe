#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "shared/run.h"
#include "tests/unit/sample.h"

static struct run_batch random_batch(struct sample *sample, size_t count)
{
    struct run_batch batch = {.epoch = sample_next(sample), .count = count};
    for (size_t i = 0; i < count; i++) {
        batch.runs[i] = (struct run){
            .job = sample_within(sample, 1, INT64_MAX - 1),
            .slot_s = sample_within(sample, 0, INT64_MAX - 1),
            .version = (uint32_t)sample_next(sample),
            .replay = (uint32_t)sample_next(sample),
            .timeout_s = (uint16_t)sample_next(sample),
            .attempt = (uint8_t)sample_within(sample, 1, 255),
        };
    }
    return batch;
}

static void assert_same(const struct run_batch *one, const struct run_batch *other)
{
    assert_true(one->epoch == other->epoch);
    assert_int_equal(one->count, other->count);
    for (size_t i = 0; i < one->count; i++) {
        assert_true(one->runs[i].job == other->runs[i].job);
        assert_true(one->runs[i].slot_s == other->runs[i].slot_s);
        assert_int_equal(one->runs[i].version, other->runs[i].version);
        assert_int_equal(one->runs[i].replay, other->runs[i].replay);
        assert_int_equal(one->runs[i].timeout_s, other->runs[i].timeout_s);
        assert_int_equal(one->runs[i].attempt, other->runs[i].attempt);
    }
}

/* The bytes of the header's description, so that another release reads what this one wrote. */
static void test_golden(void **state)
{
    (void)state;
    static const unsigned char expected[] = {
        1,    0,    1, 0, 0x08, 7, 6, 5,    4,    3,    2, 1,    /* version, count, epoch */
        0x2a, 0,    0, 0, 0,    0, 0, 0,                         /* job */
        0x3c, 0,    0, 0, 0,    0, 0, 0,                         /* slot */
        0x02, 0x01, 0, 0, 0,    0, 0, 0x80, 0x2c, 0x01, 3, 0x00, /* version ... reserved */
    };
    struct run_batch batch = {
        .epoch = 0x0102030405060708,
        .count = 1,
        .runs = {{.job = 42,
                  .slot_s = 60,
                  .version = 258,
                  .replay = 0x80000000U,
                  .timeout_s = 300,
                  .attempt = 3}},
    };
    struct buffer out = BUFFER_EMPTY;
    run_batch_encode(&batch, &out);
    assert_int_equal(out.length, sizeof expected);
    assert_memory_equal(out.data, expected, sizeof expected);
    buffer_free(&out);
}

static void test_round_trips(void **state)
{
    (void)state;
    struct sample sample = sample_begin("runs");
    for (size_t i = 0; i < 5000; i++) {
        struct run_batch batch = random_batch(&sample, i % (RUN_BATCH_MAX + 1));
        struct run_batch decoded;
        struct buffer out = BUFFER_EMPTY;
        run_batch_encode(&batch, &out);
        assert_int_equal(run_batch_decode(out.data, out.length, &decoded), 0);
        assert_same(&batch, &decoded);
        buffer_free(&out);
    }
}

static void test_wrong_lengths(void **state)
{
    (void)state;
    struct sample sample = sample_begin("runs cut short");
    for (size_t count = 0; count <= RUN_BATCH_MAX; count += 7) {
        struct run_batch batch = random_batch(&sample, count);
        struct run_batch decoded;
        struct buffer out = BUFFER_EMPTY;
        run_batch_encode(&batch, &out);
        for (size_t length = 0; length < out.length; length++) {
            void *cut = sample_exact(out.data, length);
            assert_int_equal(run_batch_decode(cut, length, &decoded), -1);
            free(cut);
        }
        buffer_u8(&out, 0);
        assert_int_equal(run_batch_decode(out.data, out.length, &decoded), -1);
        buffer_free(&out);
    }
}

static void test_wrong_bytes(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        unsigned char value;
    } wrong[] = {
        {0, 0},  {0, 2},     {1, 1},     {2, 0},  {2, 2},  {3, 1},
        {12, 0}, {19, 0x80}, {27, 0x80}, {38, 0}, {39, 1},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
        struct run_batch batch = {.epoch = 1, .count = 1, .runs = {{.job = 1, .attempt = 1}}};
        struct buffer out = BUFFER_EMPTY;
        run_batch_encode(&batch, &out);
        assert_int_equal(run_batch_decode(out.data, out.length, &batch), 0);
        out.data[wrong[i].at] = (char)wrong[i].value;
        if (run_batch_decode(out.data, out.length, &batch) != -1)
            fail_msg("byte %zu = %u was taken", wrong[i].at, wrong[i].value);
        buffer_free(&out);
    }
    /* More runs than a batch holds. */
    static unsigned char many[12 + 65 * 28] = {1, 0, RUN_BATCH_MAX + 1, 0};
    struct run_batch decoded;
    assert_int_equal(run_batch_decode(many, sizeof many, &decoded), -1);
}

/* What decodes is encoded to the same bytes. */
static void test_random_bytes(void **state)
{
    (void)state;
    struct sample sample = sample_begin("changed runs");
    size_t taken = 0;
    for (size_t i = 0; i < 20000; i++) {
        struct run_batch batch = random_batch(&sample, 1 + i % 3);
        struct buffer out = BUFFER_EMPTY;
        struct buffer again = BUFFER_EMPTY;
        run_batch_encode(&batch, &out);
        for (uint64_t j = 0; j <= i % 4; j++)
            out.data[sample_below(&sample, out.length)] = (char)sample_next(&sample);
        if (!run_batch_decode(out.data, out.length, &batch)) {
            taken++;
            run_batch_encode(&batch, &again);
            assert_int_equal(again.length, out.length);
            assert_memory_equal(again.data, out.data, out.length);
        }
        buffer_free(&out);
        buffer_free(&again);
    }
    assert_true(taken > 100);
}

static void test_ids(void **state)
{
    (void)state;
    char text[RUN_ID_SIZE];
    struct run run = {.job = 7, .slot_s = 1778335200, .attempt = 1};
    assert_string_equal(run_id(text, &run), "msg_7_1778335200");
    run.attempt = 4;
    assert_string_equal(run_id(text, &run), "msg_7_1778335200");
    run.replay = 2;
    assert_string_equal(run_id(text, &run), "msg_7_1778335200_2");
    run = (struct run){.job = INT64_MAX, .slot_s = INT64_MAX, .replay = INT32_MAX};
    assert_string_equal(run_id(text, &run),
                        "msg_9223372036854775807_9223372036854775807_2147483647");
    run = (struct run){.job = 12, .slot_s = 1778335200, .replay = RUN_NOTICE};
    assert_string_equal(run_id(text, &run), "msg_notice_12");
}

static void test_ids_parsed(void **state)
{
    (void)state;
    static const struct run runs[] = {
        {.job = 1, .slot_s = 60},
        {.job = 7, .slot_s = 1778335200, .replay = 2},
        {.job = INT64_MAX, .slot_s = INT64_C(253402300799), .replay = INT32_MAX},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(runs); i++) {
        char text[RUN_ID_SIZE];
        struct run run = {.version = 9, .attempt = 9};
        run_id(text, &runs[i]);
        assert_int_equal(run_id_parse(text, strlen(text), &run), 0);
        assert_int_equal(run.job, runs[i].job);
        assert_int_equal(run.slot_s, runs[i].slot_s);
        assert_int_equal(run.replay, runs[i].replay);
    }
    static const char *const wrong[] = {
        "",
        "msg_",
        "msg_1",
        "msg_1_",
        "msg_1_60_",
        "msg_0_60",
        "msg_01_60",
        "msg_1_060",
        "msg_-1_60",
        "msg_1_60_0",
        "msg_1_60_x",
        "msg_1_60_2_",
        "msg_1_60_2_3",
        "msg_notice_12",
        "MSG_1_60",
        " msg_1_60",
        "msg_1_60 ",
        "msg_1_6O",
        "msg_1_60_2147483648",
        "msg_9223372036854775808_60",
        "msg_1_253402300800",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
        struct run run = {.job = 5};
        assert_int_equal(run_id_parse(wrong[i], strlen(wrong[i]), &run), -1);
        assert_int_equal(run.job, 5);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),        cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_wrong_lengths), cmocka_unit_test(test_wrong_bytes),
        cmocka_unit_test(test_random_bytes),  cmocka_unit_test(test_ids),
        cmocka_unit_test(test_ids_parsed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
