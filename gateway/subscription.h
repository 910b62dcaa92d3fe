/* A subscription as Stripe's API describes it, as far as it matters here. */
#ifndef GATEWAY_SUBSCRIPTION_H
#define GATEWAY_SUBSCRIPTION_H

#include <stdbool.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "shared/compiler.h"

#define STRIPE_ID_MAX 255 /* characters: Stripe's own bound */

/* Strings are borrowed from the tree. */
struct subscription {
    const char *id;
    const char *customer;
    const char *status;
    const char *item;  /* the id of its first item, whose price is what is subscribed to */
    const char *price; /* its id */
    int64_t period_end_s;
    int64_t ends_s;            /* when it will end; 0: it goes on */
    bool ends_with_its_period; /* ends_s is the period's end, and not a date of its own */
    int64_t account;           /* of its metadata: ours; 0: none */
};

/* 0, or -1 where the tree is no subscription that can be understood. */
int subscription_read(const cJSON *tree, struct subscription *subscription) MUST_CHECK;

/* Whether it gives its plan: it is paid, in a trial, or Stripe still tries to collect. */
bool subscription_live(const struct subscription *subscription);
/* Whether it is over for good. */
bool subscription_ended(const struct subscription *subscription);

/* The id of an object that Stripe gives by its id alone or expanded; NULL where there is none. */
const char *stripe_id(const cJSON *object, const char *name);
/* The account in an object's metadata; 0: none. */
int64_t stripe_metadata_account(const cJSON *object);
/* The account that a checkout session was made for; 0: none. */
int64_t stripe_reference_account(const cJSON *object);

#endif
