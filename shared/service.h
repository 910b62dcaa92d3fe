/*
 * The life of a process, the same for all four: configuration, logs, the loop, the admin port with
 * /healthz, /readyz and /metrics, signals, and an ordered end.
 *
 *   main():  service = service_open(...)   exits with SERVICE_EXIT_CONFIG on a bad configuration
 *            ... create the process's objects on service_loop(service) ...
 *            return service_run(service)
 *
 * SIGTERM or SIGINT: readiness goes false, then on_stop is called once; the process finishes what
 * it has under way and calls service_stopped. After drain_timeout_ms, or at a second signal, the
 * process exits at once with SERVICE_EXIT_DRAIN.
 */
#ifndef SHARED_SERVICE_H
#define SHARED_SERVICE_H

#include <stdbool.h>
#include <uv.h>

#include "shared/config.h"

enum service_exit {
    SERVICE_EXIT_OK = 0,
    SERVICE_EXIT_CONFIG = 64,      /* wrong usage or configuration: a restart will not help */
    SERVICE_EXIT_UNAVAILABLE = 69, /* something needed is not there for good: port in use, ... */
    SERVICE_EXIT_DRAIN = 75        /* stopped before all work under way was finished */
};

struct service;

/* Handles --help, --version; everything else in argv is an error. Never returns NULL. */
struct service *service_open(const char *name, enum config_process process, int argc, char **argv);

const struct config *service_config(const struct service *service);
uv_loop_t *service_loop(struct service *service);

/* Parts that must be up before /readyz says 200; name is a constant. Returns the part's number. */
int service_part(struct service *service, const char *name);
void service_set_ready(struct service *service, int part, bool ready);

void service_on_stop(struct service *service, void (*on_stop)(void *arg), void *arg);
bool service_stopping(const struct service *service);
/* All work is finished: ends the loop, and service_run returns. */
void service_stopped(struct service *service);
/* Logs reason as an error and ends the process with that code. */
__attribute__((noreturn)) void service_fail(struct service *service, enum service_exit code,
                                            const char *reason, const char *detail);

/* Runs the loop until service_stopped; returns main's exit code. */
int service_run(struct service *service);

#endif
