/*
 * Checks at random: jobs that ping in time, late, twice, in another order, or not at all; commands
 * of all kinds; time that passes in seconds and in hours; leaders that die before and after a
 * commit. The rows are held against a model that is never loaded from them. TEST_SEED repeats a
 * run, TEST_ROUNDS makes it longer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "checks_model.h"
#include "sample.h"
#include "shared/compiler.h"

#define ROUNDS       12
#define TURNS        2500
#define CHECKS_FIRST 16
#define CHANNELS     9
#define LAG_MS       5000 /* pings are read in another order within this */
#define PING_KEPT    256

/* What a job does. */
struct job {
    int64_t next_ms;  /* it pings again */
    unsigned healthy; /* per cent */
};

static struct sample sample;
static uint64_t round_seed;
static struct job jobs[MODEL_CHECKS + 1];
static int64_t next_check, next_channel;
static struct model committed;
static struct ping kept[PING_KEPT]; /* arrived, and not in PINGS yet */
static size_t kept_count;
static size_t deaths, lost;

static uint64_t below(uint64_t bound)
{
    return sample_below(&sample, bound);
}

static bool chance(unsigned percent)
{
    return below(100) < percent;
}

static int64_t now_s(void)
{
    return world.now_ms / 1000;
}

/* ---- pings ---- */

/* The gateways send what they have, not always in order. */
static void gateways_send(void)
{
    while (kept_count && chance(85)) {
        size_t at = chance(80) ? 0 : below(kept_count);
        struct ping ping = kept[at];
        world_send(ping.check, ping.kind, ping.time_ms, ping.rid_bytes ? ping.rid : NULL);
        kept_count--;
        memmove(&kept[at], &kept[at + 1], (kept_count - at) * sizeof(kept[0]));
    }
}

/* Nothing is kept for longer than pings may lag. */
static void gateways_flush(int64_t before_ms)
{
    for (size_t i = 0; i < kept_count; i++)
        if (kept[i].time_ms < before_ms) {
            world_send(kept[i].check, kept[i].kind, kept[i].time_ms,
                       kept[i].rid_bytes ? kept[i].rid : NULL);
            kept_count--;
            memmove(&kept[i], &kept[i + 1], (kept_count - i) * sizeof(kept[0]));
            i--;
        }
}

static void arrive(int64_t check, enum ping_kind kind, int64_t time_ms)
{
    static const char *const rids[MODEL_RIDS] = {"", "a", "b", "c", "d"};
    const char *rid = chance(60) ? "" : rids[below(MODEL_RIDS)];
    if (kept_count == PING_KEPT)
        gateways_flush(INT64_MAX);
    kept[kept_count++] = (struct ping){
        .check = check, .kind = kind, .time_ms = time_ms, .rid = rid, .rid_bytes = *rid ? 1 : 0};
}

static void job_pings(int64_t id, int64_t until_ms)
{
    struct job *job = &jobs[id];
    while (job->next_ms <= until_ms) {
        int64_t at_ms = job->next_ms;
        if (chance(5))
            job->healthy = (unsigned)below(5) * 25;
        if (chance(30))
            arrive(id, PING_START, at_ms);
        if (chance(10))
            arrive(id, PING_LOG, at_ms);
        at_ms += (int64_t)below(3000);
        if (chance(job->healthy))
            arrive(id, PING_SUCCESS, at_ms);
        else if (chance(30))
            arrive(id, PING_FAIL, at_ms);
        if (chance(5))
            arrive(id, chance(50) ? PING_SUCCESS : PING_FAIL, at_ms + (int64_t)below(6000));
        int64_t period_ms =
            world.rows[id].there ? world.rows[id].settings.period_s * INT64_C(1000) : 60000;
        job->next_ms += chance(20) ? (int64_t)below((uint64_t)period_ms) : period_ms;
    }
}

static void time_passes(void)
{
    int64_t ms = chance(85) ? (int64_t)below(8000) : (int64_t)below(120000);
    if (chance(2))
        ms = (int64_t)below(3600000);
    int64_t until_ms = world.now_ms + ms;
    while (world.now_ms < until_ms) {
        int64_t step_ms = until_ms - world.now_ms < 1000 ? until_ms - world.now_ms : 1000;
        world.now_ms += step_ms;
        for (int64_t id = 1; id < next_check; id++)
            job_pings(id, world.now_ms);
        gateways_send();
        gateways_flush(world.now_ms - LAG_MS);
    }
}

/* ---- commands ---- */

static int64_t parents_random[2], channels_random[3];

static struct check_settings settings_at_random(int64_t id)
{
    static const char *const crons[] = {"*/2 * * * *", "*/5 * * * *", "7,40 * * * *"};
    static const char *const zones[] = {"UTC", "Asia/Kolkata", "Europe/Berlin"};
    static const char *const schedules[] = {"daily:00:05-00:20", "thu,fri:01:00-02:30",
                                            "daily:00:00-24:00", "weekdays:23:00-01:00"};
    struct check_settings settings = world_settings();
    settings.period_s = 60 + (int32_t)below(6) * 30;
    if (chance(25))
        settings.cron_expression = crons[below(ARRAY_LENGTH(crons))];
    settings.timezone = zones[below(ARRAY_LENGTH(zones))];
    settings.grace_s = 60 + (int32_t)below(3) * 45;
    settings.alert_after = chance(60) ? 1 : 1 + (int32_t)below(4);
    settings.recover_after = chance(60) ? 1 : 1 + (int32_t)below(3);
    settings.reminder_s = chance(70) ? 0 : 300 + (int32_t)below(300);
    settings.paused = chance(10);
    if (chance(20))
        settings.maint_schedule = schedules[below(ARRAY_LENGTH(schedules))];
    if (chance(15)) {
        settings.maint_start_s = now_s() + (int64_t)below(600);
        settings.maint_end_s = settings.maint_start_s + (int64_t)below(900);
    }
    settings.parents = parents_random;
    for (int64_t parent = 1; parent < id && settings.parent_count < 2; parent++)
        if (below((uint64_t)id) == 0 && chance(60))
            parents_random[settings.parent_count++] = parent;
    if (chance(25)) {
        settings.channels = channels_random;
        for (int64_t channel = 1; channel <= CHANNELS && settings.channel_count < 3; channel++)
            if (chance(30))
                channels_random[settings.channel_count++] = channel;
    }
    return settings;
}

static void check_adds(void)
{
    if (next_check > MODEL_CHECKS)
        return;
    int64_t id = next_check++, account = 1 + (int64_t)below(MODEL_ACCOUNTS);
    struct check_settings settings = settings_at_random(id);
    world_add(id, account, &settings);
    model_add(id, account, &settings, now_s());
    jobs[id] = (struct job){world.now_ms + (int64_t)below(60000), 100};
}

/* One that is there; 0. */
static int64_t some_check(void)
{
    for (int i = 0; i < 20; i++) {
        int64_t id = 1 + (int64_t)below((uint64_t)next_check);
        if (id < next_check && model.checks[id].there)
            return id;
    }
    return 0;
}

static void check_changes(void)
{
    int64_t id = some_check();
    if (!id)
        return;
    struct check_settings settings = settings_at_random(id);
    if (chance(50)) { /* nothing but a pause, or its end */
        settings = model.checks[id].settings;
        settings.parents = model.checks[id].parents;
        settings.channels = settings.channels ? model.checks[id].channels : NULL;
        settings.paused = model.checks[id].state.status != CHECK_PAUSED && chance(30);
    }
    settings.created_ms = model.checks[id].settings.created_ms;
    world_set(id, &settings);
    model_set(id, &settings, now_s());
}

static void check_leaves(void)
{
    int64_t id = some_check();
    if (!id)
        return;
    world_remove(id);
    model_remove(id, now_s());
}

static void channel_changes(void)
{
    int64_t id = 1 + (int64_t)below(CHANNELS);
    if (model.channels[id].id && chance(20)) {
        world_channel_remove(id);
        model_channel(id, 0, false, true);
    } else if (model.channels[id].id || chance(50)) {
        int64_t account =
            model.channels[id].id ? model.channels[id].account : 1 + (int64_t)below(MODEL_ACCOUNTS);
        bool usable = chance(80);
        world_channel(id, account, (enum channel_kind)(id % CHANNEL_KINDS), usable);
        model_channel(id, account, usable, false);
    }
}

static void account_shrinks(void)
{
    int64_t account = 1 + (int64_t)below(MODEL_ACCOUNTS);
    uint32_t limit = 4 + (uint32_t)below(12);
    world_limit(account, limit);
    model_limit(account, limit, now_s());
}

static void command(void)
{
    unsigned kind = (unsigned)below(20);
    if (kind < 5)
        check_adds();
    else if (kind < 14)
        check_changes();
    else if (kind < 16)
        check_leaves();
    else if (kind < 19)
        channel_changes();
    else
        account_shrinks();
}

/* ---- what is promised ---- */

static void same(int64_t id, const char *what, int64_t is, int64_t wanted)
{
    if (is != wanted)
        fail_msg("check %lld at %lld: %s is %lld, not %lld; flips \"%s\"", (long long)id,
                 (long long)(now_s() - WORLD_BEGIN_S), what, (long long)is, (long long)wanted,
                 world_flips(id));
}

static void state_compare(int64_t id)
{
    const struct model_check *want = &model.checks[id];
    const struct check_state_row state = world_state(id), *wanted = &want->state;
    same(id, "status", state.status, wanted->status);
    same(id, "status_since", state.status_since_s, wanted->status_since_s);
    same(id, "base", state.base_s, wanted->base_s);
    same(id, "last_ping", state.last_ping_ms, wanted->last_ping_ms);
    same(id, "last_ping_kind", state.last_ping_kind, wanted->last_ping_kind);
    same(id, "last_duration", state.last_duration_ms, wanted->last_duration_ms);
    same(id, "ping_count", state.ping_count, wanted->ping_count);
    same(id, "alert_count", state.alert_count, wanted->alert_count);
    same(id, "failures", state.failures, wanted->failures);
    same(id, "successes", state.successes, wanted->successes);
    same(id, "alerted", state.alerted, wanted->alerted);
    same(id, "owed", state.owed, wanted->owed);
    same(id, "owed_from", state.owed_from_s, wanted->owed_from_s);
    same(id, "reminders", state.reminders, wanted->reminders);
    same(id, "reminded", state.reminded_s, wanted->reminded_s);
}

static void flips_compare(int64_t id)
{
    size_t count = 0;
    for (size_t i = 0; i < world.flip_count; i++) {
        const struct flip_row *row = &world.flips[i];
        if (row->check != id)
            continue;
        assert_true(count < model.checks[id].flip_count);
        const struct model_flip *want = &model_flips[id][count++];
        assert_int_equal(row->at_s, want->at_s);
        assert_int_equal(row->from, want->from);
        assert_int_equal(row->to, want->to);
    }
    assert_int_equal(count, model.checks[id].flip_count);
}

/* Rows of one alert follow each other, by channel. */
static bool same_alert(const struct alert_row *row, const struct alert_row *before)
{
    return before && row->check == before->check && row->type == before->type &&
           row->reminder == before->reminder && row->id == before->id + 1 &&
           row->channel > before->channel;
}

static void alerts_compare(int64_t id)
{
    const struct alert_row *before = NULL;
    size_t count = 0;
    for (size_t i = 0; i < world.alert_count; i++) {
        const struct alert_row *row = &world.alerts[i].row;
        if (row->check == id && !same_alert(row, before)) {
            assert_true(count < model.checks[id].told_count);
            const struct model_told *want = &model_told[id][count++];
            assert_int_equal(row->type, want->type);
            assert_int_equal(row->reminder, want->reminder);
            assert_int_equal(row->waiting, want->waits);
        }
        before = row;
    }
    assert_int_equal(count, model.checks[id].told_count);
}

/* An outage is told before its end and its reminders. */
static void story_check(int64_t id)
{
    bool down = false;
    for (size_t i = 0; i < model.checks[id].told_count; i++) {
        assert_true(model_told[id][i].type == ALERT_DOWN || down);
        down = model_told[id][i].type != ALERT_UP;
    }
}

static void compare(bool everything)
{
    for (int64_t id = 1; id < next_check; id++) {
        if (model.checks[id].there)
            state_compare(id);
        if (everything) {
            flips_compare(id);
            alerts_compare(id);
            story_check(id);
        }
    }
    for (int64_t account = 1; account <= MODEL_ACCOUNTS; account++) {
        uint32_t stored = 0, active = 0;
        for (int64_t id = 1; id < next_check; id++) {
            const struct model_check *check = &model.checks[id];
            bool own = check->there && check->account == account;
            stored += own;
            active += own && check->state.status != CHECK_PAUSED;
        }
        assert_int_equal(checks_stored(world.checks, account), stored);
        assert_int_equal(checks_count(world.checks, account), active);
    }
}

/* ---- turns ---- */

static void reads(void)
{
    size_t count = chance(80) ? SIZE_MAX : below(20);
    for (; count && world.read < world.sent; count--) {
        model_ping(&world.stream[world.read]);
        world_read(1);
    }
}

/* As far as all pings are read: those that were sent too, or time stands. */
static void evaluates(void)
{
    if (world.read < world.sent)
        return;
    int64_t until_s = (world.now_ms - LAG_MS) / 1000 - (int64_t)below(3);
    checks_evaluate(world.checks, until_s);
    model_evaluate(until_s);
}

static void dies(bool stored)
{
    world_die(stored);
    if (!stored) {
        model = committed;
        lost++;
    }
    deaths++;
    model_lead();
    world_lead();
    compare(false);
}

static void turn(void)
{
    time_passes();
    while (chance(15))
        command();
    reads();
    if (chance(70))
        evaluates();
    if (chance(3)) {
        dies(false);
        return;
    }
    world_collect();
    model_collect(now_s());
    compare(false);
    if (chance(6)) {
        bool stored = chance(50);
        if (stored)
            committed = model;
        dies(stored);
        return;
    }
    world_commit();
    committed = model;
}

static void round_begin(void)
{
    world_begin();
    model_begin();
    model_channel(1, 1, true, false);
    next_check = 1;
    kept_count = 0;
    for (next_channel = 2; next_channel <= CHANNELS; next_channel++) {
        int64_t account = 1 + next_channel % MODEL_ACCOUNTS;
        world_channel(next_channel, account, (enum channel_kind)(next_channel % CHANNEL_KINDS),
                      true);
        model_channel(next_channel, account, true, false);
    }
    for (int i = 0; i < CHECKS_FIRST; i++)
        check_adds();
    world_settle();
    committed = model;
}

/* What waits leaves with its minute, and a new leader has nothing to do. */
static void waits_end(void)
{
    world.now_ms += 60000;
    world_settle();
    for (size_t i = 0; i < world.alert_count; i++)
        assert_int_not_equal(world.alerts[i].way, ALERT_WAITS);
    world_die(true);
    world_lead();
    assert_false(checks_has_rows(world.checks, world.now_ms));
}

static void the_rows_say_what_the_model_says(void **state)
{
    (void)state;
    const char *given = getenv("TEST_ROUNDS");
    unsigned long rounds = given ? strtoul(given, NULL, 10) : ROUNDS;
    size_t pings = 0, flips = 0, alerts = 0, waited = 0;
    for (unsigned long i = 0; i < rounds; i++) {
        round_seed = sample.state;
        round_begin();
        for (unsigned at = 0; at < TURNS && world.sent < WORLD_PINGS - 10000; at++)
            turn();
        dies(false);
        compare(true);
        waits_end();
        pings += world.ping_count;
        flips += world.flip_count;
        alerts += world.alert_count;
        for (size_t at = 0; at < world.alert_count; at++)
            waited += world.alerts[at].row.waiting;
        world_end();
    }
    printf("%lu rounds, %zu pings, %zu flips, %zu alerts, %zu of them waited; %zu deaths, %zu of"
           " them before a commit\n",
           rounds, pings, flips, alerts, waited, deaths, lost);
}

static int last_round_tell(void **state)
{
    (void)state;
    printf("TEST_SEED=%llu TEST_ROUNDS=1 repeats the last round\n", (unsigned long long)round_seed);
    return 0;
}

int main(void)
{
    sample = sample_begin("checks");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(the_rows_say_what_the_model_says, last_round_tell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
