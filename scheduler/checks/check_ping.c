#include <string.h>

#include "scheduler/checks/checks_internal.h"
#include "shared/memory.h"

#define DUPLICATE_MS 5000

/* Time goes on for the check, up to what is certain once a ping of this second is read. */
static void time_before(struct checks *checks, struct check *check, uint32_t at_s)
{
    uint32_t certain_s = at_s > CHECK_PING_LAG_S ? at_s - CHECK_PING_LAG_S : 0;
    uint32_t evaluated_s = at_s < checks->until_s ? at_s : checks->until_s;
    check_advance(checks, check, evaluated_s > certain_s ? evaluated_s : certain_s);
}

static enum ping_mark mark_of(const struct checks *checks, const struct check *check,
                              enum ping_kind kind, int64_t time_ms, bool has_rid, bool again)
{
    if (kind == PING_LOG)
        return PING_UNMARKED;
    int64_t since_ms = time_ms - check->last_ping_ms;
    if (again || (!has_rid && check->last_ping_ms && check->last_kind == kind &&
                  since_ms <= DUPLICATE_MS && since_ms >= -DUPLICATE_MS))
        return PING_DUPLICATE;
    if (kind != PING_SUCCESS || check->status != CHECK_UP)
        return PING_UNMARKED;
    int64_t expected_s = check_expected_s(checks, check);
    return expected_s != INT64_MAX && time_ms / 1000 < expected_s - check->grace_s ? PING_EARLY
                                                                                   : PING_UNMARKED;
}

/* What the check becomes by the ping; not for logs. */
static void check_pinged(struct checks *checks, struct check *check, const struct ping *ping,
                         int64_t duration_ms)
{
    uint32_t at_s = seconds_of_ms(ping->time_ms);
    bool paused = check->status == CHECK_PAUSED;
    if (ping->kind == PING_START)
        check_start(checks, check, ping->rid, ping->rid_bytes, ping->time_ms,
                    paused ? 0 : check->grace_s);
    else
        check->last_duration_ms = duration_ms;
    /* One that is older was overtaken. */
    if (ping->time_ms >= check->last_ping_ms) {
        check->last_ping_ms = ping->time_ms;
        check->last_kind = ping->kind & 3;
    }
    if (paused || (ping->kind == PING_START && check->base_s))
        return;
    if (ping->kind == PING_SUCCESS && at_s < check->base_s)
        return; /* how a later run ended is known */
    bool overtaken = at_s <= check->base_s && ping->time_ms < check->last_ping_ms &&
                     check->last_kind == PING_SUCCESS;
    check->base_s = at_s > check->base_s ? at_s : check->base_s;
    check->counted_s = check->base_s;
    if (ping->kind == PING_SUCCESS)
        check_succeeded(checks, check, at_s);
    else if (ping->kind == PING_FAIL)
        check_failed(checks, check, at_s, "failed");
    /* It is told, and over: the success came after it, as it would have been read in order. */
    if (ping->kind == PING_FAIL && overtaken)
        check_succeeded(checks, check, seconds_of_ms(check->last_ping_ms));
}

static struct ping_row *row_add(struct checks *checks, const struct ping *ping)
{
    struct ping_row *row = check_writing_add_ping(&checks->rows);
    *row = (struct ping_row){.id = checks->progress.next_ping++,
                             .check = ping->check,
                             .time_ms = ping->time_ms,
                             .duration_ms = NO_DURATION,
                             .kind = ping->kind,
                             .method = ping->method,
                             .exit_code = ping->exit_code,
                             .source_bytes = ping->source_bytes,
                             .rid_bytes = ping->rid_bytes,
                             .body_bytes = ping->body_bytes};
    memcpy(row->source, ping->source, sizeof(row->source));
    if (ping->rid_bytes)
        row->rid = memory_text(ping->rid, ping->rid_bytes);
    if (ping->body_bytes)
        row->body = memory_text(ping->body, ping->body_bytes);
    return row;
}

static void ping_apply(struct checks *checks, struct check *check, const struct ping *ping,
                       bool of_job, int64_t duration_ms)
{
    bool ends = ping->kind == PING_SUCCESS || ping->kind == PING_FAIL;
    bool again = false;
    time_before(checks, check, seconds_of_ms(ping->time_ms));
    if (ends && !of_job)
        duration_ms = check_end(checks, check, ping->rid, ping->rid_bytes, ping->time_ms, &again);
    struct ping_row *row = row_add(checks, ping);
    row->of_job = of_job;
    row->duration_ms = duration_ms;
    if (!of_job)
        row->mark = mark_of(checks, check, ping->kind, ping->time_ms, ping->rid_bytes, again);
    check->ping_count++;
    if (ping->kind != PING_LOG)
        check_pinged(checks, check, ping, duration_ms);
    check_touch(checks, check);
    check_schedule(checks, check);
}

void checks_ping(struct checks *checks, const struct ping *ping)
{
    struct check *check = check_find(checks, ping->check);
    if (check)
        ping_apply(checks, check, ping, false, NO_DURATION);
}

void checks_job_ended(struct checks *checks, int64_t job, bool success, int64_t started_ms,
                      int64_t ended_ms)
{
    struct check *check = check_find(checks, checks_of_job(checks, job));
    if (!check)
        return;
    const struct ping ping = {.check = check->id,
                              .time_ms = ended_ms,
                              .kind = success ? PING_SUCCESS : PING_FAIL,
                              .exit_code = PING_NO_EXIT};
    ping_apply(checks, check, &ping, true, ended_ms > started_ms ? ended_ms - started_ms : 0);
}
