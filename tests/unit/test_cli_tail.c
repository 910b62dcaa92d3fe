#include "cli/tail.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "shared/compiler.h"

#define LARGE ((size_t)3 * TAIL_MAX)

/* The byte at a place of one long stream. */
static char byte_at(size_t place)
{
    return (char)(place * 7 + place / 256);
}

static void append_next(struct tail *tail, size_t *place, size_t length)
{
    static char bytes[LARGE];
    assert_true(length <= sizeof bytes);
    for (size_t i = 0; i < length; i++)
        bytes[i] = byte_at(*place + i);
    tail_append(tail, bytes, length);
    *place += length;
}

static void assert_is_end(const struct tail *tail, size_t place)
{
    char copy[TAIL_MAX];
    size_t length = tail_copy(tail, copy);
    assert_int_equal(length, place < TAIL_MAX ? place : TAIL_MAX);
    for (size_t i = 0; i < length; i++)
        assert_int_equal(copy[i], byte_at(place - length + i));
}

static void it_is_the_end_of_what_was_appended(void **state)
{
    (void)state;
    static const size_t steps[] = {
        0,     1,    7,    4096, TAIL_MAX - 4104, 1, TAIL_MAX - 1, TAIL_MAX, TAIL_MAX + 1,
        LARGE, 5000, 5000, 5000};
    struct tail tail = {0};
    size_t place = 0;
    for (size_t i = 0; i < ARRAY_LENGTH(steps); i++) {
        append_next(&tail, &place, steps[i]);
        assert_is_end(&tail, place);
    }
}

static void one_large_piece_is_enough(void **state)
{
    (void)state;
    struct tail tail = {0};
    size_t place = 0;
    append_next(&tail, &place, LARGE - 3);
    assert_is_end(&tail, place);
}

static void it_is_as_long_as_the_server_keeps(void **state)
{
    (void)state;
    assert_int_equal(TAIL_MAX, 10240);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_the_end_of_what_was_appended),
        cmocka_unit_test(one_large_piece_is_enough),
        cmocka_unit_test(it_is_as_long_as_the_server_keeps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
