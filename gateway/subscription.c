#include "gateway/subscription.h"

#include <string.h>

#include "shared/json.h"

#define TIME_MAX   INT64_C(253402300799) /* in the year 9999 */
#define STATUS_MAX 32

static const cJSON *member(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

/* A bounded string that may be sent back in a path. */
static const char *short_text(const cJSON *object, const char *name, size_t most)
{
    const char *text = json_text(object, name);
    size_t length = text != NULL ? strlen(text) : 0;
    return length > 0 && length <= most ? text : NULL;
}

const char *stripe_id(const cJSON *object, const char *name)
{
    const cJSON *item = member(object, name);
    return cJSON_IsObject(item) ? short_text(item, "id", STRIPE_ID_MAX)
                                : short_text(object, name, STRIPE_ID_MAX);
}

/* Decimal digits of a number from 1 on. */
static int64_t account_number(const char *text)
{
    int64_t value = 0;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9' || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, *text - '0', &value))
            return 0;
    }
    return value;
}

int64_t stripe_metadata_account(const cJSON *object)
{
    const char *text = json_text(member(object, "metadata"), "croncoco_account");
    return text != NULL ? account_number(text) : 0;
}

int64_t stripe_reference_account(const cJSON *object)
{
    const char *text = json_text(object, "client_reference_id");
    return text != NULL ? account_number(text) : 0;
}

static int64_t time_of(const cJSON *object, const char *name)
{
    int64_t value = 0;
    return json_integer(object, name, 1, TIME_MAX, &value) == 0 ? value : 0;
}

int subscription_read(const cJSON *tree, struct subscription *subscription)
{
    const cJSON *item = cJSON_GetArrayItem(member(member(tree, "items"), "data"), 0);
    struct subscription read = {
        .id = short_text(tree, "id", STRIPE_ID_MAX),
        .customer = stripe_id(tree, "customer"),
        .status = short_text(tree, "status", STATUS_MAX),
        .item = short_text(item, "id", STRIPE_ID_MAX),
        .price = stripe_id(item, "price"),
        /* Of the item since Stripe-Version 2025-03-31, of the subscription before. */
        .period_end_s = time_of(item, "current_period_end"),
        .ends_s = time_of(tree, "cancel_at"),
        .ends_with_its_period = cJSON_IsTrue(member(tree, "cancel_at_period_end")),
        .account = stripe_metadata_account(tree),
    };
    if (read.id == NULL || read.customer == NULL || read.status == NULL || read.item == NULL ||
        read.price == NULL)
        return -1;
    if (read.period_end_s == 0)
        read.period_end_s = time_of(tree, "current_period_end");
    if (read.ends_with_its_period)
        read.ends_s = read.period_end_s;
    *subscription = read;
    return 0;
}

static bool status_is_among(const char *status, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(status, names[i]) == 0)
            return true;
    return false;
}

bool subscription_live(const struct subscription *subscription)
{
    static const char *const live[] = {"active", "trialing", "past_due"};
    return status_is_among(subscription->status, live, ARRAY_LENGTH(live));
}

bool subscription_ended(const struct subscription *subscription)
{
    static const char *const ended[] = {"canceled", "incomplete_expired"};
    return status_is_among(subscription->status, ended, ARRAY_LENGTH(ended));
}
