/* An operator's replay of a window of slots, for everybody: read from RUNS, given to the leader. */
#ifndef SCHEDULER_OPERATOR_REPLAY_H
#define SCHEDULER_OPERATOR_REPLAY_H

/*
 * Runs again every slot from .. to (RFC 3339, both included) that RUNS still knows and whose job
 * and execution are there. name stands for this replay: under the same one no slot is run twice
 * within 24 hours, so it may be interrupted and repeated; NULL: one made from the window. Prints
 * how it goes on. Returns the exit code.
 */
int operator_replay(const char *nats_url, const char *from, const char *to, const char *name);

#endif
