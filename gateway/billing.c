#include "gateway/billing.h"

#include <inttypes.h>
#include <string.h>

#include "gateway/form.h"
#include "gateway/gateway.h"
#include "gateway/query.h"
#include "gateway/reply.h"
#include "gateway/request.h"
#include "shared/clock.h"
#include "shared/log.h"

static const char *const plans[] = {"free", "starter", "pro", "business"}; /* by rank */

int billing_check_config(const struct config *config, const char **missing)
{
    const struct {
        const char *name;
        const char *value;
    } rows[] = {
        {"STRIPE_SECRET_KEY", config->stripe_secret_key},
        {"STRIPE_WEBHOOK_SECRET", config->stripe_webhook_secret},
        {"STRIPE_PRICE_PRO", config->stripe_price_pro},
        {"STRIPE_PRICE_BUSINESS", config->stripe_price_business},
    };
    size_t set = 0;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        if (rows[i].value[0] != '\0')
            set++;
        else
            *missing = rows[i].name;
    }
    return set == 0 || set == ARRAY_LENGTH(rows) ? 0 : -1;
}

bool billing_configured(struct request *request)
{
    if (request->gateway->stripe != NULL)
        return true;
    reply_retry(request, 503, 3600, "Billing is not set up on this server: plans cannot be bought");
    return false;
}

int billing_rank(const char *plan)
{
    for (size_t i = 0; i < ARRAY_LENGTH(plans); i++)
        if (strcmp(plan, plans[i]) == 0)
            return (int)i;
    return -1;
}

const char *billing_plan_of(const struct config *config, const char *price)
{
    if (strcmp(price, config->stripe_price_pro) == 0)
        return "pro";
    if (strcmp(price, config->stripe_price_business) == 0)
        return "business";
    return NULL;
}

const char *billing_price_of(const struct config *config, const char *plan)
{
    return strcmp(plan, "pro") == 0 ? config->stripe_price_pro : config->stripe_price_business;
}

const char *billing_text(struct request *request, const char *text)
{
    if (text == NULL)
        return NULL;
    size_t length = strlen(text);
    char *copy = request_memory(request, length + 1);
    memcpy(copy, text, length + 1);
    return copy;
}

struct sql_billing billing_keep(struct request *request, const struct sql_billing *billing)
{
    struct sql_billing kept = *billing;
    kept.email = billing_text(request, billing->email);
    kept.plan = billing_text(request, billing->plan);
    kept.customer = billing_text(request, billing->customer);
    kept.subscription = billing_text(request, billing->subscription);
    kept.checkout = billing_text(request, billing->checkout);
    kept.status = billing_text(request, billing->status);
    return kept;
}

struct subscription billing_keep_subscription(struct request *request,
                                              const struct subscription *subscription)
{
    struct subscription kept = *subscription;
    kept.id = billing_text(request, subscription->id);
    kept.customer = billing_text(request, subscription->customer);
    kept.status = billing_text(request, subscription->status);
    kept.item = billing_text(request, subscription->item);
    kept.price = billing_text(request, subscription->price);
    return kept;
}

const char *billing_path(struct request *request, const char *before, const char *id,
                         const char *behind)
{
    struct buffer path = BUFFER_EMPTY;
    buffer_text(&path, before);
    form_escape(&path, id);
    buffer_text(&path, behind);
    const char *kept = billing_text(request, path.data);
    buffer_free(&path);
    return kept;
}

bool billing_was_live(const struct sql_billing *billing)
{
    const struct subscription recorded = {.status = billing->status};
    return billing->status != NULL && subscription_live(&recorded);
}

/*
 * The plan that a subscription gives; NULL: what the account has stays, as where a subscription
 * that was not paid before is not paid now either: an operator may have given a plan.
 */
static const char *plan_given(const struct config *config, const struct sql_billing *before,
                              const struct subscription *subscription)
{
    if (!subscription_live(subscription))
        return billing_was_live(before) ? "free" : NULL;
    const char *plan = billing_plan_of(config, subscription->price);
    if (plan == NULL)
        LOG_WARN("a subscription has a price that is not configured",
                 LOG_STR("subscription", subscription->id));
    return plan;
}

void billing_send(struct request *request, const struct identity *identity,
                  const struct sql_billing *billing, const struct subscription *subscription,
                  const char *answer, command_answer_cb *on_answer)
{
    struct command command = {
        .kind = COMMAND_ACCOUNT_SET_BILLING,
        .billing = {.version = billing->version,
                    .customer = billing->customer,
                    .subscription = billing->subscription,
                    .checkout = billing->checkout,
                    .status = billing->status,
                    .period_end_s = billing->period_end_ms / 1000,
                    .cancels = billing->cancels,
                    .answer = answer},
    };
    if (subscription != NULL) {
        struct billing_input *input = &command.billing;
        input->customer = subscription->customer;
        input->subscription = subscription->id;
        input->status = subscription->status;
        input->period_end_s =
            subscription->ends_s != 0 ? subscription->ends_s : subscription->period_end_s;
        input->cancels = subscription->ends_s != 0;
        input->plan = plan_given(request->gateway->config, billing, subscription);
    }
    request->account = billing->account;
    command_client_send_as(request->gateway->commands, request, &command, identity, on_answer);
}

static void on_usage(struct request *request, const struct db_outcome *outcome)
{
    const struct db_rows *rows = &outcome->statements[0];
    if (rows->count == 0) { /* deleted since its key was looked up */
        reply_header(request, "www-authenticate", "Bearer");
        reply_error(request, 401, "Invalid API key");
        return;
    }
    struct sql_plan_usage usage = sql_plan_usage_row(rows);
    char start[CLOCK_TEXT_SIZE];
    struct buffer body = BUFFER_EMPTY;
    buffer_format(&body,
                  "{\"plan\":\"%s\",\"stored_jobs_used\":%" PRId64 ",\"stored_jobs_limit\":%" PRId64
                  ",\"active_jobs_used\":%" PRId64 ",\"active_jobs_limit\":%" PRId64
                  ",\"executions_used\":%" PRId64 ",\"executions_limit\":%" PRId64,
                  usage.plan, usage.stored_jobs, usage.stored_jobs_limit, usage.active_jobs,
                  usage.active_jobs_limit, usage.executions, usage.executions_limit);
    buffer_format(&body,
                  ",\"usage_period_start\":\"%s\",\"min_interval_seconds\":%d"
                  ",\"concurrency_limit\":%d,\"burst_per_minute\":%d,\"burst_bucket\":%d"
                  ",\"timeout_seconds\":%d,\"history_days\":%d,\"has_billing\":%s}",
                  clock_format_s(start, usage.period_start_ms / 1000), usage.min_interval_s,
                  usage.concurrency, usage.burst_per_minute, usage.burst_left, usage.timeout_s,
                  usage.history_days, usage.has_billing ? "true" : "false");
    reply_buffer(request, 200, &body);
}

void billing_show(struct request *request)
{
    struct db_unit *unit = db_unit_new();
    sql_plan_usage(unit, request->account);
    query_run(request, unit, on_usage);
}
