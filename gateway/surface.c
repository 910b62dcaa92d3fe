#include "gateway/surface.h"

#include <stdbool.h>
#include <string.h>

/* Whether path is prefix, or below it. */
static bool is_under(const char *path, size_t length, const char *prefix)
{
    size_t prefix_length = strlen(prefix);
    return length >= prefix_length && memcmp(path, prefix, prefix_length) == 0 &&
           (length == prefix_length || path[prefix_length] == '/');
}

enum surface surface_of(const char *path, size_t length)
{
    if (is_under(path, length, "/api/v1"))
        return SURFACE_CHECKS;
    if (is_under(path, length, "/ping") || is_under(path, length, "/badge"))
        return SURFACE_PUBLIC;
    return SURFACE_JOBS;
}

const char *surface_error_member(enum surface surface)
{
    return surface == SURFACE_JOBS ? "detail" : "error";
}
