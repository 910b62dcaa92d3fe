#include "gateway/form.h"

#include <inttypes.h>
#include <stdbool.h>

static bool unreserved(char c) /* RFC 3986, 2.3 */
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

void form_escape(struct buffer *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (unreserved(*text))
            buffer_append(out, text, 1);
        else
            buffer_format(out, "%%%02X", (unsigned)(unsigned char)*text);
    }
}

void form_text(struct buffer *form, const char *name, const char *value)
{
    if (form->length > 0)
        buffer_text(form, "&");
    form_escape(form, name);
    buffer_text(form, "=");
    form_escape(form, value);
}

void form_integer(struct buffer *form, const char *name, int64_t value)
{
    if (form->length > 0)
        buffer_text(form, "&");
    form_escape(form, name);
    buffer_format(form, "=%" PRId64, value);
}
