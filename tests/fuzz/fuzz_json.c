/*
 * What json_parse takes, cJSON takes too, is UTF-8, is taken again when printed, and each of its
 * members is found in the bytes. Any text comes back from a written string.
 */
#include <stdlib.h>
#include <string.h>

#include "shared/json.h"
#include "shared/memory.h"
#include "tests/fuzz/fuzz.h"

static void assert_prints_alike(const cJSON *one, const cJSON *other)
{
    char *first = cJSON_PrintUnformatted(one);
    char *second = cJSON_PrintUnformatted(other);
    INVARIANT(first && second && strcmp(first, second) == 0);
    free(first);
    free(second);
}

static void check_members(const cJSON *tree, const char *text, size_t length)
{
    char error[JSON_ERROR_SIZE];
    const cJSON *member;
    const char *start;
    size_t span;
    if (!cJSON_IsObject(tree)) {
        INVARIANT(json_member_span(text, length, "a", &start, &span));
        return;
    }
    cJSON_ArrayForEach(member, tree)
    {
        INVARIANT(!json_member_span(text, length, member->string, &start, &span));
        INVARIANT(start > text && start + span < text + length && span > 0);
        /* A member may have members of its own twice, which json_parse would refuse. */
        char *copy = memory_text(start, span);
        cJSON *value = cJSON_IsObject(member) ? cJSON_Parse(copy) : json_parse(start, span, error);
        INVARIANT(value);
        assert_prints_alike(value, member);
        cJSON_Delete(value);
        free(copy);
    }
}

static void check_string(const char *text, size_t length)
{
    char error[JSON_ERROR_SIZE];
    struct buffer out = BUFFER_EMPTY;
    json_write_string(&out, text, length);
    cJSON *tree = json_parse(out.data, out.length, error);
    if (json_utf8_valid(text, length) && !memchr(text, '\0', length)) {
        const char *value = cJSON_GetStringValue(tree);
        INVARIANT(value && strlen(value) == length && memcmp(value, text, length) == 0);
    } else {
        INVARIANT(!tree);
    }
    cJSON_Delete(tree);
    buffer_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = size ? (const char *)data : "";
    char error[JSON_ERROR_SIZE] = "";
    const char *start;
    size_t span;
    check_string(text, size);
    (void)!json_member_span(text, size, "a", &start, &span);
    cJSON *tree = json_parse(text, size, error);
    if (!tree) {
        /* An error without a reason would be one of cJSON's. */
        INVARIANT(strstr(error, ": ") && json_utf8_valid(error, strlen(error)));
        return 0;
    }
    INVARIANT(json_utf8_valid(text, size));
    check_members(tree, text, size);
    char *printed = cJSON_PrintUnformatted(tree);
    cJSON *again = json_parse(printed, strlen(printed), error);
    INVARIANT(again);
    cJSON_Delete(again);
    free(printed);
    cJSON_Delete(tree);
    return 0;
}
