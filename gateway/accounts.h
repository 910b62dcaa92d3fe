/* Accounts: registration, key rotation, deletion, settings. */
#ifndef GATEWAY_ACCOUNTS_H
#define GATEWAY_ACCOUNTS_H

struct request;

void accounts_register(struct request *request);
void accounts_verify_email(struct request *request);
void accounts_request_rotation(struct request *request);
void accounts_rotate_key(struct request *request);
void accounts_request_deletion(struct request *request);
void accounts_delete(struct request *request);
void accounts_show(struct request *request);
void accounts_update(struct request *request);

#endif
