/*
 * Cron schedules of the simulation, judged by code of its own: each value of each field is held
 * against the text, and dates come from the C library.
 */
#ifndef SIMULATION_SCHEDULE_H
#define SIMULATION_SCHEDULE_H

#include "tests/simulation/world.h"

#define SCHEDULE_TEXT_SIZE 80

struct schedule {
    bool minutes[60], hours[24], days[32], months[13], weekdays[7];
    bool either_day;
};

/* A minute since 1970, taken apart. */
struct moment {
    uint32_t minute_of_epoch;
    int minute, hour, day, month, weekday;
};

/* An expression as users write them; mostly ones that are due some times a day. */
void schedule_text(struct world *world, char text[static SCHEDULE_TEXT_SIZE]);
void schedule_compile(const char *text, struct schedule *schedule);
struct moment moment_of(uint32_t minute);
bool schedule_matches(const struct schedule *schedule, const struct moment *moment);
/* The first match in (after, until], or 0. */
uint32_t schedule_next(const struct schedule *schedule, uint32_t after, uint32_t until);

#endif
