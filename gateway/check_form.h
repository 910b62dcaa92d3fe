/* A check's fields as a client sends them, checked as far as that needs no plan and no row. Pure.
 */
#ifndef GATEWAY_CHECK_FORM_H
#define GATEWAY_CHECK_FORM_H

#include <cjson/cJSON.h>

#include "gateway/fields.h"
#include "shared/buffer.h"
#include "shared/check_input.h"
#include "shared/compiler.h"

/* ITEM is one of an import: a whole check without what only its account knows. */
enum check_form_mode { CHECK_FORM_CREATE, CHECK_FORM_UPDATE, CHECK_FORM_ITEM };

struct check_form {
    struct check_input input; /* its strings are borrowed from below and from the body */
    struct buffer tags;
};

/*
 * Returns 0 and a form for check_form_free, which must end before the tree does; or -1 with a
 * sentence for the user, and nothing to free.
 */
int check_form_parse(const cJSON *body, enum check_form_mode mode, struct check_form *form,
                     char error[static FIELDS_ERROR_SIZE]) MUST_CHECK;
void check_form_free(struct check_form *form);

#endif
