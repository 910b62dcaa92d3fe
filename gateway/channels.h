/* Channels: whom alerts are sent to, and how. */
#ifndef GATEWAY_CHANNELS_H
#define GATEWAY_CHANNELS_H

struct request;

void channels_list(struct request *request);
void channels_create(struct request *request);
void channels_show(struct request *request);
void channels_update(struct request *request);
void channels_delete(struct request *request);
void channels_test(struct request *request);
void channels_request_token(struct request *request);
void channels_verify(struct request *request);

#endif
