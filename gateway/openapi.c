#include "gateway/openapi.h"

#include "gateway/etag.h"
#include "gateway/openapi_document.h"
#include "gateway/reply.h"
#include "gateway/request.h"

void openapi_show(struct request *request)
{
    reply_header(request, "etag", openapi_document_tag);
    reply_header(request, "cache-control", "no-cache");
    h2o_iovec_t known = request_header(request, "if-none-match");
    if (known.base != NULL && etag_named(known.base, known.len, openapi_document_tag))
        reply_empty(request, 304);
    else
        reply_constant(request, "application/yaml", openapi_document, openapi_document_length);
}
