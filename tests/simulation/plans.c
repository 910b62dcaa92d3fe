#include "tests/simulation/plans.h"

#include <string.h>

#include "shared/compiler.h"

const struct plan plans[PLANS] = {{.name = "business",
                                   .active_jobs = 1000,
                                   .stored_jobs = 5000,
                                   .min_interval_s = 60,
                                   .timeout_s = 60,
                                   .executions_per_month = 1000000,
                                   .concurrency = 20,
                                   .burst_per_minute = 40},
                                  {.name = "free",
                                   .active_jobs = 5,
                                   .stored_jobs = 10,
                                   .min_interval_s = 900,
                                   .timeout_s = 10,
                                   .executions_per_month = 120,
                                   .concurrency = 1,
                                   .burst_per_minute = 2},
                                  {.name = "pro",
                                   .active_jobs = 50,
                                   .stored_jobs = 100,
                                   .min_interval_s = 60,
                                   .timeout_s = 30,
                                   .executions_per_month = 10000,
                                   .concurrency = 3,
                                   .burst_per_minute = 6},
                                  {.name = "starter",
                                   .active_jobs = 20,
                                   .stored_jobs = 40,
                                   .min_interval_s = 60,
                                   .timeout_s = 20,
                                   .executions_per_month = 4000,
                                   .concurrency = 1,
                                   .burst_per_minute = 4}};

const struct plan *plan_named(const char *name)
{
    size_t i = 0;
    while (i + 1 < PLANS && strcmp(plans[i].name, name) != 0)
        i++;
    INVARIANT(strcmp(plans[i].name, name) == 0);
    return &plans[i];
}
