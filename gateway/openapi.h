/* The description of this API for machines. */
#ifndef GATEWAY_OPENAPI_H
#define GATEWAY_OPENAPI_H

struct request;

void openapi_show(struct request *request);

#endif
