/* What a user says of a job, inside of a command: JSON, see command.h. */
#ifndef SHARED_JOB_INPUT_CODEC_H
#define SHARED_JOB_INPUT_CODEC_H

#include <cjson/cJSON.h>

#include "shared/buffer.h"
#include "shared/command.h"
#include "shared/compiler.h"

void job_input_encode(const struct job_input *job, struct buffer *out);
/*
 * Strings are borrowed from the tree; fields that are not there have their defaults. Returns NULL,
 * or a constant that says what is wrong: types, ranges, two schedules or none where both are named.
 */
const char *job_input_decode(const cJSON *object, struct job_input *job) MUST_CHECK;

/* Whether it says exactly one of cron_expression and run_at. */
bool job_input_has_schedule(const struct job_input *job);

#endif
