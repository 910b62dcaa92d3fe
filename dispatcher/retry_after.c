#include "dispatcher/retry_after.h"

#include <stdbool.h>
#include <string.h>

#include <curl/curl.h>

#include "shared/result.h"

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static uint16_t bounded(int64_t seconds)
{
    if (seconds <= 0)
        return 0;
    return (uint16_t)(seconds < RETRY_AFTER_MAX_S ? seconds : RETRY_AFTER_MAX_S);
}

uint16_t retry_after_s(const char *value, int64_t now_s)
{
    value += strspn(value, " \t");
    if (digit(*value)) {
        int64_t seconds = 0;
        for (; digit(*value); value++)
            if (seconds <= RETRY_AFTER_MAX_S)
                seconds = seconds * 10 + (*value - '0');
        return value[strspn(value, " \t")] ? 0 : bounded(seconds);
    }
    /* All three forms of HTTP begin with the day's name; libcurl's parser takes far more than
     * these. */
    if (!letter(*value))
        return 0;
    time_t date_s = curl_getdate(value, NULL);
    return date_s == -1 ? 0 : bounded((int64_t)date_s - now_s);
}
