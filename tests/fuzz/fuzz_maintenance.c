/*
 * A schedule that parses means what it says when it is written out; and each window that a time
 * lies in has an end. The first four bytes choose the time.
 */
#include <stdio.h>
#include <string.h>

#include "shared/maintenance.h"
#include "tests/fuzz/fuzz.h"

#define DAY_MIN 1440

static void check_written_out(const struct maintenance_week *week)
{
    static const char *const names[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
    char text[64] = "";
    char error[MAINTENANCE_ERROR_SIZE];
    size_t length = 0;
    for (size_t day = 0; day < ARRAY_LENGTH(names); day++)
        if (week->days >> day & 1)
            length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%s",
                                       length ? "," : "", names[day]);
    unsigned begin = week->begin_min, end = begin + week->minutes;
    end -= end > DAY_MIN ? DAY_MIN : 0;
    length += (size_t)snprintf(text + length, sizeof(text) - length, ":%02u:%02u-%02u:%02u",
                               begin / 60, begin % 60, end / 60, end % 60);
    struct maintenance_week again;
    INVARIANT(!maintenance_parse(text, length, &again, error));
    INVARIANT(again.days == week->days && again.begin_min == week->begin_min &&
              again.minutes == week->minutes);
}

static void check_time(const struct maintenance *maintenance, int64_t time_s)
{
    int64_t over_s = maintenance_over_s(maintenance, time_s);
    INVARIANT(maintenance_at(maintenance, time_s) == (over_s != time_s));
    if (over_s == MAINTENANCE_NEVER) {
        INVARIANT(maintenance->week.days == 0x7f && maintenance->week.minutes == DAY_MIN);
        return;
    }
    INVARIANT(!maintenance_at(maintenance, over_s));
    INVARIANT(over_s == time_s || maintenance_at(maintenance, over_s - 1));
    INVARIANT(maintenance_over_s(maintenance, (time_s + over_s) / 2) <= over_s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct maintenance maintenance = {0};
    char error[MAINTENANCE_ERROR_SIZE] = "";
    uint32_t time_s;
    if (size < sizeof(time_s))
        return 0;
    memcpy(&time_s, data, sizeof(time_s));
    size_t length = size - sizeof(time_s);
    if (maintenance_parse((const char *)data + sizeof(time_s), length, &maintenance.week, error)) {
        INVARIANT(error[0] && strlen(error) < MAINTENANCE_ERROR_SIZE);
        return 0;
    }
    INVARIANT(maintenance_is_empty(&maintenance) == (length == 0));
    if (length)
        check_written_out(&maintenance.week);
    check_time(&maintenance, time_s);
    maintenance.once_begin_s = time_s;
    maintenance.once_end_s = (int64_t)time_s + time_s % 1000000;
    check_time(&maintenance, time_s);
    return 0;
}
