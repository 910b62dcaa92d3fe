#include "shared/service.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "shared/admin.h"
#include "shared/clock.h"
#include "shared/log.h"
#include "shared/metrics.h"

#define PART_LIMIT 16
/* How long connections to the admin port may take to end, once the process is finished. */
#define ADMIN_END_MS 200

struct part {
    const char *name;
    bool ready;
};

struct service {
    const char *name;
    struct config config;
    uv_loop_t loop;
    uv_signal_t terminate;
    uv_signal_t interrupt;
    uv_timer_t drain;
    struct part parts[PART_LIMIT];
    int part_count;
    bool ready; /* as it was logged last */
    bool stopping;
    bool stopped;
    void (*on_stop)(void *arg);
    void *on_stop_arg;
    struct metric *ready_metric;
};

/*
 * One a process. Static and never freed, so that an object which outlives service_run finds its
 * loop where it was.
 */
static struct service the_service;

__attribute__((noreturn)) static void exit_now(enum service_exit code)
{
    /* Not exit(): other threads still run, and its handlers would take things from under them. */
    _exit((int)code);
}

static void print_usage(const char *name, FILE *out)
{
    fprintf(out, "usage: %s [--help | --version | --config-markdown]\n", name);
}

static void print_help(const char *name, enum config_process process)
{
    print_usage(name, stdout);
    printf("\n"
           "  --help             this text\n"
           "  --version          the version\n"
           "  --config-markdown  all variables of all processes, as a Markdown table\n"
           "\n"
           "Configured by environment variables; an empty one counts as unset:\n\n");
    config_print_help(process, stdout);
}

/* Returns only where there are no arguments. */
static void handle_arguments(const char *name, enum config_process process, int argc, char **argv)
{
    if (argc <= 1)
        return;
    if (argc > 2) {
        fprintf(stderr, "%s: one argument at most\n", name);
        print_usage(name, stderr);
        exit(SERVICE_EXIT_CONFIG);
    }
    if (strcmp(argv[1], "--help") == 0) {
        print_help(name, process);
    } else if (strcmp(argv[1], "--version") == 0) {
        printf("%s %s\n", name, CRONCOCO_VERSION);
    } else if (strcmp(argv[1], "--config-markdown") == 0) {
        config_print_markdown(stdout);
    } else {
        fprintf(stderr, "%s: unknown argument '%s'\n", name, argv[1]);
        print_usage(name, stderr);
        exit(SERVICE_EXIT_CONFIG);
    }
    exit(fflush(stdout) == 0 ? SERVICE_EXIT_OK : EXIT_FAILURE);
}

static enum log_level level_of(const char *name)
{
    if (strcmp(name, "debug") == 0)
        return LOG_LEVEL_DEBUG;
    if (strcmp(name, "warn") == 0)
        return LOG_LEVEL_WARN;
    if (strcmp(name, "error") == 0)
        return LOG_LEVEL_ERROR;
    return LOG_LEVEL_INFO;
}

/* Connections are descriptors; the soft limit is a default for programs that use select(). */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
            LOG_WARN("descriptor limit not raised", LOG_I64("limit", limit.rlim_max));
    }
}

/* The names of what is not ready, "nats, database". */
static void list_waiting(const struct service *service, const char *quote, const char *separator,
                         struct buffer *out)
{
    const char *between = "";
    for (int i = 0; i < service->part_count; i++) {
        if (!service->parts[i].ready) {
            buffer_format(out, "%s%s%s%s", between, quote, service->parts[i].name, quote);
            between = separator;
        }
    }
}

static bool is_ready(const struct service *service)
{
    for (int i = 0; i < service->part_count; i++) {
        if (!service->parts[i].ready)
            return false;
    }
    return !service->stopping;
}

static bool on_readyz(void *arg, struct buffer *body)
{
    const struct service *service = arg;
    if (is_ready(service)) {
        buffer_text(body, "{\"ready\":true}");
        return true;
    }
    buffer_text(body, "{\"ready\":false,\"waiting\":[");
    list_waiting(service, "\"", ",", body);
    buffer_text(body, service->stopping ? "],\"stopping\":true}" : "]}");
    return false;
}

/* Logs a change, once. */
static void update_ready(struct service *service)
{
    bool ready = is_ready(service);
    metric_set(service->ready_metric, ready);
    if (ready == service->ready)
        return;
    service->ready = ready;
    if (ready) {
        LOG_INFO("ready");
    } else if (!service->stopping) {
        struct buffer waiting = BUFFER_EMPTY;
        list_waiting(service, "", ", ", &waiting);
        LOG_WARN("not ready", LOG_STR("waiting", waiting.data));
        buffer_free(&waiting);
    }
}

static void on_drain_timeout(uv_timer_t *timer)
{
    struct service *service = timer->data;
    service_fail(service, SERVICE_EXIT_DRAIN, "stopped before all work was finished",
                 "DRAIN_TIMEOUT_MS has passed");
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct service *service = handle->data;
    const char *name = number == SIGTERM ? "SIGTERM" : "SIGINT";
    if (service->stopping)
        service_fail(service, SERVICE_EXIT_DRAIN, "stopped before all work was finished", name);
    LOG_INFO("stopping", LOG_STR("signal", name));
    service->stopping = true;
    update_ready(service);
    uv_timer_start(&service->drain, on_drain_timeout, (uint64_t)service->config.drain_timeout_ms,
                   0);
    if (service->on_stop)
        service->on_stop(service->on_stop_arg);
    else
        service_stopped(service);
}

static void open_signal(struct service *service, uv_signal_t *handle, int number)
{
    INVARIANT(uv_signal_init(&service->loop, handle) == 0);
    handle->data = service;
    INVARIANT(uv_signal_start(handle, on_signal, number) == 0);
}

static void open_admin(struct service *service)
{
    const struct config *config = &service->config;
    int port = (int)config->admin_port;
    int status = admin_open(&service->loop, config->admin_address, port, on_readyz, service, &port);
    if (status == 0) {
        LOG_INFO("admin listening", LOG_STR("address", config->admin_address),
                 LOG_I64("port", port));
        return;
    }
    char detail[256];
    snprintf(detail, sizeof detail, "%s port %d: %s; set %s to another one", config->admin_address,
             port, uv_strerror(status),
             status == UV_EADDRINUSE || status == UV_EACCES ? "ADMIN_PORT" : "ADMIN_ADDRESS");
    service_fail(service, status == UV_EINVAL ? SERVICE_EXIT_CONFIG : SERVICE_EXIT_UNAVAILABLE,
                 "admin port cannot be opened", detail);
}

struct service *service_open(const char *name, enum config_process process, int argc, char **argv)
{
    struct service *service = &the_service;
    INVARIANT(!service->name);
    handle_arguments(name, process, argc, argv);
    service->name = name;
    if (config_load(&service->config, process, stderr) != 0)
        exit(SERVICE_EXIT_CONFIG);
    log_open(name, service->config.instance, level_of(service->config.log_level));
    LOG_INFO("starting", LOG_STR("version", CRONCOCO_VERSION), LOG_I64("pid", getpid()));

    /* A write to a closed socket is an error of that socket, not the end of the process. */
    signal(SIGPIPE, SIG_IGN);
    raise_descriptor_limit();
    service->ready_metric =
        metric_gauge("croncoco_ready", "", "1 where the process is ready, as /readyz says.");
    INVARIANT(uv_loop_init(&service->loop) == 0);
    INVARIANT(uv_timer_init(&service->loop, &service->drain) == 0);
    service->drain.data = service;
    open_signal(service, &service->terminate, SIGTERM);
    open_signal(service, &service->interrupt, SIGINT);
    open_admin(service);
    return service;
}

const struct config *service_config(const struct service *service)
{
    return &service->config;
}

uv_loop_t *service_loop(struct service *service)
{
    return &service->loop;
}

int service_part(struct service *service, const char *name)
{
    INVARIANT(service->part_count < PART_LIMIT);
    service->parts[service->part_count] = (struct part){.name = name, .ready = false};
    return service->part_count++;
}

void service_set_ready(struct service *service, int part, bool ready)
{
    INVARIANT(part >= 0 && part < service->part_count);
    service->parts[part].ready = ready;
    update_ready(service);
}

void service_on_stop(struct service *service, void (*on_stop)(void *arg), void *arg)
{
    service->on_stop = on_stop;
    service->on_stop_arg = arg;
}

bool service_stopping(const struct service *service)
{
    return service->stopping;
}

void service_stopped(struct service *service)
{
    service->stopped = true;
    uv_stop(&service->loop);
}

void service_fail(struct service *service, enum service_exit code, const char *reason,
                  const char *detail)
{
    (void)service;
    LOG_ERROR(reason, LOG_STR("detail", detail), LOG_I64("exit_code", code));
    exit_now(code);
}

static void close_handles(struct service *service)
{
    admin_close();
    uv_close((uv_handle_t *)&service->terminate, NULL);
    uv_close((uv_handle_t *)&service->interrupt, NULL);
    uv_close((uv_handle_t *)&service->drain, NULL);
    int64_t deadline_ms = clock_monotonic_ms() + ADMIN_END_MS;
    bool disposed = false;
    while (!disposed && clock_monotonic_ms() < deadline_ms) {
        uv_run(&service->loop, UV_RUN_NOWAIT);
        disposed = admin_dispose();
        if (!disposed)
            usleep(1000);
    }
    uv_run(&service->loop, UV_RUN_NOWAIT);
    /* It fails where the process still has handles of its own: then they keep their loop. */
    (void)uv_loop_close(&service->loop);
}

int service_run(struct service *service)
{
    update_ready(service);
    while (!service->stopped)
        uv_run(&service->loop, UV_RUN_DEFAULT);
    service->stopping = true;
    close_handles(service);
    LOG_INFO("stopped");
    return SERVICE_EXIT_OK;
}
