/*
 * Reads the changes of a time zone's offset from a TZif file (RFC 8536), as tzdata installs them.
 * Both kinds are understood, "fat" ones that list changes up to 2037 and "slim" ones that leave to
 * the rule in the footer what it can say.
 */
#ifndef SHARED_ZONE_FILE_H
#define SHARED_ZONE_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "shared/compiler.h"

#define ZONE_FILE_MAX        65536 /* bytes; those of tzdata have less than 4096 */
#define ZONE_FILE_YEAR_FIRST 1970
#define ZONE_FILE_YEAR_LAST  2100

struct zone_change {
    int64_t at_s;     /* seconds since 1970 */
    int32_t offset_s; /* local time minus UTC from then on, less than a day and two hours */
};

/*
 * The offset at 1970-01-01T00:00Z as a change at 0, then all changes up to ZONE_FILE_YEAR_LAST, at
 * rising times, each with another offset than the one before. Returns 0 and a block for free(), or
 * -1 with the arguments untouched for what is no TZif file of version 2 or later, counts leap
 * seconds, or is damaged.
 */
int zone_file_parse(const uint8_t *bytes, size_t length, struct zone_change **changes,
                    size_t *count) MUST_CHECK;

/* The same from a file, which is read at once (blocking); -1 also where it cannot be read. */
int zone_file_read(const char *path, struct zone_change **changes, size_t *count) MUST_CHECK;

#endif
