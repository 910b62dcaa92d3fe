/* A channel's fields as a client sends them, checked as far as that needs no row. Pure. */
#ifndef GATEWAY_CHANNEL_FORM_H
#define GATEWAY_CHANNEL_FORM_H

#include <stdbool.h>

#include <cjson/cJSON.h>

#include "gateway/email.h"
#include "gateway/fields.h"
#include "shared/channel_input.h"
#include "shared/compiler.h"
#include "shared/guard.h"

struct channel_form {
    struct channel_input input; /* its strings are borrowed from below and from the body */
    char address[MAIL_EMAIL_SIZE];
};

/*
 * whole: of a new channel, which has a kind; otherwise only what is to change. guard: which
 * addresses of URLs are refused at once. Returns 0, or -1 with a sentence for the user.
 */
int channel_form_parse(const cJSON *body, bool whole, const struct guard *guard,
                       struct channel_form *form, char error[static FIELDS_ERROR_SIZE]) MUST_CHECK;

#endif
