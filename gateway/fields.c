#include "gateway/fields.h"

#include <stdio.h>
#include <string.h>

#define SHOWN_MAX 60 /* bytes of a member's name that are repeated to the user */

/* Never cuts a UTF-8 sequence in two. */
static int shown_length(const char *text)
{
    size_t length = strnlen(text, SHOWN_MAX + 1);
    if (length <= SHOWN_MAX)
        return (int)length;
    length = SHOWN_MAX;
    while (length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80)
        length--;
    return (int)length;
}

int fields_only(const cJSON *object, const char *const *names, size_t count,
                char error[static FIELDS_ERROR_SIZE])
{
    const cJSON *member;
    cJSON_ArrayForEach(member, object)
    {
        size_t i = 0;
        while (i < count && strcmp(member->string, names[i]) != 0)
            i++;
        if (i == count) {
            snprintf(error, FIELDS_ERROR_SIZE, "Unknown field: %.*s", shown_length(member->string),
                     member->string);
            return -1;
        }
    }
    return 0;
}

const char *fields_string(const cJSON *object, const char *name,
                          char error[static FIELDS_ERROR_SIZE])
{
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(object, name);
    if (member == NULL) {
        snprintf(error, FIELDS_ERROR_SIZE, "%s: required", name);
        return NULL;
    }
    if (!cJSON_IsString(member)) {
        snprintf(error, FIELDS_ERROR_SIZE, "%s: must be a string", name);
        return NULL;
    }
    return member->valuestring;
}
