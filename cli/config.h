/* cronpulse config: shows or changes what is configured. */
#ifndef CLI_CONFIG_H
#define CLI_CONFIG_H

#include "cli/exit_code.h"
#include "cli/options.h"

enum exit_code config_run(const struct options *options);

#endif
