#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/rate_message.h"

static struct rate_message sample(unsigned count)
{
    struct rate_message message = {
        .mark = 0x0123456789abcdef, .number = 42, .minute = 29640000, .count = count};
    for (unsigned i = 0; i < count; i++)
        message.accounts[i] = INT64_MAX - i;
    return message;
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    static const unsigned counts[] = {1, 2, RATE_MESSAGE_TAKES_MAX};
    for (size_t i = 0; i < ARRAY_LENGTH(counts); i++) {
        struct rate_message written = sample(counts[i]);
        struct rate_message read;
        struct buffer bytes = BUFFER_EMPTY;
        rate_message_encode(&written, &bytes);
        assert_int_equal(bytes.length, 28 + 8 * counts[i]);
        assert_int_equal(rate_message_decode(bytes.data, bytes.length, &read), 0);
        assert_int_equal(read.mark, written.mark);
        assert_int_equal(read.number, written.number);
        assert_int_equal(read.minute, written.minute);
        assert_int_equal(read.count, written.count);
        assert_memory_equal(read.accounts, written.accounts,
                            counts[i] * sizeof written.accounts[0]);
        buffer_free(&bytes);
    }
}

static void what_is_cut_off_or_too_long_is_refused(void **state)
{
    (void)state;
    struct rate_message written = sample(3);
    struct rate_message read;
    struct buffer bytes = BUFFER_EMPTY;
    rate_message_encode(&written, &bytes);
    for (size_t length = 0; length < bytes.length; length++)
        assert_int_equal(rate_message_decode(bytes.data, length, &read), -1);
    buffer_u8(&bytes, 0);
    assert_int_equal(rate_message_decode(bytes.data, bytes.length, &read), -1);
    buffer_free(&bytes);
}

/* Where a byte lies, and what nobody may write there. */
static void what_makes_no_sense_is_refused(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        char value;
    } wrong[] = {
        {0, 0},           {0, 2}, {1, 1},     {2, 0},
        {2, 2},           {3, 1}, {27, 0x7f}, {27, (char)0x80}, /* no such minute */
        {35, (char)0x80},                                       /* an account below 1 */
    };
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
        struct rate_message written = sample(1);
        struct rate_message read;
        struct buffer bytes = BUFFER_EMPTY;
        rate_message_encode(&written, &bytes);
        bytes.data[wrong[i].at] = wrong[i].value;
        assert_int_equal(rate_message_decode(bytes.data, bytes.length, &read), -1);
        buffer_free(&bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(what_is_cut_off_or_too_long_is_refused),
        cmocka_unit_test(what_makes_no_sense_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
