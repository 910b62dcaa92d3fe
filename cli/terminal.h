/* What the terminal, if there is one, can show. */
#ifndef CLI_TERMINAL_H
#define CLI_TERMINAL_H

#include <stdbool.h>

/* Colours on standard output: it is a terminal, not a dumb one, and NO_COLOR is not set. */
bool terminal_colours(void);

#endif
