#include "cli/check_table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/printable.h"
#include "shared/memory.h"

#define MINUTE INT64_C(60)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

#define GAP 2 /* blanks between two columns of the table */

#define RESET "\x1b[0m"

/* As the badges. */
static const char *const colour_of[CHECK_STATUSES + 1] = {
    [CHECK_NEW] = "\x1b[34m",  [CHECK_UP] = "\x1b[32m",     [CHECK_LATE] = "\x1b[33m",
    [CHECK_DOWN] = "\x1b[31m", [CHECK_PAUSED] = "\x1b[90m", [CHECK_STATUSES] = "",
};

/* ---- parts ---- */

/* "90s", "5m", "1h 30m", "2d": at most two units. */
static void append_span(struct buffer *out, int64_t seconds)
{
    static const struct {
        int64_t seconds;
        char unit;
    } units[] = {{DAY, 'd'}, {HOUR, 'h'}, {MINUTE, 'm'}, {1, 's'}};
    size_t unit = 0;
    while (unit + 1 < ARRAY_LENGTH(units) && seconds < units[unit].seconds)
        unit++;
    buffer_format(out, "%" PRId64 "%c", seconds / units[unit].seconds, units[unit].unit);
    int64_t rest = seconds % units[unit].seconds;
    if (unit + 1 < ARRAY_LENGTH(units) && rest >= units[unit + 1].seconds)
        buffer_format(out, " %" PRId64 "%c", rest / units[unit + 1].seconds, units[unit + 1].unit);
}

/* "3m ago", "in 2h", or "-" for no time at all. */
static void append_relative(struct buffer *out, int64_t time_s, int64_t now_s)
{
    if (time_s == 0) {
        buffer_text(out, "-");
    } else if (time_s > now_s) {
        buffer_text(out, "in ");
        append_span(out, time_s - now_s);
    } else {
        append_span(out, now_s - time_s);
        buffer_text(out, " ago");
    }
}

static void append_schedule(struct buffer *out, const struct check_view *view)
{
    if (*view->cron_expression) {
        printable_append(out, view->cron_expression);
        if (*view->timezone && strcmp(view->timezone, "UTC") != 0) {
            buffer_text(out, " ");
            printable_append(out, view->timezone);
        }
    } else if (view->period_s > 0) {
        buffer_text(out, "every ");
        append_span(out, view->period_s);
    } else {
        buffer_text(out, "-");
    }
}

static void append_status(struct buffer *out, const struct check_view *view, bool colours)
{
    const char *colour = colours ? colour_of[view->status] : "";
    buffer_text(out, colour);
    printable_append(out, *view->status_text ? view->status_text : "-");
    buffer_text(out, *colour ? RESET : "");
}

/* ---- table ---- */

enum column {
    COLUMN_STATUS,
    COLUMN_NAME,
    COLUMN_ID,
    COLUMN_SCHEDULE,
    COLUMN_LAST,
    COLUMN_NEXT,
    COLUMN_GROUP,
    COLUMN_TAGS,
    COLUMNS
};

static const char *const headings[COLUMNS] = {"STATUS",    "NAME", "ID",    "SCHEDULE",
                                              "LAST PING", "NEXT", "GROUP", "TAGS"};

static void append_cell(struct buffer *out, const struct check_view *view, enum column column,
                        int64_t now_s)
{
    switch (column) {
    case COLUMN_STATUS: append_status(out, view, false); break;
    case COLUMN_NAME: buffer_text(out, view->name); break;
    case COLUMN_ID: buffer_text(out, view->id); break;
    case COLUMN_SCHEDULE: append_schedule(out, view); break;
    case COLUMN_LAST: append_relative(out, view->last_ping_s, now_s); break;
    case COLUMN_NEXT: append_relative(out, view->expected_s, now_s); break;
    case COLUMN_GROUP: buffer_text(out, view->group); break;
    default: check_view_tags(view, out); break;
    }
}

/* Cells begin in one column of the terminal. cell is for use here. */
struct table {
    size_t widths[COLUMNS]; /* 0: the column is left out */
    int64_t now_s;
    bool colours;
    struct buffer cell, shown;
};

/* The cell's columns; its text is then in table->shown. */
static size_t show_cell(struct table *table, const struct check_view *view, enum column column)
{
    buffer_clear(&table->cell);
    buffer_clear(&table->shown);
    append_cell(&table->cell, view, column, table->now_s);
    return printable_append(&table->shown, table->cell.length ? table->cell.data : "");
}

static void measure(struct table *table, const struct check_view *views, size_t count)
{
    for (enum column column = 0; column < COLUMNS; column++) {
        size_t widest = 0;
        for (size_t i = 0; i < count; i++) {
            size_t width = show_cell(table, &views[i], column);
            widest = width > widest ? width : widest;
        }
        size_t heading = strlen(headings[column]);
        if (widest > 0)
            table->widths[column] = widest > heading ? widest : heading;
    }
}

/* Fills up to where a cell begins; nothing follows a line's last one. */
static void append_blanks(struct buffer *out, size_t *blanks)
{
    for (; *blanks > 0; --*blanks)
        buffer_text(out, " ");
}

static void append_heading(struct buffer *out, const struct table *table)
{
    size_t blanks = 0;
    for (enum column column = 0; column < COLUMNS; column++) {
        if (table->widths[column] == 0)
            continue;
        append_blanks(out, &blanks);
        buffer_text(out, headings[column]);
        blanks = table->widths[column] + GAP - strlen(headings[column]);
    }
    buffer_text(out, "\n");
}

static void append_row(struct buffer *out, struct table *table, const struct check_view *view)
{
    size_t blanks = 0;
    for (enum column column = 0; column < COLUMNS; column++) {
        if (table->widths[column] == 0)
            continue;
        size_t width = show_cell(table, view, column);
        if (width > 0)
            append_blanks(out, &blanks);
        if (column == COLUMN_STATUS)
            append_status(out, view, table->colours);
        else
            buffer_append(out, table->shown.data, table->shown.length);
        blanks += table->widths[column] + GAP - width;
    }
    buffer_text(out, "\n");
}

void check_table(struct buffer *out, const struct check_view *views, size_t count, int64_t now_s,
                 bool colours)
{
    struct table table = {.now_s = now_s, .colours = colours};
    measure(&table, views, count);
    append_heading(out, &table);
    for (size_t i = 0; i < count; i++)
        append_row(out, &table, &views[i]);
    buffer_free(&table.cell);
    buffer_free(&table.shown);
}

/* ---- page ---- */

static void append_label(struct buffer *out, const char *label)
{
    buffer_format(out, "  %-11s ", label);
}

static void append_time(struct buffer *out, const char *label, int64_t time_s, int64_t now_s)
{
    char text[40];
    struct tm local;
    time_t time = (time_t)time_s;
    append_label(out, label);
    if (time_s == 0 || !localtime_r(&time, &local) ||
        strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S %z", &local) == 0) {
        buffer_text(out, "-\n");
        return;
    }
    buffer_format(out, "%s (", text);
    append_relative(out, time_s, now_s);
    buffer_text(out, ")\n");
}

static void append_text(struct buffer *out, const char *label, const char *text)
{
    if (!*text)
        return;
    append_label(out, label);
    printable_append(out, text);
    buffer_text(out, "\n");
}

static void append_schedule_line(struct buffer *out, const struct check_view *view)
{
    append_label(out, "Schedule");
    append_schedule(out, view);
    if (view->grace_s > 0) {
        buffer_text(out, ", grace ");
        append_span(out, view->grace_s);
    }
    buffer_text(out, "\n");
}

static void append_duration(struct buffer *out, const struct check_view *view)
{
    if (view->duration_ms < 0)
        return;
    append_label(out, "Last run");
    if (view->duration_ms < MINUTE * 1000)
        buffer_format(out, "%" PRId64 ".%03" PRId64 "s", view->duration_ms / 1000,
                      view->duration_ms % 1000);
    else
        append_span(out, view->duration_ms / 1000);
    buffer_text(out, "\n");
}

void check_page(struct buffer *out, const struct check_view *view, const char *ping_url,
                int64_t now_s, bool colours)
{
    struct buffer tags = BUFFER_EMPTY;
    check_view_tags(view, &tags);
    printable_append(out, *view->name ? view->name : "(no name)");
    buffer_text(out, "\n");
    append_text(out, "Id", view->id);
    append_label(out, "Status");
    append_status(out, view, colours);
    buffer_text(out, "\n");
    append_schedule_line(out, view);
    append_time(out, "Last ping", view->last_ping_s, now_s);
    append_time(out, "Next", view->expected_s, now_s);
    append_duration(out, view);
    append_label(out, "Pings");
    buffer_format(out, "%" PRId64 "\n", view->pings);
    append_label(out, "Alerts");
    buffer_format(out, "%" PRId64 "\n", view->alerts);
    append_text(out, "Group", view->group);
    append_text(out, "Tags", tags.length ? tags.data : "");
    append_time(out, "Created", view->created_s, now_s);
    append_text(out, "Ping URL", ping_url);
    buffer_free(&tags);
}
