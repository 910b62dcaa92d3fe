/* What became of a job's slots. */
#ifndef GATEWAY_EXECUTIONS_H
#define GATEWAY_EXECUTIONS_H

struct request;

void executions_list(struct request *request);
void executions_show(struct request *request);

#endif
