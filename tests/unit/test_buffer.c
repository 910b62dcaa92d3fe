#include "shared/buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_starts_empty(void **state)
{
    (void)state;
    struct buffer buffer = BUFFER_EMPTY;
    assert_null(buffer.data);
    buffer_clear(&buffer);
    assert_null(buffer.data);
    buffer_append(&buffer, NULL, 0);
    assert_string_equal(buffer.data, "");
    assert_int_equal(buffer.length, 0);
    buffer_free(&buffer);
    assert_null(buffer.data);
    assert_int_equal(buffer.capacity, 0);
    buffer_free(&buffer);
}

static void test_is_text_after_every_write(void **state)
{
    (void)state;
    struct buffer buffer = BUFFER_EMPTY;
    for (size_t i = 0; i < 1000; i++) {
        buffer_append(&buffer, "x", 1);
        assert_int_equal(buffer.length, i + 1);
        assert_int_equal(strlen(buffer.data), i + 1);
        assert_true(buffer.capacity > buffer.length);
    }
    size_t capacity = buffer.capacity;
    buffer_clear(&buffer);
    assert_string_equal(buffer.data, "");
    assert_int_equal(buffer.capacity, capacity);
    buffer_text(&buffer, "after");
    assert_string_equal(buffer.data, "after");
    buffer_free(&buffer);
}

static void test_grow_keeps_content_and_length(void **state)
{
    (void)state;
    static const size_t extras[] = {0, 1, 62, 63, 64, 65, 4096, 100000};
    for (size_t i = 0; i < ARRAY_LENGTH(extras); i++) {
        struct buffer buffer = BUFFER_EMPTY;
        buffer_text(&buffer, "head");
        char *end = buffer_grow(&buffer, extras[i]);
        assert_ptr_equal(end, buffer.data + 4);
        assert_int_equal(buffer.length, 4);
        assert_true(buffer.capacity >= 4 + extras[i] + 1);
        assert_string_equal(buffer.data, "head");
        memset(end, 'y', extras[i]);
        buffer_free(&buffer);
    }
}

static void test_format_of_every_length(void **state)
{
    (void)state;
    char text[600];
    for (size_t length = 0; length < sizeof text - 1; length++) {
        memset(text, 'z', length);
        text[length] = '\0';
        struct buffer buffer = BUFFER_EMPTY;
        buffer_text(&buffer, "a");
        buffer_format(&buffer, "%s|%d", text, 7);
        assert_int_equal(buffer.length, length + 3);
        assert_int_equal(strlen(buffer.data), length + 3);
        assert_memory_equal(buffer.data + 1, text, length);
        assert_string_equal(buffer.data + 1 + length, "|7");
        buffer_free(&buffer);
    }
}

static void test_integers_are_little_endian(void **state)
{
    (void)state;
    static const unsigned char expected[] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08,
                                             0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x0E, 0x0F};
    struct buffer buffer = BUFFER_EMPTY;
    buffer_u8(&buffer, 0x01);
    buffer_u16(&buffer, 0x0302);
    buffer_u32(&buffer, 0x07060504);
    buffer_u64(&buffer, 0x0F0E0D0C0B0A0908);
    assert_int_equal(buffer.length, sizeof expected);
    assert_memory_equal(buffer.data, expected, sizeof expected);
    buffer_free(&buffer);
}

static void test_reads_what_was_written(void **state)
{
    (void)state;
    static const uint64_t values[] = {
        0,          1,          0x7F,      0x80,       0xFF,           0x100,
        0x7FFF,     0x8000,     0xFFFF,    0x10000,    0x7FFFFFFF,     0x80000000,
        0xFFFFFFFF, 1ull << 32, INT64_MAX, UINT64_MAX, UINT64_MAX - 1, 1ull << 63};
    struct buffer buffer = BUFFER_EMPTY;
    for (size_t i = 0; i < ARRAY_LENGTH(values); i++) {
        buffer_u8(&buffer, (uint8_t)values[i]);
        buffer_u16(&buffer, (uint16_t)values[i]);
        buffer_u32(&buffer, (uint32_t)values[i]);
        buffer_u64(&buffer, values[i]);
        buffer_text(&buffer, "mark");
    }
    struct reader reader = reader_over(buffer.data, buffer.length);
    for (size_t i = 0; i < ARRAY_LENGTH(values); i++) {
        assert_int_equal(reader_u8(&reader), (uint8_t)values[i]);
        assert_int_equal(reader_u16(&reader), (uint16_t)values[i]);
        assert_int_equal(reader_u32(&reader), (uint32_t)values[i]);
        assert_true(reader_u64(&reader) == values[i]);
        assert_memory_equal(reader_bytes(&reader, 4), "mark", 4);
    }
    assert_int_equal(reader.left, 0);
    assert_int_equal(reader.failed, 0);
    buffer_free(&buffer);
}

/* Every read that is longer than what is left fails, gives zero and stays failed. */
static void test_reads_past_the_end_fail(void **state)
{
    (void)state;
    static const char bytes[] = "\xFF\xFF\xFF\xFF\xFF\xFF\xFF";
    static const size_t sizes[] = {1, 2, 4, 8};
    for (size_t left = 0; left < sizeof bytes - 1; left++) {
        for (size_t i = 0; i < ARRAY_LENGTH(sizes); i++) {
            if (sizes[i] <= left)
                continue;
            struct reader reader = reader_over(bytes, left);
            uint64_t value = sizes[i] == 1   ? reader_u8(&reader)
                             : sizes[i] == 2 ? reader_u16(&reader)
                             : sizes[i] == 4 ? reader_u32(&reader)
                                             : reader_u64(&reader);
            assert_true(value == 0);
            assert_int_equal(reader.failed, 1);
            assert_int_equal(reader_u8(&reader), 0);
            assert_null(reader_bytes(&reader, 0));
            assert_int_equal(reader.failed, 1);
        }
    }
}

static void test_reads_bytes_in_place(void **state)
{
    (void)state;
    static const char bytes[] = "abcdef";
    struct reader reader = reader_over(bytes, 6);
    assert_ptr_equal(reader_bytes(&reader, 2), bytes);
    assert_ptr_equal(reader_bytes(&reader, 0), bytes + 2);
    assert_ptr_equal(reader_bytes(&reader, 4), bytes + 2);
    assert_int_equal(reader.failed, 0);
    assert_null(reader_bytes(&reader, 1));
    assert_int_equal(reader.failed, 1);

    struct reader huge = reader_over(bytes, 6);
    assert_null(reader_bytes(&huge, SIZE_MAX));
    struct reader nothing = reader_over(NULL, 0);
    assert_non_null(reader_bytes(&nothing, 0));
    assert_int_equal(nothing.failed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_starts_empty),
        cmocka_unit_test(test_is_text_after_every_write),
        cmocka_unit_test(test_grow_keeps_content_and_length),
        cmocka_unit_test(test_format_of_every_length),
        cmocka_unit_test(test_integers_are_little_endian),
        cmocka_unit_test(test_reads_what_was_written),
        cmocka_unit_test(test_reads_past_the_end_fail),
        cmocka_unit_test(test_reads_bytes_in_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
