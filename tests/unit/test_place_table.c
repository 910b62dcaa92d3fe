#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "scheduler/core/place_table.h"

#define IDS        4000
#define OPERATIONS 400000

struct element {
    int64_t id;
    uint32_t value;
    uint32_t rest;
};

static struct element *element_at(const struct place_table *table, uint32_t place)
{
    return place_table_at(table, place);
}

static uint64_t random_state = 42;

static uint32_t random_below(uint32_t bound)
{
    random_state = random_state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (uint32_t)(random_state >> 33) % bound;
}

static void what_is_added_is_found_until_it_is_removed(void **state)
{
    (void)state;
    struct place_table table;
    place_table_init(&table, sizeof(struct element));
    assert_int_equal(place_table_find(&table, 7), PLACE_NONE);
    uint32_t place = place_table_add(&table, 7);
    assert_int_equal(place_table_find(&table, 7), place);
    assert_int_equal(element_at(&table, place)->id, 7);
    assert_int_equal(element_at(&table, place)->value, 0);
    assert_int_equal(table.count, 1);
    place_table_remove(&table, place);
    assert_int_equal(place_table_find(&table, 7), PLACE_NONE);
    assert_int_equal(table.count, 0);
    place_table_free(&table);
}

static void a_free_place_is_used_again_and_zeroed(void **state)
{
    (void)state;
    struct place_table table;
    place_table_init(&table, sizeof(struct element));
    uint32_t first = place_table_add(&table, 1), second = place_table_add(&table, 2);
    element_at(&table, first)->value = 99;
    element_at(&table, first)->rest = 99;
    place_table_remove(&table, first);
    place_table_remove(&table, second);
    assert_int_equal(element_at(&table, first)->id, 0);
    assert_int_equal(place_table_add(&table, 3), second);
    assert_int_equal(place_table_add(&table, 4), first);
    assert_int_equal(element_at(&table, first)->value, 0);
    assert_int_equal(element_at(&table, first)->rest, 0);
    assert_int_equal(table.length, 2);
    place_table_free(&table);
}

static void the_largest_ids_are_ids(void **state)
{
    (void)state;
    struct place_table table;
    place_table_init(&table, sizeof(struct element));
    uint32_t last = place_table_add(&table, INT64_MAX);
    uint32_t before = place_table_add(&table, INT64_MAX - 1);
    assert_int_equal(place_table_find(&table, INT64_MAX), last);
    assert_int_equal(place_table_find(&table, INT64_MAX - 1), before);
    place_table_free(&table);
}

/* Against an array of what should be where. */
static void random_operations_agree_with_a_simple_model(void **state)
{
    (void)state;
    struct place_table table;
    place_table_init(&table, sizeof(struct element));
    static uint32_t places[IDS + 1];
    uint32_t count = 0;
    for (uint32_t id = 0; id <= IDS; id++)
        places[id] = PLACE_NONE;
    for (uint32_t i = 0; i < OPERATIONS; i++) {
        /* Grows and shrinks in waves. */
        uint32_t id = 1 + random_below(IDS);
        bool grow = random_below(100) < (i / 50000 % 2 ? 30u : 70u);
        assert_int_equal(place_table_find(&table, id), places[id]);
        if (places[id] == PLACE_NONE && grow) {
            places[id] = place_table_add(&table, id);
            element_at(&table, places[id])->value = id * 3;
            count++;
        } else if (places[id] != PLACE_NONE && !grow) {
            assert_int_equal(element_at(&table, places[id])->value, id * 3);
            place_table_remove(&table, places[id]);
            places[id] = PLACE_NONE;
            count--;
        }
        assert_int_equal(table.count, count);
    }
    for (uint32_t id = 1; id <= IDS; id++) {
        assert_int_equal(place_table_find(&table, id), places[id]);
        if (places[id] != PLACE_NONE)
            assert_int_equal(element_at(&table, places[id])->value, id * 3);
    }
    uint32_t scanned = 0;
    for (uint32_t place = 0; place < table.length; place++)
        scanned += element_at(&table, place)->id != 0;
    assert_int_equal(scanned, count);
    assert_true(table.length <= IDS);
    place_table_free(&table);
}

static void bytes_grow_with_the_elements(void **state)
{
    (void)state;
    struct place_table table;
    place_table_init(&table, sizeof(struct element));
    for (int64_t id = 1; id <= 100000; id++)
        place_table_add(&table, id);
    size_t bytes = place_table_bytes(&table) / 100000;
    assert_in_range(bytes, sizeof(struct element), 2 * sizeof(struct element));
    place_table_free(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_added_is_found_until_it_is_removed),
        cmocka_unit_test(a_free_place_is_used_again_and_zeroed),
        cmocka_unit_test(the_largest_ids_are_ids),
        cmocka_unit_test(random_operations_agree_with_a_simple_model),
        cmocka_unit_test(bytes_grow_with_the_elements),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
