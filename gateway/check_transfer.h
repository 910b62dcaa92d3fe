/* All checks of an account as a file, and checks from such a file. */
#ifndef GATEWAY_CHECK_TRANSFER_H
#define GATEWAY_CHECK_TRANSFER_H

struct request;

void check_transfer_export(struct request *request);
void check_transfer_import(struct request *request);

#endif
