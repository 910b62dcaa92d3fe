/* What deliveries are signed with: made, rotated and deleted by the account. */
#ifndef GATEWAY_WEBHOOK_SECRET_H
#define GATEWAY_WEBHOOK_SECRET_H

struct request;

void webhook_secret_show(struct request *request);
void webhook_secret_create(struct request *request);
void webhook_secret_rotate(struct request *request);
void webhook_secret_delete(struct request *request);

#endif
