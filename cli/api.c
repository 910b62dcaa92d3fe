#include "cli/api.h"

#include "cli/client.h"
#include "cli/complain.h"
#include "cli/settings.h"
#include "shared/json.h"

/* A person waits. */
static const struct patience api_patience = {
    .attempts = 3, .attempt_ms = 15000, .first_pause_ms = 1000, .total_ms = 20000, .stop_fd = -1};

static enum exit_code may_ask(const struct options *options, const struct settings *settings)
{
    if (!settings->api_key[0]) {
        complain("an API key is needed: cronpulse config --api-key YOUR_API_KEY (or set "
                 "CRONPULSE_API_KEY); the dashboard makes one under Settings");
        return EXIT_CONFIG;
    }
    if (!settings->server.encrypted && !settings->server.loopback && !options->allow_http) {
        complain("the API key would travel unencrypted to %s: use https://, or --allow-http where "
                 "you trust the network",
                 settings->server.base);
        return EXIT_CONFIG;
    }
    if (settings->exposed && settings->api_key_origin == ORIGIN_FILE)
        complain("other users may read the API key in %s: chmod 600 it", settings->path);
    return EXIT_DONE;
}

static enum exit_code explain(const struct options *options, const struct settings *settings,
                              const struct answer *answer)
{
    if (answer->status == 401)
        complain("%s: set a valid API key: cronpulse config --api-key YOUR_API_KEY", answer->error);
    else if (answer->status == 404 && options->check)
        complain("%s has no check '%s' of yours (%s): 'cronpulse list' shows the ids",
                 settings->server.base, options->check, answer->error);
    else
        complain("%s", answer->error);
    return answer->verdict == VERDICT_REFUSED ? EXIT_REFUSED : EXIT_UNREACHABLE;
}

static enum exit_code read_answer(const struct settings *settings, const struct answer *answer,
                                  cJSON **tree)
{
    char problem[JSON_ERROR_SIZE] = "no JSON at all";
    *tree =
        answer->body.length ? json_parse(answer->body.data, answer->body.length, problem) : NULL;
    if (*tree && cJSON_IsObject(*tree))
        return EXIT_DONE;
    complain("the answer of %s cannot be understood (%s): is that a CronPulse server?",
             settings->server.base, *tree ? "not an object" : problem);
    cJSON_Delete(*tree);
    *tree = NULL;
    return EXIT_REFUSED;
}

static enum exit_code ask(const struct options *options, const struct settings *settings,
                          const char *path, cJSON **tree)
{
    char error[CLIENT_ERROR_SIZE];
    struct client *client = client_open(&settings->server, error);
    if (!client) {
        complain("%s", error);
        return EXIT_UNREACHABLE;
    }
    struct buffer url = BUFFER_EMPTY;
    struct answer answer;
    buffer_format(&url, "%s/api/v1%s", settings->server.base, path);
    client_send(client, &(struct request){.url = url.data, .api_key = settings->api_key},
                &api_patience, &answer);
    enum exit_code code = answer.verdict == VERDICT_OK ? read_answer(settings, &answer, tree)
                                                       : explain(options, settings, &answer);
    answer_free(&answer);
    buffer_free(&url);
    client_free(client);
    return code;
}

enum exit_code api_get(const struct options *options, const char *path, cJSON **tree)
{
    struct settings settings;
    char error[SETTINGS_ERROR_SIZE];
    if (settings_load(&settings, error)) {
        complain("%s", error);
        return EXIT_CONFIG;
    }
    enum exit_code code = may_ask(options, &settings);
    return code == EXIT_DONE ? ask(options, &settings, path, tree) : code;
}
