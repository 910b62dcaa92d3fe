/* Inside of check_form.c: what its parsers of fields share. */
#ifndef GATEWAY_CHECK_PARSE_H
#define GATEWAY_CHECK_PARSE_H

#include <stdbool.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "gateway/check_form.h"

struct check_parse {
    const cJSON *body;
    enum check_form_mode mode;
    struct check_form *form;
    char *error; /* FIELDS_ERROR_SIZE */
};

/* Writes "<field>: <what>" to error; returns -1. */
int check_parse_fail(struct check_parse *parse, const char *field, const char *what);
/* A whole number from least to most. */
int check_parse_number(struct check_parse *parse, const char *field, int64_t least, int64_t most,
                       int64_t *value);

/* 0 and the value taken to the form, or -1 with error. */
typedef int check_parse_field(struct check_parse *parse, const cJSON *value);

/* check_schedule.c */
check_parse_field check_parse_period, check_parse_grace, check_parse_cron, check_parse_timezone,
    check_parse_maint_start, check_parse_maint_end, check_parse_maint_schedule;
/* What the fields of a schedule say together, where all of them have been taken. */
int check_parse_schedule(struct check_parse *parse);
/* check_lists.c */
check_parse_field check_parse_tags, check_parse_parents, check_parse_channels;

#endif
