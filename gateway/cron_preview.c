#include "gateway/cron_preview.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "gateway/parameter.h"
#include "gateway/reply.h"
#include "gateway/request.h"
#include "shared/clock.h"
#include "shared/cron.h"
#include "shared/json.h"

#define COUNT_MAX      100
#define COUNT_STANDARD 5
#define FROM_MAX_S     INT64_C(250000000000) /* in the year 9892: four digits with the horizon */
#define ZONE_SIGN_AT   19                    /* "2026-05-09T14:00:00" is as long at least */

/* The last minute before the times asked for; -1 after an answer. */
static int take_from(struct request *request, int64_t *minute)
{
    const char *text;
    if (parameter_text(request, "from", &text) != 0)
        return -1;
    if (text == NULL) {
        *minute = clock_now_ms() / 60000;
        return 0;
    }
    /* A '+' that was not escaped arrives as a space: where a zone begins it can only be a '+'. */
    char *writable = request_memory(request, strlen(text) + 1);
    memcpy(writable, text, strlen(text));
    char *space = strlen(text) > ZONE_SIGN_AT ? strchr(writable + ZONE_SIGN_AT, ' ') : NULL;
    if (space != NULL)
        *space = '+';
    int64_t from_s;
    if (clock_parse(writable, strlen(writable), &from_s) != 0 || from_s < 0 ||
        from_s > FROM_MAX_S) {
        reply_error(request, 400, "from: must be a time such as 2026-05-09T14:00:00+00:00");
        return -1;
    }
    *minute = from_s / 60;
    return 0;
}

static int take_timezone(struct request *request)
{
    const char *zone;
    if (parameter_text(request, "timezone", &zone) != 0)
        return -1;
    if (zone == NULL || strcasecmp(zone, "UTC") == 0)
        return 0;
    reply_error(request, 400, "timezone: only UTC is supported");
    return -1;
}

static int take_expression(struct request *request, const char **expression, struct cron *cron)
{
    if (parameter_text(request, "expression", expression) != 0)
        return -1;
    if (*expression == NULL) {
        reply_error(request, 400, "expression: required");
        return -1;
    }
    char error[CRON_ERROR_SIZE];
    if (cron_parse(*expression, strlen(*expression), cron, error) == 0)
        return 0;
    reply_error(request, 400, "Invalid cron expression: %s", error);
    return -1;
}

void cron_preview(struct request *request)
{
    const char *expression;
    struct cron cron;
    int64_t minute;
    int64_t count;
    if (take_expression(request, &expression, &cron) != 0 || take_from(request, &minute) != 0 ||
        parameter_integer(request, "count", 1, COUNT_MAX, COUNT_STANDARD, &count) != 0 ||
        take_timezone(request) != 0)
        return;

    struct buffer body = BUFFER_EMPTY;
    buffer_text(&body, "{\"expression\":");
    json_write_string(&body, expression, strlen(expression));
    buffer_text(&body, ",\"timezone\":\"UTC\",\"next\":[");
    for (int64_t i = 0; i < count; i++) {
        minute = cron_next(&cron, minute);
        if (minute == CRON_NEVER)
            break;
        char time[CLOCK_TEXT_SIZE];
        buffer_format(&body, "%s\"%s\"", i > 0 ? "," : "", clock_format_s(time, minute * 60));
    }
    buffer_text(&body, "]}");
    reply_buffer(request, 200, &body);
}
