#include <string.h>

#include "gateway/check_parse.h"
#include "shared/cron.h"
#include "shared/json.h"
#include "shared/maintenance.h"
#include "shared/zone.h"

int check_parse_cron(struct check_parse *parse, const cJSON *value)
{
    if (cJSON_IsNull(value))
        return 0;
    if (!cJSON_IsString(value))
        return check_parse_fail(parse, "cron_expression", "must be a string");
    struct cron cron;
    char error[CRON_ERROR_SIZE];
    if (cron_parse(value->valuestring, strlen(value->valuestring), &cron, error) != 0)
        return check_parse_fail(parse, "Invalid cron expression", error);
    parse->form->input.cron_expression = value->valuestring;
    return 0;
}

int check_parse_period(struct check_parse *parse, const cJSON *value)
{
    (void)value;
    /* What is shown beside an expression follows from it, and may be longer than a period can be.
     */
    bool shown = parse->form->input.cron_expression != NULL;
    int64_t seconds;
    if (check_parse_number(parse, "period", CHECK_SECONDS_MIN,
                           shown ? INT32_MAX : CHECK_SECONDS_MAX, &seconds) != 0)
        return -1;
    parse->form->input.period_s = (int32_t)seconds;
    return 0;
}

int check_parse_grace(struct check_parse *parse, const cJSON *value)
{
    (void)value;
    int64_t seconds;
    if (check_parse_number(parse, "grace", CHECK_SECONDS_MIN, CHECK_SECONDS_MAX, &seconds) != 0)
        return -1;
    parse->form->input.grace_s = (int32_t)seconds;
    return 0;
}

int check_parse_timezone(struct check_parse *parse, const cJSON *value)
{
    if (cJSON_IsNull(value))
        return 0;
    if (!cJSON_IsString(value))
        return check_parse_fail(parse, "timezone", "must be a string");
    uint16_t zone = zone_find(value->valuestring, strlen(value->valuestring));
    if (zone == ZONE_NONE)
        return check_parse_fail(parse, "timezone",
                                "unknown; must be an IANA name such as Europe/Berlin");
    parse->form->input.timezone = zone_name(zone);
    return 0;
}

static int parse_moment(struct check_parse *parse, const char *field, const cJSON *value,
                        int64_t *time_s)
{
    if (cJSON_IsNull(value) || json_integer(parse->body, field, 1, CHECK_TIME_MAX_S, time_s) == 0)
        return 0;
    return check_parse_fail(parse, field, "must be a Unix timestamp, in seconds, or null");
}

int check_parse_maint_start(struct check_parse *parse, const cJSON *value)
{
    return parse_moment(parse, "maint_start", value, &parse->form->input.maint_start_s);
}

int check_parse_maint_end(struct check_parse *parse, const cJSON *value)
{
    return parse_moment(parse, "maint_end", value, &parse->form->input.maint_end_s);
}

int check_parse_maint_schedule(struct check_parse *parse, const cJSON *value)
{
    if (!cJSON_IsString(value))
        return check_parse_fail(parse, "maint_schedule", "must be a string");
    size_t length = strlen(value->valuestring);
    if (length > CHECK_MAINT_SCHEDULE_MAX)
        return check_parse_fail(parse, "maint_schedule", "at most 255 bytes");
    struct maintenance_week week;
    char error[MAINTENANCE_ERROR_SIZE];
    if (maintenance_parse(value->valuestring, length, &week, error) != 0)
        return check_parse_fail(parse, "maint_schedule", error);
    parse->form->input.maint_schedule = value->valuestring;
    return 0;
}

/* An update may name one end alone: the leader knows the other. */
static int check_window(struct check_parse *parse)
{
    const struct check_input *input = &parse->form->input;
    bool whole = parse->mode != CHECK_FORM_UPDATE;
    bool both = (input->fields & CHECK_MAINT_START) && (input->fields & CHECK_MAINT_END);
    if (!whole && !both)
        return 0;
    if ((input->maint_start_s == 0) != (input->maint_end_s == 0))
        return check_parse_fail(parse, input->maint_start_s == 0 ? "maint_start" : "maint_end",
                                "a window has both, maint_start and maint_end");
    if (input->maint_start_s != 0 && input->maint_start_s >= input->maint_end_s)
        return check_parse_fail(parse, "maint_start", "must be before maint_end");
    return 0;
}

int check_parse_schedule(struct check_parse *parse)
{
    struct check_input *input = &parse->form->input;
    if (input->cron_expression != NULL) {
        input->fields &= ~(unsigned)CHECK_PERIOD;
        input->period_s = check_input_defaults.period_s;
    }
    return check_window(parse);
}
