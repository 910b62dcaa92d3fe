/* What Stripe says of an account, inside of a command: JSON, see command.h. */
#ifndef SHARED_BILLING_INPUT_CODEC_H
#define SHARED_BILLING_INPUT_CODEC_H

#include <cjson/cJSON.h>

#include "shared/buffer.h"
#include "shared/command.h"
#include "shared/compiler.h"

void billing_input_encode(const struct billing_input *billing, struct buffer *out);
/*
 * Strings are borrowed from the tree; every member must be there. Returns NULL, or a constant that
 * says what is wrong.
 */
const char *billing_input_decode(const cJSON *object, struct billing_input *billing) MUST_CHECK;

#endif
