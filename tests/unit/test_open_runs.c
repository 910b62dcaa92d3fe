#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "scheduler/core/open_runs.h"

#define KEYS       3000
#define OPERATIONS 300000

static struct run run_of(int64_t job, int64_t slot_s, uint32_t replay)
{
    return (struct run){.job = job, .slot_s = slot_s, .replay = replay, .attempt = 1};
}

static void a_run_goes_from_held_to_emitted_to_finished(void **state)
{
    (void)state;
    struct open_runs runs;
    open_runs_init(&runs);
    struct run run = run_of(5, 60, 0);
    uint32_t place = open_runs_add(&runs, &run, OPEN_RUN_HELD, 3);
    assert_int_equal(open_runs_find(&runs, 5, 60, 0), place);
    assert_int_equal(open_runs_find(&runs, 5, 60, 1), OPEN_RUN_NONE);
    assert_int_equal(open_runs_find(&runs, 5, 120, 0), OPEN_RUN_NONE);
    assert_int_equal(open_runs_oldest_emitted(&runs), OPEN_RUN_NONE);
    runs.runs[place].end = attempt_end_none(900, "HTTP 503"); /* of the attempt before */
    open_runs_emit(&runs, place, 17, 1000);
    assert_null(runs.runs[place].end);
    assert_int_equal(runs.runs[place].message, 17);
    assert_int_equal(runs.runs[place].emitted_ms, 1000);
    assert_true(runs.runs[place].in_log);
    assert_int_equal(open_runs_oldest_emitted(&runs), place);
    assert_int_equal(open_runs_next_finished(&runs), OPEN_RUN_NONE);
    open_runs_finish(&runs, place);
    assert_int_equal(open_runs_oldest_emitted(&runs), OPEN_RUN_NONE);
    assert_int_equal(runs.finished.count, 1);
    assert_int_equal(open_runs_next_finished(&runs), place);
    assert_int_equal(runs.finished.count, 0);
    open_runs_remove(&runs, place);
    assert_int_equal(open_runs_find(&runs, 5, 60, 0), OPEN_RUN_NONE);
    assert_int_equal(runs.count, 0);
    open_runs_free(&runs);
}

static void recorded_runs_finish_too(void **state)
{
    (void)state;
    struct open_runs runs;
    open_runs_init(&runs);
    struct run first = run_of(1, 60, 0), second = run_of(2, 60, 0);
    uint32_t recorded = open_runs_add_emitted(&runs, &first, 0, 0, 0);
    uint32_t loaded = open_runs_add(&runs, &second, OPEN_RUN_RECORDED, 0);
    open_runs_record(&runs, recorded);
    assert_false(runs.runs[recorded].in_log);
    assert_int_equal(open_runs_oldest_emitted(&runs), OPEN_RUN_NONE);
    open_runs_finish(&runs, loaded);
    open_runs_finish(&runs, recorded);
    assert_int_equal(open_runs_next_finished(&runs), loaded);
    assert_int_equal(open_runs_next_finished(&runs), recorded);
    open_runs_free(&runs);
}

/* What the run borrowed of a result is its own. */
static void the_end_of_an_attempt_is_copied(void **state)
{
    (void)state;
    char body[] = "oh no";
    struct result result = {.outcome = RESULT_HTTP_ERROR,
                            .code = 503,
                            .started_ms = 1100,
                            .duration_ms = 30,
                            .dns_ms = RESULT_NO_TIME,
                            .connect_ms = 7,
                            .body_bytes = 5,
                            .body = body,
                            .error = "HTTP 503"};
    struct attempt_end *end = attempt_end_of(&result);
    memset(&result.error, 'x', sizeof(result.error));
    memset(body, 'x', sizeof(body));
    assert_string_equal(end->error, "HTTP 503");
    assert_memory_equal(end->body, "oh no", 5);
    assert_int_equal(end->code, 503);
    assert_int_equal(end->connect_ms, 7);
    assert_int_equal(end->dns_ms, RESULT_NO_TIME);
    assert_false(end->success);
    attempt_end_free(end);
    struct result good = {.outcome = RESULT_SUCCESS};
    end = attempt_end_of(&good);
    assert_true(end->success);
    assert_null(end->error);
    assert_null(end->body);
    attempt_end_free(end);
    attempt_end_free(NULL);
}

/* Any can leave a list: the first, the last, one between. */
static void a_list_keeps_its_order(void **state)
{
    (void)state;
    struct open_runs runs;
    open_runs_init(&runs);
    struct run_list list = {0};
    uint32_t places[6];
    for (int64_t i = 0; i < 6; i++) {
        struct run run = run_of(i + 1, 60, 0);
        places[i] = open_runs_add(&runs, &run, OPEN_RUN_HELD, 0);
        run_list_append(&list, &runs, places[i]);
    }
    run_list_take(&list, &runs, places[0]);
    run_list_take(&list, &runs, places[3]);
    run_list_take(&list, &runs, places[5]);
    run_list_append(&list, &runs, places[0]);
    assert_int_equal(list.count, 4);
    assert_int_equal(run_list_pop(&list, &runs), places[1]);
    assert_int_equal(run_list_pop(&list, &runs), places[2]);
    assert_int_equal(run_list_pop(&list, &runs), places[4]);
    assert_int_equal(run_list_pop(&list, &runs), places[0]);
    assert_int_equal(run_list_pop(&list, &runs), OPEN_RUN_NONE);
    run_list_append(&list, &runs, places[2]);
    run_list_take(&list, &runs, places[2]);
    assert_int_equal(list.count, 0);
    open_runs_free(&runs);
}

/* The place of a run that is gone may be another's, whose turn has not come. */
static void a_new_run_in_an_old_place_does_not_pass_the_line(void **state)
{
    (void)state;
    struct open_runs runs;
    open_runs_init(&runs);
    struct run a = run_of(1, 60, 0), b = run_of(2, 60, 0), c = run_of(3, 60, 0),
               d = run_of(4, 120, 0);
    uint32_t first = open_runs_add_emitted(&runs, &a, 0, 0, 10);
    uint32_t gone = open_runs_add_emitted(&runs, &b, 0, 0, 10);
    uint32_t waiting = open_runs_add_emitted(&runs, &c, 0, 0, 10);
    open_runs_finish(&runs, gone);
    assert_int_equal(open_runs_next_finished(&runs), gone);
    open_runs_remove(&runs, gone);
    uint32_t late = open_runs_add_emitted(&runs, &d, 0, 1, 60000);
    assert_int_equal(late, gone);
    assert_int_equal(open_runs_oldest_emitted(&runs), first);
    open_runs_record(&runs, first);
    assert_int_equal(open_runs_oldest_emitted(&runs), waiting);
    open_runs_record(&runs, waiting);
    assert_int_equal(open_runs_oldest_emitted(&runs), late);
    open_runs_free(&runs);
}

/* ---- against lists that are searched from end to end ---- */

struct model_run {
    uint64_t emitted, finished; /* order of the events; 0: not */
    enum open_run_state state;
    bool there;
};

static struct model_run model[KEYS];
static uint64_t random_state = 7;

static uint32_t random_below(uint32_t bound)
{
    random_state = random_state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (uint32_t)(random_state >> 33) % bound;
}

static uint32_t find_key(const struct open_runs *runs, uint32_t key)
{
    return open_runs_find(runs, key % 50 + 1, INT64_C(60) * (key / 50 % 20), key / 1000);
}

static uint32_t key_of(const struct open_runs *runs, uint32_t place)
{
    const struct run *run = &runs->runs[place].run;
    return (uint32_t)(run->job - 1) + 50 * (uint32_t)(run->slot_s / 60) + 1000 * run->replay;
}

/* The key with the lowest order that is not 0, or KEYS. */
static uint32_t model_first(bool finished)
{
    uint32_t first = KEYS;
    uint64_t lowest = UINT64_MAX;
    for (uint32_t key = 0; key < KEYS; key++) {
        const struct model_run *run = &model[key];
        uint64_t order = finished ? run->finished : run->emitted;
        bool counts =
            run->there && run->state == (finished ? OPEN_RUN_FINISHED : OPEN_RUN_EMITTED) && order;
        if (counts && order < lowest) {
            lowest = order;
            first = key;
        }
    }
    return first;
}

static void random_step(struct open_runs *runs, uint64_t order)
{
    uint32_t key = random_below(KEYS);
    struct model_run *run = &model[key];
    uint32_t place = find_key(runs, key);
    assert_int_equal(place != OPEN_RUN_NONE, run->there);
    if (!run->there) {
        struct run added = run_of(key % 50 + 1, INT64_C(60) * (key / 50 % 20), key / 1000);
        enum open_run_state states[] = {OPEN_RUN_HELD, OPEN_RUN_RECORDED, OPEN_RUN_EMITTED};
        *run = (struct model_run){.there = true, .state = states[random_below(3)]};
        if (run->state == OPEN_RUN_EMITTED) {
            run->emitted = order;
            open_runs_add_emitted(runs, &added, 0, order, 0);
        } else {
            open_runs_add(runs, &added, run->state, 0);
        }
        return;
    }
    assert_int_equal(runs->runs[place].state, run->state);
    assert_int_equal(runs->runs[place].in_log, run->emitted != 0);
    if (run->state == OPEN_RUN_EMITTED && random_below(2)) {
        open_runs_record(runs, place);
        run->state = OPEN_RUN_RECORDED;
        run->emitted = 0;
    } else if (run->state == OPEN_RUN_HELD && random_below(2)) {
        open_runs_emit(runs, place, order, 0);
        run->state = OPEN_RUN_EMITTED;
        run->emitted = order;
    } else if (run->state != OPEN_RUN_FINISHED && random_below(10) == 0) {
        open_runs_remove(runs, place); /* as where its job was deleted */
        run->there = false;
    } else if (run->state != OPEN_RUN_FINISHED) {
        runs->runs[place].end = attempt_end_none(0, "no such");
        open_runs_finish(runs, place);
        run->state = OPEN_RUN_FINISHED;
        run->finished = order;
    }
}

static void finished_are_taken(struct open_runs *runs, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t place = open_runs_next_finished(runs), expected = model_first(true);
        assert_int_equal(place == OPEN_RUN_NONE ? KEYS : key_of(runs, place), expected);
        if (place == OPEN_RUN_NONE)
            return;
        open_runs_remove(runs, place);
        model[expected].there = false;
    }
}

static void random_operations_agree_with_a_simple_model(void **state)
{
    (void)state;
    struct open_runs runs;
    open_runs_init(&runs);
    for (uint64_t order = 1; order <= OPERATIONS; order++) {
        random_step(&runs, order);
        if (random_below(200) == 0)
            finished_are_taken(&runs, 1 + random_below(100));
        if (random_below(50) == 0) {
            uint32_t place = open_runs_oldest_emitted(&runs), expected = model_first(false);
            assert_int_equal(place == OPEN_RUN_NONE ? KEYS : key_of(&runs, place), expected);
        }
    }
    finished_are_taken(&runs, KEYS);
    uint32_t count = 0;
    for (uint32_t key = 0; key < KEYS; key++) {
        assert_int_equal(find_key(&runs, key) != OPEN_RUN_NONE, model[key].there);
        count += model[key].there;
    }
    assert_int_equal(runs.count, count);
    open_runs_free(&runs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_goes_from_held_to_emitted_to_finished),
        cmocka_unit_test(recorded_runs_finish_too),
        cmocka_unit_test(the_end_of_an_attempt_is_copied),
        cmocka_unit_test(a_list_keeps_its_order),
        cmocka_unit_test(a_new_run_in_an_old_place_does_not_pass_the_line),
        cmocka_unit_test(random_operations_agree_with_a_simple_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
