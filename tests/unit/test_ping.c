#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "shared/ping.h"
#include "tests/unit/sample.h"

#define CHECK   INT64_C(0x0102030405060708)
#define TIME_MS INT64_C(1770700000123)

static const struct ping plain = {
    .check = CHECK,
    .time_ms = TIME_MS,
    .kind = PING_SUCCESS,
    .method = PING_GET,
    .exit_code = PING_NO_EXIT,
    .rid = "",
    .body = "",
};

static void encode_one(struct buffer *out, const struct ping *ping)
{
    ping_batch_begin(out);
    ping_batch_add(out, ping);
    ping_batch_end(out, 1);
}

/* Opens a copy that ends where the memory ends. */
static int open_exact(const void *bytes, size_t length, struct ping *first)
{
    void *copy = sample_exact(bytes, length);
    struct ping_batch batch;
    int status = ping_batch_open(copy, length, &batch);
    if (status == 0 && first)
        ping_batch_next(&batch, first);
    free(copy);
    return status;
}

static int open_one(const struct ping *ping)
{
    struct buffer out = BUFFER_EMPTY;
    encode_one(&out, ping);
    int status = open_exact(out.data, out.length, NULL);
    buffer_free(&out);
    return status;
}

static void test_layout(void **state)
{
    (void)state;
    static const uint8_t expected[] = {
        1,    0,    1,    0,                            /* head: one ping */
        0x08, 0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0x01, /* check */
        0x7b, 0xcb, 0xf1, 0x45, 0x9c, 0x01, 0x00, 0x00, /* time */
        2,    1,    7,    0,    4,    2,    3,    0,    /* fail, POST, exit 7, lengths */
        192,  0,    2,    1,    'r',  '1',  'b',  'y',  'e',
    };
    struct ping ping = plain;
    ping.kind = PING_FAIL;
    ping.method = PING_POST;
    ping.exit_code = 7;
    ping.source_bytes = 4;
    memcpy(ping.source, (uint8_t[]){192, 0, 2, 1}, 4);
    ping.rid = "r1";
    ping.rid_bytes = 2;
    ping.body = "bye";
    ping.body_bytes = 3;
    struct buffer out = BUFFER_EMPTY;
    encode_one(&out, &ping);
    assert_int_equal(out.length, sizeof expected);
    assert_memory_equal(out.data, expected, sizeof expected);
    assert_int_equal(ping_bytes(&ping), sizeof expected - 4);
    buffer_free(&out);
}

static char rid_text[PING_RID_MAX];
static char body_bytes[PING_BODY_MAX];

static struct ping random_ping(struct sample *sample)
{
    static const uint8_t sources[] = {0, 4, 16};
    struct ping ping = plain;
    ping.check = sample_within(sample, 1, INT64_MAX - 1);
    ping.time_ms = sample_within(sample, 1, INT64_C(1) << 42);
    ping.method = (enum ping_method)sample_below(sample, PING_METHODS);
    ping.kind = (enum ping_kind)sample_below(sample, PING_KINDS);
    if (ping.kind == PING_SUCCESS && sample_below(sample, 2))
        ping.exit_code = 0;
    if (ping.kind == PING_FAIL && sample_below(sample, 2))
        ping.exit_code = (int16_t)sample_within(sample, 1, 255);
    ping.source_bytes = sources[sample_below(sample, 3)];
    for (size_t i = 0; i < ping.source_bytes; i++)
        ping.source[i] = (uint8_t)sample_next(sample);
    ping.rid = rid_text;
    ping.rid_bytes = (uint8_t)sample_below(sample, PING_RID_MAX + 1);
    ping.body = body_bytes;
    ping.body_bytes = (uint16_t)sample_below(sample, sample_below(sample, 8) ? 50 : 10241);
    return ping;
}

static void assert_same(const struct ping *a, const struct ping *b)
{
    assert_true(a->check == b->check && a->time_ms == b->time_ms);
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->method, b->method);
    assert_int_equal(a->exit_code, b->exit_code);
    assert_int_equal(a->source_bytes, b->source_bytes);
    assert_memory_equal(a->source, b->source, sizeof a->source);
    assert_int_equal(a->rid_bytes, b->rid_bytes);
    assert_memory_equal(a->rid, b->rid, a->rid_bytes);
    assert_int_equal(a->body_bytes, b->body_bytes);
    assert_memory_equal(a->body, b->body, a->body_bytes);
}

static void test_round_trip(void **state)
{
    (void)state;
    struct sample sample = sample_begin("ping");
    struct buffer out = BUFFER_EMPTY;
    struct ping pings[20];
    for (size_t i = 0; i < sizeof body_bytes; i++)
        body_bytes[i] = (char)sample_next(&sample);
    for (size_t i = 0; i < sizeof rid_text; i++)
        rid_text[i] = (char)sample_within(&sample, 0x20, 0x7e);
    for (int round = 0; round < 300; round++) {
        unsigned count = (unsigned)sample_within(&sample, 1, 20);
        ping_batch_begin(&out);
        for (unsigned i = 0; i < count; i++) {
            pings[i] = random_ping(&sample);
            ping_batch_add(&out, &pings[i]);
        }
        ping_batch_end(&out, count);
        void *copy = sample_exact(out.data, out.length);
        struct ping_batch batch;
        assert_int_equal(ping_batch_open(copy, out.length, &batch), 0);
        assert_int_equal(batch.left, count);
        for (unsigned i = 0; i < count; i++) {
            struct ping ping;
            ping_batch_next(&batch, &ping);
            assert_same(&ping, &pings[i]);
        }
        assert_int_equal(batch.left, 0);
        free(copy);
    }
    buffer_free(&out);
}

/* A message with a byte too few or too many is none, nor is one with another count. */
static void test_cut(void **state)
{
    (void)state;
    struct ping ping = plain;
    ping.source_bytes = 16;
    ping.rid = "rid";
    ping.rid_bytes = 3;
    ping.body = "body";
    ping.body_bytes = 4;
    struct buffer out = BUFFER_EMPTY;
    ping_batch_begin(&out);
    ping_batch_add(&out, &ping);
    ping_batch_add(&out, &plain);
    ping_batch_end(&out, 2);
    for (size_t length = 0; length < out.length; length++)
        assert_int_equal(open_exact(out.data, length, NULL), -1);
    assert_int_equal(open_exact(out.data, out.length, NULL), 0);
    buffer_u8(&out, 0);
    assert_int_equal(open_exact(out.data, out.length, NULL), -1);
    out.length--;
    for (int count = 0; count < 256; count++) {
        out.data[2] = (char)count;
        assert_int_equal(open_exact(out.data, out.length, NULL), count == 2 ? 0 : -1);
    }
    buffer_free(&out);
}

struct change {
    size_t at;
    uint8_t value;
};

static void test_refused(void **state)
{
    (void)state;
    /* In a success without exit code from 192.0.2.1 with rid "ab". */
    static const struct change changes[] = {
        {0, 0},
        {0, 2},             /* another version */
        {1, 1},             /* reserved */
        {3, 0x20},          /* a count of thousands */
        {11, 0x80},         /* a negative check */
        {19, 0x80},         /* a negative time */
        {20, PING_KINDS},   /* kind */
        {21, PING_METHODS}, /* method */
        {22, 7},            /* exit code: 0xff07 */
        {23, 0},            /* exit code: 255, of a success */
        {24, 3},
        {24, 5},
        {24, 17}, /* bytes of the address */
        {32, '\n'},
        {33, 0x7f},
        {33, 0}, /* rid */
    };
    struct ping ping = plain;
    ping.source_bytes = 4;
    ping.rid = "ab";
    ping.rid_bytes = 2;
    struct buffer out = BUFFER_EMPTY;
    encode_one(&out, &ping);
    assert_int_equal(open_exact(out.data, out.length, NULL), 0);
    for (size_t i = 0; i < ARRAY_LENGTH(changes); i++) {
        char kept = out.data[changes[i].at];
        out.data[changes[i].at] = (char)changes[i].value;
        assert_int_equal(open_exact(out.data, out.length, NULL), -1);
        out.data[changes[i].at] = kept;
    }
    memset(out.data + 4, 0, 8); /* check 0 */
    assert_int_equal(open_exact(out.data, out.length, NULL), -1);
    out.data[4] = 1;
    assert_int_equal(open_exact(out.data, out.length, NULL), 0);
    memset(out.data + 12, 0, 8); /* time 0 */
    assert_int_equal(open_exact(out.data, out.length, NULL), -1);
    buffer_free(&out);
}

/* A rid or a body that is too long, as another encoder might write it. */
static void test_too_long(void **state)
{
    (void)state;
    struct buffer out = BUFFER_EMPTY;
    encode_one(&out, &plain);
    size_t head = out.length;
    memset(buffer_grow(&out, PING_BODY_MAX + 1), 'x', PING_BODY_MAX + 1);
    for (size_t rid = PING_RID_MAX - 1; rid <= PING_RID_MAX + 1; rid++) {
        out.data[25] = (char)rid;
        assert_int_equal(open_exact(out.data, head + rid, NULL), rid <= PING_RID_MAX ? 0 : -1);
    }
    out.data[25] = 0;
    for (size_t body = PING_BODY_MAX - 1; body <= PING_BODY_MAX + 1; body++) {
        out.data[26] = (char)(body & 0xff);
        out.data[27] = (char)(body >> 8);
        assert_int_equal(open_exact(out.data, head + body, NULL), body <= PING_BODY_MAX ? 0 : -1);
    }
    buffer_free(&out);
}

static void test_largest(void **state)
{
    (void)state;
    struct buffer out = BUFFER_EMPTY;
    ping_batch_begin(&out);
    for (int i = 0; i < PING_BATCH_MAX; i++)
        ping_batch_add(&out, &plain);
    ping_batch_end(&out, PING_BATCH_MAX);
    assert_int_equal(open_exact(out.data, out.length, NULL), 0);
    assert_true(out.length < PING_MESSAGE_MAX);
    buffer_free(&out);

    /* One more, or more bytes, is none. */
    ping_batch_begin(&out);
    for (int i = 0; i <= PING_BATCH_MAX; i++)
        ping_batch_add(&out, &plain);
    out.data[2] = (char)((PING_BATCH_MAX + 1) & 0xff);
    out.data[3] = (char)((PING_BATCH_MAX + 1) >> 8);
    assert_int_equal(open_exact(out.data, out.length, NULL), -1);
    buffer_free(&out);

    struct ping ping = plain;
    ping.body = body_bytes;
    ping.body_bytes = PING_BODY_MAX;
    ping_batch_begin(&out);
    unsigned count = 0;
    for (; out.length + ping_bytes(&ping) <= PING_MESSAGE_MAX; count++)
        ping_batch_add(&out, &ping);
    ping_batch_end(&out, count);
    assert_int_equal(open_exact(out.data, out.length, NULL), 0);
    ping_batch_add(&out, &ping);
    out.data[2] = (char)(count + 1);
    assert_int_equal(open_exact(out.data, out.length, NULL), -1);
    buffer_free(&out);
}

static void test_exit_codes(void **state)
{
    (void)state;
    struct ping ping = plain;
    ping.exit_code = 0;
    assert_int_equal(open_one(&ping), 0);
    ping.kind = PING_FAIL;
    ping.exit_code = 1;
    assert_int_equal(open_one(&ping), 0);
    ping.exit_code = 255;
    assert_int_equal(open_one(&ping), 0);
    ping.exit_code = PING_NO_EXIT;
    for (unsigned kind = 0; kind < PING_KINDS; kind++) {
        ping.kind = (enum ping_kind)kind;
        assert_int_equal(open_one(&ping), 0);
    }
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(ping_method_name(PING_GET), "GET");
    assert_string_equal(ping_method_name(PING_POST), "POST");
    assert_string_equal(ping_method_name(PING_HEAD), "HEAD");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layout),     cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_cut),        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_too_long),   cmocka_unit_test(test_largest),
        cmocka_unit_test(test_exit_codes), cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
