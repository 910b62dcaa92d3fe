#include "gateway/parameter.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/reply.h"
#include "gateway/request.h"
#include "shared/json.h"

int parameter_text(struct request *request, const char *name, const char **value)
{
    switch (request_parameter(request, name, value)) {
    case PARAMETER_ABSENT: *value = NULL; return 0;
    case PARAMETER_PRESENT:
        if (json_utf8_valid(*value, strlen(*value)))
            return 0;
        reply_error(request, 400, "%s: not UTF-8", name);
        return -1;
    case PARAMETER_TWICE: reply_error(request, 400, "%s: given twice", name); return -1;
    case PARAMETER_BROKEN: break;
    }
    reply_error(request, 400, "%s: broken %%-escape", name);
    return -1;
}

int parameter_boolean(struct request *request, const char *name, bool *value, const bool **given)
{
    const char *text;
    *given = NULL;
    if (parameter_text(request, name, &text) != 0)
        return -1;
    if (text == NULL)
        return 0;
    *value = strcmp(text, "true") == 0;
    *given = value;
    if (*value || strcmp(text, "false") == 0)
        return 0;
    reply_error(request, 400, "%s: must be true or false", name);
    return -1;
}

/* Digits only: strtoll would take spaces and signs too. */
static bool parse_integer(const char *text, int64_t *value)
{
    if (text[0] == '\0' || strspn(text, "0123456789") != strlen(text))
        return false;
    errno = 0;
    *value = strtoll(text, NULL, 10);
    return errno == 0;
}

int parameter_integer(struct request *request, const char *name, int64_t minimum, int64_t maximum,
                      int64_t standard, int64_t *value)
{
    const char *text;
    if (parameter_text(request, name, &text) != 0)
        return -1;
    if (text == NULL) {
        *value = standard;
        return 0;
    }
    if (parse_integer(text, value) && *value >= minimum && *value <= maximum)
        return 0;
    reply_error(request, 400, "%s: must be a whole number from %lld to %lld", name,
                (long long)minimum, (long long)maximum);
    return -1;
}
