#include "gateway/channels.h"

#include <string.h>

#include "gateway/channel_form.h"
#include "gateway/command_client.h"
#include "gateway/gateway.h"
#include "gateway/query.h"
#include "gateway/reply.h"
#include "gateway/request.h"
#include "gateway/sql_channels.h"
#include "shared/mail.h"
#include "shared/secret.h"

static void on_channels(struct request *request, const struct db_outcome *outcome)
{
    const struct db_rows *rows = &outcome->statements[0];
    struct buffer body = BUFFER_EMPTY;
    buffer_text(&body, "{\"channels\":[");
    for (int row = 0; row < rows->count; row++) {
        if (row > 0)
            buffer_text(&body, ",");
        struct channel_view view = sql_channel_row(rows, row);
        channel_json_write(&body, &view);
    }
    buffer_text(&body, "]}");
    reply_buffer(request, 200, &body);
}

void channels_list(struct request *request)
{
    struct db_unit *unit = db_unit_new();
    sql_channels(unit, request->account);
    query_run(request, unit, on_channels);
}

static void on_channel(struct request *request, const struct db_outcome *outcome)
{
    const struct db_rows *rows = &outcome->statements[0];
    if (rows->count == 0) {
        reply_error(request, 404, "Channel not found");
        return;
    }
    struct channel_view view = sql_channel_row(rows, 0);
    struct buffer body = BUFFER_EMPTY;
    buffer_text(&body, "{\"channel\":");
    channel_json_write(&body, &view);
    buffer_text(&body, "}");
    reply_buffer(request, 200, &body);
}

void channels_show(struct request *request)
{
    struct db_unit *unit = db_unit_new();
    sql_channel(unit, request->account, request->path_id);
    query_run(request, unit, on_channel);
}

/* Sends the command with the fields of the body, or answers with 400. */
static void send_fields(struct request *request, struct command *command, bool whole)
{
    struct channel_form form;
    char error[FIELDS_ERROR_SIZE];
    if (channel_form_parse(request->body, whole, request->gateway->guard, &form, error) != 0) {
        reply_error(request, 400, "%s", error);
        return;
    }
    command->channel = form.input;
    command_client_send(request->gateway->commands, request, command, NULL, command_pass_on);
}

void channels_create(struct request *request)
{
    struct command command = {.kind = COMMAND_CHANNEL_CREATE};
    send_fields(request, &command, true);
}

void channels_update(struct request *request)
{
    struct command command = {.kind = COMMAND_CHANNEL_UPDATE, .channel_id = request->path_id};
    send_fields(request, &command, false);
}

static void send_plain(struct request *request, enum command_kind kind)
{
    struct command command = {.kind = kind, .channel_id = request->path_id};
    command_client_send(request->gateway->commands, request, &command, NULL, command_pass_on);
}

void channels_delete(struct request *request)
{
    send_plain(request, COMMAND_CHANNEL_DELETE);
}

void channels_test(struct request *request)
{
    send_plain(request, COMMAND_CHANNEL_TEST);
}

void channels_request_token(struct request *request)
{
    send_plain(request, COMMAND_CHANNEL_REQUEST_TOKEN);
}

void channels_verify(struct request *request)
{
    static const char *const names[] = {"token"};
    struct command command = {.kind = COMMAND_CHANNEL_VERIFY, .channel_id = request->path_id};
    char error[FIELDS_ERROR_SIZE];
    const char *token = NULL;
    if (fields_only(request->body, names, ARRAY_LENGTH(names), error) == 0)
        token = fields_string(request->body, "token", error);
    if (token == NULL) {
        reply_error(request, 400, "%s", error);
        return;
    }
    if (token_open(request->gateway->config->secret, mail_kind_name(MAIL_CHANNEL), token,
                   strlen(token), command.token_id) != 0) {
        reply_error(request, 400, "Invalid or expired token");
        return;
    }
    command_client_send(request->gateway->commands, request, &command, NULL, command_pass_on);
}
