/* How long a check was up and down, and what that makes. Pure. */
#ifndef GATEWAY_UPTIME_H
#define GATEWAY_UPTIME_H

#include <stdint.h>

#include "shared/buffer.h"

struct uptime {
    int64_t up_s, down_s; /* both 0: it was not watched */
};

/* In parts of a million, never more than it was: 1000000 only where it was always up; -1: it was
 * not watched. */
int64_t uptime_parts(const struct uptime *uptime);

/* "100", "99.98", "99.5": per cent with so many decimals, cut and not rounded. 0 <= decimals <= 4
 */
void uptime_write(struct buffer *out, int64_t parts, int decimals);

#endif
