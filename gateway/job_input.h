/* A job's fields as a client sends them, checked completely. Pure. */
#ifndef GATEWAY_JOB_INPUT_H
#define GATEWAY_JOB_INPUT_H

#include <stdbool.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "gateway/fields.h"
#include "shared/buffer.h"
#include "shared/command.h"
#include "shared/compiler.h"
#include "shared/guard.h"

#define JOB_HEADERS_MAX      20
#define JOB_HEADER_NAME_MAX  100   /* bytes */
#define JOB_HEADER_VALUE_MAX 500   /* bytes */
#define JOB_PAYLOAD_MAX      10240 /* bytes */

#define JOB_EXTERNAL_ID_FORM "must be 1 to 200 printable ASCII characters without spaces"

/* PUT is a whole job as CREATE is, and may say enabled. */
enum job_input_mode { JOB_INPUT_CREATE, JOB_INPUT_UPDATE, JOB_INPUT_PUT };

struct job_input_context {
    const struct guard *guard; /* which addresses are refused at once */
    int64_t now_s;
};

struct job_form {
    struct job_input input; /* its strings are borrowed from below and from the body */
    struct buffer headers;
    char *payload;
    int64_t interval_s; /* the shortest of cron_expression; 0 without */
};

/*
 * body: the tree of the object whose bytes are given. Returns 0 and a form for job_form_free, which
 * must end before the tree does; or -1 with a sentence for the user, and nothing to free.
 */
int job_input_parse(const cJSON *body, const char *bytes, size_t length, enum job_input_mode mode,
                    const struct job_input_context *context, struct job_form *form,
                    char error[static FIELDS_ERROR_SIZE]) MUST_CHECK;
void job_form_free(struct job_form *form);

bool job_external_id_valid(const char *id);

#endif
