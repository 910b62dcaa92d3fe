#include "mailer/moment.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>

#include "shared/compiler.h"

char *moment(char text[static MOMENT_SIZE], int64_t time_ms)
{
    time_t time_s = (time_t)(time_ms / 1000);
    struct tm tm = {0};
    gmtime_r(&time_s, &tm);
    snprintf(text, MOMENT_SIZE, "%04d-%02d-%02d at %02d:%02d:%02d UTC", tm.tm_year + 1900,
             tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
    return text;
}

char *span(char text[static SPAN_SIZE], int64_t duration_ms)
{
    static const struct {
        int64_t seconds;
        const char *name;
    } units[] = {{86400, "day"}, {3600, "hour"}, {60, "minute"}, {1, "second"}};
    int64_t rest_s = duration_ms > 0 ? duration_ms / 1000 : 0;
    size_t first = 0;
    while (first + 1 < ARRAY_LENGTH(units) && rest_s < units[first].seconds)
        first++;
    int length = 0;
    for (size_t i = first; i < ARRAY_LENGTH(units) && i < first + 2; i++) {
        int64_t count = rest_s / units[i].seconds;
        rest_s %= units[i].seconds;
        if (count || i == first)
            length += snprintf(text + length, SPAN_SIZE - (size_t)length, "%s%" PRId64 " %s%s",
                               i == first ? "" : " ", count, units[i].name, count == 1 ? "" : "s");
    }
    return text;
}
