#include "cli/ping_target.h"

#include <string.h>

#define UNRESERVED "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~"

static void append_escaped(struct buffer *out, const char *text)
{
    for (; *text; text++) {
        if (strchr(UNRESERVED, *text))
            buffer_append(out, text, 1);
        else
            buffer_format(out, "%%%02X", (unsigned)(unsigned char)*text);
    }
}

void ping_target_url(struct buffer *out, const struct server_address *server,
                     const struct ping_target *target)
{
    buffer_format(out, "%s/ping/%s", server->base, target->check);
    if (target->exit_code != PING_NO_EXIT)
        buffer_format(out, "/%d", target->exit_code);
    else if (target->kind != PING_SUCCESS)
        buffer_format(out, "/%s", ping_kind_name(target->kind));
    char mark = '?';
    if (target->rid) {
        buffer_format(out, "%crid=", mark);
        append_escaped(out, target->rid);
        mark = '&';
    }
    if (target->create)
        buffer_format(out, "%ccreate=1", mark);
}
