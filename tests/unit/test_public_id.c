#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "shared/public_id.h"
#include "tests/unit/sample.h"

#define SECRET "0123456789abcdef0123456789abcdef"

/* Made by Python's hmac and its long integers. */
static const struct {
    int64_t id;
    const char *check;
    const char *ping_key;
} vectors[] = {
    {1, "00000000007QbOeC", "pk_00000000008FfQAa"},
    {2, "0000000000DqGJAK", "pk_0000000000D5zjIe"},
    {1234567890123456789, "6tYMNMn2HLfKzgZx", "pk_6tYMNMn2HLgJdSac"},
    {INT64_MAX, "pWE94k9hlxlfGIeP", "pk_pWE94k9hlxl0uvfE"},
};

static enum public_id_verdict verdict(enum public_id_kind kind, const char *text)
{
    int64_t id = 0;
    return public_id_open(SECRET, kind, text, strlen(text), &id);
}

static void test_vectors(void **state)
{
    (void)state;
    char text[PUBLIC_ID_SIZE];
    for (size_t i = 0; i < ARRAY_LENGTH(vectors); i++) {
        int64_t id = 0;
        assert_string_equal(public_id_make(SECRET, PUBLIC_ID_CHECK, vectors[i].id, text),
                            vectors[i].check);
        assert_int_equal(public_id_open(SECRET, PUBLIC_ID_CHECK, text, strlen(text), &id),
                         PUBLIC_ID_OURS);
        assert_true(id == vectors[i].id);
        assert_string_equal(public_id_make(SECRET, PUBLIC_ID_PING_KEY, vectors[i].id, text),
                            vectors[i].ping_key);
        assert_int_equal(public_id_open(SECRET, PUBLIC_ID_PING_KEY, text, strlen(text), &id),
                         PUBLIC_ID_OURS);
        assert_true(id == vectors[i].id);
    }
}

static void test_round_trip(void **state)
{
    (void)state;
    char text[PUBLIC_ID_SIZE];
    char again[PUBLIC_ID_SIZE];
    struct public_id name;
    for (int i = 0; i < 3000; i++) {
        enum public_id_kind kind = i % 2 ? PUBLIC_ID_CHECK : PUBLIC_ID_PING_KEY;
        int64_t id = public_id_draw();
        assert_true(id > 0);
        public_id_make(SECRET, kind, id, text);
        assert_int_equal(strlen(text), i % 2 ? PUBLIC_ID_LENGTH : PING_KEY_LENGTH);
        assert_int_equal(public_id_parse(kind, text, strlen(text), &name), 0);
        assert_true(name.id == id);
        assert_string_equal(public_id_text(kind, &name, again), text);
        assert_true(public_id_is_ours(SECRET, kind, &name));
        assert_false(public_id_is_ours(SECRET "x", kind, &name));
        assert_false(public_id_is_ours(
            SECRET, kind == PUBLIC_ID_CHECK ? PUBLIC_ID_PING_KEY : PUBLIC_ID_CHECK, &name));
        name.mac ^= 1U << i % 32;
        assert_false(public_id_is_ours(SECRET, kind, &name));
    }
}

/* No two drawn ids are the same, and each bit is drawn. */
static void test_draw(void **state)
{
    (void)state;
    uint64_t seen = 0;
    uint64_t always = UINT64_MAX;
    for (int i = 0; i < 1000; i++) {
        uint64_t id = (uint64_t)public_id_draw();
        seen |= id;
        always &= id;
    }
    assert_true(seen == INT64_MAX);
    assert_true(always == 0);
}

/* No character of a name can be another one. */
static void test_forged(void **state)
{
    (void)state;
    char text[PUBLIC_ID_SIZE];
    struct public_id original;
    struct public_id name;
    public_id_make(SECRET, PUBLIC_ID_CHECK, vectors[2].id, text);
    assert_int_equal(public_id_parse(PUBLIC_ID_CHECK, text, 16, &original), 0);
    for (size_t at = 0; at < 16; at++) {
        char kept = text[at];
        for (int c = -128; c < 128; c++) {
            if (c == kept)
                continue;
            text[at] = (char)c;
            int64_t id = 0;
            assert_int_not_equal(public_id_open(SECRET, PUBLIC_ID_CHECK, text, 16, &id),
                                 PUBLIC_ID_OURS);
            if (!public_id_parse(PUBLIC_ID_CHECK, text, 16, &name))
                assert_true(name.id != original.id || name.mac != original.mac);
        }
        text[at] = kept;
    }
    assert_int_equal(verdict(PUBLIC_ID_CHECK, text), PUBLIC_ID_OURS);
}

static void test_malformed(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "abc123",
        "6tYMNMn2HLfKzgZ",   /* short */
        "6tYMNMn2HLfKzgZx0", /* long */
        "6tYMNMn2HLfKzgZ-",  /* alien */
        "6tYMNMn2HLfKzg x",
        "pk_6tYMNMn2HLgJdSac",
        "zzzzzzzzzzzzzzzz", /* an id of more than 63 bits */
        "pWE94k9hlxnYxoeW", /* the first of them */
        "0000000000000000", /* id 0 */
        "00000000004gfFC3", /* the last of id 0 */
    };
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++)
        assert_int_equal(verdict(PUBLIC_ID_CHECK, wrong[i]), PUBLIC_ID_MALFORMED);
    assert_int_equal(verdict(PUBLIC_ID_CHECK, "pWE94k9hlxnYxoeV"), PUBLIC_ID_UNKNOWN);
    assert_int_equal(verdict(PUBLIC_ID_CHECK, "00000000004gfFC4"), PUBLIC_ID_UNKNOWN);

    static const char *const keys[] = {"6tYMNMn2HLgJdSac",     "pk-6tYMNMn2HLgJdSac",
                                       "PK_6tYMNMn2HLgJdSac",  "pk_6tYMNMn2HLgJdSa",
                                       "pk_6tYMNMn2HLgJdSac0", "pk_"};
    for (size_t i = 0; i < ARRAY_LENGTH(keys); i++)
        assert_int_equal(verdict(PUBLIC_ID_PING_KEY, keys[i]), PUBLIC_ID_MALFORMED);
    assert_int_equal(verdict(PUBLIC_ID_PING_KEY, "pk_6tYMNMn2HLgJdSad"), PUBLIC_ID_UNKNOWN);
}

/* Reads no byte beyond the text, and a refusal leaves the id alone. */
static void test_exact(void **state)
{
    (void)state;
    int64_t id = 7;
    for (size_t length = 1; length < 40; length++) {
        char *text =
            sample_exact("pk_6tYMNMn2HLgJdSad000000000000000000000000000000000000", length);
        enum public_id_verdict check = public_id_open(SECRET, PUBLIC_ID_CHECK, text, length, &id);
        assert_int_equal(check, PUBLIC_ID_MALFORMED);
        assert_true(id == 7);
        if (length != PING_KEY_LENGTH)
            assert_int_equal(public_id_open(SECRET, PUBLIC_ID_PING_KEY, text, length, &id),
                             PUBLIC_ID_MALFORMED);
        free(text);
    }
    assert_true(id == 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),   cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_draw),      cmocka_unit_test(test_forged),
        cmocka_unit_test(test_malformed), cmocka_unit_test(test_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
