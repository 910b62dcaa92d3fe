#include "gateway/check_form.h"

#include <stdio.h>
#include <string.h>

#include "gateway/check_parse.h"
#include "shared/json.h"

int check_parse_fail(struct check_parse *parse, const char *field, const char *what)
{
    snprintf(parse->error, FIELDS_ERROR_SIZE, "%s: %s", field, what);
    return -1;
}

int check_parse_number(struct check_parse *parse, const char *field, int64_t least, int64_t most,
                       int64_t *value)
{
    if (json_integer(parse->body, field, least, most, value) == 0)
        return 0;
    char what[96];
    snprintf(what, sizeof what, "must be a whole number from %lld to %lld", (long long)least,
             (long long)most);
    return check_parse_fail(parse, field, what);
}

static int parse_name(struct check_parse *parse, const cJSON *value)
{
    const char *fault = fields_name_fault(value);
    if (fault != NULL)
        return check_parse_fail(parse, "name", fault);
    parse->form->input.name = value->valuestring;
    return 0;
}

static int parse_group(struct check_parse *parse, const cJSON *value)
{
    const char *fault = fields_text_fault(value);
    if (fault != NULL)
        return check_parse_fail(parse, "group", fault);
    parse->form->input.group = value->valuestring;
    return 0;
}

static int parse_slug(struct check_parse *parse, const cJSON *value)
{
    if (cJSON_IsNull(value))
        return 0;
    const char *slug = cJSON_GetStringValue(value);
    if (slug == NULL || !check_slug_valid(slug, strlen(slug)))
        return check_parse_fail(parse, "slug",
                                "must be 1 to 100 of a-z, 0-9, hyphens and underscores");
    parse->form->input.slug = slug;
    return 0;
}

static int parse_alert_after(struct check_parse *parse, const cJSON *value)
{
    (void)value;
    int64_t failures;
    if (check_parse_number(parse, "alert_after", 1, CHECK_IN_A_ROW_MAX, &failures) != 0)
        return -1;
    parse->form->input.alert_after = (int32_t)failures;
    return 0;
}

static int parse_recover_after(struct check_parse *parse, const cJSON *value)
{
    (void)value;
    int64_t successes;
    if (check_parse_number(parse, "recover_after", 1, CHECK_IN_A_ROW_MAX, &successes) != 0)
        return -1;
    parse->form->input.recover_after = (int32_t)successes;
    return 0;
}

static int parse_reminder(struct check_parse *parse, const cJSON *value)
{
    (void)value;
    int64_t seconds;
    if (json_integer(parse->body, "reminder_seconds", 0, CHECK_REMINDER_MAX_S, &seconds) != 0 ||
        (seconds > 0 && seconds < CHECK_REMINDER_MIN_S))
        return check_parse_fail(parse, "reminder_seconds",
                                "must be 0 or a whole number from 300 to 2592000");
    parse->form->input.reminder_s = (int32_t)seconds;
    return 0;
}

static const struct check_rule {
    const char *name;
    enum check_field field;
    check_parse_field *parse;
} rules[] = {
    {"name", CHECK_NAME, parse_name},
    {"cron_expression", CHECK_CRON, check_parse_cron}, /* before the period: it takes its place */
    {"period", CHECK_PERIOD, check_parse_period},
    {"grace", CHECK_GRACE, check_parse_grace},
    {"timezone", CHECK_TIMEZONE, check_parse_timezone},
    {"tags", CHECK_TAGS, check_parse_tags},
    {"group", CHECK_GROUP, parse_group},
    {"slug", CHECK_SLUG, parse_slug},
    {"maint_start", CHECK_MAINT_START, check_parse_maint_start},
    {"maint_end", CHECK_MAINT_END, check_parse_maint_end},
    {"maint_schedule", CHECK_MAINT_SCHEDULE, check_parse_maint_schedule},
    {"alert_after", CHECK_ALERT_AFTER, parse_alert_after},
    {"recover_after", CHECK_RECOVER_AFTER, parse_recover_after},
    {"reminder_seconds", CHECK_REMINDER, parse_reminder},
    /* Of an account: not in an import. */
    {"parents", CHECK_PARENTS, check_parse_parents},
    {"channels", CHECK_CHANNELS, check_parse_channels},
};
#define ACCOUNT_RULES 2

static int parse_fields(struct check_parse *parse)
{
    const char *names[ARRAY_LENGTH(rules)];
    size_t count = ARRAY_LENGTH(rules) - (parse->mode == CHECK_FORM_ITEM ? ACCOUNT_RULES : 0);
    for (size_t i = 0; i < count; i++)
        names[i] = rules[i].name;
    if (fields_only(parse->body, names, count, parse->error) != 0)
        return -1;

    struct check_input *input = &parse->form->input;
    for (size_t i = 0; i < count; i++) {
        const cJSON *value = cJSON_GetObjectItemCaseSensitive(parse->body, rules[i].name);
        if (value == NULL)
            continue;
        if (rules[i].parse(parse, value) != 0)
            return -1;
        input->fields |= rules[i].field;
    }
    if (parse->mode == CHECK_FORM_UPDATE && input->fields == 0)
        return check_parse_fail(parse, "No field to update", "the object is empty");
    return check_parse_schedule(parse);
}

int check_form_parse(const cJSON *body, enum check_form_mode mode, struct check_form *form,
                     char error[static FIELDS_ERROR_SIZE])
{
    *form = (struct check_form){.input = check_input_defaults};
    struct check_parse parse = {body, mode, form, error};
    if (parse_fields(&parse) == 0)
        return 0;
    check_form_free(form);
    return -1;
}

void check_form_free(struct check_form *form)
{
    buffer_free(&form->tags);
}
