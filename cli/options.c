/* One row an option: reading and checking walk the rows. */
#include "cli/options.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define CHECK_MAX 200 /* bytes of a check's id, or of a ping key and a slug */
#define SHOWN_MAX 80  /* bytes of a wrong argument in an error */

enum row_type { ROW_FLAG, ROW_TEXT, ROW_CODE };

struct option_row {
    const char *name;
    unsigned commands; /* bits of enum command */
    enum row_type type;
    size_t offset; /* of the member in struct options */
};

#define IN(command) (1U << (command))

static const struct option_row rows[] = {
    {"--help", ~0U, ROW_FLAG, offsetof(struct options, help)},
    {"-h", ~0U, ROW_FLAG, offsetof(struct options, help)},
    {"--start", IN(COMMAND_PING), ROW_FLAG, offsetof(struct options, start)},
    {"--fail", IN(COMMAND_PING), ROW_FLAG, offsetof(struct options, fail)},
    {"--log", IN(COMMAND_PING) | IN(COMMAND_WRAP), ROW_FLAG, offsetof(struct options, log)},
    {"--exit-code", IN(COMMAND_PING), ROW_CODE, offsetof(struct options, exit_code)},
    {"--rid", IN(COMMAND_PING), ROW_TEXT, offsetof(struct options, rid)},
    {"--message", IN(COMMAND_PING), ROW_TEXT, offsetof(struct options, message)},
    {"--create", IN(COMMAND_PING) | IN(COMMAND_WRAP), ROW_FLAG, offsetof(struct options, create)},
    {"--exit-code", IN(COMMAND_WRAP), ROW_FLAG, offsetof(struct options, codes)},
    {"--quiet", IN(COMMAND_WRAP), ROW_FLAG, offsetof(struct options, quiet)},
    {"--tag", IN(COMMAND_LIST), ROW_TEXT, offsetof(struct options, tag)},
    {"--group", IN(COMMAND_LIST), ROW_TEXT, offsetof(struct options, group)},
    {"--allow-http", IN(COMMAND_LIST) | IN(COMMAND_STATUS), ROW_FLAG,
     offsetof(struct options, allow_http)},
    {"--api-key", IN(COMMAND_CONFIG), ROW_TEXT, offsetof(struct options, api_key)},
    {"--server", IN(COMMAND_CONFIG), ROW_TEXT, offsetof(struct options, server)},
    {"--json", IN(COMMAND_PING) | IN(COMMAND_LIST) | IN(COMMAND_STATUS) | IN(COMMAND_CONFIG),
     ROW_FLAG, offsetof(struct options, json)},
};

static const char *const names[COMMANDS] = {
    [COMMAND_PING] = "ping",     [COMMAND_WRAP] = "wrap",     [COMMAND_LIST] = "list",
    [COMMAND_STATUS] = "status", [COMMAND_CONFIG] = "config", [COMMAND_VERSION] = "version",
    [COMMAND_HELP] = "help",
};

#define FAIL(error, ...) (snprintf((error), OPTIONS_ERROR_SIZE, __VA_ARGS__), -1)

const char *command_name(enum command command)
{
    INVARIANT(command < COMMANDS);
    return names[command];
}

static enum command command_of(const char *name)
{
    unsigned command = 0;
    while (command < COMMANDS && strcmp(names[command], name) != 0)
        command++;
    return (enum command)command;
}

static const struct option_row *find_row(const char *argument, size_t length, enum command command)
{
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        if (strlen(rows[i].name) == length && memcmp(rows[i].name, argument, length) == 0 &&
            (rows[i].commands & IN(command)))
            return &rows[i];
    }
    return NULL;
}

static int parse_code(const char *text, int *code)
{
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 3 || text[digits])
        return -1;
    int value = 0;
    for (const char *digit = text; *digit; digit++)
        value = value * 10 + (*digit - '0');
    if (value > UINT8_MAX)
        return -1;
    *code = value;
    return 0;
}

/* An option at argv[*at]; moves *at onto its value where that is the next argument. */
static int take_option(int argc, char **argv, int *at, struct options *options, char *error)
{
    char *argument = argv[*at];
    size_t length = strcspn(argument, "=");
    const char *value = argument[length] ? argument + length + 1 : NULL;
    const struct option_row *row = find_row(argument, length, options->command);
    const char *command = command_name(options->command);
    if (!row)
        return FAIL(error, "%s has no option '%.*s': see 'cronpulse %s --help'", command, SHOWN_MAX,
                    argument, command);
    char *member = (char *)options + row->offset;
    if (row->type == ROW_FLAG) {
        *(bool *)(void *)member = true;
        return value ? FAIL(error, "%s takes no value", row->name) : 0;
    }
    if (!value && *at + 1 == argc)
        return FAIL(error, "%s needs a value: see 'cronpulse %s --help'", row->name, command);
    if (!value)
        value = argv[++*at];
    if (row->type == ROW_TEXT) {
        *(const char **)(void *)member = value;
        return 0;
    }
    return parse_code(value, (int *)(void *)member)
               ? FAIL(error, "%s must be a number within 0-255, not '%.*s'", row->name, SHOWN_MAX,
                      value)
               : 0;
}

static bool takes_check(enum command command)
{
    return command == COMMAND_PING || command == COMMAND_WRAP || command == COMMAND_STATUS;
}

static int take_word(const char *argument, struct options *options, char *error)
{
    if (takes_check(options->command) && !options->check) {
        options->check = argument;
        return 0;
    }
    if (options->command == COMMAND_WRAP)
        return FAIL(error, "a '--' is needed before the command: cronpulse wrap %.*s -- %.*s ...",
                    SHOWN_MAX, options->check, SHOWN_MAX, argument);
    return FAIL(error, "'%.*s' is too much: see 'cronpulse %s --help'", SHOWN_MAX, argument,
                command_name(options->command));
}

/* "abc123" as the server gives them, or "pk_.../slug": what needs no escapes in a URL. */
static bool check_valid(const char *check, bool slug_allowed)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789_-";
    size_t first = strspn(check, letters);
    if (first == 0 || strlen(check) > CHECK_MAX)
        return false;
    if (check[first] == '\0')
        return true;
    const char *slug = check + first + 1;
    return slug_allowed && check[first] == '/' && *slug && slug[strspn(slug, letters)] == '\0';
}

static bool rid_valid(const char *rid)
{
    size_t length = 0;
    while (rid[length] > ' ' && rid[length] <= '~')
        length++;
    return length > 0 && length <= PING_RID_MAX && rid[length] == '\0';
}

static int settle_ping(struct options *options, char *error)
{
    int kinds =
        options->start + options->fail + options->log + (options->exit_code != PING_NO_EXIT);
    if (kinds > 1)
        return FAIL(error, "only one of --start, --fail, --log and --exit-code can be sent");
    if (options->rid && !rid_valid(options->rid))
        return FAIL(error, "--rid must be 1 to %d printable characters without spaces",
                    PING_RID_MAX);
    if (options->start)
        options->kind = PING_START;
    else if (options->fail || options->exit_code > 0)
        options->kind = PING_FAIL;
    else if (options->log)
        options->kind = PING_LOG;
    return 0;
}

/* What follows from the options together. */
static int settle(struct options *options, char *error)
{
    enum command command = options->command;
    const char *name = command_name(command);
    if (takes_check(command) && !options->check)
        return FAIL(error, "%s needs the id of a check: see 'cronpulse %s --help'", name, name);
    if (options->check && !check_valid(options->check, command != COMMAND_STATUS))
        return FAIL(error,
                    "'%.*s' is no id of a check: it has letters, digits, '-' and '_', and is the "
                    "last part of the ping URL",
                    SHOWN_MAX, options->check);
    if (command == COMMAND_WRAP && (!options->job || !options->job[0]))
        return FAIL(error, "wrap needs a command: cronpulse wrap %.*s -- command...", SHOWN_MAX,
                    options->check);
    return command == COMMAND_PING ? settle_ping(options, error) : 0;
}

static int parse_arguments(int argc, char **argv, struct options *options, char *error)
{
    for (int at = 2; at < argc; at++) {
        char *argument = argv[at];
        if (strcmp(argument, "--") == 0 && options->command == COMMAND_WRAP) {
            options->job = argv + at + 1;
            break;
        }
        /* A lone "-" is a word. */
        bool option = argument[0] == '-' && argument[1];
        if (option ? take_option(argc, argv, &at, options, error)
                   : take_word(argument, options, error))
            return -1;
    }
    return 0;
}

/* cronpulse help [command] */
static int parse_help(int argc, char **argv, struct options *options, char *error)
{
    options->command = COMMAND_HELP;
    if (argc > 2 && (options->topic = command_of(argv[2])) == COMMANDS)
        return FAIL(error, "there is no command '%.*s': see 'cronpulse --help'", SHOWN_MAX,
                    argv[2]);
    return 0;
}

int options_parse(int argc, char **argv, struct options *options,
                  char error[static OPTIONS_ERROR_SIZE])
{
    *options = (struct options){.topic = COMMANDS, .kind = PING_SUCCESS, .exit_code = PING_NO_EXIT};
    if (argc < 2)
        return FAIL(error, "a command is needed: see 'cronpulse --help'");
    const char *first = argv[1];
    if (strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0 || strcmp(first, "help") == 0)
        return parse_help(argc, argv, options, error);
    if (strcmp(first, "--version") == 0 || strcmp(first, "-V") == 0)
        first = names[COMMAND_VERSION];
    options->command = command_of(first);
    if (options->command == COMMANDS)
        return FAIL(error, "there is no command '%.*s': see 'cronpulse --help'", SHOWN_MAX, first);
    if (parse_arguments(argc, argv, options, error))
        return -1;
    if (options->help) {
        options->topic = options->command;
        options->command = COMMAND_HELP;
        return 0;
    }
    return settle(options, error);
}
