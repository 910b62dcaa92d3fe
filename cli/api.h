/* Questions to the REST API of the server, with the account's key. */
#ifndef CLI_API_H
#define CLI_API_H

#include <cjson/cJSON.h>

#include "cli/exit_code.h"
#include "cli/options.h"

/*
 * GET /api/v1 and path. EXIT_DONE and the answer in *tree, for cJSON_Delete; anything else: it is
 * said on standard error what is wrong.
 */
enum exit_code api_get(const struct options *options, const char *path, cJSON **tree);

#endif
