/* The members of a request's JSON object, checked. Errors are sentences for the user. */
#ifndef GATEWAY_FIELDS_H
#define GATEWAY_FIELDS_H

#include <stdbool.h>
#include <stddef.h>

#include <cjson/cJSON.h>

#include "shared/compiler.h"

#define FIELDS_ERROR_SIZE 320
#define FIELDS_NAME_MAX   100 /* characters */

/* 0, or -1 where the object has a member that is not among names. */
int fields_only(const cJSON *object, const char *const *names, size_t count,
                char error[static FIELDS_ERROR_SIZE]) MUST_CHECK;

/* A required string, borrowed, or NULL with error. */
const char *fields_string(const cJSON *object, const char *name,
                          char error[static FIELDS_ERROR_SIZE]) MUST_CHECK;

/*
 * What is wrong with a name or the like, a constant; NULL: nothing. A name has 1 to FIELDS_NAME_MAX
 * characters, none of them a control character, and not spaces alone.
 */
const char *fields_name_fault(const cJSON *value);
/* The same of a text that may be empty or blank. */
const char *fields_text_fault(const cJSON *value);

#endif
