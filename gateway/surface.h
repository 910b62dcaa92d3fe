/*
 * The two APIs under one roof: jobs, and checks. A path tells which one a request is for, also
 * where it matches no route or was refused before it was routed.
 */
#ifndef GATEWAY_SURFACE_H
#define GATEWAY_SURFACE_H

#include <stddef.h>

enum surface {
    SURFACE_JOBS,   /* errors are {"detail": "..."} */
    SURFACE_CHECKS, /* /api/v1: errors are {"error": "..."}, and requests are counted */
    SURFACE_PUBLIC  /* /ping and /badge: errors are {"error": "..."} */
};

/* path: without a query. */
enum surface surface_of(const char *path, size_t length);

/* The member that an error's sentence has: "detail" or "error". */
const char *surface_error_member(enum surface surface);

#endif
