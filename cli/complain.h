/* Errors and warnings for the person at the keyboard, or for cron's mail. */
#ifndef CLI_COMPLAIN_H
#define CLI_COMPLAIN_H

#include "shared/compiler.h"

/* One line on standard error, "cronpulse: " before it, written at once. */
void complain(const char *format, ...) PRINTF_LIKE(1, 2);

#endif
