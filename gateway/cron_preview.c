#include "gateway/cron_preview.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/parameter.h"
#include "gateway/reply.h"
#include "gateway/request.h"
#include "shared/clock.h"
#include "shared/cron.h"
#include "shared/json.h"
#include "shared/zone.h"

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

static int take_timezone(struct request *request, uint16_t *zone)
{
    const char *name;
    *zone = ZONE_UTC;
    if (parameter_text(request, "timezone", &name) != 0)
        return -1;
    if (name == NULL)
        return 0;
    /* "Etc/GMT+5" with a '+' that was not escaped; no name has a space. */
    char *writable = request_memory(request, strlen(name) + 1);
    memcpy(writable, name, strlen(name) + 1);
    for (char *space = writable; (space = strchr(space, ' ')) != NULL;)
        *space = '+';
    *zone = zone_find(writable, strlen(writable));
    if (*zone != ZONE_NONE)
        return 0;
    reply_error(request, 400,
                "timezone: must be a name of the IANA database such as Europe/Berlin");
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

/* "2026-05-09T14:00:00+02:00" */
static void append_time(struct buffer *body, uint16_t zone, int64_t minute)
{
    char text[CLOCK_TEXT_SIZE];
    int64_t local = zone_local(zone, minute);
    int offset = (int)(local - minute);
    clock_format_s(text, local * 60);
    buffer_format(body, "\"%.19s%c%02d:%02d\"", text, offset < 0 ? '-' : '+', abs(offset) / 60,
                  abs(offset) % 60);
}

void cron_preview(struct request *request)
{
    const char *expression;
    struct cron cron;
    int64_t minute;
    int64_t count;
    if (take_expression(request, &expression, &cron) != 0 || take_from(request, &minute) != 0 ||
        parameter_integer(request, "count", 1, COUNT_MAX, COUNT_STANDARD, &count) != 0 ||
        take_timezone(request, &cron.zone) != 0)
        return;

    struct buffer body = BUFFER_EMPTY;
    buffer_text(&body, "{\"expression\":");
    json_write_string(&body, expression, strlen(expression));
    buffer_format(&body, ",\"timezone\":\"%s\",\"next\":[", zone_name(cron.zone));
    for (int64_t i = 0; i < count; i++) {
        minute = cron_next(&cron, minute);
        if (minute == CRON_NEVER)
            break;
        if (i > 0)
            buffer_text(&body, ",");
        append_time(&body, cron.zone, minute);
    }
    buffer_text(&body, "]}");
    reply_buffer(request, 200, &body);
}
