/* What a user says of a channel of alerts, on its way from a gateway to the leader (command.h). */
#ifndef SHARED_CHANNEL_INPUT_H
#define SHARED_CHANNEL_INPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/check.h"

#define CHANNEL_NAME_MAX 100 /* characters */
#define CHANNELS_MAX     20  /* of an account */

/* Which fields of a channel a command carries; a kind is for ever. */
enum channel_field { CHANNEL_NAME = 1, CHANNEL_TARGET = 2, CHANNEL_ENABLED = 4 };

struct channel_input {
    unsigned fields;        /* of enum channel_field */
    enum channel_kind kind; /* of a new one */
    const char *name;
    const char *target; /* of an e-mail channel an address in lower case, of the others a URL */
    bool enabled;
};

/* Whether target is for e-mail channels: not a URL of http or https. */
bool channel_target_is_address(const char *target);

#endif
