/* The address of a server, as a user gives it. */
#ifndef CLI_SERVER_ADDRESS_H
#define CLI_SERVER_ADDRESS_H

#include <stdbool.h>

#include "shared/compiler.h"

#define SERVER_ADDRESS_DEFAULT    "https://cron-pulse.com"
#define SERVER_ADDRESS_MAX        512
#define SERVER_ADDRESS_ERROR_SIZE 200

struct server_address {
    char base[SERVER_ADDRESS_MAX + 1]; /* "https://host:port/path", without a slash at the end */
    bool encrypted;                    /* https */
    bool loopback;                     /* leads to this machine, and to no other */
};

/*
 * http:// or https://, a host, a port perhaps, a path perhaps. 0, or -1 with what is wrong in error
 * ("must start with ...") and address untouched.
 */
int server_address_parse(const char *text, struct server_address *address,
                         char error[static SERVER_ADDRESS_ERROR_SIZE]) MUST_CHECK;

#endif
