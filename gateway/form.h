/* application/x-www-form-urlencoded, as Stripe's API reads it: name=value&other%5Bname%5D=value */
#ifndef GATEWAY_FORM_H
#define GATEWAY_FORM_H

#include <stdint.h>

#include "shared/buffer.h"

/* Adds a field; what is nested has brackets in its name: "items[0][price]". */
void form_text(struct buffer *form, const char *name, const char *value);
void form_integer(struct buffer *form, const char *name, int64_t value);

/* Text as it may stand in a path or a query. */
void form_escape(struct buffer *out, const char *text);

#endif
