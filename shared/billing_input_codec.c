#include "shared/billing_input_codec.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "shared/json.h"

#define ID_MAX     255 /* Stripe's own bound */
#define WORD_MAX   31
#define ANSWER_MAX 8192
#define TIME_MAX_S INT64_C(253402300799) /* 9999-12-31T23:59:59Z */

static const struct {
    const char *name;
    size_t offset;
    size_t length_max;
} texts[] = {
    {"customer", offsetof(struct billing_input, customer), ID_MAX},
    {"subscription", offsetof(struct billing_input, subscription), ID_MAX},
    {"checkout", offsetof(struct billing_input, checkout), ID_MAX},
    {"status", offsetof(struct billing_input, status), WORD_MAX},
    {"plan", offsetof(struct billing_input, plan), WORD_MAX},
    {"answer", offsetof(struct billing_input, answer), ANSWER_MAX},
};

static const char *text_of(const struct billing_input *billing, size_t offset)
{
    const char *text;
    memcpy(&text, (const char *)billing + offset, sizeof text);
    return text;
}

void billing_input_encode(const struct billing_input *billing, struct buffer *out)
{
    buffer_format(out, "{\"version\":%" PRId64, billing->version);
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        const char *text = text_of(billing, texts[i].offset);
        buffer_format(out, ",\"%s\":", texts[i].name);
        if (text)
            json_write_string(out, text, strlen(text));
        else
            buffer_text(out, "null");
    }
    buffer_format(out, ",\"period_end\":%" PRId64 ",\"cancels\":%s}", billing->period_end_s,
                  billing->cancels ? "true" : "false");
}

const char *billing_input_decode(const cJSON *object, struct billing_input *billing)
{
    if (!cJSON_IsObject(object))
        return "billing is not an object";
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, texts[i].name);
        const char *text = cJSON_GetStringValue(item);
        if (!text && !cJSON_IsNull(item))
            return "a text of billing is missing or no string";
        if (text && (text[0] == '\0' || strlen(text) > texts[i].length_max))
            return "a text of billing is empty or too long";
        memcpy((char *)billing + texts[i].offset, &text, sizeof text);
    }
    const cJSON *cancels = cJSON_GetObjectItemCaseSensitive(object, "cancels");
    if (json_integer(object, "version", 0, INT64_MAX, &billing->version) ||
        json_integer(object, "period_end", 0, TIME_MAX_S, &billing->period_end_s))
        return "a number of billing is missing or out of range";
    if (!cJSON_IsBool(cancels) || !billing->answer)
        return "billing lacks cancels or answer";
    billing->cancels = cJSON_IsTrue(cancels);
    return NULL;
}
