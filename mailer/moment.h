/* Times as mails say them. */
#ifndef MAILER_MOMENT_H
#define MAILER_MOMENT_H

#include <stdint.h>

#define MOMENT_SIZE 48
#define SPAN_SIZE   48

/* "2026-11-22 at 16:05:03 UTC" */
char *moment(char text[static MOMENT_SIZE], int64_t time_ms);

/* "1 day 2 hours": the two largest units, whole; what is negative is "0 seconds". */
char *span(char text[static SPAN_SIZE], int64_t duration_ms);

#endif
