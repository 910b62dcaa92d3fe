#include "gateway/openapi.h"

#include <stdbool.h>
#include <string.h>

#include "gateway/openapi_document.h"
#include "gateway/reply.h"
#include "gateway/request.h"

/*
 * Whether a list of entity tags names ours (RFC 9110, 13.1.2). A tag has its quotes, which no other
 * tag can contain, so it is found by its bytes; W/ in front of it makes no difference here.
 */
static bool names_our_tag(h2o_iovec_t list)
{
    if (list.base == NULL)
        return false;
    return (list.len == 1 && list.base[0] == '*') ||
           memmem(list.base, list.len, openapi_document_tag, strlen(openapi_document_tag)) != NULL;
}

void openapi_show(struct request *request)
{
    reply_header(request, "etag", openapi_document_tag);
    reply_header(request, "cache-control", "no-cache");
    if (names_our_tag(request_header(request, "if-none-match")))
        reply_empty(request, 304);
    else
        reply_constant(request, "application/yaml", openapi_document, openapi_document_length);
}
