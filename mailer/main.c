/* The mailer: mail events from the stream become mails, by SMTP or as files. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mailer/compose.h"
#include "mailer/maildir.h"
#include "mailer/outgoing.h"
#include "mailer/postman.h"
#include "shared/bus.h"
#include "shared/bus_streams.h"
#include "shared/log.h"
#include "shared/service.h"

#define STREAM_CHECK_MS         500
#define STREAM_CHECK_TIMEOUT_MS 2000

struct mailer {
    struct service *service;
    struct bus *bus;
    struct outgoing outgoing;
    struct postman *postman;
    uv_timer_t stream_check;
    int bus_part;
    int stream_part;
    bool stream_found;
};

static void check_stream(struct mailer *mailer);

static void on_stream_range(void *arg, enum bus_status status, uint64_t first, uint64_t last)
{
    (void)first;
    (void)last;
    struct mailer *mailer = arg;
    if (status != BUS_OK || service_stopping(mailer->service))
        return;
    mailer->stream_found = true;
    uv_timer_stop(&mailer->stream_check);
    postman_start(mailer->postman);
    service_set_ready(mailer->service, mailer->stream_part, true);
}

/* A scheduler makes the streams; before the first one has, there is nothing to take mails from. */
static void check_stream(struct mailer *mailer)
{
    enum bus_status status = bus_stream_range(mailer->bus, STREAM_MAIL, STREAM_CHECK_TIMEOUT_MS,
                                              on_stream_range, mailer);
    if (status != BUS_OK)
        LOG_WARN("stream not looked for", LOG_STR("reason", bus_status_text(status)));
}

static void on_stream_check(uv_timer_t *timer)
{
    struct mailer *mailer = timer->data;
    if (!mailer->stream_found && bus_connected(mailer->bus))
        check_stream(mailer);
}

static void on_bus_state(void *arg, bool connected)
{
    struct mailer *mailer = arg;
    service_set_ready(mailer->service, mailer->bus_part, connected);
}

static void on_idle(void *arg)
{
    struct mailer *mailer = arg;
    service_stopped(mailer->service);
}

static void on_stop(void *arg)
{
    struct mailer *mailer = arg;
    uv_timer_stop(&mailer->stream_check);
    postman_stop(mailer->postman, on_idle, mailer);
}

static struct composer make_composer(struct service *service)
{
    const struct config *config = service_config(service);
    struct composer composer = {config->mail_from, config->public_url, config->secret};
    const char *error;
    if (composer_check(&composer, &error) != 0)
        service_fail(service, SERVICE_EXIT_CONFIG, "wrong configuration", error);
    return composer;
}

/* How mails leave: fills outgoing and returns true for SMTP, false for MAIL_DIR. */
static bool uses_smtp(struct service *service, const struct composer *composer,
                      struct outgoing *outgoing)
{
    const struct config *config = service_config(service);
    if (config->mail_dir[0]) {
        int error = maildir_check(config->mail_dir);
        if (error)
            service_fail(service, SERVICE_EXIT_CONFIG, "MAIL_DIR is no directory to write to",
                         strerror(error));
        return false;
    }
    bool tls_from_start = strncmp(config->smtp_url, "smtps://", 8) == 0;
    if (!tls_from_start && strncmp(config->smtp_url, "smtp://", 7) != 0)
        service_fail(service, SERVICE_EXIT_CONFIG, "wrong configuration",
                     "SMTP_URL begins with neither smtp:// nor smtps://");
    if (config->smtp_ca_file[0] && access(config->smtp_ca_file, R_OK) != 0)
        service_fail(service, SERVICE_EXIT_CONFIG, "SMTP_CA_FILE is no file to read",
                     strerror(errno));
    *outgoing = (struct outgoing){
        .url = config->smtp_url,
        .user = config->smtp_user,
        .password = config->smtp_password,
        .ca_file = config->smtp_ca_file,
        .tls_required = strcmp(config->smtp_tls, "require") == 0,
    };
    size_t length;
    const char *sender = composer_sender(composer, &length);
    snprintf(outgoing->sender, sizeof outgoing->sender, "<%.*s>", (int)length, sender);
    if (!outgoing->tls_required && !tls_from_start && outgoing->user[0])
        LOG_WARN("SMTP_TLS is off: the password travels in the clear");
    outgoing_prepare();
    return true;
}

/* libuv reads the size of its pool from the environment, at the first use. */
static void size_thread_pool(void)
{
    char text[16];
    snprintf(text, sizeof text, "%d", POSTMAN_LETTERS_MAX);
    int error = setenv("UV_THREADPOOL_SIZE", text, 1);
    INVARIANT(error == 0);
}

int main(int argc, char **argv)
{
    size_thread_pool();
    struct mailer mailer = {.service = service_open("mailer", CONFIG_MAILER, argc, argv)};
    const struct config *config = service_config(mailer.service);
    uv_loop_t *loop = service_loop(mailer.service);
    mailer.bus_part = service_part(mailer.service, "nats");
    mailer.stream_part = service_part(mailer.service, "stream");

    struct composer composer = make_composer(mailer.service);
    bool smtp = uses_smtp(mailer.service, &composer, &mailer.outgoing);
    mailer.bus = bus_open(loop, &(struct bus_options){.url = config->nats_url,
                                                      .name = config->instance,
                                                      .on_state = on_bus_state,
                                                      .arg = &mailer});
    mailer.postman =
        postman_open(loop, &(struct postman_options){.bus = mailer.bus,
                                                     .composer = composer,
                                                     .outgoing = smtp ? &mailer.outgoing : NULL,
                                                     .mail_dir = config->mail_dir});
    uv_timer_init(loop, &mailer.stream_check);
    mailer.stream_check.data = &mailer;
    uv_timer_start(&mailer.stream_check, on_stream_check, 0, STREAM_CHECK_MS);

    service_on_stop(mailer.service, on_stop, &mailer);
    int code = service_run(mailer.service);

    /* Closing the bus sends the acknowledgements that still wait. */
    postman_close(mailer.postman);
    bus_close(mailer.bus);
    uv_close((uv_handle_t *)&mailer.stream_check, NULL);
    uv_run(loop, UV_RUN_NOWAIT);
    return code;
}
