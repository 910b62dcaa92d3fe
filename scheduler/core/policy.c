#include "scheduler/core/policy.h"

#include <string.h>

#define RETRIES_STANDARD  3
#define BACKOFF_FIRST_MS  INT64_C(30000)
#define BACKOFF_FACTOR    4
#define BACKOFF_MAX_MS    INT64_C(480000)
#define BACKOFF_SPREAD_PC 20 /* a delay is so many per cent shorter or longer */
#define ALERT_TIMEOUT_S   5  /* a receiver that takes longer ... */
#define ALERT_RETRY_S     10 /* ... may have been slow this once */

const struct policy policy_standard = {.last_minute = POLICY_FOREVER,
                                       .catch_up_window_s = POLICY_NO_WINDOW,
                                       .max_retries = RETRIES_STANDARD,
                                       .catch_up = CATCH_UP_LATEST};

bool policy_is_standard(const struct policy *policy)
{
    return policy->first_minute == policy_standard.first_minute &&
           policy->last_minute == policy_standard.last_minute &&
           policy->catch_up_window_s == policy_standard.catch_up_window_s &&
           policy->jitter_s == policy_standard.jitter_s &&
           policy->max_retries == policy_standard.max_retries &&
           policy->catch_up == policy_standard.catch_up && !policy->no_overlap &&
           !policy->never_paused;
}

/* The same for the same four, and otherwise as if by chance: the finalizer of splitmix64. */
static uint64_t spread(int64_t job, int64_t slot_s, uint32_t replay, uint32_t attempt)
{
    uint64_t x = (uint64_t)job * 0x9e3779b97f4a7c15ULL + (uint64_t)slot_s * 0xc2b2ae3d27d4eb4fULL +
                 ((uint64_t)replay << 8 | attempt) * 0x165667b19e3779f9ULL;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
}

uint32_t policy_jitter_s(const struct policy *policy, int64_t job, int64_t slot_s)
{
    return policy->jitter_s
               ? (uint32_t)(spread(job, slot_s, 0, 0) % ((uint64_t)policy->jitter_s + 1))
               : 0;
}

int64_t policy_backoff_ms(int64_t job, int64_t slot_s, uint32_t replay, uint8_t attempt)
{
    int64_t delay_ms = BACKOFF_FIRST_MS;
    for (uint8_t i = 1; i < attempt && delay_ms < BACKOFF_MAX_MS; i++)
        delay_ms *= BACKOFF_FACTOR;
    delay_ms = delay_ms < BACKOFF_MAX_MS ? delay_ms : BACKOFF_MAX_MS;
    int64_t range_ms = delay_ms * BACKOFF_SPREAD_PC / 100;
    return delay_ms - range_ms +
           (int64_t)(spread(job, slot_s, replay, attempt) % ((uint64_t)range_ms * 2 + 1));
}

uint16_t alert_timeout_s(uint8_t attempt)
{
    return attempt > 1 ? ALERT_RETRY_S : ALERT_TIMEOUT_S;
}
