/* Keys of an account beside its own: the one for /api/v1, and the one in pings by name. */
#ifndef GATEWAY_CHECK_KEYS_H
#define GATEWAY_CHECK_KEYS_H

struct request;

void check_keys_show(struct request *request);
void check_keys_create(struct request *request);
void check_keys_delete(struct request *request);

void ping_keys_show(struct request *request);
void ping_keys_rotate(struct request *request);

#endif
