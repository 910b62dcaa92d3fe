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

const char *fields_text_fault(const cJSON *value)
{
    if (!cJSON_IsString(value))
        return "must be a string";
    size_t characters = 0;
    for (const char *c = value->valuestring; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return "must not have control characters";
        characters += ((unsigned char)*c & 0xc0) != 0x80;
    }
    return characters > FIELDS_NAME_MAX ? "at most 100 characters" : NULL;
}

const char *fields_name_fault(const cJSON *value)
{
    const char *fault = fields_text_fault(value);
    if (fault != NULL)
        return fault;
    bool blank = strspn(value->valuestring, " ") == strlen(value->valuestring);
    return blank ? "must not be empty" : NULL;
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
