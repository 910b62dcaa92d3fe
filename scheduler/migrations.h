/* The files of scheduler/migrations/, built into the program, in order. */
#ifndef SCHEDULER_MIGRATIONS_H
#define SCHEDULER_MIGRATIONS_H

#include <stddef.h>

struct migration {
    int version;      /* from 1, without gaps */
    const char *name; /* "003_accounts.sql" */
    const char *sql;
};

extern const struct migration migrations[];
extern const size_t migrations_count;

#endif
