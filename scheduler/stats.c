#include "scheduler/stats.h"

struct stats stats;

static struct metric *seconds(const char *name, const char *help)
{
    return metric_histogram(name, "", help, metric_seconds_bounds, metric_seconds_bounds_count);
}

void stats_register(void)
{
    stats.leading = metric_gauge("croncoco_leader", "", "1 while this process leads.");
    stats.epoch = metric_gauge("croncoco_leader_epoch", "", "Epoch of the newest own term.");
    stats.terms = metric_counter("croncoco_leader_terms_total", "", "Terms of leadership begun.");
    stats.load_seconds =
        seconds("croncoco_leader_load_seconds", "From winning the lease to leading.");
    stats.jobs = metric_gauge("croncoco_jobs", "", "Jobs in the leader's memory.");
    stats.job_bytes =
        metric_gauge("croncoco_job_bytes", "", "Bytes of the leader's job table, by job.");
    stats.open_runs = metric_gauge("croncoco_open_runs", "", "Runs without a final row.");
    stats.runs = metric_counter("croncoco_runs_emitted_total", "", "Runs emitted.");
    stats.skipped = metric_counter("croncoco_slots_skipped_total", "", "Slots skipped.");
    stats.scan_seconds = seconds("croncoco_tick_scan_seconds", "Scan for what is due in a minute.");
    stats.tick_seconds = seconds("croncoco_tick_seconds",
                                 "From the start of a minute to the last run acknowledged.");
    stats.results = metric_counter("croncoco_results_total", "", "Results of runs received.");
    stats.commands = metric_counter("croncoco_commands_total", "", "Commands applied.");
    stats.executions =
        metric_counter("croncoco_executions_written_total", "", "Execution rows written.");
    stats.transaction_seconds =
        seconds("croncoco_transaction_seconds", "Transactions of the leader.");
    stats.checks = metric_gauge("croncoco_checks", "", "Checks in the leader's memory.");
    stats.check_bytes =
        metric_gauge("croncoco_check_bytes", "", "Bytes of the leader's checks, by check.");
    stats.pings = metric_counter("croncoco_pings_applied_total", "", "Pings read from PINGS.");
    stats.pings_lag_seconds = metric_gauge(
        "croncoco_pings_lag_seconds", "",
        "Age of the newest message of PINGS in the last transaction, when that had committed.");
    stats.flips =
        metric_counter("croncoco_check_flips_total", "", "Changes of checks' states written.");
    stats.alerts = metric_counter("croncoco_alerts_total", "", "Alerts of checks written.");
    stats.evaluation_seconds = seconds("croncoco_evaluation_seconds",
                                       "Looking which checks are due, a second or more at once.");
}
