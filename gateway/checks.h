/* Checks: made, shown, changed, paused, resumed and deleted by their account. */
#ifndef GATEWAY_CHECKS_H
#define GATEWAY_CHECKS_H

struct request;

void checks_list(struct request *request);
void checks_create(struct request *request);
void checks_show(struct request *request);
void checks_update(struct request *request);
void checks_delete(struct request *request);
void checks_pause(struct request *request);
void checks_resume(struct request *request);

#endif
