#include "scheduler/operator.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/bus.h"
#include "shared/bus_streams.h"
#include "shared/clock.h"
#include "shared/command.h"
#include "shared/service.h"

#define ANSWER_TIMEOUT_MS 15000
#define RESEND_MS         2000

struct session {
    uv_loop_t loop;
    uv_timer_t resend, deadline;
    struct bus *bus;
    struct command command;
    char id[HEX_SIZE(16) + 1];
    char reply[BUS_INBOX_SIZE];
    char email[320];
    int exit_code;
};

static void acked(void *arg, enum bus_status status, const struct bus_ack *ack)
{
    (void)arg;
    if (status == BUS_REFUSED)
        fprintf(stderr, "NATS did not take the command: %s\n", ack->description);
}

/* The command's id makes it safe to send it again until there is an answer. */
static void send_command(uv_timer_t *timer)
{
    struct session *session = timer->data;
    if (!bus_connected(session->bus))
        return;
    struct buffer encoded = BUFFER_EMPTY;
    command_encode(&session->command, &encoded);
    if (bus_publish_acked(session->bus, command_subject(session->command.kind), NULL, 0,
                          encoded.data, encoded.length, RESEND_MS, acked, session) != BUS_OK)
        fprintf(stderr, "the queue to NATS is full\n");
    buffer_free(&encoded);
}

static void answered(void *arg, const struct bus_message *message)
{
    struct session *session = arg;
    struct answer answer;
    if (answer_decode(message->data, message->length, &answer) != 0)
        return;
    bool well = answer.status < 300;
    fprintf(well ? stdout : stderr, "%.*s\n", (int)answer.body_length, answer.body);
    session->exit_code = well ? SERVICE_EXIT_OK : 1;
    uv_stop(&session->loop);
}

static void expired(uv_timer_t *timer)
{
    struct session *session = timer->data;
    fprintf(stderr, bus_connected(session->bus) ? "no leader answered: is a scheduler running?\n"
                                                : "NATS is not reachable: check NATS_URL\n");
    session->exit_code = SERVICE_EXIT_UNAVAILABLE;
    uv_stop(&session->loop);
}

static void connected(void *arg, bool is_connected)
{
    struct session *session = arg;
    if (is_connected)
        uv_timer_start(&session->resend, send_command, 0, RESEND_MS);
}

int operator_set_plan(const char *nats_url, const char *email, const char *plan)
{
    struct session session = {.exit_code = SERVICE_EXIT_UNAVAILABLE};
    size_t length = strlen(email);
    if (length >= sizeof(session.email)) {
        fprintf(stderr, "that is no e-mail address\n");
        return SERVICE_EXIT_CONFIG;
    }
    for (size_t i = 0; i < length; i++)
        session.email[i] = (char)tolower((unsigned char)email[i]);
    uint8_t random[16];
    secret_random(random, sizeof(random));
    session.id[0] = 'o';
    hex_encode(random, sizeof(random), session.id + 1);

    uv_loop_init(&session.loop);
    uv_timer_init(&session.loop, &session.resend);
    uv_timer_init(&session.loop, &session.deadline);
    session.resend.data = session.deadline.data = &session;
    session.bus = bus_open(&session.loop, &(struct bus_options){.url = nats_url,
                                                                .name = "croncoco operator",
                                                                .on_state = connected,
                                                                .arg = &session});
    session.command = (struct command){.kind = COMMAND_ACCOUNT_SET_PLAN,
                                       .id = session.id,
                                       .received_ms = clock_now_ms(),
                                       .reply = bus_new_inbox(session.bus, session.reply),
                                       .email = session.email,
                                       .plan = plan};
    bus_subscribe(session.bus, session.reply, NULL, answered, &session);
    uv_timer_start(&session.deadline, expired, ANSWER_TIMEOUT_MS, 0);
    uv_run(&session.loop, UV_RUN_DEFAULT);
    bus_close(session.bus);
    uv_close((uv_handle_t *)&session.resend, NULL);
    uv_close((uv_handle_t *)&session.deadline, NULL);
    uv_run(&session.loop, UV_RUN_DEFAULT); /* what is closed goes with a turn of the loop */
    uv_loop_close(&session.loop);
    return session.exit_code;
}
