#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/badge.h"
#include "shared/compiler.h"

static char *write(const char *label, const char *message, bool dark_text)
{
    struct buffer out = BUFFER_EMPTY;
    badge_write(&out, &(struct badge){label, message, "#22c55e", dark_text});
    return out.data; /* for free() */
}

static void texts_are_as_wide_as_in_the_font(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int tenths;
    } samples[] = {
        {"", 0},
        {" ", 35},
        {"i", 31},
        {"W", 109},
        {"~", 92},
        {"status", 338},
        {"up", 140},
        {"100%", 314},
        {"\xc3\xa4", 70},
        {"\xe2\x82\xac", 110},
        {"\xf0\x9f\x92\xa5", 110},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(samples); i++)
        assert_int_equal(badge_text_width(samples[i].text), samples[i].tenths);
}

static void the_whole_is_as_wide_as_its_parts(void **state)
{
    (void)state;
    char *svg = write("status", "up", true);
    /* 33.8 and 14.0 pixels, each with 6 on either side, in whole ones */
    assert_non_null(strstr(svg, "width=\"72\" height=\"20\""));
    assert_non_null(strstr(svg, "d=\"M46 0H3a3"));
    assert_non_null(strstr(svg, "d=\"M46 0h23a3"));
    assert_non_null(strstr(svg, "x=\"230\""));
    assert_non_null(strstr(svg, "x=\"590\""));
    free(svg);
}

static void it_says_what_it_is(void **state)
{
    (void)state;
    char *svg = write("status", "up", true);
    assert_non_null(strstr(svg, "role=\"img\" aria-label=\"status: up\""));
    assert_non_null(strstr(svg, "<title>status: up</title>"));
    assert_non_null(strstr(svg, "fill=\"#22c55e\""));
    assert_ptr_equal(strstr(svg, "<svg xmlns=\"http://www.w3.org/2000/svg\" "), svg);
    assert_string_equal(svg + strlen(svg) - strlen("</svg>"), "</svg>");
    free(svg);
}

static void dark_text_has_no_shadow(void **state)
{
    (void)state;
    char *dark = write("a", "message", true);
    char *white = write("a", "message", false);
    assert_non_null(strstr(dark, "fill=\"#111\""));
    assert_null(strstr(white, "fill=\"#111\""));
    assert_true(strlen(white) > strlen(dark));
    free(dark);
    free(white);
}

static void texts_are_escaped_everywhere(void **state)
{
    (void)state;
    char *svg = write("<script>\"&'\"</script>\xef\xbf\xbe\xef\xbf\xbf\xef\xbf\xbd", "m", false);
    static const char escaped[] = "&lt;script&gt;&quot;&amp;&#39;&quot;&lt;/script&gt;"
                                  "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd";
    unsigned count = 0;
    for (const char *at = svg; (at = strstr(at, escaped)) != NULL; at++)
        count++;
    assert_int_equal(count, 4); /* aria-label, title, shadow, text */
    assert_null(strstr(svg, "<script"));
    free(svg);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_as_wide_as_in_the_font),
        cmocka_unit_test(the_whole_is_as_wide_as_its_parts),
        cmocka_unit_test(it_says_what_it_is),
        cmocka_unit_test(dark_text_has_no_shadow),
        cmocka_unit_test(texts_are_escaped_everywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
