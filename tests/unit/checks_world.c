#include "checks_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/compiler.h"

struct world world;

void world_begin(void)
{
    memset(&world, 0, sizeof(world));
    world.now_ms = WORLD_BEGIN_S * 1000;
    world.progress = (struct checks_progress){.next_ping = 1, .next_flip = 1, .next_alert = 1};
    world.next_notice = world.next_outbox = 1;
    world_channel(1, 1, CHANNEL_WEBHOOK, true);
    world_lead();
}

void world_end(void)
{
    checks_free(world.checks);
    world.checks = NULL;
    check_writing_free(&world.writing);
}

int world_set_up(void **state)
{
    (void)state;
    world_begin();
    return 0;
}

int world_tear_down(void **state)
{
    (void)state;
    world_end();
    return 0;
}

/* ---- PostgreSQL ---- */

static void pings_write(void)
{
    const struct ping_row *before = NULL;
    for (size_t i = 0; i < world.writing.ping_count; i++) {
        const struct ping_row *row = &world.writing.pings[i];
        assert_true(!before || before->check < row->check ||
                    (before->check == row->check &&
                     (before->time_ms < row->time_ms ||
                      (before->time_ms == row->time_ms && before->id < row->id))));
        assert_in_range(row->id, world.progress.next_ping, world.next.next_ping - 1);
        assert_true(world.ping_count < WORLD_PINGS);
        world.pings[world.ping_count] = *row;
        world.pings[world.ping_count].rid = world.pings[world.ping_count].body = NULL;
        world.ping_count++;
        before = row;
    }
}

static void states_write(void)
{
    const struct check_state_row *before = NULL;
    for (size_t i = 0; i < world.writing.state_count; i++) {
        const struct check_state_row *row = &world.writing.states[i];
        struct world_check *check = &world.rows[row->check];
        assert_true(!before || before->check < row->check);
        assert_true(check->there);
        assert_true(row->ping_count >= check->state.ping_count);
        assert_true(row->alert_count >= check->state.alert_count);
        assert_true(row->status_since_s >= check->state.status_since_s);
        assert_int_equal(row->status == CHECK_PAUSED, check->settings.paused);
        check->state = *row;
        check->has_state = true;
        before = row;
    }
}

static size_t start_place(const struct check_start_row *row)
{
    size_t at = 0;
    while (at < world.start_count &&
           (world.starts[at].check != row->check || strcmp(world.starts[at].rid, row->rid) != 0))
        at++;
    return at;
}

static void starts_write(void)
{
    const struct check_start_row *before = NULL;
    for (size_t i = 0; i < world.writing.start_count; i++) {
        const struct check_start_row *row = &world.writing.starts[i];
        assert_true(!before || before->check < row->check ||
                    (before->check == row->check && strcmp(before->rid, row->rid) < 0));
        assert_true(world.rows[row->check].there);
        assert_true(row->started_ms || row->ended_ms);
        size_t at = start_place(row);
        if (row->gone) {
            assert_true(at < world.start_count);
            world.starts[at] = world.starts[--world.start_count];
        } else {
            world.start_count += at == world.start_count;
            assert_true(world.start_count <= WORLD_STARTS);
            world.starts[at] = *row;
        }
        before = row;
    }
}

/* The last one of a check that is stored; NULL. */
static const struct flip_row *flip_before(int64_t check)
{
    for (size_t i = world.flip_count; i-- > 0;)
        if (world.flips[i].check == check)
            return &world.flips[i];
    return NULL;
}

static void flips_write(void)
{
    for (size_t i = 0; i < world.writing.flip_count; i++) {
        const struct flip_row *row = &world.writing.flips[i], *before = flip_before(row->check);
        assert_true(row->from != row->to && row->reason[0]);
        if (before) {
            assert_true(before->id < row->id);
            assert_true(before->at_s <= row->at_s);
            assert_int_equal(before->to, row->from);
        }
        if (i)
            assert_true(row[-1].check < row->check ||
                        (row[-1].check == row->check && row[-1].id < row->id));
        assert_in_range(row->id, world.progress.next_flip, world.next.next_flip - 1);
        assert_true(world.flip_count < WORLD_FLIPS);
        world.flips[world.flip_count++] = *row;
    }
}

static int by_id(const void *left, const void *right)
{
    const struct world_alert *a = left, *b = right;
    return (a->row.id > b->row.id) - (a->row.id < b->row.id);
}

static void alerts_write(void)
{
    size_t first = world.alert_count;
    for (size_t i = 0; i < world.writing.alert_count; i++) {
        const struct alert_row *row = &world.writing.alerts[i];
        if (i)
            assert_true(row[-1].check < row->check ||
                        (row[-1].check == row->check && row[-1].id < row->id));
        assert_in_range(row->id, world.progress.next_alert, world.next.next_alert - 1);
        assert_true(!row->check || world.rows[row->check].there);
        const struct channel_row *channel = &world.channels[row->channel];
        assert_true(channel->id && channel->account == row->account);
        assert_int_equal(channel->kind, row->channel_kind);
        assert_int_equal(row->waiting + (row->notice != 0) + (row->outbox != 0), 1);
        assert_true(!row->outbox || row->channel_kind == CHANNEL_EMAIL);
        assert_true(!row->notice || row->channel_kind != CHANNEL_EMAIL);
        assert_int_equal(row->reminder != 0, row->type == ALERT_REMINDER);
        assert_true(world.alert_count < WORLD_ALERTS);
        world.alerts[world.alert_count++] =
            (struct world_alert){.row = *row,
                                 .way = row->waiting  ? ALERT_WAITS
                                        : row->notice ? ALERT_BY_NOTICE
                                                      : ALERT_BY_MAIL};
    }
    qsort(&world.alerts[first], world.alert_count - first, sizeof(world.alerts[0]), by_id);
}

/* Before the new alerts: they are of the minutes before. */
static void groups_write(void)
{
    for (size_t i = 0; i < world.writing.group_count; i++) {
        const struct alert_group_row *row = &world.writing.groups[i];
        if (i)
            assert_true(row[-1].account < row->account ||
                        (row[-1].account == row->account && row[-1].channel < row->channel));
        assert_true(!row->notice || !row->outbox);
        size_t count = 0;
        for (size_t at = 0; at < world.alert_count; at++) {
            struct world_alert *alert = &world.alerts[at];
            if (alert->way != ALERT_WAITS || alert->row.account != row->account ||
                alert->row.channel != row->channel || alert->row.id < row->first_alert ||
                alert->row.id > row->last_alert)
                continue;
            alert->way = row->notice ? ALERT_BY_NOTICE : row->outbox ? ALERT_BY_MAIL : ALERT_FAILED;
            alert->group = row->notice ? row->notice : row->outbox;
            assert_true(row->created_s / 60 != alert->row.created_s / 60);
            count++;
        }
        assert_true(count > 0);
    }
}

static void check_forget(int64_t id)
{
    world.rows[id].there = world.rows[id].has_state = false;
    for (size_t i = 0; i < world.start_count; i++)
        if (world.starts[i].check == id)
            world.starts[i--] = world.starts[--world.start_count];
}

static void account_forget(int64_t account)
{
    for (int64_t id = 0; id < WORLD_CHECKS; id++)
        if (world.rows[id].there && world.rows[id].account == account)
            check_forget(id);
    for (int64_t id = 0; id < WORLD_CHANNELS; id++)
        if (world.channels[id].account == account)
            world.channels[id] = (struct channel_row){0};
    for (size_t i = 0; i < world.alert_count; i++)
        if (world.alerts[i].row.account == account && world.alerts[i].way == ALERT_WAITS)
            world.alerts[i].way = ALERT_FAILED; /* deleted */
}

/* Its arrays are its own. */
static void row_set(struct world_check *row, const struct world_check *to)
{
    struct check_state_row state = row->state;
    bool has_state = row->has_state;
    *row = *to;
    row->state = state;
    row->has_state = has_state;
    row->there = true;
    row->settings.parents = row->parents;
    row->settings.channels = to->settings.channels ? row->channels : NULL;
}

static void change_write(const struct change *change)
{
    switch (change->kind) {
    case CHANGE_ADD:
    case CHANGE_SET: row_set(&world.rows[change->id], &change->check); break;
    case CHANGE_REMOVE: check_forget(change->id); break;
    case CHANGE_CHANNEL:
        world.channels[change->id] = change->gone ? (struct channel_row){0} : change->channel;
        break;
    case CHANGE_FORGET: account_forget(change->account); break;
    case CHANGE_LIMIT: break;
    }
}

static void pauses_write(void)
{
    for (size_t i = 0; i < world.writing.pause_count; i++) {
        struct world_check *check = &world.rows[world.writing.pauses[i].check];
        assert_true(check->there && !check->settings.paused);
        check->settings.paused = true;
        check->paused = world.writing.pauses[i].reason;
    }
}

static void transaction_write(void)
{
    for (size_t i = 0; i < world.change_count; i++)
        change_write(&world.changes[i]);
    pauses_write();
    pings_write();
    states_write();
    starts_write();
    flips_write();
    groups_write();
    alerts_write();
    world.progress = world.next;
    world.next_notice = world.notice;
    world.next_outbox = world.outbox;
}

static void transaction_forget(void)
{
    check_writing_clear(&world.writing);
    world.change_count = 0;
    world.under_way = false;
}

/* ---- commands ---- */

struct check_settings world_settings(void)
{
    return (struct check_settings){.period_s = 60,
                                   .timezone = "UTC",
                                   .grace_s = 60,
                                   .maint_schedule = "",
                                   .alert_after = 1,
                                   .recover_after = 1,
                                   .created_ms = world.now_ms};
}

static struct world_check row_of(int64_t id, int64_t account, const struct check_settings *settings)
{
    struct world_check row = {.id = id, .account = account, .settings = *settings};
    if (settings->parent_count)
        memcpy(row.parents, settings->parents, settings->parent_count * sizeof(row.parents[0]));
    if (settings->channel_count)
        memcpy(row.channels, settings->channels, settings->channel_count * sizeof(row.channels[0]));
    return row;
}

static void remember(const struct change *change)
{
    assert_true(world.change_count < WORLD_CHANGES && !world.under_way);
    world.changes[world.change_count++] = *change;
}

void world_add(int64_t id, int64_t account, const struct check_settings *settings)
{
    checks_add(world.checks, id, account, settings, world.now_ms);
    remember(
        &(struct change){.kind = CHANGE_ADD, .id = id, .check = row_of(id, account, settings)});
}

void world_set(int64_t id, const struct check_settings *settings)
{
    checks_change(world.checks, id, settings, world.now_ms);
    int64_t account = world.rows[id].account;
    for (size_t i = 0; i < world.change_count; i++)
        if (world.changes[i].kind == CHANGE_ADD && world.changes[i].id == id)
            account = world.changes[i].check.account;
    remember(
        &(struct change){.kind = CHANGE_SET, .id = id, .check = row_of(id, account, settings)});
}

void world_remove(int64_t id)
{
    checks_remove(world.checks, id, world.now_ms);
    remember(&(struct change){.kind = CHANGE_REMOVE, .id = id});
}

void world_remove_account(int64_t account)
{
    checks_remove_account(world.checks, account);
    remember(&(struct change){.kind = CHANGE_FORGET, .account = account});
}

void world_limit(int64_t account, uint32_t limit)
{
    checks_limit(world.checks, account, limit, world.now_ms);
    remember(&(struct change){.kind = CHANGE_LIMIT});
}

void world_channel(int64_t id, int64_t account, enum channel_kind kind, bool usable)
{
    const struct change change = {
        .kind = CHANGE_CHANNEL,
        .id = id,
        .channel = {.id = id, .account = account, .kind = kind, .usable = usable}};
    if (!world.checks) {
        change_write(&change);
        return;
    }
    if (channels_has(world.checks, id, account))
        channels_change(world.checks, &change.channel);
    else
        channels_add(world.checks, &change.channel);
    remember(&change);
}

void world_channel_remove(int64_t id)
{
    channels_remove(world.checks, id);
    remember(&(struct change){.kind = CHANGE_CHANNEL, .id = id, .gone = true});
}

/* ---- leaders ---- */

void world_lead(void)
{
    assert_null(world.checks);
    struct checks *checks = world.checks = checks_create(&world.progress);
    for (int64_t id = 0; id < WORLD_CHANNELS; id++)
        if (world.channels[id].id)
            checks_load_channel(checks, &world.channels[id]);
    for (int64_t id = 0; id < WORLD_CHECKS; id++) {
        const struct world_check *row = &world.rows[id];
        if (row->there)
            assert_int_equal(checks_load(checks, id, row->account, &row->settings,
                                         row->has_state ? &row->state : NULL),
                             0);
    }
    for (size_t i = 0; i < world.start_count; i++)
        checks_load_start(checks, &world.starts[i]);
    for (size_t i = 0; i < world.alert_count; i++) {
        struct alert_row row = world.alerts[i].row;
        row.waiting = world.alerts[i].way == ALERT_WAITS;
        if (row.waiting || row.created_s >= world.now_ms / 60000 * 60)
            checks_load_alert(checks, &row);
    }
    checks_loaded(checks);
    world.read = world.progress.pings_seq;
}

void world_die(bool committed)
{
    checks_free(world.checks);
    world.checks = NULL;
    if (world.under_way && committed)
        transaction_write();
    transaction_forget();
}

void world_collect(void)
{
    assert_false(world.under_way);
    world.notice = world.next_notice;
    world.outbox = world.next_outbox;
    bool rows = checks_has_rows(world.checks, world.now_ms);
    checks_collect(world.checks, world.now_ms, &world.notice, &world.outbox, &world.writing);
    assert_true(rows || check_writing_is_empty(&world.writing));
    world.next = *checks_progress(world.checks);
    world.under_way = true;
}

void world_commit(void)
{
    assert_true(world.under_way);
    transaction_write();
    transaction_forget();
}

void world_settle(void)
{
    for (int turns = 0; turns == 0 || checks_has_rows(world.checks, world.now_ms); turns++) {
        assert_true(turns < 1000);
        world_collect();
        world_commit();
    }
}

/* ---- what happens ---- */

void world_send(int64_t check, enum ping_kind kind, int64_t time_ms, const char *rid)
{
    assert_true(world.sent < WORLD_PINGS);
    struct ping *ping = &world.stream[world.sent];
    *ping = (struct ping){.check = check,
                          .time_ms = time_ms,
                          .kind = kind,
                          .method = PING_POST,
                          .exit_code = PING_NO_EXIT,
                          .source_bytes = 4,
                          .source = {192, 0, 2, 1},
                          .rid_bytes = (uint8_t)(rid ? strlen(rid) : 0),
                          .body_bytes = 2,
                          .body = "ok"};
    if (rid)
        snprintf(world.rids[world.sent], sizeof(world.rids[0]), "%s", rid);
    ping->rid = rid ? world.rids[world.sent] : NULL;
    world.sent++;
}

void world_read(size_t count)
{
    for (; count && world.read < world.sent; count--) {
        checks_ping(world.checks, &world.stream[world.read++]);
        checks_set_pings_seq(world.checks, world.read);
    }
}

void world_ping(int64_t check, enum ping_kind kind, const char *rid)
{
    world_send(check, kind, world.now_ms, rid);
    world_read(SIZE_MAX);
}

void world_at(int64_t second)
{
    world.now_ms = (WORLD_BEGIN_S + second) * 1000;
}

void world_pass_to(int64_t second)
{
    world_at(second);
    checks_evaluate(world.checks, WORLD_BEGIN_S + second);
    world_settle();
}

/* ---- what is there ---- */

const char *world_flips(int64_t check)
{
    static char text[1 << 14];
    size_t length = 0;
    text[0] = '\0';
    for (size_t i = 0; i < world.flip_count; i++) {
        const struct flip_row *flip = &world.flips[i];
        if (flip->check == check)
            length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%lld:%s>%s",
                                       length ? " " : "", (long long)(flip->at_s - WORLD_BEGIN_S),
                                       check_status_name(flip->from), check_status_name(flip->to));
        assert_true(length < sizeof(text));
    }
    return text;
}

const char *world_alerts(int64_t check)
{
    static char text[1 << 14];
    size_t length = 0;
    text[0] = '\0';
    for (size_t i = 0; i < world.alert_count; i++) {
        const struct alert_row *row = &world.alerts[i].row;
        if (row->check == check)
            length += (size_t)snprintf(
                text + length, sizeof(text) - length, "%s%lld:%s", length ? " " : "",
                (long long)(row->created_s - WORLD_BEGIN_S), alert_type_name(row->type));
        assert_true(length < sizeof(text));
    }
    return text;
}

enum check_status world_status(int64_t check)
{
    return checks_status(world.checks, check);
}

struct check_state_row world_state(int64_t check)
{
    struct check_state_row state;
    assert_true(checks_state(world.checks, check, &state));
    return state;
}
