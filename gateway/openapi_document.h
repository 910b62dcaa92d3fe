/* openapi.yaml, built into the program. */
#ifndef GATEWAY_OPENAPI_DOCUMENT_H
#define GATEWAY_OPENAPI_DOCUMENT_H

#include <stddef.h>

extern const char *const openapi_document;
extern const size_t openapi_document_length; /* bytes */
extern const char openapi_document_tag[];    /* an entity tag with its quotes, from the bytes */

#endif
