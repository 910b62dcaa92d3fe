/* The table of recent entries against an array kept in the order of use. */
#include "dispatcher/recent_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define IDS   5000
#define STEPS 50000

static struct recent_entry entries[IDS];
static int64_t order[IDS]; /* ids, the oldest first */
static size_t count;

static size_t place_of(int64_t id)
{
    size_t place = 0;
    while (place < count && order[place] != id)
        place++;
    return place;
}

static void order_take(size_t place)
{
    for (count--; place < count; place++)
        order[place] = order[place + 1];
}

static void check(const struct recent_table *table)
{
    assert_int_equal(table->count, count);
    const struct recent_entry *entry = table->oldest;
    for (size_t i = 0; i < count; i++, entry = entry->newer)
        assert_int_equal(entry->id, order[i]);
    assert_null(entry);
    entry = table->newest;
    for (size_t i = count; i-- > 0; entry = entry->older)
        assert_int_equal(entry->id, order[i]);
    assert_null(entry);
}

static void test_against_an_array(void **state)
{
    (void)state;
    struct recent_table table;
    recent_table_init(&table);
    count = 0;
    srand(7);
    for (int step = 0; step < STEPS; step++) {
        int64_t id = rand() % IDS;
        size_t place = place_of(id);
        struct recent_entry *found = recent_table_find(&table, id);
        assert_ptr_equal(found, place < count ? &entries[id] : NULL);
        if (!found) {
            entries[id] = (struct recent_entry){.id = id};
            recent_table_add(&table, &entries[id]);
            order[count++] = id;
        } else if (rand() % 3 == 0) {
            recent_table_remove(&table, found);
            order_take(place);
        } else {
            recent_table_use(&table, found);
            order_take(place);
            order[count++] = id;
        }
        if (step % 1000 == 0)
            check(&table);
    }
    check(&table);
    assert_true(count > 1024); /* it has grown */
    recent_table_free(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_against_an_array)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
