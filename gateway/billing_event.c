/*
 * An event says that something happened, never what holds now: events come late, twice and in any
 * order. So each one is a reason to fetch its subscription, and that is what the leader gets. The
 * event's id is the command's, so that one that comes again does nothing.
 */
#include "gateway/billing_event.h"

#include <stdio.h>
#include <string.h>

#include "gateway/billing.h"
#include "gateway/gateway.h"
#include "gateway/identity.h"
#include "gateway/query.h"
#include "gateway/reply.h"
#include "gateway/request.h"
#include "gateway/stripe.h"
#include "gateway/stripe_signature.h"
#include "shared/clock.h"
#include "shared/json.h"
#include "shared/log.h"

#define COMMAND_PREFIX "stripe/"
#define EVENT_ID_MAX   128
#define RECEIVED       "{\"received\":true}"

/* The request's state. */
struct event {
    struct identity identity;
    unsigned tries;
    const char *subscription; /* its id */
    const char *customer;     /* as the event says; may be NULL */
    int64_t account;          /* the same; 0: it does not say */
    struct sql_billing billing;
    struct subscription found; /* what was fetched */
};

static void read_billing(struct request *request);

static void received(struct request *request)
{
    reply_json(request, 200, RECEIVED, strlen(RECEIVED));
}

/* Stripe sends an event again that was not answered with 2xx. */
static void not_now(struct request *request)
{
    reply_retry(request, 503, 5, "Not now; send the event again");
}

static void on_told(struct request *request, const struct answer *answer)
{
    struct event *event = request->state;
    if (answer->status == 200 || answer->status == 401) /* 401: the account has just gone */
        received(request);
    else if (answer->status == 409 && answer->retry_after_s > 0 && ++event->tries < BILLING_TRIES)
        read_billing(request);
    else
        not_now(request);
}

/* subscription NULL: the event is only put on record. */
static void tell(struct request *request, const struct subscription *subscription)
{
    struct event *event = request->state;
    if (subscription != NULL && subscription_live(subscription))
        event->billing.checkout = NULL; /* it was paid */
    billing_send(request, &event->identity, &event->billing, subscription, RECEIVED, on_told);
}

/* The account has a subscription already, which may be over by now. */
static void on_other(struct request *request, enum stripe_outcome outcome, const cJSON *body)
{
    struct event *event = request->state;
    struct subscription other;
    if (outcome != STRIPE_OK && outcome != STRIPE_NOT_FOUND) {
        not_now(request);
        return;
    }
    if (outcome == STRIPE_OK && subscription_read(body, &other) != 0) {
        not_now(request);
        return;
    }
    if (outcome == STRIPE_NOT_FOUND || !subscription_live(&other)) {
        tell(request, &event->found);
        return;
    }
    LOG_WARN("an account has two subscriptions", LOG_I64("account", event->billing.account),
             LOG_STR("first", other.id), LOG_STR("second", event->found.id));
    tell(request, NULL);
}

static void on_fetched(struct request *request, enum stripe_outcome outcome, const cJSON *body)
{
    struct event *event = request->state;
    struct subscription found;
    if (outcome == STRIPE_NOT_FOUND) {
        tell(request, NULL);
        return;
    }
    if (outcome != STRIPE_OK || subscription_read(body, &found) != 0) {
        not_now(request);
        return;
    }
    const char *own = event->billing.subscription;
    if (own == NULL || strcmp(own, found.id) == 0) {
        tell(request, &found);
        return;
    }
    if (!subscription_live(&found)) { /* an earlier one */
        tell(request, NULL);
        return;
    }
    event->found = billing_keep_subscription(request, &found);
    stripe_get(request, billing_path(request, "/v1/subscriptions/", own, ""), on_other);
}

static void on_billing(struct request *request, const struct db_outcome *outcome)
{
    struct event *event = request->state;
    const struct db_rows *answers = &outcome->statements[0];
    const struct db_rows *rows = &outcome->statements[1];
    if (answers->count > 0) {
        received(request);
        return;
    }
    if (rows->count == 0) {
        LOG_WARN("an event of Stripe is about no account",
                 LOG_STR("subscription", event->subscription), LOG_I64("account", event->account));
        received(request);
        return;
    }
    struct sql_billing billing = sql_billing_row(rows);
    event->billing = billing_keep(request, &billing);
    stripe_get(request, billing_path(request, "/v1/subscriptions/", event->subscription, ""),
               on_fetched);
}

static void read_billing(struct request *request)
{
    const struct event *event = request->state;
    struct db_unit *unit = db_unit_new();
    sql_answer(unit, event->identity.id);
    sql_billing_find(unit, event->subscription, event->account, event->customer);
    query_run(request, unit, on_billing);
}

static int check_signature(struct request *request)
{
    h2o_iovec_t header = request_header(request, "stripe-signature");
    h2o_iovec_t body = request->h2o->entity;
    switch (stripe_signature_check(header.base, header.len,
                                   request->gateway->config->stripe_webhook_secret, body.base,
                                   body.len, clock_now_ms() / 1000)) {
    case STRIPE_SIGNATURE_OK: return 0;
    case STRIPE_SIGNATURE_MALFORMED:
        reply_error(request, 400, "Stripe-Signature: missing or malformed");
        return -1;
    case STRIPE_SIGNATURE_WRONG:
        reply_error(request, 400, "Stripe-Signature: not made with this endpoint's secret");
        return -1;
    case STRIPE_SIGNATURE_STALE:
        reply_error(request, 400, "Stripe-Signature: more than %d seconds from now",
                    STRIPE_TOLERANCE_S);
        return -1;
    }
    INVARIANT(false && "a verdict that is none");
    return -1;
}

static bool begins_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Whose subscription, and which; subscription stays NULL where the event is about none. */
static void find_subject(struct event *event, const char *type, const cJSON *object)
{
    event->customer = stripe_id(object, "customer");
    event->account = stripe_metadata_account(object);
    if (begins_with(type, "customer.subscription.")) {
        event->subscription = stripe_id(object, "id");
    } else if (begins_with(type, "checkout.session.")) {
        event->subscription = stripe_id(object, "subscription");
        if (event->account == 0)
            event->account = stripe_reference_account(object);
    } else if (begins_with(type, "invoice.")) {
        const cJSON *parent = cJSON_GetObjectItemCaseSensitive(object, "parent");
        const cJSON *details = cJSON_GetObjectItemCaseSensitive(parent, "subscription_details");
        event->subscription = stripe_id(details, "subscription");
        event->account = stripe_metadata_account(details);
        if (event->subscription == NULL) /* Stripe-Version before 2025-03-31 */
            event->subscription = stripe_id(object, "subscription");
    }
}

static bool is_event_id(const char *text)
{
    size_t length = strlen(text);
    return length > 0 && length <= EVENT_ID_MAX &&
           strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") ==
               length;
}

void billing_event(struct request *request)
{
    if (!billing_configured(request) || check_signature(request) != 0)
        return;
    const char *id = json_text(request->body, "id");
    const char *type = json_text(request->body, "type");
    const cJSON *data = cJSON_GetObjectItemCaseSensitive(request->body, "data");
    const cJSON *object = cJSON_GetObjectItemCaseSensitive(data, "object");
    if (id == NULL || type == NULL || !is_event_id(id) || !cJSON_IsObject(object)) {
        reply_error(request, 400, "The body is no event of Stripe");
        return;
    }
    struct event *event = request_memory(request, sizeof *event);
    find_subject(event, type, object);
    if (event->subscription == NULL) {
        received(request);
        return;
    }
    snprintf(event->identity.id, sizeof event->identity.id, COMMAND_PREFIX "%s", id);
    secret_hash(id, strlen(id), event->identity.fingerprint);
    request->state = event;
    read_billing(request);
}
