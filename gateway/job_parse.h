/* Inside of job_input.c: what its parsers of fields share. */
#ifndef GATEWAY_JOB_PARSE_H
#define GATEWAY_JOB_PARSE_H

#include <cjson/cJSON.h>

#include "gateway/job_input.h"

struct job_parse {
    const cJSON *body;
    const char *bytes;
    size_t length;
    enum job_input_mode mode;
    const struct job_input_context *context;
    struct job_form *form;
    char *error; /* FIELDS_ERROR_SIZE */
};

/* Writes "<field>: <what>" to error; returns -1. */
int job_parse_fail(struct job_parse *parse, const char *field, const char *what);

/* 0 and the value taken to the form, or -1 with error. */
typedef int job_parse_field(struct job_parse *parse, const cJSON *value);

job_parse_field job_parse_headers; /* job_headers.c */
/* job_schedule.c */
job_parse_field job_parse_cron, job_parse_timezone, job_parse_run_at, job_parse_start_at,
    job_parse_end_at;
/* What the fields of a schedule say together, where all of them have been taken. */
int job_parse_schedule(struct job_parse *parse);

#endif
