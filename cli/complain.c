#include "cli/complain.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#define LINE_SIZE 1024

void complain(const char *format, ...)
{
    char line[LINE_SIZE];
    int length = snprintf(line, sizeof line, "cronpulse: ");
    va_list arguments;
    va_start(arguments, format);
    int more = vsnprintf(line + length, sizeof line - (size_t)length - 1, format, arguments);
    va_end(arguments);
    length += more < 0 ? 0 : more;
    if ((size_t)length > sizeof line - 2)
        length = sizeof line - 2;
    line[length++] = '\n';
    /* One write, so that lines of several processes do not mix. Nobody is left to hear of an error.
     */
    ssize_t written = write(STDERR_FILENO, line, (size_t)length);
    (void)written;
}
