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
    const char *durable; /* NULL: sequence is known */
    uint64_t first;      /* message of the stream at the last look */
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

static void purge(struct trim *trim)
{
    char subject[SUBJECT_SIZE];
    char body[SUBJECT_SIZE];
    snprintf(subject, sizeof(subject), "$JS.API.STREAM.PURGE.%s", trim->stream);
    int length = snprintf(body, sizeof(body), "{\"seq\":%" PRIu64 "}", trim->sequence + 1);
    trim->looking = bus_request(trim->bus, subject, NULL, 0, body, (size_t)length, API_TIMEOUT_MS,
                                on_purged, trim) == BUS_OK;
}

static void on_consumer(void *arg, enum bus_status status, const struct bus_message *message)
{
    struct trim *trim = arg;
    cJSON *tree = message ? cJSON_ParseWithLength(message->data, message->length) : NULL;
    uint64_t sequence = (uint64_t)number_of(tree, "ack_floor", "stream_seq");
    cJSON_Delete(tree);
    trim->looking = false;
    if (status != BUS_OK || sequence < trim->first)
        return;
    trim->sequence = sequence;
    purge(trim);
}

static void ask_consumer(struct trim *trim)
{
    char subject[SUBJECT_SIZE];
    snprintf(subject, sizeof(subject), "$JS.API.CONSUMER.INFO.%s.%s", trim->stream, trim->durable);
    trim->looking = bus_request(trim->bus, subject, NULL, 0, NULL, 0, API_TIMEOUT_MS, on_consumer,
                                trim) == BUS_OK;
}

static void on_info(void *arg, enum bus_status status, const struct bus_message *message)
{
    struct trim *trim = arg;
    cJSON *tree = message ? cJSON_ParseWithLength(message->data, message->length) : NULL;
    double bytes = number_of(tree, "state", "bytes");
    double limit = number_of(tree, "config", "max_bytes");
    trim->first = (uint64_t)number_of(tree, "state", "first_seq");
    cJSON_Delete(tree);
    trim->looking = false;
    if (status != BUS_OK || limit <= 0 || bytes * 2 <= limit)
        return;
    if (trim->durable)
        ask_consumer(trim);
    else if (trim->first <= trim->sequence)
        purge(trim);
}

static void ask_stream(struct trim *trim)
{
    char subject[SUBJECT_SIZE];
    snprintf(subject, sizeof(subject), "$JS.API.STREAM.INFO.%s", trim->stream);
    trim->looking =
        bus_request(trim->bus, subject, NULL, 0, NULL, 0, API_TIMEOUT_MS, on_info, trim) == BUS_OK;
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
    trim->durable = NULL;
    trim->sequence = sequence;
    ask_stream(trim);
}

void trim_look_acknowledged(struct trim *trim, const char *durable)
{
    if (trim->looking)
        return;
    trim->durable = durable;
    ask_stream(trim);
}
