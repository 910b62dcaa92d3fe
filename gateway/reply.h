/*
 * Answers. Each of these ends the request's work: it is answered exactly once, and what it was
 * given in memory may go once the function has returned.
 */
#ifndef GATEWAY_REPLY_H
#define GATEWAY_REPLY_H

#include <stddef.h>

#include "shared/buffer.h"
#include "shared/compiler.h"

struct request;

/* Adds a header to the answer that will follow; name a constant in lower case, value is copied. */
void reply_header(struct request *request, const char *name, const char *value);

/* Takes the buffer's memory; it holds JSON. */
void reply_buffer(struct request *request, int status, struct buffer *body);
/* The same of another type, a constant. */
void reply_document(struct request *request, int status, const char *type, struct buffer *body);
/* JSON text, copied. */
void reply_json(struct request *request, int status, const char *json, size_t length);
/* {"detail": "..."} or {"error": "..."}, by the path: format makes the sentence for the user. */
void reply_error(struct request *request, int status, const char *format, ...) PRINTF_LIKE(3, 4);
/* The same with Retry-After; a 429 of /api/v1 says "retry_after" too. */
void reply_retry(struct request *request, int status, int retry_after_s, const char *sentence);
/* 200; type and bytes are constants. */
void reply_constant(struct request *request, const char *type, const char *bytes, size_t length);
/* 204 or 304 */
void reply_empty(struct request *request, int status);

#endif
