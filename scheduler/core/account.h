/*
 * Accounts and plans, as far as the scheduler's rules need them. E-mail addresses and keys stay in
 * PostgreSQL.
 */
#ifndef SCHEDULER_CORE_ACCOUNT_H
#define SCHEDULER_CORE_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "scheduler/core/open_runs.h"
#include "scheduler/core/place_table.h"

#define PLAN_NAME_SIZE 32
#define PLANS_MAX      16

struct plan {
    char name[PLAN_NAME_SIZE];
    uint32_t active_jobs;
    uint32_t stored_jobs;
    uint32_t min_interval_s;
    uint16_t timeout_s;
    uint32_t executions_per_month; /* attempts */
    uint32_t concurrency;          /* attempts under way at once */
    uint32_t burst_per_minute;     /* executions that start in a minute */
    uint32_t checks;
    uint32_t check_period_max_s, check_grace_max_s;
};

struct account {
    int64_t id;
    uint32_t active_jobs;  /* enabled */
    uint32_t stored_jobs;  /* enabled or not */
    uint32_t rank;         /* scratch of a tick: how many of its jobs are due before this one */
    uint32_t under_way;    /* attempts emitted, without a result yet */
    uint32_t used;         /* attempts emitted in the month */
    uint32_t recorded;     /* those of them that are in a row */
    uint32_t minute;       /* newest one in which executions started */
    uint32_t starts;       /* how many did */
    struct run_list ready; /* held runs that wait for concurrency alone */
    uint16_t month;        /* months since January 1970; what used and recorded count in */
    uint8_t plan;          /* index of struct core.plans */
    bool mails;            /* failures may be told by mail */
    bool lined_up;         /* in core.line */
    bool dirty;            /* in core.dirty: its usage row is to be written */
    bool starts_told;      /* loading: the row says what started in minute */
};

static inline struct account *account_at(const struct place_table *accounts, uint32_t place)
{
    return place_table_at(accounts, place);
}

#endif
