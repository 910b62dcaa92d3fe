/* What --help prints. */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include "cli/options.h"

/* Of one command, or of all with COMMANDS. */
const char *help_text(enum command topic);

#endif
