/*
 * A TZif file that is read means changes at rising times from 1970 on, each to another offset than
 * the one before. The same bytes as a zone's name never lead out of the database.
 */
#include <stdlib.h>
#include <string.h>

#include "shared/zone.h"
#include "shared/zone_file.h"
#include "tests/fuzz/fuzz.h"

static void check_file(const uint8_t *data, size_t size)
{
    struct zone_change *changes;
    size_t count;
    if (zone_file_parse(data, size, &changes, &count))
        return;
    INVARIANT(count > 0 && changes[0].at_s == 0);
    for (size_t i = 1; i < count; i++)
        INVARIANT(changes[i].at_s > changes[i - 1].at_s &&
                  changes[i].offset_s != changes[i - 1].offset_s);
    free(changes);
}

static void check_name(const char *name, size_t length)
{
    uint16_t zone = zone_find(name, length);
    if (zone == ZONE_NONE)
        return;
    INVARIANT(length <= ZONE_NAME_MAX && !memchr(name, '.', length) && name[0] != '/');
    INVARIANT(strlen(zone_name(zone)) == length && zone_find(name, length) == zone);
    const struct zone_span *span = zone_span_at(zone, ZONE_BEGIN);
    for (; span->to != ZONE_END; span = zone_span_at(zone, span->to))
        INVARIANT(span->from < span->to && zone_span_at(zone, span->to)->from == span->to);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_file(data, size);
    check_name((const char *)data, size);
    return 0;
}
