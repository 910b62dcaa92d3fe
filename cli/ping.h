/* cronpulse ping: one ping. */
#ifndef CLI_PING_H
#define CLI_PING_H

#include "cli/exit_code.h"
#include "cli/options.h"

enum exit_code ping_run(const struct options *options);

#endif
