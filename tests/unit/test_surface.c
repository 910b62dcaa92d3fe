#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/surface.h"
#include "shared/compiler.h"

static void a_path_tells_which_api_it_is_of(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        enum surface surface;
    } samples[] = {
        {"/api/v1", SURFACE_CHECKS},
        {"/api/v1/", SURFACE_CHECKS},
        {"/api/v1/checks", SURFACE_CHECKS},
        {"/api/v1/no/such", SURFACE_CHECKS},
        {"/api/v10", SURFACE_JOBS},
        {"/api/v2/checks", SURFACE_JOBS},
        {"/api", SURFACE_JOBS},
        {"/API/V1/checks", SURFACE_JOBS},
        {"/x/api/v1", SURFACE_JOBS},
        {"", SURFACE_JOBS},
        {"/", SURFACE_JOBS},
        {"/ping", SURFACE_PUBLIC},
        {"/ping/x/fail", SURFACE_PUBLIC},
        {"/pings", SURFACE_JOBS},
        {"/badge/x", SURFACE_PUBLIC},
        {"/badges", SURFACE_JOBS},
        {"/jobs", SURFACE_JOBS},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(samples); i++)
        assert_int_equal(surface_of(samples[i].path, strlen(samples[i].path)), samples[i].surface);
    assert_int_equal(surface_of("/api/v1/checks", 6), SURFACE_JOBS); /* no further than told */
}

static void an_error_has_its_name(void **state)
{
    (void)state;
    assert_string_equal(surface_error_member(SURFACE_JOBS), "detail");
    assert_string_equal(surface_error_member(SURFACE_CHECKS), "error");
    assert_string_equal(surface_error_member(SURFACE_PUBLIC), "error");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_tells_which_api_it_is_of),
        cmocka_unit_test(an_error_has_its_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
