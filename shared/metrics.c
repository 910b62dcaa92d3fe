#include "shared/metrics.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/compiler.h"
#include "shared/memory.h"

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

struct metric {
    struct metric *next; /* in the order of registration */
    enum metric_kind kind;
    const char *name;
    const char *labels;
    const char *help;
    double value; /* of a histogram: the sum */
    /* of a histogram only */
    const double *bounds;
    size_t bound_count;
    uint64_t *counts; /* bound_count + 1: values above the bound before and up to this one */
};

static struct metric *first_metric;
static struct metric *last_metric;

const double metric_seconds_bounds[] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                        0.5,   1,      2.5,   5,    10,    30,   60};
const size_t metric_seconds_bounds_count = ARRAY_LENGTH(metric_seconds_bounds);

static bool name_valid(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_:";
    static const char digits[] = "0123456789";
    size_t length = strspn(name, letters);
    while (length > 0 && name[length] &&
           (strchr(letters, name[length]) || strchr(digits, name[length])))
        length++;
    return length > 0 && name[length] == '\0';
}

/* A scraper refuses the whole page when a name's series are apart, or one is there twice. */
static bool fits_behind_last(const char *name, const char *labels, enum metric_kind kind)
{
    if (!last_metric)
        return true;
    bool continues = strcmp(last_metric->name, name) == 0;
    for (const struct metric *metric = first_metric; metric; metric = metric->next) {
        if (strcmp(metric->name, name) != 0)
            continue;
        if (!continues || metric->kind != kind || strcmp(metric->labels, labels) == 0)
            return false;
    }
    return true;
}

static struct metric *metric_register(enum metric_kind kind, const char *name, const char *labels,
                                      const char *help)
{
    INVARIANT(name_valid(name));
    INVARIANT(fits_behind_last(name, labels, kind));
    struct metric *metric = memory_new(1, sizeof *metric);
    metric->kind = kind;
    metric->name = memory_text(name, strlen(name));
    metric->labels = memory_text(labels, strlen(labels));
    metric->help = memory_text(help, strlen(help));
    if (last_metric)
        last_metric->next = metric;
    else
        first_metric = metric;
    last_metric = metric;
    return metric;
}

struct metric *metric_counter(const char *name, const char *labels, const char *help)
{
    return metric_register(METRIC_COUNTER, name, labels, help);
}

struct metric *metric_gauge(const char *name, const char *labels, const char *help)
{
    return metric_register(METRIC_GAUGE, name, labels, help);
}

struct metric *metric_histogram(const char *name, const char *labels, const char *help,
                                const double *bounds, size_t count)
{
    for (size_t i = 1; i < count; i++)
        INVARIANT(bounds[i - 1] < bounds[i]);
    struct metric *metric = metric_register(METRIC_HISTOGRAM, name, labels, help);
    metric->bounds = bounds;
    metric->bound_count = count;
    metric->counts = memory_new(count + 1, sizeof *metric->counts);
    return metric;
}

void metric_add(struct metric *metric, double amount)
{
    INVARIANT(metric->kind == METRIC_GAUGE || (metric->kind == METRIC_COUNTER && amount >= 0));
    metric->value += amount;
}

void metric_set(struct metric *metric, double value)
{
    INVARIANT(metric->kind == METRIC_GAUGE);
    metric->value = value;
}

void metric_observe(struct metric *metric, double value)
{
    INVARIANT(metric->kind == METRIC_HISTOGRAM && !isnan(value));
    size_t i = 0;
    while (i < metric->bound_count && value > metric->bounds[i])
        i++;
    metric->counts[i]++;
    metric->value += value;
}

/* The shortest decimal that reads as the same number. */
static void print_number(struct buffer *out, double value)
{
    char text[40];
    if (isnan(value)) {
        buffer_text(out, "NaN");
        return;
    }
    if (isinf(value)) {
        buffer_text(out, value > 0 ? "+Inf" : "-Inf");
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    buffer_text(out, text);
}

static void print_head(struct buffer *out, const char *name, enum metric_kind kind,
                       const char *help)
{
    static const char *const type_names[] = {"counter", "gauge", "histogram"};
    buffer_format(out, "# HELP %s ", name);
    for (const char *c = help; *c; c++) {
        if (*c == '\\' || *c == '\n')
            buffer_text(out, *c == '\n' ? "\\n" : "\\\\");
        else
            buffer_append(out, c, 1);
    }
    buffer_format(out, "\n# TYPE %s %s\n", name, type_names[kind]);
}

/* name + suffix + labels + value */
static void print_sample(struct buffer *out, const char *name, const char *suffix,
                         const char *labels, double value)
{
    buffer_format(out, "%s%s", name, suffix);
    if (labels[0])
        buffer_format(out, "{%s}", labels);
    buffer_text(out, " ");
    print_number(out, value);
    buffer_text(out, "\n");
}

static void print_histogram(struct buffer *out, const struct metric *metric)
{
    uint64_t below = 0;
    for (size_t i = 0; i <= metric->bound_count; i++) {
        below += metric->counts[i];
        buffer_format(out, "%s_bucket{%s%sle=\"", metric->name, metric->labels,
                      metric->labels[0] ? "," : "");
        print_number(out, i < metric->bound_count ? metric->bounds[i] : (double)INFINITY);
        buffer_format(out, "\"} %llu\n", (unsigned long long)below);
    }
    print_sample(out, metric->name, "_sum", metric->labels, metric->value);
    print_sample(out, metric->name, "_count", metric->labels, (double)below);
}

static void print_process_metric(struct buffer *out, const char *name, enum metric_kind kind,
                                 const char *help, double value)
{
    print_head(out, name, kind, help);
    print_sample(out, name, "", "", value);
}

/* -1 where /proc does not tell. */
static double resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file)
        return -1;
    char line[128] = "";
    const char *space = fgets(line, sizeof line, file) ? strchr(line, ' ') : NULL;
    fclose(file);
    return space ? strtod(space, NULL) * (double)sysconf(_SC_PAGESIZE) : -1;
}

/* Seconds since 1970, or -1 where /proc does not tell. */
static double start_time_s(void)
{
    FILE *file = fopen("/proc/self/stat", "re");
    if (!file)
        return -1;
    char line[1024] = "";
    const char *field = fgets(line, sizeof line, file) ? strrchr(line, ')') : NULL;
    fclose(file);
    /* The name in parentheses is field 2, and may have spaces in it; the start is field 22. */
    for (int i = 2; field && i < 22; i++)
        field = strchr(field + 1, ' ');
    if (!field)
        return -1;
    double after_boot_s = strtod(field, NULL) / (double)sysconf(_SC_CLK_TCK);
    double boot_s = (double)(clock_now_ms() - clock_monotonic_ms()) / 1000;
    return (double)(int64_t)((boot_s + after_boot_s) * 100 + 0.5) / 100;
}

static double cpu_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void print_process(struct buffer *out)
{
    /* Read once: a clock that is set meanwhile does not move the start. */
    static double start_s;
    if (start_s == 0)
        start_s = start_time_s();
    print_process_metric(out, "process_cpu_seconds_total", METRIC_COUNTER,
                         "User and system CPU time spent.", cpu_seconds());
    double resident = resident_bytes();
    if (resident >= 0)
        print_process_metric(out, "process_resident_memory_bytes", METRIC_GAUGE,
                             "Resident memory size.", resident);
    if (start_s > 0)
        print_process_metric(out, "process_start_time_seconds", METRIC_GAUGE,
                             "Start of the process, in seconds since 1970.", start_s);
    print_head(out, "croncoco_build_info", METRIC_GAUGE, "The version that runs.");
    print_sample(out, "croncoco_build_info", "", "version=\"" CRONCOCO_VERSION "\"", 1);
}

void metrics_print(struct buffer *out)
{
    const char *name = "";
    for (const struct metric *metric = first_metric; metric; metric = metric->next) {
        if (strcmp(metric->name, name) != 0) {
            name = metric->name;
            print_head(out, name, metric->kind, metric->help);
        }
        if (metric->kind == METRIC_HISTOGRAM)
            print_histogram(out, metric);
        else
            print_sample(out, name, "", metric->labels, metric->value);
    }
    print_process(out);
}
