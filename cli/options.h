/* The command line, parsed once into a struct that is right by type. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>

#include "shared/compiler.h"
#include "shared/ping.h"

enum command {
    COMMAND_PING,
    COMMAND_WRAP,
    COMMAND_LIST,
    COMMAND_STATUS,
    COMMAND_CONFIG,
    COMMAND_VERSION,
    COMMAND_HELP,
    COMMANDS
};
const char *command_name(enum command command); /* "ping" ... */

#define OPTIONS_ERROR_SIZE 320

/* Strings are borrowed from argv; NULL: not given. */
struct options {
    enum command command;
    enum command topic; /* of help; COMMANDS: all of it */
    bool help;
    bool json;           /* ping, list, status, config */
    bool allow_http;     /* list, status: the key may leave unencrypted */
    const char *check;   /* ping, wrap, status */
    enum ping_kind kind; /* ping */
    int exit_code;       /* ping: 0..255, or PING_NO_EXIT */
    const char *rid;     /* ping: 1 to PING_RID_MAX printable characters */
    const char *message; /* ping; "-": standard input */
    bool create;         /* ping, wrap: a check that is named by a slug is made */
    bool start, fail;    /* ping */
    bool log;            /* ping: a kind; wrap: send the end of the output */
    bool codes;          /* wrap: report the exit code itself */
    bool quiet;          /* wrap: no warnings */
    char **job;          /* wrap: the command, ended by NULL */
    const char *tag;     /* list */
    const char *group;   /* list */
    const char *api_key; /* config; "": forget it; "-": standard input */
    const char *server;  /* config; "": the default again */
};

/* 0, or -1 with a sentence in error. */
int options_parse(int argc, char **argv, struct options *options,
                  char error[static OPTIONS_ERROR_SIZE]) MUST_CHECK;

#endif
