#include "cli/ping.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/client.h"
#include "cli/complain.h"
#include "cli/ping_target.h"
#include "cli/settings.h"
#include "cli/tail.h"
#include "shared/json.h"

/* Pauses of 1, 2 and 4 s: a restart of the server passes unnoticed. */
static const struct patience ping_patience = {
    .attempts = 4, .attempt_ms = 10000, .first_pause_ms = 1000, .total_ms = 30000, .stop_fd = -1};

static const char *kind_of(const struct options *options)
{
    return ping_kind_name(options->kind);
}

static void print_json(const struct options *options, const struct answer *answer)
{
    struct buffer line = BUFFER_EMPTY;
    buffer_format(&line,
                  "{\"check\":\"%s\",\"ping\":\"%s\",\"sent\":%s,\"status\":", options->check,
                  kind_of(options), answer->verdict == VERDICT_OK ? "true" : "false");
    if (answer->status)
        buffer_format(&line, "%d", answer->status);
    else
        buffer_text(&line, "null");
    if (answer->verdict != VERDICT_OK) {
        buffer_text(&line, ",\"error\":");
        json_write_string(&line, answer->error, strlen(answer->error));
    }
    printf("%s}\n", line.data);
    buffer_free(&line);
}

/* In a crontab silence is right: what is printed there becomes mail. */
static void print_success(const struct options *options)
{
    if (isatty(STDOUT_FILENO))
        printf("Sent a %s ping for %s.\n", kind_of(options), options->check);
}

static enum exit_code report(const struct options *options, const struct settings *settings,
                             const struct answer *answer)
{
    if (options->json)
        print_json(options, answer);
    if (answer->verdict == VERDICT_OK) {
        if (!options->json)
            print_success(options);
        return EXIT_DONE;
    }
    if (answer->status == 404)
        complain("%s has no check '%s' (%s): 'cronpulse list' shows the ids", settings->server.base,
                 options->check, answer->error);
    else
        complain("the ping was not sent: %s", answer->error);
    return answer->verdict == VERDICT_REFUSED ? EXIT_REFUSED : EXIT_UNREACHABLE;
}

static enum exit_code send_ping(const struct options *options, const struct settings *settings,
                                const char *body, size_t body_length)
{
    struct answer answer = {.verdict = VERDICT_UNREACHABLE};
    struct client *client = client_open(&settings->server, answer.error);
    if (client) {
        const struct ping_target target = {.check = options->check,
                                           .kind = options->kind,
                                           .exit_code = options->exit_code,
                                           .rid = options->rid,
                                           .create = options->create};
        struct buffer url = BUFFER_EMPTY;
        ping_target_url(&url, &settings->server, &target);
        client_send(client,
                    &(struct request){.url = url.data, .body = body, .body_length = body_length},
                    &ping_patience, &answer);
        buffer_free(&url);
        client_free(client);
    }
    enum exit_code code = report(options, settings, &answer);
    answer_free(&answer);
    return code;
}

/* The end of standard input: the server keeps no more. */
static int read_input(struct tail *tail)
{
    char bytes[65536];
    ssize_t length;
    while ((length = read(STDIN_FILENO, bytes, sizeof bytes)) > 0)
        tail_append(tail, bytes, (size_t)length);
    return length == 0 ? 0 : -1;
}

enum exit_code ping_run(const struct options *options)
{
    struct settings settings;
    char error[SETTINGS_ERROR_SIZE];
    if (settings_load(&settings, error)) {
        complain("%s", error);
        return EXIT_CONFIG;
    }
    if (!options->message || strcmp(options->message, "-") != 0)
        return send_ping(options, &settings, options->message,
                         options->message ? strlen(options->message) : 0);
    static struct tail tail;
    static char body[TAIL_MAX];
    if (read_input(&tail)) {
        complain("cannot read standard input: %s", strerror(errno));
        return EXIT_CONFIG;
    }
    return send_ping(options, &settings, body, tail_copy(&tail, body));
}
