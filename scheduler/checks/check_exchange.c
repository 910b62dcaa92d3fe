#include "scheduler/checks/check_exchange.h"

#define BELIEVED_MS INT64_C(86400000) /* a dispatcher's time is not, beyond this */

static void execution_ended(struct checks *checks, const struct execution *row, int64_t now_ms)
{
    bool final = row->status == EXECUTION_SUCCESS || row->status == EXECUTION_FAILURE;
    if (!final || row->replay == RUN_NOTICE || row->trigger == TRIGGER_REPLAY)
        return;
    /* Rows of pings far from now have no partition. */
    int64_t ended_ms = row->completed_ms;
    if (ended_ms > now_ms || ended_ms < now_ms - BELIEVED_MS)
        ended_ms = now_ms;
    checks_job_ended(checks, row->job, row->status == EXECUTION_SUCCESS,
                     ended_ms - (row->completed_ms - row->triggered_ms), ended_ms);
}

void check_exchange_jobs(struct checks *checks, const struct writing *writing, int64_t now_ms)
{
    for (size_t i = 0; i < writing->executions.count; i++)
        execution_ended(checks, &writing->executions.rows[i], now_ms);
    for (size_t i = 0; i < writing->pause_count; i++)
        checks_job_paused(checks, writing->pauses[i].job, now_ms);
}

static void notice_add(struct core *core, int64_t account, int64_t notice, int64_t now_ms)
{
    /* Where the account is gone PostgreSQL writes no row of it either. */
    if (notice && place_table_find(&core->accounts, account) != PLACE_NONE)
        core_add_alert_notice(core, account, notice, now_ms);
}

void check_exchange_alerts(struct core *core, const struct check_writing *writing, int64_t now_ms)
{
    for (size_t i = 0; i < writing->alert_count; i++)
        notice_add(core, writing->alerts[i].account, writing->alerts[i].notice, now_ms);
    for (size_t i = 0; i < writing->group_count; i++)
        notice_add(core, writing->groups[i].account, writing->groups[i].notice, now_ms);
}
