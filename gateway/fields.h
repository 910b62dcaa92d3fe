/* The members of a request's JSON object, checked. Errors are sentences for the user. */
#ifndef GATEWAY_FIELDS_H
#define GATEWAY_FIELDS_H

#include <stdbool.h>
#include <stddef.h>

#include <cjson/cJSON.h>

#include "shared/compiler.h"

#define FIELDS_ERROR_SIZE 320

/* 0, or -1 where the object has a member that is not among names. */
int fields_only(const cJSON *object, const char *const *names, size_t count,
                char error[static FIELDS_ERROR_SIZE]) MUST_CHECK;

/* A required string, borrowed, or NULL with error. */
const char *fields_string(const cJSON *object, const char *name,
                          char error[static FIELDS_ERROR_SIZE]) MUST_CHECK;

#endif
