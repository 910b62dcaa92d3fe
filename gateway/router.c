#include "gateway/router.h"

#include <stdio.h>
#include <string.h>

#define ID_PATTERN "{id}"

static bool text_is(const char *text, size_t length, const char *expected)
{
    return strlen(expected) == length && memcmp(text, expected, length) == 0;
}

/* Decimal digits of a number from 1 on that fits an int64_t, without leading zeros. */
static bool parse_id(const char *text, size_t length, int64_t *id)
{
    if (length == 0 || text[0] == '0')
        return false;
    int64_t value = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, text[i] - '0', &value))
            return false;
    }
    *id = value;
    return true;
}

static bool path_matches(const char *pattern, const char *path, size_t length, int64_t *id)
{
    *id = 0;
    const char *hole = strstr(pattern, ID_PATTERN);
    if (hole == NULL)
        return text_is(path, length, pattern);
    size_t before = (size_t)(hole - pattern);
    const char *behind = hole + strlen(ID_PATTERN);
    size_t behind_length = strlen(behind);
    if (length <= before + behind_length || memcmp(path, pattern, before) != 0 ||
        memcmp(path + length - behind_length, behind, behind_length) != 0)
        return false;
    return parse_id(path + before, length - before - behind_length, id);
}

static void allow_method(char allow[static ROUTER_ALLOW_SIZE], const char *method)
{
    size_t used = strlen(allow);
    int written =
        snprintf(allow + used, ROUTER_ALLOW_SIZE - used, "%s%s", used > 0 ? ", " : "", method);
    INVARIANT(written > 0 && (size_t)written < ROUTER_ALLOW_SIZE - used);
}

enum router_verdict router_match(const struct route *routes, size_t count, const char *method,
                                 size_t method_length, const char *path, size_t path_length,
                                 struct router_match *match)
{
    *match = (struct router_match){0};
    bool head = text_is(method, method_length, "HEAD");
    for (size_t i = 0; i < count; i++) {
        int64_t id;
        if (!path_matches(routes[i].path, path, path_length, &id))
            continue;
        bool get = strcmp(routes[i].method, "GET") == 0;
        if ((head && get) || text_is(method, method_length, routes[i].method)) {
            match->route = &routes[i];
            match->id = id;
            return ROUTER_FOUND;
        }
        allow_method(match->allow, routes[i].method);
        if (get)
            allow_method(match->allow, "HEAD");
    }
    if (match->allow[0] == '\0')
        return ROUTER_NO_PATH;
    allow_method(match->allow, "OPTIONS");
    return text_is(method, method_length, "OPTIONS") ? ROUTER_OPTIONS : ROUTER_NO_METHOD;
}
