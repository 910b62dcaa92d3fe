/* What a user says of a channel, inside of a command: JSON, see command.h. */
#ifndef SHARED_CHANNEL_INPUT_CODEC_H
#define SHARED_CHANNEL_INPUT_CODEC_H

#include <cjson/cJSON.h>

#include "shared/buffer.h"
#include "shared/channel_input.h"
#include "shared/compiler.h"

/* Writes the fields of channel->fields, and the kind where it is a whole one: new. */
void channel_input_encode(const struct channel_input *channel, bool whole, struct buffer *out);
/*
 * Strings are borrowed from the tree. A whole one has a kind, a name, and a target that fits.
 * Whether an address is one is for the caller to see. Returns NULL, or a constant that says what is
 * wrong.
 */
const char *channel_input_decode(const cJSON *object, bool whole,
                                 struct channel_input *channel) MUST_CHECK;

#endif
