#include "cli/config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/complain.h"
#include "cli/settings.h"
#include "shared/json.h"

static const char *const origin_names[] = {
    [ORIGIN_DEFAULT] = "default", [ORIGIN_FILE] = "file", [ORIGIN_ENVIRONMENT] = "environment"};

static void show_json(const struct settings *settings, const char *masked)
{
    struct buffer line = BUFFER_EMPTY;
    buffer_text(&line, "{\"server\":");
    json_write_string(&line, settings->server.base, strlen(settings->server.base));
    buffer_format(&line,
                  ",\"server_from\":\"%s\",\"api_key\":", origin_names[settings->server_origin]);
    if (masked)
        json_write_string(&line, masked, strlen(masked));
    else
        buffer_text(&line, "null");
    buffer_format(&line,
                  ",\"api_key_from\":\"%s\",\"file\":", origin_names[settings->api_key_origin]);
    json_write_string(&line, settings->path, strlen(settings->path));
    printf("%s}\n", line.data);
    buffer_free(&line);
}

static void show_text(const struct settings *settings, const char *masked)
{
    printf("Server:  %s (%s)\n", settings->server.base, origin_names[settings->server_origin]);
    if (masked)
        printf("API key: %s (%s)\n", masked, origin_names[settings->api_key_origin]);
    else
        printf("API key: none (cronpulse config --api-key YOUR_API_KEY)\n");
    printf("File:    %s\n", settings->path);
}

static enum exit_code show(const struct options *options)
{
    struct settings settings;
    char error[SETTINGS_ERROR_SIZE];
    char masked[API_KEY_MAX + 1];
    if (settings_load(&settings, error)) {
        complain("%s", error);
        return EXIT_CONFIG;
    }
    settings_mask(settings.api_key, masked);
    (options->json ? show_json : show_text)(&settings, settings.api_key[0] ? masked : NULL);
    if (settings.exposed)
        complain("other users may read %s: chmod 600 it", settings.path);
    return EXIT_DONE;
}

/* A key on standard input is in no list of processes, and in no shell's history. */
static int read_key(char key[static API_KEY_MAX + 2])
{
    if (!fgets(key, API_KEY_MAX + 2, stdin))
        return -1;
    key[strcspn(key, "\r\n")] = '\0';
    return 0;
}

/* What is to be written, checked. */
struct change {
    const char *server, *api_key; /* as config_file_change wants them */
    struct server_address address;
    char key[API_KEY_MAX + 2];
};

static enum exit_code check_server(const char *server, struct change *change)
{
    char problem[SERVER_ADDRESS_ERROR_SIZE];
    change->server = server;
    if (!server || !*server)
        return EXIT_DONE;
    if (server_address_parse(server, &change->address, problem)) {
        complain("--server %s", problem);
        return EXIT_USAGE;
    }
    change->server = change->address.base;
    return EXIT_DONE;
}

static enum exit_code check_api_key(const char *key, struct change *change)
{
    change->api_key = key;
    if (!key || !*key)
        return EXIT_DONE;
    if (strcmp(key, "-") == 0) {
        if (read_key(change->key)) {
            complain("--api-key -: there is no key on standard input");
            return EXIT_USAGE;
        }
        change->api_key = change->key;
    }
    if (settings_api_key_valid(change->api_key))
        return EXIT_DONE;
    complain("--api-key must be 1 to %d printable characters without spaces", API_KEY_MAX);
    return EXIT_USAGE;
}

/* A variable that is set wins, whatever the file says: that surprises whoever forgot it. */
static void warn_of_environment(const struct change *change)
{
    struct settings settings;
    char error[SETTINGS_ERROR_SIZE];
    if (settings_load(&settings, error)) {
        complain("%s", error);
        return;
    }
    if (change->server && settings.server_origin == ORIGIN_ENVIRONMENT)
        complain("the environment's " SETTINGS_SERVER " goes before what was saved");
    if (change->api_key && settings.api_key_origin == ORIGIN_ENVIRONMENT)
        complain("the environment's " SETTINGS_API_KEY " goes before what was saved");
}

static enum exit_code save(const struct change *change)
{
    char path[PATH_MAX];
    char error[CONFIG_FILE_ERROR_SIZE];
    if (config_file_path(path, error) ||
        config_file_change(path, change->server, change->api_key, error)) {
        complain("%s", error);
        return EXIT_CONFIG;
    }
    printf("Saved to %s.\n", path);
    warn_of_environment(change);
    return EXIT_DONE;
}

enum exit_code config_run(const struct options *options)
{
    if (!options->server && !options->api_key)
        return show(options);
    struct change change = {0};
    enum exit_code code = check_server(options->server, &change);
    if (code == EXIT_DONE)
        code = check_api_key(options->api_key, &change);
    return code == EXIT_DONE ? save(&change) : code;
}
