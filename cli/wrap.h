/* cronpulse wrap: a command with a ping before it and one after it. */
#ifndef CLI_WRAP_H
#define CLI_WRAP_H

#include "cli/options.h"

/* Returns the exit code: the command's. */
int wrap_run(const struct options *options);

#endif
