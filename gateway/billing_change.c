/*
 * One way for all four: what is known of the account is read; a checkout that may have been paid
 * meanwhile and the subscription are fetched; then one thing is asked of Stripe; then the leader
 * gets to know what came of it, together with the answer, which it keeps for a request that comes
 * again. Where the account's billing changed in between, it begins again.
 */
#include "gateway/billing_change.h"

#include <string.h>

#include "gateway/billing.h"
#include "gateway/fields.h"
#include "gateway/form.h"
#include "gateway/gateway.h"
#include "gateway/identity.h"
#include "gateway/query.h"
#include "gateway/rate_limit.h"
#include "gateway/reply.h"
#include "gateway/request.h"
#include "gateway/stats.h"
#include "gateway/stripe.h"
#include "shared/clock.h"
#include "shared/json.h"

#define SUBSCRIPTIONS "/v1/subscriptions/"
#define SESSIONS      "/v1/checkout/sessions"

enum change_kind { CHANGE_UPGRADE, CHANGE_DOWNGRADE, CHANGE_CANCEL, CHANGE_PORTAL };

/* The request's state. */
struct change {
    enum change_kind kind;
    const char *target; /* the plan; NULL where none is asked for */
    struct identity identity;
    unsigned tries;
    struct sql_billing billing;
    struct subscription subscription; /* id NULL: none, or one that is over for good */
    const char *answer;               /* JSON, once Stripe has changed the subscription */
};

static void read_billing(struct request *request);

/* ---- the end: tell the leader, and the client ---- */

static void on_told(struct request *request, const struct answer *answer)
{
    struct change *change = request->state;
    bool overtaken = answer->status == 409 && answer->retry_after_s > 0;
    if (!overtaken)
        command_pass_on(request, answer);
    else if (++change->tries < BILLING_TRIES)
        read_billing(request);
    else
        reply_retry(request, 503, 1, "The billing of this account is being changed; try again");
}

static void tell(struct request *request, const struct subscription *subscription,
                 const char *answer)
{
    struct change *change = request->state;
    billing_send(request, &change->identity, &change->billing, subscription, answer, on_told);
}

/* The body of a change's answer: {"plan":...,"effective":...,"note":...}, or with "cancelled". */
static const char *answer_of(struct request *request, const char *first, int64_t effective_s,
                             const char *note)
{
    char time[CLOCK_TEXT_SIZE];
    struct buffer body = BUFFER_EMPTY;
    buffer_format(&body, "{%s,\"effective\":\"%s\",\"note\":\"%s\"}", first,
                  clock_format_s(time, effective_s), note);
    const char *kept = billing_text(request, body.data);
    buffer_free(&body);
    return kept;
}

static const char *plan_member(const char *plan)
{
    if (strcmp(plan, "business") == 0)
        return "\"plan\":\"business\"";
    return strcmp(plan, "pro") == 0 ? "\"plan\":\"pro\"" : "\"plan\":\"free\"";
}

/* ---- the one thing that is asked of Stripe ---- */

static void ask(struct request *request, const char *path, struct buffer *form,
                stripe_answer_cb *on_answer)
{
    struct change *change = request->state;
    stripe_post(request, change->identity.id, path, form, on_answer);
    buffer_free(form);
}

/* Stripe has the subscription as it was asked for. */
static void conclude(struct request *request, const struct subscription *changed)
{
    struct change *change = request->state;
    int64_t now_s = clock_now_ms() / 1000;
    int64_t end_s = changed->ends_s != 0 ? changed->ends_s : changed->period_end_s;
    if (change->kind == CHANGE_CANCEL)
        change->answer = answer_of(request, "\"cancelled\":true", end_s,
                                   "You keep access until the end of your billing period");
    else if (strcmp(change->target, "free") == 0)
        change->answer = answer_of(request, plan_member("free"), end_s,
                                   "Change takes effect at end of billing period");
    else if (change->kind == CHANGE_DOWNGRADE)
        change->answer = answer_of(request, plan_member(change->target), now_s,
                                   "Change takes effect immediately, with a prorated credit");
    else if (strcmp(changed->price, change->subscription.price) == 0)
        change->answer = answer_of(request, plan_member(change->target), now_s,
                                   change->subscription.ends_s != 0
                                       ? "Your subscription goes on: it is not cancelled any more"
                                       : "Your subscription is of this plan");
    else
        change->answer = answer_of(request, plan_member(change->target), now_s,
                                   "Your subscription was changed; the difference for this "
                                   "billing period is charged now");
    tell(request, changed, change->answer);
}

static void on_changed(struct request *request, enum stripe_outcome outcome, const cJSON *body)
{
    struct subscription changed;
    if (outcome != STRIPE_OK)
        stripe_reply_failure(request, outcome);
    else if (subscription_read(body, &changed) != 0)
        stripe_reply_failure(request, STRIPE_AWAY);
    else
        conclude(request, &changed);
}

static const char *path_of_subscription(struct request *request)
{
    struct change *change = request->state;
    return billing_path(request, SUBSCRIPTIONS, change->subscription.id, "");
}

static void ask_to_end(struct request *request)
{
    const struct change *change = request->state;
    if (change->subscription.ends_s != 0) { /* it will already */
        conclude(request, &change->subscription);
        return;
    }
    struct buffer form = BUFFER_EMPTY;
    form_text(&form, "cancel_at_period_end", "true");
    ask(request, path_of_subscription(request), &form, on_changed);
}

/* To another plan, or on with the same one where it was about to end. */
static void ask_for_plan(struct request *request, const char *proration)
{
    struct change *change = request->state;
    const struct subscription *subscription = &change->subscription;
    const char *price = billing_price_of(request->gateway->config, change->target);
    struct buffer form = BUFFER_EMPTY;
    if (strcmp(price, subscription->price) != 0) {
        form_text(&form, "items[0][id]", subscription->item);
        form_text(&form, "items[0][price]", price);
        form_text(&form, "proration_behavior", proration);
    }
    if (change->kind == CHANGE_UPGRADE) /* without the money there is no change */
        form_text(&form, "payment_behavior", "error_if_incomplete");
    if (subscription->ends_with_its_period)
        form_text(&form, "cancel_at_period_end", "false");
    else if (subscription->ends_s != 0)
        form_text(&form, "cancel_at", "");
    ask(request, path_of_subscription(request), &form, on_changed);
}

static void on_session(struct request *request, enum stripe_outcome outcome, const cJSON *body)
{
    struct change *change = request->state;
    const char *id = stripe_id(body, "id");
    const char *url = json_text(body, "url");
    if (outcome != STRIPE_OK) {
        stripe_reply_failure(request, outcome);
        return;
    }
    if (id == NULL || url == NULL) {
        stripe_reply_failure(request, STRIPE_AWAY);
        return;
    }
    struct buffer answer = BUFFER_EMPTY;
    buffer_text(&answer, "{\"checkout_url\":");
    json_write_string(&answer, url, strlen(url));
    buffer_text(&answer, "}");
    change->billing.checkout = billing_text(request, id);
    tell(request, NULL, answer.data);
    buffer_free(&answer);
}

static void ask_for_checkout(struct request *request)
{
    struct change *change = request->state;
    const struct config *config = request->gateway->config;
    struct buffer form = BUFFER_EMPTY;
    form_text(&form, "mode", "subscription");
    form_text(&form, "line_items[0][price]", billing_price_of(config, change->target));
    form_integer(&form, "line_items[0][quantity]", 1);
    form_integer(&form, "client_reference_id", request->account);
    if (change->billing.customer != NULL)
        form_text(&form, "customer", change->billing.customer);
    else
        form_text(&form, "customer_email", change->billing.email);
    form_integer(&form, "subscription_data[metadata][croncoco_account]", request->account);
    form_text(&form, "success_url", config->billing_return_url);
    form_text(&form, "cancel_url", config->billing_return_url);
    ask(request, SESSIONS, &form, on_session);
}

static void on_portal(struct request *request, enum stripe_outcome outcome, const cJSON *body)
{
    const char *url = json_text(body, "url");
    if (outcome != STRIPE_OK || url == NULL) {
        stripe_reply_failure(request, outcome == STRIPE_OK ? STRIPE_AWAY : outcome);
        return;
    }
    struct buffer answer = BUFFER_EMPTY;
    buffer_text(&answer, "{\"url\":");
    json_write_string(&answer, url, strlen(url));
    buffer_text(&answer, "}");
    reply_buffer(request, 200, &answer);
}

/* Its URL lets in whoever has it, so it is not kept: Stripe repeats it for a repeated request. */
static void ask_for_portal(struct request *request)
{
    struct change *change = request->state;
    if (change->billing.customer == NULL) {
        reply_error(request, 409,
                    "This account has never had a subscription: POST "
                    "/billing/upgrade begins one");
        return;
    }
    struct buffer form = BUFFER_EMPTY;
    form_text(&form, "customer", change->billing.customer);
    form_text(&form, "return_url", request->gateway->config->billing_return_url);
    ask(request, "/v1/billing_portal/sessions", &form, on_portal);
}

/* ---- what is to be asked ---- */

/*
 * The plan that the account has by what was just fetched; NULL after an answer, where the
 * subscription cannot be changed to another plan.
 */
static const char *current_plan(struct request *request)
{
    const struct change *change = request->state;
    if (change->subscription.id == NULL) /* its end may not be on record yet */
        return billing_was_live(&change->billing) ? "free" : change->billing.plan;
    if (!subscription_live(&change->subscription)) {
        reply_error(request, 409,
                    "The subscription waits for a payment (see POST "
                    "/billing/portal), or is to be cancelled first");
        return NULL;
    }
    const char *plan = billing_plan_of(request->gateway->config, change->subscription.price);
    if (plan == NULL)
        reply_error(request, 409,
                    "The subscription has a price of its own, and cannot be changed "
                    "here");
    return plan;
}

/* As asked: by this request before, it may be, if the leader does not know of it yet. */
static void leave(struct request *request, const char *plan)
{
    struct change *change = request->state;
    if (change->subscription.id != NULL && strcmp(change->billing.plan, plan) != 0)
        conclude(request, &change->subscription);
    else
        reply_error(request, 409, "The account has the %s plan already", plan);
}

static void upgrade(struct request *request)
{
    struct change *change = request->state;
    const char *plan = current_plan(request);
    if (plan == NULL)
        return;
    bool subscribed = change->subscription.id != NULL;
    int step = billing_rank(change->target) - billing_rank(plan);
    if (step < 0)
        reply_error(request, 409, "The account has the %s plan: %s is a downgrade", plan,
                    change->target);
    else if (step == 0 && !(subscribed && change->subscription.ends_s != 0))
        leave(request, plan);
    else if (subscribed)
        ask_for_plan(request, "always_invoice");
    else
        ask_for_checkout(request);
}

static void downgrade(struct request *request)
{
    struct change *change = request->state;
    if (change->subscription.id == NULL) {
        reply_error(request, 409, "There is no subscription to downgrade");
        return;
    }
    if (strcmp(change->target, "free") == 0) {
        ask_to_end(request);
        return;
    }
    const char *plan = current_plan(request);
    if (plan == NULL)
        return;
    if (billing_rank(change->target) < billing_rank(plan))
        ask_for_plan(request, "create_prorations");
    else
        leave(request, plan);
}

static void decide(struct request *request)
{
    struct change *change = request->state;
    if (change->answer != NULL) { /* done, and the leader does not know it yet */
        bool gone = change->subscription.id == NULL;
        tell(request, gone ? NULL : &change->subscription, change->answer);
        return;
    }
    switch (change->kind) {
    case CHANGE_UPGRADE: upgrade(request); return;
    case CHANGE_DOWNGRADE: downgrade(request); return;
    case CHANGE_CANCEL:
        if (change->subscription.id != NULL)
            ask_to_end(request);
        else
            reply_error(request, 409, "There is no subscription to cancel");
        return;
    case CHANGE_PORTAL: ask_for_portal(request); return;
    }
    INVARIANT(false && "a change that is none");
}

/* ---- what holds now ---- */

static void on_subscription(struct request *request, enum stripe_outcome outcome, const cJSON *body)
{
    struct change *change = request->state;
    struct subscription found;
    if (outcome != STRIPE_OK && outcome != STRIPE_NOT_FOUND) {
        stripe_reply_failure(request, outcome);
        return;
    }
    if (outcome == STRIPE_OK && subscription_read(body, &found) != 0) {
        stripe_reply_failure(request, STRIPE_AWAY);
        return;
    }
    if (outcome == STRIPE_OK && !subscription_ended(&found))
        change->subscription = billing_keep_subscription(request, &found);
    decide(request);
}

static void fetch_subscription(struct request *request)
{
    struct change *change = request->state;
    change->subscription = (struct subscription){0};
    if (change->billing.subscription == NULL || change->kind == CHANGE_PORTAL)
        decide(request);
    else
        stripe_get(request, billing_path(request, SUBSCRIPTIONS, change->billing.subscription, ""),
                   on_subscription);
}

static void on_expired(struct request *request, enum stripe_outcome outcome, const cJSON *body)
{
    struct change *change = request->state;
    (void)body;
    if (outcome == STRIPE_REFUSED) { /* it was paid, or ran out, since it was fetched */
        reply_retry(request, 503, 1, "The checkout of this account is being changed; try again");
        return;
    }
    if (outcome != STRIPE_OK) {
        stripe_reply_failure(request, outcome);
        return;
    }
    change->billing.checkout = NULL;
    fetch_subscription(request);
}

/* A checkout that was paid is the subscription; one that can still be, must not be a second one. */
static void on_checkout(struct request *request, enum stripe_outcome outcome, const cJSON *body)
{
    struct change *change = request->state;
    struct sql_billing *billing = &change->billing;
    if (outcome != STRIPE_OK && outcome != STRIPE_NOT_FOUND) {
        stripe_reply_failure(request, outcome);
        return;
    }
    const char *status = json_text(body, "status");
    if (status != NULL && strcmp(status, "open") == 0) {
        if (change->kind == CHANGE_UPGRADE) {
            struct buffer form = BUFFER_EMPTY;
            ask(request, billing_path(request, SESSIONS "/", billing->checkout, "/expire"), &form,
                on_expired);
            return;
        }
    } else {
        billing->checkout = NULL;
    }
    if (status != NULL && strcmp(status, "complete") == 0) {
        const char *subscription = stripe_id(body, "subscription");
        const char *customer = stripe_id(body, "customer");
        if (subscription != NULL)
            billing->subscription = billing_text(request, subscription);
        if (customer != NULL)
            billing->customer = billing_text(request, customer);
    }
    fetch_subscription(request);
}

static void fetch_checkout(struct request *request)
{
    const struct change *change = request->state;
    if (change->billing.checkout == NULL)
        fetch_subscription(request);
    else
        stripe_get(request, billing_path(request, SESSIONS "/", change->billing.checkout, ""),
                   on_checkout);
}

static void on_billing(struct request *request, const struct db_outcome *outcome)
{
    struct change *change = request->state;
    const struct db_rows *answers = &outcome->statements[0];
    const struct db_rows *rows = &outcome->statements[1];
    if (rows->count == 0) { /* deleted since its key was looked up */
        reply_header(request, "www-authenticate", "Bearer");
        reply_error(request, 401, "Invalid API key");
        return;
    }
    if (answers->count == 1) {
        struct sql_answer before = sql_answer_row(answers);
        if (memcmp(before.fingerprint, change->identity.fingerprint, HASH_SIZE) == 0)
            reply_json(request, before.status, before.body, strlen(before.body));
        else
            reply_error(request, 409, "This Idempotency-Key was used for another request");
        return;
    }
    struct sql_billing billing = sql_billing_row(rows);
    change->billing = billing_keep(request, &billing);
    if (change->answer != NULL) /* done: only the subscription is still to be told of */
        fetch_subscription(request);
    else
        fetch_checkout(request);
}

static void read_billing(struct request *request)
{
    const struct change *change = request->state;
    struct db_unit *unit = db_unit_new();
    sql_answer(unit, change->identity.id);
    sql_billing(unit, request->account);
    query_run(request, unit, on_billing);
}

/* ---- the routes ---- */

/* So that no account keeps Stripe from the others. */
static int check_rate(struct request *request)
{
    uint8_t key[RATE_KEY_SIZE] = {0};
    int retry_after_s;
    memcpy(key, &request->account, sizeof request->account);
    if (rate_limit_take(request->gateway->billing_changes, key, clock_monotonic_ms(),
                        &retry_after_s))
        return 0;
    stats_refused(REFUSED_RATE);
    reply_retry(request, 429, retry_after_s, "Too many requests; try again later");
    return -1;
}

static void begin(struct request *request, enum change_kind kind, const char *target)
{
    if (check_rate(request) != 0)
        return;
    struct change *change = request_memory(request, sizeof *change);
    change->kind = kind;
    change->target = target;
    if (identity_find(&change->identity, request, NULL) != 0) {
        reply_error(request, 400, "Idempotency-Key: 1 to %d printable ASCII characters",
                    IDENTITY_KEY_MAX);
        return;
    }
    request->state = change;
    read_billing(request);
}

/* The plan of the body, if it is among the two; NULL after an answer. */
static const char *take_plan(struct request *request, const char *one, const char *other)
{
    static const char *const names[] = {"plan"};
    char error[FIELDS_ERROR_SIZE];
    if (fields_only(request->body, names, ARRAY_LENGTH(names), error) != 0) {
        reply_error(request, 400, "%s", error);
        return NULL;
    }
    const char *plan = fields_string(request->body, "plan", error);
    if (plan == NULL) {
        reply_error(request, 400, "%s", error);
        return NULL;
    }
    if (strcmp(plan, one) == 0 || strcmp(plan, other) == 0)
        return plan;
    reply_error(request, 400, "plan: must be %s or %s", one, other);
    return NULL;
}

void billing_upgrade(struct request *request)
{
    const char *plan = take_plan(request, "pro", "business");
    if (plan != NULL && billing_configured(request))
        begin(request, CHANGE_UPGRADE, plan);
}

void billing_downgrade(struct request *request)
{
    const char *plan = take_plan(request, "free", "pro");
    if (plan != NULL && billing_configured(request))
        begin(request, CHANGE_DOWNGRADE, plan);
}

void billing_cancel(struct request *request)
{
    if (billing_configured(request))
        begin(request, CHANGE_CANCEL, NULL);
}

void billing_portal(struct request *request)
{
    if (billing_configured(request))
        begin(request, CHANGE_PORTAL, NULL);
}
