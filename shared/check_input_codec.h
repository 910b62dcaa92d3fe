/* What a user says of checks, inside of a command: JSON, see command.h. */
#ifndef SHARED_CHECK_INPUT_CODEC_H
#define SHARED_CHECK_INPUT_CODEC_H

#include <cjson/cJSON.h>

#include "shared/buffer.h"
#include "shared/check_input.h"
#include "shared/compiler.h"

/* Writes the fields of check->fields. */
void check_input_encode(const struct check_input *check, struct buffer *out);
/*
 * Strings are borrowed from the tree; absent fields get the defaults. Returns NULL, or a constant
 * that says what is wrong.
 */
const char *check_input_decode(const cJSON *object, struct check_input *check) MUST_CHECK;

void check_items_encode(const struct check_item *items, size_t count, struct buffer *out);
/* *items is the caller's, for free(), also where it fails. */
const char *check_items_decode(const cJSON *list, size_t most, struct check_item **items,
                               size_t *count) MUST_CHECK;

/* The id of a check: 64 bits do not fit the numbers of JSON, so it is 16 hexadecimal digits. */
void check_id_encode(int64_t id, struct buffer *out);
int check_id_decode(const cJSON *item, int64_t *id) MUST_CHECK;

#endif
