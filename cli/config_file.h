/*
 * ~/.cronpulse/config.json: {"server": "https://...", "api_key": "cpk_..."}, both optional. Members
 * that are not known stay as they are. The folder is for its owner only (0700), and so is the file
 * (0600), which is replaced as a whole.
 */
#ifndef CLI_CONFIG_FILE_H
#define CLI_CONFIG_FILE_H

#include <limits.h>
#include <stdbool.h>

#include <cjson/cJSON.h>

#include "shared/compiler.h"

#define CONFIG_FILE_ERROR_SIZE (PATH_MAX + 256)

struct config_file {
    cJSON *tree;         /* owned; an empty object where there is no file */
    const char *server;  /* in tree; NULL: not there */
    const char *api_key; /* in tree; NULL: not there */
    bool exposed;        /* other users of this machine may read it */
};

/* Where it is or would be, or -1 with a sentence in error: no home directory. */
int config_file_path(char path[static PATH_MAX],
                     char error[static CONFIG_FILE_ERROR_SIZE]) MUST_CHECK;
/* A file that is not there is an empty one. 0, or -1 with a sentence in error. */
int config_file_read(const char *path, struct config_file *file,
                     char error[static CONFIG_FILE_ERROR_SIZE]) MUST_CHECK;
void config_file_free(struct config_file *file);
/* NULL leaves a member as it is, "" removes it. 0, or -1 with a sentence in error. */
int config_file_change(const char *path, const char *server, const char *api_key,
                       char error[static CONFIG_FILE_ERROR_SIZE]) MUST_CHECK;

#endif
