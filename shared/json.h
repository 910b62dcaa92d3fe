/*
 * JSON at the edge: cJSON with the checks that it leaves out, and a writer.
 */
#ifndef SHARED_JSON_H
#define SHARED_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "shared/buffer.h"
#include "shared/compiler.h"

#define JSON_ERROR_SIZE 160
#define JSON_DEPTH_MAX  64
/* 2^53: beyond it a double, and so cJSON, loses digits. */
#define JSON_INTEGER_MAX 9007199254740992.0

/*
 * Parses one JSON value that is the whole input: valid UTF-8, no NUL, no raw control character, no
 * \u0000, no lone surrogate, nesting to JSON_DEPTH_MAX, nothing behind it, and no member twice in
 * the outermost object (deeper ones are the user's own business). Returns the tree, for
 * cJSON_Delete, or NULL with error.
 */
cJSON *json_parse(const char *bytes, size_t length, char error[static JSON_ERROR_SIZE]) MUST_CHECK;

/*
 * The bytes of a member of the outermost object as they came, without surrounding space, for values
 * that are carried and never printed again. The input must have passed json_parse. Returns 0, or -1
 * where there is no such member.
 */
int json_member_span(const char *bytes, size_t length, const char *name, const char **start,
                     size_t *span) MUST_CHECK;

/* A string with quotes and escapes. */
void json_write_string(struct buffer *out, const char *text, size_t length);

/* The same of any bytes: what is no UTF-8 among them is written as U+FFFD. */
void json_write_bytes(struct buffer *out, const char *bytes, size_t length);

bool json_utf8_valid(const char *bytes, size_t length);

/*
 * A member of object that is a whole number within least .. most (and within 2^53, where cJSON is
 * exact). Returns 0, or -1 with *value untouched.
 */
int json_integer(const cJSON *object, const char *name, int64_t least, int64_t most,
                 int64_t *value) MUST_CHECK;
/* A member of object that is a string, borrowed from the tree; NULL where it is not. */
const char *json_text(const cJSON *object, const char *name);

#endif
