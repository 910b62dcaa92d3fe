#include "gateway/channel_form.h"

#include <stdio.h>
#include <string.h>

#include "shared/url.h"

static int fail(char *error, const char *field, const char *what)
{
    snprintf(error, FIELDS_ERROR_SIZE, "%s: %s", field, what);
    return -1;
}

/* What a channel is called that was given no name. */
static const char *standard_name(enum channel_kind kind)
{
    switch (kind) {
    case CHANNEL_WEBHOOK: return "Webhook";
    case CHANNEL_SLACK: return "Slack";
    case CHANNEL_EMAIL: return "E-mail";
    case CHANNEL_KINDS: break;
    }
    INVARIANT(false && "a kind that is none");
    return "";
}

static int parse_kind(const cJSON *body, struct channel_form *form, char *error)
{
    const char *kind = fields_string(body, "kind", error);
    if (kind == NULL)
        return -1;
    form->input.kind = channel_kind_of(kind);
    if (form->input.kind == CHANNEL_KINDS)
        return fail(error, "kind", "must be webhook, slack or email");
    form->input.name = standard_name(form->input.kind);
    return 0;
}

static int parse_name(const cJSON *body, struct channel_form *form, char *error)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(body, "name");
    if (value == NULL)
        return 0;
    const char *fault = fields_name_fault(value);
    if (fault != NULL)
        return fail(error, "name", fault);
    form->input.name = value->valuestring;
    form->input.fields |= CHANNEL_NAME;
    return 0;
}

static int parse_enabled(const cJSON *body, struct channel_form *form, char *error)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(body, "enabled");
    if (value == NULL)
        return 0;
    if (!cJSON_IsBool(value))
        return fail(error, "enabled", "must be true or false");
    form->input.enabled = cJSON_IsTrue(value);
    form->input.fields |= CHANNEL_ENABLED;
    return 0;
}

/* The kind of a channel that is there already is the leader's to know. */
static int parse_target(const cJSON *body, bool whole, const struct guard *guard,
                        struct channel_form *form, char *error)
{
    if (!whole && cJSON_GetObjectItemCaseSensitive(body, "target") == NULL)
        return 0;
    const char *target = fields_string(body, "target", error);
    if (target == NULL)
        return -1;
    bool address = whole ? form->input.kind == CHANNEL_EMAIL : channel_target_is_address(target);
    char url_error[URL_ERROR_SIZE];
    if (address) {
        if (email_normalize(target, form->address) != 0)
            return fail(error, "target",
                        whole ? "not a valid address" : "not a valid address, and no URL");
        form->input.target = form->address;
    } else {
        if (url_check(target, strlen(target), guard, url_error) != 0)
            return fail(error, "target", url_error);
        form->input.target = target;
    }
    form->input.fields |= CHANNEL_TARGET;
    return 0;
}

int channel_form_parse(const cJSON *body, bool whole, const struct guard *guard,
                       struct channel_form *form, char error[static FIELDS_ERROR_SIZE])
{
    static const char *const names[] = {"name", "target", "enabled", "kind"};
    size_t count = ARRAY_LENGTH(names) - (whole ? 0 : 1);
    *form = (struct channel_form){.input = {.enabled = true}};
    if (fields_only(body, names, count, error) != 0 ||
        (whole && parse_kind(body, form, error) != 0) || parse_name(body, form, error) != 0 ||
        parse_target(body, whole, guard, form, error) != 0 || parse_enabled(body, form, error) != 0)
        return -1;
    if (whole)
        form->input.fields = CHANNEL_NAME | CHANNEL_TARGET | CHANNEL_ENABLED;
    if (form->input.fields == 0)
        return fail(error, "No field to update", "the object is empty");
    return 0;
}
