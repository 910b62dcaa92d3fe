#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "shared/result.h"
#include "tests/unit/sample.h"

/* Too large for the stack of every test. */
static struct result_batch batch;
static struct result_batch decoded;
static char bodies[4 * RESULT_BODY_MAX]; /* any bytes */

static void random_batch(struct sample *sample, enum result_kind kind, size_t count)
{
    memset(&batch, 0, sizeof batch);
    batch.kind = kind;
    batch.count = count;
    if (kind == RESULT_BATCH_QUESTION) {
        size_t length = 1 + sample_below(sample, REPLY_SUBJECT_SIZE - 1);
        memset(batch.reply, 'r', length);
    }
    for (size_t i = 0; i < count; i++) {
        struct result *result = &batch.results[i];
        result->job = sample_within(sample, 1, INT64_MAX - 1);
        result->slot_s = sample_within(sample, 0, INT64_MAX - 1);
        result->replay = (uint32_t)sample_next(sample);
        result->attempt = (uint8_t)sample_within(sample, 1, 255);
        if (kind == RESULT_BATCH_QUESTION)
            continue;
        result->outcome = (uint8_t)sample_below(sample, RESULT_OUTCOMES);
        result->code = (uint16_t)sample_next(sample);
        result->started_ms = sample_within(sample, 0, INT64_MAX - 1);
        result->duration_ms = (uint32_t)sample_next(sample);
        size_t length = sample_below(sample, RESULT_ERROR_SIZE);
        for (size_t j = 0; j < length; j++)
            result->error[j] = (char)sample_within(sample, 0x20, 0x7e);
        result->dns_ms = (uint32_t)sample_next(sample);
        result->connect_ms = (uint32_t)sample_next(sample);
        result->tls_ms = (uint32_t)sample_next(sample);
        result->first_byte_ms = (uint32_t)sample_next(sample);
        result->retry_after_s = (uint16_t)sample_below(sample, RETRY_AFTER_MAX_S + 1);
        /* Overlapping ones will do: the bytes are only read. */
        result->body_bytes = (uint16_t)sample_below(sample, i % 8 ? 20 : RESULT_BODY_MAX + 1);
        result->body = bodies + sample_below(sample, sizeof bodies - RESULT_BODY_MAX);
    }
}

static void assert_same(void)
{
    assert_int_equal(batch.kind, decoded.kind);
    assert_int_equal(batch.count, decoded.count);
    assert_string_equal(batch.reply, decoded.reply);
    for (size_t i = 0; i < batch.count; i++) {
        const struct result *one = &batch.results[i];
        const struct result *other = &decoded.results[i];
        assert_true(one->job == other->job);
        assert_true(one->slot_s == other->slot_s);
        assert_int_equal(one->replay, other->replay);
        assert_int_equal(one->attempt, other->attempt);
        assert_int_equal(one->outcome, other->outcome);
        assert_int_equal(one->code, other->code);
        assert_true(one->started_ms == other->started_ms);
        assert_int_equal(one->duration_ms, other->duration_ms);
        assert_string_equal(one->error, other->error);
        assert_int_equal(one->dns_ms, other->dns_ms);
        assert_int_equal(one->connect_ms, other->connect_ms);
        assert_int_equal(one->tls_ms, other->tls_ms);
        assert_int_equal(one->first_byte_ms, other->first_byte_ms);
        assert_int_equal(one->retry_after_s, other->retry_after_s);
        assert_int_equal(one->body_bytes, other->body_bytes);
        if (one->body_bytes > 0)
            assert_memory_equal(one->body, other->body, one->body_bytes);
    }
}

/* The bytes of the header's description, so that another release reads what this one wrote. */
static void test_golden(void **state)
{
    (void)state;
    static const unsigned char results[] = {
        2,    0,    1,    0,                         /* version, kind, count */
        0x2a, 0,    0,    0,    0,    0,    0,    0, /* job */
        0x3c, 0,    0,    0,    0,    0,    0,    0, /* slot */
        9,    0,    0,    0,    2,    1,    0xf7, 1, /* replay, attempt, outcome, code */
        0x39, 0x30, 0,    0,    0,    0,    0,    0,   0x38, 1, 0, 0, /* started, duration */
        1,    0,    0,    0,    2,    0,    0,    0,                  /* dns, connect */
        0xff, 0xff, 0xff, 0xff, 4,    0,    0,    0,                  /* tls, first byte */
        120,  0,                                                      /* retry after */
        8,    'H',  'T',  'T',  'P',  ' ',  '5',  '0', '3',           /* error */
        4,    0,    'n',  0,    0xff, '\n',                           /* the answer */
    };
    static const unsigned char question[] = {
        2,    1, 1, 0, 3, 'a', '.', 'b',                /* version, kind, count, reply */
        0x2a, 0, 0, 0, 0, 0,   0,   0,                  /* job */
        0x3c, 0, 0, 0, 0, 0,   0,   0,   9, 0, 0, 0, 2, /* slot, replay, attempt */
    };
    memset(&batch, 0, sizeof batch);
    batch.count = 1;
    batch.results[0] = (struct result){.job = 42,
                                       .slot_s = 60,
                                       .replay = 9,
                                       .attempt = 2,
                                       .outcome = RESULT_HTTP_ERROR,
                                       .code = 503,
                                       .started_ms = 12345,
                                       .duration_ms = 312,
                                       .dns_ms = 1,
                                       .connect_ms = 2,
                                       .tls_ms = RESULT_NO_TIME,
                                       .first_byte_ms = 4,
                                       .retry_after_s = 120,
                                       .body_bytes = 4,
                                       .body = "n\0\xff\n",
                                       .error = "HTTP 503"};
    struct buffer out = BUFFER_EMPTY;
    result_batch_encode(&batch, &out);
    assert_int_equal(out.length, sizeof results);
    assert_memory_equal(out.data, results, sizeof results);
    buffer_clear(&out);
    batch.kind = RESULT_BATCH_QUESTION;
    memcpy(batch.reply, "a.b", 4);
    result_batch_encode(&batch, &out);
    assert_int_equal(out.length, sizeof question);
    assert_memory_equal(out.data, question, sizeof question);
    buffer_free(&out);
}

static void test_round_trips(void **state)
{
    (void)state;
    struct sample sample = sample_begin("results");
    for (size_t i = 0; i < sizeof bodies; i++)
        bodies[i] = (char)sample_next(&sample);
    for (size_t i = 0; i < 2000; i++) {
        random_batch(&sample, (enum result_kind)(i % 2), i % (RESULT_BATCH_MAX + 1));
        struct buffer out = BUFFER_EMPTY;
        result_batch_encode(&batch, &out);
        assert_int_equal(result_batch_decode(out.data, out.length, &decoded), 0);
        assert_same();
        buffer_free(&out);
    }
}

static void test_wrong_lengths(void **state)
{
    (void)state;
    struct sample sample = sample_begin("results cut short");
    for (size_t i = 0; i < 12; i++) {
        random_batch(&sample, (enum result_kind)(i % 2), i);
        struct buffer out = BUFFER_EMPTY;
        result_batch_encode(&batch, &out);
        for (size_t length = 0; length < out.length; length++) {
            void *cut = sample_exact(out.data, length);
            assert_int_equal(result_batch_decode(cut, length, &decoded), -1);
            free(cut);
        }
        buffer_u8(&out, 0);
        assert_int_equal(result_batch_decode(out.data, out.length, &decoded), -1);
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
        {0, 0},     {0, 1},     {0, 3},     {1, 2},     {2, 0},    {2, 2},
        {3, 2},     {4, 0},     {11, 0x80}, {19, 0x80}, {24, 0},   {25, RESULT_OUTCOMES},
        {35, 0x80}, {57, 0x0f}, {58, 7},    {58, 9},    {58, 200}, {59, 0},
        {59, '\n'}, {59, 0x7f}, {59, 0xc3}, {67, 2},    {67, 4},   {68, 4},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
        memset(&batch, 0, sizeof batch);
        batch.count = 1;
        batch.results[0] = (struct result){
            .job = 1, .attempt = 1, .error = "HTTP 503", .body = "abc", .body_bytes = 3};
        struct buffer out = BUFFER_EMPTY;
        result_batch_encode(&batch, &out);
        assert_int_equal(result_batch_decode(out.data, out.length, &decoded), 0);
        out.data[wrong[i].at] = (char)wrong[i].value;
        if (result_batch_decode(out.data, out.length, &decoded) != -1)
            fail_msg("byte %zu = %u was taken", wrong[i].at, wrong[i].value);
        buffer_free(&out);
    }
}

/* A subject that is none would break the leader's connection, or reach many. */
static void test_replies(void **state)
{
    (void)state;
    static const struct {
        const char *reply;
        int status;
    } replies[] = {
        {"a", 0},           {"_INBOX.AbC123.4", 0},
        {"claim.d-1_x", 0}, {"", -1},
        {".", -1},          {"a.", -1},
        {".a", -1},         {"a..b", -1},
        {"a b", -1},        {"a.*", -1},
        {"a.>", -1},        {"*", -1},
        {"a\tb", -1},       {"a\r\nb", -1},
        {"\xc3\xa9", -1},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(replies); i++) {
        struct buffer out = BUFFER_EMPTY;
        size_t length = strlen(replies[i].reply);
        buffer_append(&out, "\2\1\0\0", 4);
        buffer_u8(&out, (uint8_t)length);
        buffer_text(&out, replies[i].reply);
        if (result_batch_decode(out.data, out.length, &decoded) != replies[i].status)
            fail_msg("\"%s\"", replies[i].reply);
        buffer_free(&out);
    }
    char longest[4 + 1 + REPLY_SUBJECT_SIZE] = {2, 1, 0, 0, REPLY_SUBJECT_SIZE - 1};
    memset(longest + 5, 'x', REPLY_SUBJECT_SIZE);
    assert_int_equal(result_batch_decode(longest, sizeof longest - 1, &decoded), 0);
    longest[4] = (char)(unsigned char)REPLY_SUBJECT_SIZE;
    assert_int_equal(result_batch_decode(longest, sizeof longest, &decoded), -1);
}

/* Whatever a peer or a library said must not stop the result from arriving. */
static void test_errors_are_cleaned(void **state)
{
    (void)state;
    memset(&batch, 0, sizeof batch);
    batch.count = 2;
    batch.results[0] = (struct result){.job = 1, .attempt = 1, .error = "caf\xc3\xa9\n\x01 \xff~"};
    batch.results[1] = (struct result){.job = 2, .attempt = 1};
    memset(batch.results[1].error, 'e', RESULT_ERROR_SIZE); /* and no NUL */
    struct buffer out = BUFFER_EMPTY;
    result_batch_encode(&batch, &out);
    assert_int_equal(result_batch_decode(out.data, out.length, &decoded), 0);
    assert_string_equal(decoded.results[0].error, "caf???? ?~");
    assert_int_equal(strlen(decoded.results[1].error), RESULT_ERROR_SIZE - 1);
    buffer_free(&out);
}

/* The largest of all fits into a message of NATS, several times over. */
static void test_largest(void **state)
{
    (void)state;
    memset(&batch, 0, sizeof batch);
    batch.count = RESULT_BATCH_MAX;
    for (size_t i = 0; i < RESULT_BATCH_MAX; i++) {
        struct result *result = &batch.results[i];
        *result = (struct result){.job = INT64_MAX,
                                  .attempt = 255,
                                  .retry_after_s = RETRY_AFTER_MAX_S,
                                  .body = bodies,
                                  .body_bytes = RESULT_BODY_MAX};
        memset(result->error, 'e', RESULT_ERROR_SIZE - 1);
    }
    struct buffer out = BUFFER_EMPTY;
    result_batch_encode(&batch, &out);
    assert_int_equal(out.length, 4 + RESULT_BATCH_MAX * 1208);
    assert_int_equal(result_batch_decode(out.data, out.length, &decoded), 0);
    assert_same();
    /* One byte more of an answer is refused. */
    buffer_clear(&out);
    batch.count = 1;
    result_batch_encode(&batch, &out);
    size_t length_at = out.length - RESULT_BODY_MAX - 2;
    out.data[length_at] = 1;
    buffer_u8(&out, 0);
    assert_int_equal(result_batch_decode(out.data, out.length, &decoded), -1);
    buffer_free(&out);
}

/* What decodes is encoded to the same bytes. */
static void test_random_bytes(void **state)
{
    (void)state;
    struct sample sample = sample_begin("changed results");
    size_t taken = 0;
    for (size_t i = 0; i < 20000; i++) {
        random_batch(&sample, (enum result_kind)(i % 2), 1 + i % 3);
        struct buffer out = BUFFER_EMPTY;
        struct buffer again = BUFFER_EMPTY;
        result_batch_encode(&batch, &out);
        for (uint64_t j = 0; j <= i % 4; j++)
            out.data[sample_below(&sample, out.length)] = (char)sample_next(&sample);
        if (!result_batch_decode(out.data, out.length, &decoded)) {
            taken++;
            result_batch_encode(&decoded, &again);
            assert_int_equal(again.length, out.length);
            assert_memory_equal(again.data, out.data, out.length);
        }
        buffer_free(&out);
        buffer_free(&again);
    }
    assert_true(taken > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),        cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_wrong_lengths), cmocka_unit_test(test_wrong_bytes),
        cmocka_unit_test(test_replies),       cmocka_unit_test(test_errors_are_cleaned),
        cmocka_unit_test(test_random_bytes),  cmocka_unit_test(test_largest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
