/* Runs of a job that a user asks for. */
#ifndef GATEWAY_JOB_RUNS_H
#define GATEWAY_JOB_RUNS_H

struct request;

void job_runs_start(struct request *request);
void job_runs_replay(struct request *request);

#endif
