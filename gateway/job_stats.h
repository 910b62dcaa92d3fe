/* How a job's runs went. */
#ifndef GATEWAY_JOB_STATS_H
#define GATEWAY_JOB_STATS_H

struct request;

void job_stats_show(struct request *request);

#endif
