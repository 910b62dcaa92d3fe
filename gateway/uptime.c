#include "gateway/uptime.h"

#include <inttypes.h>

#include "shared/compiler.h"

#define PARTS        INT64_C(1000000)
#define PARTS_IN_ONE INT64_C(10000) /* per cent */
#define DECIMALS     4

int64_t uptime_parts(const struct uptime *uptime)
{
    INVARIANT(uptime->up_s >= 0 && uptime->down_s >= 0);
    int64_t watched_s = uptime->up_s + uptime->down_s;
    return watched_s > 0 ? uptime->up_s * PARTS / watched_s : -1;
}

void uptime_write(struct buffer *out, int64_t parts, int decimals)
{
    INVARIANT(parts >= 0 && parts <= PARTS && decimals >= 0 && decimals <= DECIMALS);
    buffer_format(out, "%" PRId64, parts / PARTS_IN_ONE);
    int64_t rest = parts % PARTS_IN_ONE;
    int64_t least = PARTS_IN_ONE;
    for (int i = 0; i < decimals; i++)
        least /= 10;
    rest -= rest % least;
    const char *separator = ".";
    for (int64_t unit = PARTS_IN_ONE / 10; rest > 0; unit /= 10) {
        buffer_format(out, "%s%" PRId64, separator, rest / unit);
        rest %= unit;
        separator = "";
    }
}
