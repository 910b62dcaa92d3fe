/* Checks as text for people: a table of many, a page of one. */
#ifndef CLI_CHECK_TABLE_H
#define CLI_CHECK_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/check_view.h"
#include "shared/buffer.h"

/* A line a check, with a heading; columns that no check has anything for are left out. */
void check_table(struct buffer *out, const struct check_view *views, size_t count, int64_t now_s,
                 bool colours);
/* ping_url "": the server did not say. Times are the machine's local ones. */
void check_page(struct buffer *out, const struct check_view *view, const char *ping_url,
                int64_t now_s, bool colours);

#endif
