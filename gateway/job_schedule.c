#include <stdio.h>
#include <string.h>

#include "gateway/job_parse.h"
#include "shared/clock.h"
#include "shared/cron.h"
#include "shared/zone.h"

#define MINUTE_S 60

int job_parse_cron(struct job_parse *parse, const cJSON *value)
{
    if (cJSON_IsNull(value))
        return 0;
    if (!cJSON_IsString(value))
        return job_parse_fail(parse, "cron_expression", "must be a string");
    struct cron cron;
    char error[CRON_ERROR_SIZE];
    if (cron_parse(value->valuestring, strlen(value->valuestring), &cron, error) != 0)
        return job_parse_fail(parse, "Invalid cron expression", error);
    parse->form->input.cron_expression = value->valuestring;
    parse->form->interval_s = cron_shortest_interval(&cron) * MINUTE_S;
    return 0;
}

int job_parse_timezone(struct job_parse *parse, const cJSON *value)
{
    if (cJSON_IsNull(value))
        return 0;
    if (!cJSON_IsString(value))
        return job_parse_fail(parse, "timezone", "must be a string");
    uint16_t zone = zone_find(value->valuestring, strlen(value->valuestring));
    if (zone == ZONE_NONE)
        return job_parse_fail(parse, "timezone",
                              "unknown; must be an IANA name such as Europe/Berlin");
    parse->form->input.timezone = zone_name(zone);
    return 0;
}

/* What clock_parse leaves out: "12:00:00.5Z" is no whole second. */
static bool has_fraction(const char *text)
{
    const char *point = strchr(text, '.');
    if (point == NULL)
        return false;
    const char *digit = point + 1 + strspn(point + 1, "0");
    return *digit >= '1' && *digit <= '9';
}

static int parse_time(struct job_parse *parse, const char *field, const cJSON *value,
                      int64_t *time_s)
{
    if (cJSON_IsNull(value))
        return 0;
    const char *text = cJSON_GetStringValue(value);
    int64_t parsed_s;
    if (text == NULL || clock_parse(text, strlen(text), &parsed_s) != 0 || parsed_s <= 0)
        return job_parse_fail(parse, field, "must be a time such as 2026-05-09T14:00:00+00:00");
    if (has_fraction(text))
        return job_parse_fail(parse, field, "must be a whole second");
    *time_s = parsed_s;
    return 0;
}

int job_parse_run_at(struct job_parse *parse, const cJSON *value)
{
    int64_t *run_at_s = &parse->form->input.run_at_s;
    if (parse_time(parse, "run_at", value, run_at_s) != 0)
        return -1;
    if (*run_at_s % MINUTE_S != 0)
        return job_parse_fail(parse, "run_at", "must be a whole minute");
    /* What is declared may have had its run: the leader knows. */
    if (parse->mode != JOB_INPUT_PUT && *run_at_s != 0 && *run_at_s <= parse->context->now_s)
        return job_parse_fail(parse, "run_at", "must be in the future");
    return 0;
}

int job_parse_start_at(struct job_parse *parse, const cJSON *value)
{
    return parse_time(parse, "start_at", value, &parse->form->input.start_at_s);
}

int job_parse_end_at(struct job_parse *parse, const cJSON *value)
{
    return parse_time(parse, "end_at", value, &parse->form->input.end_at_s);
}

/* Exactly one of cron_expression and run_at; in an update also none. */
static int check_one_schedule(struct job_parse *parse)
{
    struct job_input *input = &parse->form->input;
    bool named = input->fields & (JOB_CRON | JOB_RUN_AT);
    if (input->cron_expression != NULL && input->run_at_s != 0)
        return job_parse_fail(parse, "cron_expression, run_at", "only one of them");
    if (input->cron_expression == NULL && input->run_at_s == 0) {
        if (parse->mode != JOB_INPUT_UPDATE)
            return job_parse_fail(parse, "cron_expression", "required, or run_at");
        if (named)
            return job_parse_fail(parse, input->fields & JOB_CRON ? "cron_expression" : "run_at",
                                  "must not be null without the other of cron_expression and "
                                  "run_at");
    }
    /* The one that is given takes the place of the other. */
    if (parse->mode == JOB_INPUT_UPDATE && named)
        input->fields |= JOB_CRON | JOB_RUN_AT;
    return 0;
}

static int check_bounds(struct job_parse *parse)
{
    const struct job_input *input = &parse->form->input;
    if (input->start_at_s != 0 && input->end_at_s != 0 && input->start_at_s > input->end_at_s)
        return job_parse_fail(parse, "start_at", "must not be after end_at");
    bool early = input->run_at_s != 0 && input->run_at_s < input->start_at_s;
    bool late = input->run_at_s != 0 && input->end_at_s != 0 && input->run_at_s > input->end_at_s;
    if (early || late)
        return job_parse_fail(parse, "run_at", "must be within start_at and end_at");
    return 0;
}

static int check_jitter(struct job_parse *parse)
{
    const struct job_input *input = &parse->form->input;
    if (input->cron_expression == NULL || input->jitter_s < parse->form->interval_s)
        return 0;
    char what[96];
    snprintf(what, sizeof what, "must be below the shortest time between two runs (%lld seconds)",
             (long long)parse->form->interval_s);
    return job_parse_fail(parse, "jitter_seconds", what);
}

int job_parse_schedule(struct job_parse *parse)
{
    if (check_one_schedule(parse) != 0 || check_bounds(parse) != 0 || check_jitter(parse) != 0)
        return -1;
    return 0;
}
