/* What holds for this call: environment before configuration file before default. */
#ifndef CLI_SETTINGS_H
#define CLI_SETTINGS_H

#include <limits.h>

#include "cli/config_file.h"
#include "cli/server_address.h"
#include "shared/compiler.h"

#define SETTINGS_SERVER     "CRONPULSE_SERVER"
#define SETTINGS_API_KEY    "CRONPULSE_API_KEY"
#define SETTINGS_ERROR_SIZE (CONFIG_FILE_ERROR_SIZE + SERVER_ADDRESS_ERROR_SIZE)
#define API_KEY_MAX         256

enum origin { ORIGIN_DEFAULT, ORIGIN_FILE, ORIGIN_ENVIRONMENT };

struct settings {
    struct server_address server;
    enum origin server_origin;
    char api_key[API_KEY_MAX + 1]; /* "": none */
    enum origin api_key_origin;
    char path[PATH_MAX]; /* of the configuration file; "": there is no home directory */
    bool exposed;        /* other users of this machine may read that file */
};

/* 0, or -1 with a sentence in error. A variable that is empty counts as not set. */
int settings_load(struct settings *settings, char error[static SETTINGS_ERROR_SIZE]) MUST_CHECK;

/* 1 to API_KEY_MAX printable characters without spaces: what can stand in a header. */
bool settings_api_key_valid(const char *key);
/* "cpk_****9f3a": enough to tell keys apart. */
void settings_mask(const char *key, char masked[static API_KEY_MAX + 1]);

#endif
