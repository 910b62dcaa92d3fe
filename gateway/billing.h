/*
 * What an account's plan is and how it came by it: the part that the routes share. PostgreSQL holds
 * what Stripe said last; before anything is changed Stripe is asked again, and what it says goes to
 * the leader with the version that was read before, so that an older view never replaces a newer.
 */
#ifndef GATEWAY_BILLING_H
#define GATEWAY_BILLING_H

#include <stdbool.h>

#include "gateway/command_client.h"
#include "gateway/sql_billing.h"
#include "gateway/subscription.h"
#include "shared/config.h"

struct identity;
struct request;

#define BILLING_CHANGES_PER_MINUTE 60 /* of one account */
#define BILLING_TRIES              4  /* when somebody else changes the same account meanwhile */

void billing_show(struct request *request); /* GET /billing */

/* -1 where some of Stripe's variables are set and others are not: missing is one of these. */
int billing_check_config(const struct config *config, const char **missing) MUST_CHECK;

/* False after answering 503: no keys are configured. */
bool billing_configured(struct request *request) MUST_CHECK;

/* The order of plans: a higher one has a higher rank. -1: unknown. */
int billing_rank(const char *plan);
/* The plan that is sold at a price, or NULL; and the reverse. */
const char *billing_plan_of(const struct config *config, const char *price);
const char *billing_price_of(const struct config *config, const char *plan);

/* Whether the account had a plan by its subscription, by what was on record. */
bool billing_was_live(const struct sql_billing *billing);

/* Copies that end with the request; NULL stays NULL. */
const char *billing_text(struct request *request, const char *text);
struct sql_billing billing_keep(struct request *request, const struct sql_billing *billing);
struct subscription billing_keep_subscription(struct request *request,
                                              const struct subscription *subscription);

/* GET /v1/subscriptions/{id}, and the like: the path ends with the request. */
const char *billing_path(struct request *request, const char *before, const char *id,
                         const char *behind);

/*
 * Tells the leader what is known: billing as it was read, with the subscription in its place unless
 * that is NULL. answer: JSON, what the request gets. on_answer has the status 409 and a time to
 * wait where the account's billing changed since it was read.
 */
void billing_send(struct request *request, const struct identity *identity,
                  const struct sql_billing *billing, const struct subscription *subscription,
                  const char *answer, command_answer_cb *on_answer);

#endif
