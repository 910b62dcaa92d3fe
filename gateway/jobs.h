/* Jobs: create, list, show, update, declare, delete. */
#ifndef GATEWAY_JOBS_H
#define GATEWAY_JOBS_H

struct request;

void jobs_create(struct request *request);
void jobs_list(struct request *request);
void jobs_show(struct request *request);
void jobs_update(struct request *request);
void jobs_put(struct request *request);
void jobs_delete(struct request *request);

#endif
