#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/uptime.h"
#include "shared/compiler.h"

static void parts_are_cut_and_not_rounded(void **state)
{
    (void)state;
    static const struct {
        int64_t up_s, down_s, parts;
    } samples[] = {
        {0, 0, -1},
        {1, 0, 1000000},
        {0, 1, 0},
        {1, 1, 500000},
        {2, 1, 666666},
        {86400, 0, 1000000},
        {86400, 1, 999988},
        {31536000, 1, 999999},
        {1, 31536000, 0},
        {995, 5, 995000},
        {199, 1, 995000},
        {994999, 5001, 994999},
        {INT32_MAX, 1, 999999},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(samples); i++) {
        struct uptime uptime = {samples[i].up_s, samples[i].down_s};
        assert_int_equal(uptime_parts(&uptime), samples[i].parts);
    }
}

static void percentages_are_as_short_as_can_be(void **state)
{
    (void)state;
    static const struct {
        int64_t parts;
        int decimals;
        const char *text;
    } samples[] = {
        {1000000, 2, "100"},  {1000000, 4, "100"}, {999999, 4, "99.9999"}, {999999, 2, "99.99"},
        {999999, 0, "99"},    {995000, 2, "99.5"}, {995000, 4, "99.5"},    {500000, 2, "50"},
        {10100, 2, "1.01"},   {10010, 2, "1"},     {10010, 4, "1.001"},    {10001, 4, "1.0001"},
        {0, 2, "0"},          {99, 2, "0"},        {100, 2, "0.01"},       {1, 4, "0.0001"},
        {999949, 2, "99.99"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(samples); i++) {
        struct buffer out = BUFFER_EMPTY;
        uptime_write(&out, samples[i].parts, samples[i].decimals);
        assert_string_equal(out.data, samples[i].text);
        buffer_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_are_cut_and_not_rounded),
        cmocka_unit_test(percentages_are_as_short_as_can_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
