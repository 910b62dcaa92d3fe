#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/framing.h"
#include "shared/buffer.h"

#define POST "POST /jobs HTTP/1.1\r\nHost: a\r\n"

static enum framing check(const char *text, bool http_1_1)
{
    return framing_check(text, strlen(text), http_1_1);
}

static void sound_heads_pass(void **state)
{
    (void)state;
    static const char *const heads[] = {
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\nhost: a\n\n",
        POST "Content-Length: 2\r\n\r\n{}",
        POST "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        POST "Content-Length: 44\r\n\r\nHost: b\r\nContent-Length: 2\r\n more\r\n",
        POST "X-Content-Length: 1\r\nContent-Lengths: 1\r\nHosts: b\r\n\r\n",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(heads); i++)
        assert_int_equal(check(heads[i], true), FRAMING_OK);
    assert_int_equal(check("GET / HTTP/1.0\r\n\r\n", false), FRAMING_OK);
}

static void ambiguous_heads_do_not(void **state)
{
    (void)state;
    static const struct {
        const char *head;
        enum framing framing;
    } cases[] = {
        {"GET / HTTP/1.1\r\n\r\n", FRAMING_HOST},
        {"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", FRAMING_HOST},
        {POST "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", FRAMING_LENGTHS},
        {POST "content-length: 2\r\nCONTENT-LENGTH: 3\r\n\r\n{}", FRAMING_LENGTHS},
        {POST "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n", FRAMING_LENGTH_AND_CODE},
        {POST "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n", FRAMING_LENGTH_AND_CODE},
        {POST "Transfer-Encoding: chunked\nTransfer-Encoding: chunked\n\n",
         FRAMING_LENGTH_AND_CODE},
        {POST "X: a\r\n b\r\n\r\n", FRAMING_FOLDED},
        {POST "X: a\r\n\tContent-Length: 1\r\n\r\n", FRAMING_FOLDED},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        assert_int_equal(check(cases[i].head, true), cases[i].framing);
        assert_true(strlen(framing_text(cases[i].framing)) > 0);
    }
    assert_int_equal(check("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", false),
                     FRAMING_LENGTH_AND_CODE);
}

static void a_large_head_does_not(void **state)
{
    (void)state;
    struct buffer head = BUFFER_EMPTY;
    buffer_text(&head, "GET / HTTP/1.1\r\nHost: a\r\nX: ");
    while (head.length < FRAMING_HEAD_MAX - 4)
        buffer_text(&head, "y");
    buffer_text(&head, "\r\n\r\n");
    assert_int_equal(framing_check(head.data, head.length, true), FRAMING_OK);
    head.length -= 4;
    buffer_text(&head, "y\r\n\r\n");
    assert_int_equal(framing_check(head.data, head.length, true), FRAMING_TOO_LARGE);
    buffer_free(&head);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sound_heads_pass),
        cmocka_unit_test(ambiguous_heads_do_not),
        cmocka_unit_test(a_large_head_does_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
