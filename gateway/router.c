#include "gateway/router.h"

#include <stdio.h>
#include <string.h>

#include "shared/channel_json.h"
#include "shared/public_id.h"

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

/* As many digits of base 62 as a public id has. */
static bool is_check(const char *text, size_t length)
{
    if (length != PUBLIC_ID_LENGTH)
        return false;
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')))
            return false;
    }
    return true;
}

/* The bytes to the next '/' or the end. */
static size_t segment_length(const char *text, size_t length)
{
    const char *slash = memchr(text, '/', length);
    return slash != NULL ? (size_t)(slash - text) : length;
}

static bool segment_matches(const char *pattern, size_t pattern_length, const char *path,
                            size_t length, struct router_match *match)
{
    if (pattern_length == 0 || pattern[0] != '{')
        return pattern_length == length && memcmp(pattern, path, length) == 0;
    if (text_is(pattern, pattern_length, "{id}"))
        return parse_id(path, length, &match->id);
    if (text_is(pattern, pattern_length, "{channel}"))
        return channel_id_parse(path, length, &match->id) == 0;
    if (text_is(pattern, pattern_length, "{check}") && !is_check(path, length))
        return false;
    match->text = path;
    match->text_length = length;
    return length > 0;
}

/* Fills id and text of the match. */
static bool path_matches(const char *pattern, const char *path, size_t length,
                         struct router_match *match)
{
    size_t pattern_length = strlen(pattern);
    match->id = 0;
    match->text = NULL;
    match->text_length = 0;
    for (;;) {
        size_t expected = segment_length(pattern, pattern_length);
        size_t found = segment_length(path, length);
        if (!segment_matches(pattern, expected, path, found, match))
            return false;
        if (expected == pattern_length || found == length)
            return expected == pattern_length && found == length;
        pattern += expected + 1;
        pattern_length -= expected + 1;
        path += found + 1;
        length -= found + 1;
    }
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
        if (!path_matches(routes[i].path, path, path_length, match))
            continue;
        bool get = strcmp(routes[i].method, "GET") == 0;
        if ((head && get) || text_is(method, method_length, routes[i].method)) {
            match->route = &routes[i];
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
