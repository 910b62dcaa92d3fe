#include "scheduler/trim.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <cjson/cJSON.h>

#include "shared/log.h"
#include "shared/memory.h"

#define API_TIMEOUT_MS 5000
#define SUBJECT_SIZE   64

struct trim {
    struct bus *bus;
    const char *stream;
    uint64_t sequence;
    bool looking;
};

static double number_of(const cJSON *tree, const char *group, const char *name)
{
    const cJSON *object = cJSON_GetObjectItemCaseSensitive(tree, group);
    const cJSON *number = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsNumber(number) ? number->valuedouble : 0;
}

static void on_purged(void *arg, enum bus_status status, const struct bus_message *message)
{
    struct trim *trim = arg;
    cJSON *tree = message ? cJSON_ParseWithLength(message->data, message->length) : NULL;
    bool well = status == BUS_OK && cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(tree, "success"));
    cJSON_Delete(tree);
    trim->looking = false;
    if (well)
        LOG_INFO("stream trimmed", LOG_STR("stream", trim->stream),
                 LOG_I64("sequence", trim->sequence));
    else
        LOG_WARN("stream was not trimmed", LOG_STR("stream", trim->stream),
                 LOG_STR("error", bus_status_text(status == BUS_OK ? BUS_REFUSED : status)));
}

static void on_info(void *arg, enum bus_status status, const struct bus_message *message)
{
    struct trim *trim = arg;
    cJSON *tree = message ? cJSON_ParseWithLength(message->data, message->length) : NULL;
    double bytes = number_of(tree, "state", "bytes");
    double first = number_of(tree, "state", "first_seq");
    double limit = number_of(tree, "config", "max_bytes");
    cJSON_Delete(tree);
    trim->looking = false;
    if (status != BUS_OK || limit <= 0 || bytes * 2 <= limit || first > (double)trim->sequence)
        return;
    char subject[SUBJECT_SIZE];
    char body[SUBJECT_SIZE];
    snprintf(subject, sizeof(subject), "$JS.API.STREAM.PURGE.%s", trim->stream);
    int length = snprintf(body, sizeof(body), "{\"seq\":%" PRIu64 "}", trim->sequence + 1);
    trim->looking = bus_request(trim->bus, subject, NULL, 0, body, (size_t)length, API_TIMEOUT_MS,
                                on_purged, trim) == BUS_OK;
}

struct trim *trim_open(struct bus *bus, const char *stream)
{
    struct trim *trim = memory_new(1, sizeof(*trim));
    trim->bus = bus;
    trim->stream = stream;
    return trim;
}

void trim_close(struct trim *trim)
{
    bus_forget(trim->bus, trim);
    free(trim);
}

void trim_look(struct trim *trim, uint64_t sequence)
{
    if (trim->looking || sequence == 0)
        return;
    trim->sequence = sequence;
    char subject[SUBJECT_SIZE];
    snprintf(subject, sizeof(subject), "$JS.API.STREAM.INFO.%s", trim->stream);
    trim->looking =
        bus_request(trim->bus, subject, NULL, 0, NULL, 0, API_TIMEOUT_MS, on_info, trim) == BUS_OK;
}
