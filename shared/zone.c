#include "shared/zone.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "shared/memory.h"
#include "shared/zone_file.h"

#define DIRECTORY "/usr/share/zoneinfo/"
#define BUCKETS   2048 /* a power of two, more than ZONES_MAX */

struct zone {
    char name[ZONE_NAME_MAX + 1];
    struct zone_span *spans;
    size_t count;
};

static struct zone_span utc_span = {.from = ZONE_BEGIN, .to = ZONE_END, .seen = ZONE_BEGIN};
static struct zone zones[ZONES_MAX] = {{.name = "UTC", .spans = &utc_span, .count = 1}};
static uint16_t zones_count = 1;
static uint16_t buckets[BUCKETS]; /* by hash of the name: 0 is an empty one, UTC is in none */

/* Names that tzdata has as files, and that stand for no place or another kind of time. */
static bool is_reserved(const char *name)
{
    return strcmp(name, "localtime") == 0 || strcmp(name, "posixrules") == 0 ||
           strcmp(name, "Factory") == 0 || strncmp(name, "posix/", 6) == 0 ||
           strncmp(name, "right/", 6) == 0;
}

/* Without a dot no path leads out of the directory, and none to its tables (zone.tab). */
static bool is_name(const char *name, size_t length)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                  "_+-/";
    if (length == 0 || length > ZONE_NAME_MAX || name[0] == '/' || name[length - 1] == '/')
        return false;
    for (size_t i = 0; i < length; i++) {
        if (name[i] == '\0' || !strchr(letters, name[i]) || (name[i] == '/' && name[i + 1] == '/'))
            return false;
    }
    return true;
}

static int64_t divide_down(int64_t value, int64_t divisor)
{
    return value / divisor - (value % divisor < 0);
}

static void zone_fill(struct zone *zone, const struct zone_change *changes, size_t count)
{
    zone->spans = memory_new(count, sizeof *zone->spans);
    struct zone_span *last = NULL;
    for (size_t i = 0; i < count; i++) {
        int64_t from = divide_down(changes[i].at_s + 59, 60);
        int32_t offset = (int32_t)divide_down(changes[i].offset_s, 60);
        if (!last) {
            last = &zone->spans[zone->count++];
            *last = (struct zone_span){.from = ZONE_BEGIN, .to = ZONE_END, .offset = offset};
            last->seen = last->from + offset;
            continue;
        }
        if (offset == last->offset)
            continue;
        last->to = from;
        int64_t seen = from + last->offset;
        if (seen < last->seen)
            seen = last->seen;
        /* Two changes in one minute: the second alone counts. */
        if (from > last->from)
            last = &zone->spans[zone->count++];
        *last = (struct zone_span){.from = from, .to = ZONE_END, .seen = seen, .offset = offset};
    }
}

static uint32_t hash(const char *name)
{
    uint32_t hash = 2166136261U; /* FNV-1a */
    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 16777619U;
    return hash;
}

uint16_t zone_find(const char *name, size_t length)
{
    if (length == 3 && strncasecmp(name, "UTC", 3) == 0)
        return ZONE_UTC;
    if (!is_name(name, length))
        return ZONE_NONE;
    char text[ZONE_NAME_MAX + 1] = "";
    memcpy(text, name, length);
    uint32_t bucket = hash(text) % BUCKETS;
    for (; buckets[bucket]; bucket = (bucket + 1) % BUCKETS) {
        if (strcmp(zones[buckets[bucket]].name, text) == 0)
            return buckets[bucket];
    }

    struct zone_change *changes;
    size_t count;
    char path[sizeof DIRECTORY + ZONE_NAME_MAX];
    snprintf(path, sizeof path, DIRECTORY "%s", text);
    if (zones_count == ZONES_MAX || is_reserved(text) || zone_file_read(path, &changes, &count))
        return ZONE_NONE;
    struct zone *zone = &zones[zones_count];
    memcpy(zone->name, text, sizeof text);
    zone_fill(zone, changes, count);
    free(changes);
    buckets[bucket] = zones_count;
    return zones_count++;
}

const char *zone_name(uint16_t zone)
{
    INVARIANT(zone < zones_count);
    return zones[zone].name;
}

const struct zone_span *zone_span_at(uint16_t zone, int64_t minute)
{
    INVARIANT(zone < zones_count && minute >= ZONE_BEGIN && minute < ZONE_END);
    const struct zone_span *spans = zones[zone].spans;
    size_t low = 0;
    for (size_t high = zones[zone].count; high - low > 1;) {
        size_t middle = low + (high - low) / 2;
        if (spans[middle].from <= minute)
            low = middle;
        else
            high = middle;
    }
    return &spans[low];
}
