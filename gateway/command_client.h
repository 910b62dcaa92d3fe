/*
 * Commands on their way to the leader and the answers on their way back. A command is published,
 * and published again under the same identity until its answer has come or its time is over: the
 * leader sees to it that repetition does no harm. So neither a lost message nor a change of leaders
 * shows.
 */
#ifndef GATEWAY_COMMAND_CLIENT_H
#define GATEWAY_COMMAND_CLIENT_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "shared/bus.h"
#include "shared/command.h"

struct command_client;
struct identity;
struct request;

struct command_client_options {
    uv_loop_t *loop;
    struct bus *bus;
    size_t limit;       /* commands that may wait for their answer */
    int64_t timeout_ms; /* how long one waits */
};

/* Lives as long as the process. */
struct command_client *command_client_open(const struct command_client_options *options);

/* answer is borrowed for the duration of the call. */
typedef void command_answer_cb(struct request *request, const struct answer *answer);

/*
 * Completes the command by id, fingerprint, account, time and reply, and sends it.
 * scope: see identity.h. Where there is no answer to pass on, the request is answered here: 400 for
 * a bad Idempotency-Key, 409 for one that another request under way has, 503 for too many commands
 * and for no answer in time.
 */
void command_client_send(struct command_client *client, struct request *request,
                         struct command *command, const char *scope, command_answer_cb *on_answer);

/* The same under an identity that the caller has found already. */
void command_client_send_as(struct command_client *client, struct request *request,
                            struct command *command, const struct identity *identity,
                            command_answer_cb *on_answer);

/* The bus is back: answers may be lost, so everything is sent again. */
void command_client_reconnected(struct command_client *client);

/* Answers the request with what the leader said. */
void command_pass_on(struct request *request, const struct answer *answer);

#endif
