#include "gateway/webhook_secret.h"

#include "gateway/command_client.h"
#include "gateway/fields.h"
#include "gateway/gateway.h"
#include "gateway/identity.h"
#include "gateway/query.h"
#include "gateway/reply.h"
#include "gateway/request.h"
#include "gateway/sql.h"
#include "shared/clock.h"
#include "shared/secret.h"

static void write_time(struct buffer *out, const char *name, int64_t time_ms)
{
    char text[CLOCK_TEXT_SIZE];
    if (time_ms == 0)
        buffer_format(out, ",\"%s\":null", name);
    else
        buffer_format(out, ",\"%s\":\"%s\"", name, clock_format_s(text, time_ms / 1000));
}

static void on_secret(struct request *request, const struct db_outcome *outcome)
{
    struct sql_webhook_secret secret = sql_webhook_secret_row(&outcome->statements[0]);
    struct buffer body = BUFFER_EMPTY;
    buffer_format(&body, "{\"active\":%s", secret.created_ms != 0 ? "true" : "false");
    write_time(&body, "created_at", secret.created_ms);
    write_time(&body, "previous_expires_at", secret.previous_expires_ms);
    buffer_text(&body, "}");
    reply_buffer(request, 200, &body);
}

void webhook_secret_show(struct request *request)
{
    struct db_unit *unit = db_unit_new();
    sql_webhook_secret(unit, request->account);
    query_run(request, unit, on_secret);
}

/*
 * The secret itself never travels: it follows from the command's id, which the answer names, so
 * whoever repeats the request gets the same one. The leader's answer tells the times.
 */
static void on_granted(struct request *request, const struct answer *answer)
{
    bool granted = answer->status == 200 || answer->status == 201;
    if (!granted || answer->body_length < 2 || answer->body[0] != '{') {
        command_pass_on(request, answer);
        return;
    }
    uint8_t secret_id[TOKEN_ID_SIZE];
    char text[WEBHOOK_SECRET_SIZE];
    identity_secret_id(answer->id, answer->id_length, secret_id);
    webhook_secret(request->gateway->config->webhook_signing_secret, secret_id, text);
    struct buffer body = BUFFER_EMPTY;
    buffer_format(&body, "{\"secret\":\"%s\"%s", text, answer->body[1] == '}' ? "" : ",");
    buffer_append(&body, answer->body + 1, answer->body_length - 1);
    reply_buffer(request, answer->status, &body);
}

static void ask_for_secret(struct request *request, enum command_kind kind)
{
    char error[FIELDS_ERROR_SIZE];
    if (request->body != NULL && fields_only(request->body, NULL, 0, error) != 0) {
        reply_error(request, 400, "%s", error);
        return;
    }
    struct command command = {.kind = kind};
    command_client_send(request->gateway->commands, request, &command, NULL, on_granted);
}

void webhook_secret_create(struct request *request)
{
    ask_for_secret(request, COMMAND_SECRET_CREATE);
}

void webhook_secret_rotate(struct request *request)
{
    ask_for_secret(request, COMMAND_SECRET_ROTATE);
}

void webhook_secret_delete(struct request *request)
{
    struct command command = {.kind = COMMAND_SECRET_DELETE};
    command_client_send(request->gateway->commands, request, &command, NULL, command_pass_on);
}
