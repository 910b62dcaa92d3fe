/* cronpulse list and cronpulse status. */
#ifndef CLI_CHECKS_H
#define CLI_CHECKS_H

#include "cli/exit_code.h"
#include "cli/options.h"

enum exit_code checks_list(const struct options *options);
enum exit_code checks_status(const struct options *options);

#endif
