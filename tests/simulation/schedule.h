/*
 * Cron schedules of the simulation, judged by code of its own: each value of each field is held
 * against the text, and dates come from the C library. The zones are ones that keep their clocks.
 */
#ifndef SIMULATION_SCHEDULE_H
#define SIMULATION_SCHEDULE_H

#include "tests/simulation/world.h"

#define SCHEDULE_TEXT_SIZE 80

struct schedule {
    bool minutes[60], hours[24], days[32], months[13], weekdays[7];
    bool either_day;
};

/* A minute, taken apart. */
struct moment {
    int minute, hour, day, month, weekday;
};

#define SCHEDULE_ZONES 5
struct schedule_zone {
    const char *name;
    int offset; /* minutes east of Greenwich */
};
extern const struct schedule_zone schedule_zones[SCHEDULE_ZONES]; /* the first one is UTC */
/* Index of a zone by its name. */
unsigned schedule_zone(const char *name);

/* An expression as users write them; mostly ones that are due some times a day. */
void schedule_text(struct world *world, char text[static SCHEDULE_TEXT_SIZE]);
void schedule_compile(const char *text, struct schedule *schedule);
/* A minute since 1970 as it is in a zone. */
struct moment moment_of(uint32_t minute, unsigned zone);
bool schedule_matches(const struct schedule *schedule, const struct moment *moment);

#endif
