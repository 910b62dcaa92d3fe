/* Statements that read what the rules of checks know at the beginning of a term; as sql_load.h. */
#ifndef SCHEDULER_SQL_CHECKS_LOAD_H
#define SCHEDULER_SQL_CHECKS_LOAD_H

#include "scheduler/checks/checks.h"
#include "shared/db.h"

/* Of the progress row; stream is borrowed from it: when the stream PINGS, of which pings_seq is,
 * was made. */
void sql_read_checks_progress(struct db_unit *unit);
void sql_checks_progress_row(const struct db_rows *rows, struct checks_progress *progress,
                             const char **stream);

void sql_slice_channels(struct db_unit *unit, int64_t after, int32_t limit);
void sql_channel_row(const struct db_rows *rows, int row, struct channel_row *channel);

/* What the settings of a check point to. */
struct check_lists {
    int64_t parents[CHECK_PARENTS_MAX], channels[CHECK_CHANNELS_MAX];
};
void sql_slice_checks(struct db_unit *unit, int64_t after, int32_t limit);
/*
 * Strings are borrowed from the row, lists from lists. Returns the account; *has_state says whether
 * there is a row of check_state, which is in *state then.
 */
int64_t sql_check_row(const struct db_rows *rows, int row, struct check_settings *settings,
                      struct check_lists *lists, struct check_state_row *state, bool *has_state);

/* Starts of checks that are there; behind the key of the last one. */
void sql_slice_starts(struct db_unit *unit, int64_t after_check, const char *after_rid,
                      int32_t limit);
void sql_start_row(const struct db_rows *rows, int row, struct check_start_row *start);

/* In the order of ids: the alerts that wait for their group, and those of this minute. */
void sql_slice_alerts(struct db_unit *unit, int64_t after, int32_t limit);
void sql_alert_row(const struct db_rows *rows, int row, struct alert_row *alert);

#endif
