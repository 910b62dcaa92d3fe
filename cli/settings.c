#include "cli/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MASK_SHOWN 4  /* last characters of a key that are shown ... */
#define MASK_LEAST 16 /* ... where it has this many */
#define MASK       "****"

#define FAIL(error, ...) (snprintf((error), SETTINGS_ERROR_SIZE, __VA_ARGS__), -1)

bool settings_api_key_valid(const char *key)
{
    size_t length = 0;
    while (key[length] > ' ' && key[length] <= '~')
        length++;
    return length > 0 && length <= API_KEY_MAX && key[length] == '\0';
}

void settings_mask(const char *key, char masked[static API_KEY_MAX + 1])
{
    size_t length = strlen(key);
    const char *mark = strchr(key, '_');
    bool long_enough = length >= MASK_LEAST;
    int prefix = long_enough && mark && mark - key < MASK_SHOWN + 1 ? (int)(mark - key) + 1 : 0;
    snprintf(masked, API_KEY_MAX + 1, "%.*s%s%s", prefix, key, MASK,
             long_enough ? key + length - MASK_SHOWN : "");
}

/* The variable's text, or the file's, or the default. */
static const char *choose(const char *variable, const char *in_file, const char *fallback,
                          enum origin *origin)
{
    const char *value = getenv(variable);
    *origin = ORIGIN_ENVIRONMENT;
    if (value && *value)
        return value;
    *origin = in_file ? ORIGIN_FILE : ORIGIN_DEFAULT;
    return in_file ? in_file : fallback;
}

static int settle(struct settings *settings, const struct config_file *file,
                  char error[static SETTINGS_ERROR_SIZE])
{
    char problem[SERVER_ADDRESS_ERROR_SIZE];
    const char *server =
        choose(SETTINGS_SERVER, file->server, SERVER_ADDRESS_DEFAULT, &settings->server_origin);
    if (server_address_parse(server, &settings->server, problem))
        return FAIL(error, "the server in %s %s",
                    settings->server_origin == ORIGIN_FILE ? settings->path : SETTINGS_SERVER,
                    problem);
    const char *key = choose(SETTINGS_API_KEY, file->api_key, "", &settings->api_key_origin);
    if (*key && !settings_api_key_valid(key))
        return FAIL(error, "the API key in %s has characters that no key has",
                    settings->api_key_origin == ORIGIN_FILE ? settings->path : SETTINGS_API_KEY);
    snprintf(settings->api_key, sizeof settings->api_key, "%s", key);
    settings->exposed = file->exposed;
    return 0;
}

int settings_load(struct settings *settings, char error[static SETTINGS_ERROR_SIZE])
{
    struct config_file file = {0};
    char no_home[CONFIG_FILE_ERROR_SIZE];
    *settings = (struct settings){0};
    /* Without a home directory (a container, say) environment and defaults serve. */
    if (config_file_path(settings->path, no_home) == 0) {
        if (config_file_read(settings->path, &file, error))
            return -1;
    } else {
        settings->path[0] = '\0';
    }
    int outcome = settle(settings, &file, error);
    config_file_free(&file);
    return outcome;
}
