/* POST /billing/webhook: what Stripe tells of subscriptions and payments. */
#ifndef GATEWAY_BILLING_EVENT_H
#define GATEWAY_BILLING_EVENT_H

struct request;

void billing_event(struct request *request);

#endif
