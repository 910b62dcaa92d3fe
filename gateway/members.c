#include "gateway/members.h"

#include <inttypes.h>
#include <string.h>

#include "shared/json.h"

static void begin(struct buffer *out, const char *name)
{
    buffer_format(out, "%s\"%s\":", out->data[out->length - 1] == '{' ? "" : ",", name);
}

void member_text(struct buffer *out, const char *name, const char *text)
{
    begin(out, name);
    if (text != NULL)
        json_write_string(out, text, strlen(text));
    else
        buffer_text(out, "null");
}

void member_number(struct buffer *out, const char *name, int64_t number)
{
    begin(out, name);
    buffer_format(out, "%" PRId64, number);
}

void member_number_or_null(struct buffer *out, const char *name, int64_t number, int64_t none)
{
    if (number == none)
        member_text(out, name, NULL);
    else
        member_number(out, name, number);
}

void member_bytes(struct buffer *out, const char *name, const char *bytes, size_t length)
{
    begin(out, name);
    if (bytes != NULL)
        json_write_bytes(out, bytes, length);
    else
        buffer_text(out, "null");
}
