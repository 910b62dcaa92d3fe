/*
 * Logs: one JSON object a line on standard error, with the time, the level, the process, a message
 * that is a constant, and typed fields. Secrets are never fields.
 *
 *   LOG_INFO("job created", LOG_I64("job", id), LOG_STR("account", email_hash));
 */
#ifndef SHARED_LOG_H
#define SHARED_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };

struct log_field {
    const char *name;
    enum { LOG_FIELD_STRING, LOG_FIELD_INTEGER, LOG_FIELD_REAL, LOG_FIELD_BOOLEAN } kind;
    union {
        const char *string; /* NULL is written as null */
        int64_t integer;
        double real;
        int boolean;
    } value;
};

#define LOG_STR(n, v)  ((struct log_field){(n), LOG_FIELD_STRING, {.string = (v)}})
#define LOG_I64(n, v)  ((struct log_field){(n), LOG_FIELD_INTEGER, {.integer = (int64_t)(v)}})
#define LOG_REAL(n, v) ((struct log_field){(n), LOG_FIELD_REAL, {.real = (v)}})
#define LOG_BOOL(n, v) ((struct log_field){(n), LOG_FIELD_BOOLEAN, {.boolean = (v)}})

/* LOG_END ends the fields, so that a message without fields has an array too. */
#define LOG_END ((struct log_field){0})
#define LOG_LINE(level, message, ...)                                                              \
    log_write((level), (message), (const struct log_field[]){__VA_ARGS__},                         \
              sizeof((const struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field) - 1)
#define LOG_AT(level, ...) LOG_LINE(level, __VA_ARGS__, LOG_END)

#define LOG_DEBUG(...) LOG_AT(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define LOG_INFO(...)  LOG_AT(LOG_LEVEL_INFO, __VA_ARGS__)
#define LOG_WARN(...)  LOG_AT(LOG_LEVEL_WARN, __VA_ARGS__)
#define LOG_ERROR(...) LOG_AT(LOG_LEVEL_ERROR, __VA_ARGS__)

/*
 * process goes into every line ("gateway"); instance may be NULL. Lines below level are dropped.
 * Before log_open, lines are written with process "?" from level info on.
 */
void log_open(const char *process, const char *instance, enum log_level level);

/* Whether a line of that level would be written: spares the work for one that would not. */
bool log_enabled(enum log_level level);

/*
 * Writes a line in one write(2), so that lines of threads and processes do not mix. A line is at
 * most LOG_LINE_SIZE bytes: strings are cut to fit. May be called from any thread.
 */
#define LOG_LINE_SIZE 4096
void log_write(enum log_level level, const char *message, const struct log_field *fields,
               size_t count);

#endif
