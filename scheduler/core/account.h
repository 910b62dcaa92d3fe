/*
 * Accounts and plans, as far as the scheduler's rules need them. E-mail addresses and keys stay in
 * PostgreSQL.
 */
#ifndef SCHEDULER_CORE_ACCOUNT_H
#define SCHEDULER_CORE_ACCOUNT_H

#include <stdint.h>

#include "scheduler/core/place_table.h"

#define PLAN_NAME_SIZE 32
#define PLANS_MAX      16

struct plan {
    char name[PLAN_NAME_SIZE];
    uint32_t active_jobs;
    uint32_t stored_jobs;
    uint32_t min_interval_s;
    uint16_t timeout_s;
};

struct account {
    int64_t id;
    uint32_t active_jobs; /* enabled */
    uint32_t stored_jobs; /* enabled or not */
    uint32_t rank;        /* scratch of a tick: how many of its jobs are due before this one */
    uint8_t plan;         /* index of struct core.plans */
};

static inline struct account *account_at(const struct place_table *accounts, uint32_t place)
{
    return place_table_at(accounts, place);
}

#endif
