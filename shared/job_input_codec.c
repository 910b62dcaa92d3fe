#include "shared/job_input_codec.h"

#include <inttypes.h>
#include <string.h>

#include "shared/cron.h"
#include "shared/json.h"
#include "shared/url.h"
#include "shared/zone.h"

#define NAME_MAX_BYTES 400   /* 100 characters of at most 4 bytes */
#define TEXT_MAX       65536 /* headers and payload come from a body of at most 64 KiB */
#define TIME_MAX_S     INT64_C(253402300799) /* 9999-12-31T23:59:59Z */

/* What is null says so, apart from what is not there. */
static const struct {
    const char *name;
    size_t offset;
    size_t length_max;
    enum job_field field;
    bool nullable;
} texts[] = {
    {"name", offsetof(struct job_input, name), NAME_MAX_BYTES, JOB_NAME, false},
    {"cron_expression", offsetof(struct job_input, cron_expression), CRON_TEXT_MAX, JOB_CRON, true},
    {"webhook_url", offsetof(struct job_input, webhook_url), URL_MAX, JOB_WEBHOOK_URL, false},
    {"headers", offsetof(struct job_input, headers), TEXT_MAX, JOB_HEADERS, true},
    {"payload", offsetof(struct job_input, payload), TEXT_MAX, JOB_PAYLOAD, true},
    {"failure_webhook_url", offsetof(struct job_input, failure_webhook_url), URL_MAX,
     JOB_FAILURE_URL, true},
    {"timezone", offsetof(struct job_input, timezone), ZONE_NAME_MAX, JOB_TIMEZONE, false},
    {"external_id", offsetof(struct job_input, external_id), JOB_EXTERNAL_ID_MAX, JOB_EXTERNAL_ID,
     true},
};

#define INTEGER(name, member, least, most, field)                                                  \
    {                                                                                              \
        name, offsetof(struct job_input, member), sizeof(((struct job_input *)0)->member), least,  \
            most, field                                                                            \
    }

static const struct {
    const char *name;
    size_t offset, size;
    int64_t least, most;
    enum job_field field;
} integers[] = {
    INTEGER("run_at", run_at_s, 0, TIME_MAX_S, JOB_RUN_AT),
    INTEGER("start_at", start_at_s, 0, TIME_MAX_S, JOB_START_AT),
    INTEGER("end_at", end_at_s, 0, TIME_MAX_S, JOB_END_AT),
    INTEGER("catch_up_window_seconds", catch_up_window_s, CATCH_UP_WINDOW_NONE,
            JOB_CATCH_UP_WINDOW_MAX_S, JOB_CATCH_UP_WINDOW),
    INTEGER("jitter_seconds", jitter_s, 0, JOB_JITTER_MAX_S, JOB_JITTER),
    INTEGER("max_retries", max_retries, 0, JOB_RETRIES_MAX, JOB_MAX_RETRIES),
};

static const struct {
    const char *name;
    size_t offset;
    enum job_field field;
} booleans[] = {
    {"enabled", offsetof(struct job_input, enabled), JOB_ENABLED},
    {"allow_overlap", offsetof(struct job_input, allow_overlap), JOB_ALLOW_OVERLAP},
    {"auto_pause", offsetof(struct job_input, auto_pause), JOB_AUTO_PAUSE},
    {"check", offsetof(struct job_input, check), JOB_CHECK},
};

static const char *const catch_up_names[CATCH_UPS] = {
    [CATCH_UP_LATEST] = "latest",
    [CATCH_UP_ALL] = "all",
    [CATCH_UP_NONE] = "none",
};

const struct job_input job_input_defaults = {
    .enabled = true,
    .timezone = "UTC",
    .catch_up = CATCH_UP_LATEST,
    .catch_up_window_s = CATCH_UP_WINDOW_NONE,
    .allow_overlap = true,
    .max_retries = 3,
    .auto_pause = true,
};

const char *catch_up_name(enum catch_up catch_up)
{
    INVARIANT(catch_up < CATCH_UPS);
    return catch_up_names[catch_up];
}

int catch_up_parse(const char *name, enum catch_up *catch_up)
{
    for (size_t i = 0; i < CATCH_UPS; i++) {
        if (strcmp(name, catch_up_names[i]) == 0) {
            *catch_up = (enum catch_up)i;
            return 0;
        }
    }
    return -1;
}

static int64_t integer_read(const struct job_input *job, size_t offset, size_t size)
{
    const char *from = (const char *)job + offset;
    int64_t wide;
    int32_t narrow;
    uint16_t half;
    uint8_t byte;
    switch (size) {
    case sizeof wide: memcpy(&wide, from, size); return wide;
    case sizeof narrow: memcpy(&narrow, from, size); return narrow;
    case sizeof half: memcpy(&half, from, size); return half;
    default:
        INVARIANT(size == sizeof byte);
        memcpy(&byte, from, size);
        return byte;
    }
}

/* The value is within the bounds of its row, and so of its type. */
static void integer_write(struct job_input *job, size_t offset, size_t size, int64_t value)
{
    char *to = (char *)job + offset;
    int32_t narrow = (int32_t)value;
    uint16_t half = (uint16_t)value;
    uint8_t byte = (uint8_t)value;
    switch (size) {
    case sizeof value: memcpy(to, &value, size); return;
    case sizeof narrow: memcpy(to, &narrow, size); return;
    case sizeof half: memcpy(to, &half, size); return;
    default: INVARIANT(size == sizeof byte); memcpy(to, &byte, size);
    }
}

/* Begins a member of the object that is being written. */
static void member(struct buffer *out, const char *name)
{
    buffer_format(out, "%s\"%s\":", out->data[out->length - 1] == '{' ? "" : ",", name);
}

void job_input_encode(const struct job_input *job, struct buffer *out)
{
    buffer_text(out, "{");
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        if (!(job->fields & texts[i].field))
            continue;
        const char *value;
        memcpy(&value, (const char *)job + texts[i].offset, sizeof value);
        INVARIANT(value || texts[i].nullable);
        member(out, texts[i].name);
        if (value)
            json_write_string(out, value, strlen(value));
        else
            buffer_text(out, "null");
    }
    for (size_t i = 0; i < ARRAY_LENGTH(integers); i++) {
        if (!(job->fields & integers[i].field))
            continue;
        member(out, integers[i].name);
        buffer_format(out, "%" PRId64, integer_read(job, integers[i].offset, integers[i].size));
    }
    for (size_t i = 0; i < ARRAY_LENGTH(booleans); i++) {
        if (!(job->fields & booleans[i].field))
            continue;
        bool value;
        memcpy(&value, (const char *)job + booleans[i].offset, sizeof value);
        member(out, booleans[i].name);
        buffer_text(out, value ? "true" : "false");
    }
    if (job->fields & JOB_CATCH_UP) {
        member(out, "catch_up");
        buffer_format(out, "\"%s\"", catch_up_name(job->catch_up));
    }
    buffer_text(out, "}");
}

static const char *texts_decode(const cJSON *object, struct job_input *job)
{
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, texts[i].name);
        if (!item)
            continue;
        const char *value = cJSON_GetStringValue(item);
        if (!value && !(cJSON_IsNull(item) && texts[i].nullable))
            return "a text field of job is not a string";
        if (value && strlen(value) > texts[i].length_max)
            return "a text field of job is too long";
        memcpy((char *)job + texts[i].offset, &value, sizeof value);
        job->fields |= texts[i].field;
    }
    return NULL;
}

static const char *integers_decode(const cJSON *object, struct job_input *job)
{
    for (size_t i = 0; i < ARRAY_LENGTH(integers); i++) {
        if (!cJSON_GetObjectItemCaseSensitive(object, integers[i].name))
            continue;
        int64_t value;
        if (json_integer(object, integers[i].name, integers[i].least, integers[i].most, &value))
            return "a number of job is none, or out of range";
        integer_write(job, integers[i].offset, integers[i].size, value);
        job->fields |= integers[i].field;
    }
    return NULL;
}

static const char *booleans_decode(const cJSON *object, struct job_input *job)
{
    for (size_t i = 0; i < ARRAY_LENGTH(booleans); i++) {
        const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, booleans[i].name);
        if (!item)
            continue;
        if (!cJSON_IsBool(item))
            return "a switch of job is not a boolean";
        bool value = cJSON_IsTrue(item);
        memcpy((char *)job + booleans[i].offset, &value, sizeof value);
        job->fields |= booleans[i].field;
    }
    return NULL;
}

bool job_input_has_schedule(const struct job_input *job)
{
    bool cron = (job->fields & JOB_CRON) && job->cron_expression != NULL;
    bool run_at = (job->fields & JOB_RUN_AT) && job->run_at_s != 0;
    return cron != run_at;
}

const char *job_input_decode(const cJSON *object, struct job_input *job)
{
    *job = job_input_defaults;
    if (!cJSON_IsObject(object))
        return "job is not an object";
    const char *error = texts_decode(object, job);
    if (!error)
        error = integers_decode(object, job);
    if (!error)
        error = booleans_decode(object, job);
    if (error)
        return error;
    const cJSON *catch_up = cJSON_GetObjectItemCaseSensitive(object, "catch_up");
    if (catch_up) {
        if (!cJSON_IsString(catch_up) || catch_up_parse(catch_up->valuestring, &job->catch_up))
            return "catch_up is none that is known";
        job->fields |= JOB_CATCH_UP;
    }
    if (job->run_at_s % 60 != 0)
        return "run_at is not a whole minute";
    if ((job->fields & (JOB_CRON | JOB_RUN_AT)) && !job_input_has_schedule(job))
        return "job has not exactly one of cron_expression and run_at";
    return NULL;
}
