/*
 * Time. Points in time are int64_t milliseconds since 1970-01-01T00:00:00Z and are named *_ms;
 * slots are whole seconds and named *_s. Deadlines inside a process use the monotonic clock.
 */
#ifndef SHARED_CLOCK_H
#define SHARED_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#define CLOCK_TEXT_SIZE 40

/* The wall clock. */
int64_t clock_now_ms(void);
/* Advances also while the process is stopped (CLOCK_BOOTTIME); says nothing about the date. */
int64_t clock_monotonic_ms(void);

/* "2026-05-09T14:00:00+00:00", the form of the API; returns text. */
char *clock_format_s(char text[static CLOCK_TEXT_SIZE], int64_t time_s);
/* "2026-05-09T14:00:00.123Z", the form of logs and internal messages. */
char *clock_format_ms(char text[static CLOCK_TEXT_SIZE], int64_t time_ms);

/*
 * Parses an RFC 3339 time ("2026-05-09T14:00:00+02:00", "...Z", with or without a fraction).
 * Returns 0 and the seconds since 1970 in *time_s, or -1 with *time_s untouched.
 */
int clock_parse(const char *text, size_t length, int64_t *time_s);

#endif
