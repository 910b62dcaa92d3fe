#include "tests/simulation/schedule.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

const struct schedule_zone schedule_zones[SCHEDULE_ZONES] = {{"UTC", 0},
                                                             {"Asia/Kolkata", 330},
                                                             {"Asia/Tokyo", 540},
                                                             {"America/Phoenix", -420},
                                                             {"Asia/Kathmandu", 345}};

unsigned schedule_zone(const char *name)
{
    unsigned zone = 0;
    while (zone + 1 < SCHEDULE_ZONES && strcmp(schedule_zones[zone].name, name) != 0)
        zone++;
    return zone;
}

static int pick(struct world *world, int low, int high)
{
    return (int)chance_between(world, low, high);
}

void schedule_text(struct world *world, char text[static SCHEDULE_TEXT_SIZE])
{
    int kind = pick(world, 0, 99), minute = pick(world, 0, 59);
    if (kind < 1)
        snprintf(text, SCHEDULE_TEXT_SIZE, "* * * * *");
    else if (kind < 4)
        snprintf(text, SCHEDULE_TEXT_SIZE, "*/%d * * * *", pick(world, 4, 7));
    else if (kind < 20)
        snprintf(text, SCHEDULE_TEXT_SIZE, "%d,%d,%d,%d * * * *", minute % 15, minute % 15 + 15,
                 minute % 15 + 30, minute % 15 + 45);
    else if (kind < 30)
        snprintf(text, SCHEDULE_TEXT_SIZE, "0 * * * *"); /* many at the full hour */
    else if (kind < 55)
        snprintf(text, SCHEDULE_TEXT_SIZE, "%d * * * *", minute);
    else if (kind < 65)
        snprintf(text, SCHEDULE_TEXT_SIZE, "%d-%d/3 %d-%d * * *", minute / 2, minute / 2 + 9,
                 pick(world, 0, 9), pick(world, 10, 23));
    else if (kind < 85)
        snprintf(text, SCHEDULE_TEXT_SIZE, "%d %d * * *", minute, pick(world, 0, 23));
    else if (kind < 90)
        snprintf(text, SCHEDULE_TEXT_SIZE, "%d %d * * 1-5", minute, pick(world, 0, 23));
    else if (kind < 95)
        snprintf(text, SCHEDULE_TEXT_SIZE, "%d %d %d * %d", minute, pick(world, 0, 23),
                 pick(world, 1, 28), pick(world, 0, 7));
    else
        snprintf(text, SCHEDULE_TEXT_SIZE, "%d %d,%d 28-31,1 */2 *", minute, pick(world, 0, 11),
                 pick(world, 12, 23));
}

/* Whether a list of numbers, ranges and steps names value. */
static bool field_names(const char *field, int value, int low, int high)
{
    char copy[SCHEDULE_TEXT_SIZE], *rest = copy, *part;
    snprintf(copy, sizeof(copy), "%s", field);
    while ((part = strsep(&rest, ","))) {
        int first = low, last = high, step = 1;
        if (*part != '*') {
            first = last = (int)strtol(part, &part, 10);
            if (*part == '-')
                last = (int)strtol(part + 1, &part, 10);
        } else {
            part++;
        }
        if (*part == '/')
            step = (int)strtol(part + 1, &part, 10);
        if (value >= first && value <= last && (value - first) % step == 0)
            return true;
    }
    return false;
}

void schedule_compile(const char *text, struct schedule *schedule)
{
    char copy[SCHEDULE_TEXT_SIZE], *rest = copy, *fields[5];
    snprintf(copy, sizeof(copy), "%s", text);
    for (int i = 0; i < 5; i++)
        fields[i] = strsep(&rest, " ");
    for (int value = 0; value < 60; value++)
        schedule->minutes[value] = field_names(fields[0], value, 0, 59);
    for (int value = 0; value < 24; value++)
        schedule->hours[value] = field_names(fields[1], value, 0, 23);
    for (int value = 1; value < 32; value++)
        schedule->days[value] = field_names(fields[2], value, 1, 31);
    for (int value = 1; value < 13; value++)
        schedule->months[value] = field_names(fields[3], value, 1, 12);
    for (int value = 0; value < 7; value++)
        schedule->weekdays[value] = field_names(fields[4], value, 0, 6);
    if (field_names(fields[4], 7, 0, 7) && *fields[4] != '*')
        schedule->weekdays[0] = true;
    schedule->either_day = *fields[2] != '*' && *fields[4] != '*';
}

struct moment moment_of(uint32_t minute, unsigned zone)
{
    time_t seconds = ((time_t)minute + schedule_zones[zone].offset) * 60;
    struct tm parts;
    gmtime_r(&seconds, &parts);
    return (struct moment){.minute = parts.tm_min,
                           .hour = parts.tm_hour,
                           .day = parts.tm_mday,
                           .month = parts.tm_mon + 1,
                           .weekday = parts.tm_wday};
}

bool schedule_matches(const struct schedule *schedule, const struct moment *moment)
{
    if (!schedule->minutes[moment->minute] || !schedule->hours[moment->hour] ||
        !schedule->months[moment->month])
        return false;
    bool day = schedule->days[moment->day], weekday = schedule->weekdays[moment->weekday];
    return schedule->either_day ? day || weekday : day && weekday;
}
