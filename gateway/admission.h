/* What every request passes before its handler: framing, route, rate, key, body. */
#ifndef GATEWAY_ADMISSION_H
#define GATEWAY_ADMISSION_H

#include <h2o.h>

struct gateway;

/* Sees to it that the request is answered. */
void admission_admit(struct gateway *gateway, h2o_req_t *h2o);

#endif
