/*
 * Metrics: counters, gauges and histograms, registered at the start and printed as Prometheus text.
 * https://prometheus.io/docs/instrumenting/exposition_formats/
 * Values are touched on the loop's thread only.
 */
#ifndef SHARED_METRICS_H
#define SHARED_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "shared/buffer.h"

struct metric; /* lives as long as the process */

/*
 * name follows Prometheus' rules (croncoco_runs_emitted_total); labels is "" or a constant such as
 * lane="3",status="success". Series of one name are registered one after the other.
 */
struct metric *metric_counter(const char *name, const char *labels, const char *help);
struct metric *metric_gauge(const char *name, const char *labels, const char *help);
/* bounds: upper bounds in rising order, kept by the caller for the process's life. */
struct metric *metric_histogram(const char *name, const char *labels, const char *help,
                                const double *bounds, size_t count);

void metric_add(struct metric *metric, double amount);
void metric_set(struct metric *metric, double value);
void metric_observe(struct metric *metric, double value);

/* Bounds in seconds from 1 ms to 60 s, for durations and lateness. */
extern const double metric_seconds_bounds[];
extern const size_t metric_seconds_bounds_count;

void metrics_print(struct buffer *out);

#endif
