/* What a query says. */
#ifndef GATEWAY_PARAMETER_H
#define GATEWAY_PARAMETER_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/compiler.h"

struct request;

/* 0 and the value, standard where it is absent; or -1 after answering 400 with name and bounds. */
int parameter_integer(struct request *request, const char *name, int64_t minimum, int64_t maximum,
                      int64_t standard, int64_t *value) MUST_CHECK;

/* 0 and true or false in *value, to which *given points, or NULL where it is absent; or -1 after
 * answering 400. */
int parameter_boolean(struct request *request, const char *name, bool *value,
                      const bool **given) MUST_CHECK;

/*
 * 0 and the text, NULL where it is absent; or -1 after answering 400 for a broken escape or bytes
 * that are no UTF-8. The text ends with the request.
 */
int parameter_text(struct request *request, const char *name, const char **value) MUST_CHECK;

#endif
