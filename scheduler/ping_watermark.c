#include "scheduler/ping_watermark.h"

#include "shared/compiler.h"

#define SECOND_MS 1000

void ping_watermark_init(struct ping_watermark *mark, int64_t disturbed_ms)
{
    *mark = (struct ping_watermark){.disturbed_ms = disturbed_ms};
}

void ping_watermark_disturb(struct ping_watermark *mark, int64_t monotonic_ms)
{
    mark->disturbed_ms = monotonic_ms;
}

void ping_watermark_stored(struct ping_watermark *mark, int64_t arrived_ms, int64_t stored_ms,
                           int64_t now_ms, int64_t monotonic_ms)
{
    /* One of a backlog tells of a disturbance that may be over. */
    if (stored_ms - arrived_ms > WATERMARK_LATE_MS && now_ms - stored_ms < WATERMARK_DISTURBED_MS)
        ping_watermark_disturb(mark, monotonic_ms);
}

static int64_t margin_ms(const struct ping_watermark *mark, int64_t monotonic_ms)
{
    return monotonic_ms - mark->disturbed_ms < WATERMARK_DISTURBED_MS ? WATERMARK_MARGIN_MS
                                                                      : WATERMARK_CALM_MARGIN_MS;
}

int64_t ping_watermark_ask_in_ms(const struct ping_watermark *mark, int64_t next_s, int64_t now_ms,
                                 int64_t monotonic_ms)
{
    if (mark->asked_ms || next_s == INT64_MAX)
        return INT64_MAX;
    /* A question is worth a second at least. */
    int64_t second = next_s > mark->until_s ? next_s : mark->until_s + 1;
    int64_t in_ms = second * SECOND_MS + margin_ms(mark, monotonic_ms) - now_ms;
    return in_ms > 0 ? in_ms : 0;
}

void ping_watermark_asked(struct ping_watermark *mark, int64_t now_ms, int64_t monotonic_ms)
{
    INVARIANT(!mark->asked_ms && now_ms > 0);
    mark->asked_ms = now_ms;
    mark->margin_ms = margin_ms(mark, monotonic_ms);
    mark->answered = false;
}

void ping_watermark_answered(struct ping_watermark *mark, uint64_t pings_end, uint64_t results_end)
{
    INVARIANT(mark->asked_ms);
    if (!mark->answered || pings_end < mark->pings_end)
        mark->pings_end = pings_end;
    if (!mark->answered || results_end < mark->results_end)
        mark->results_end = results_end;
    mark->answered = true;
}

void ping_watermark_unanswered(struct ping_watermark *mark, int64_t monotonic_ms)
{
    mark->asked_ms = 0;
    ping_watermark_disturb(mark, monotonic_ms);
}

bool ping_watermark_reached(const struct ping_watermark *mark, uint64_t pings_seq,
                            uint64_t results_seq)
{
    return mark->asked_ms && mark->answered && pings_seq >= mark->pings_end &&
           results_seq >= mark->results_end;
}

int64_t ping_watermark_take(struct ping_watermark *mark, int64_t monotonic_ms)
{
    INVARIANT(mark->asked_ms && mark->answered);
    int64_t learnt_ms = margin_ms(mark, monotonic_ms);
    int64_t margin = learnt_ms > mark->margin_ms ? learnt_ms : mark->margin_ms;
    int64_t until_s = (mark->asked_ms - margin) / SECOND_MS;
    mark->asked_ms = 0;
    if (until_s > mark->until_s)
        mark->until_s = until_s;
    return mark->until_s;
}
