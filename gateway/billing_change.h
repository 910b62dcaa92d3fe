/* What a user changes of a subscription: upgrade, downgrade, cancel, and Stripe's portal. */
#ifndef GATEWAY_BILLING_CHANGE_H
#define GATEWAY_BILLING_CHANGE_H

struct request;

void billing_upgrade(struct request *request);
void billing_downgrade(struct request *request);
void billing_cancel(struct request *request);
void billing_portal(struct request *request);

#endif
