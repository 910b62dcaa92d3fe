#include "gateway/webhook_secret.h"

#include <string.h>

#include "gateway/command_client.h"
#include "gateway/gateway.h"
#include "gateway/query.h"
#include "gateway/reply.h"
#include "gateway/request.h"
#include "gateway/sql.h"
#include "shared/clock.h"
#include "shared/json.h"
#include "shared/log.h"
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
 * The secret itself never travels: it is made from its id. The answer names that of the first
 * command of this identity, so whoever repeats the request gets the same secret.
 */
static int write_granted(struct request *request, const cJSON *told, struct buffer *body)
{
    uint8_t secret_id[TOKEN_ID_SIZE];
    char text[WEBHOOK_SECRET_SIZE];
    const char *hex = json_text(told, "secret_id");
    const char *created = json_text(told, "created_at");
    const char *previous = json_text(told, "previous_expires_at");
    if (hex == NULL || created == NULL ||
        hex_decode(hex, strlen(hex), secret_id, sizeof secret_id) != 0)
        return -1;
    webhook_secret(request->gateway->config->webhook_signing_secret, secret_id, text);
    buffer_format(body, "{\"secret\":\"%s\",\"created_at\":", text);
    json_write_string(body, created, strlen(created));
    if (previous != NULL) {
        buffer_text(body, ",\"previous_expires_at\":");
        json_write_string(body, previous, strlen(previous));
    }
    buffer_text(body, "}");
    return 0;
}

static void on_granted(struct request *request, const struct answer *answer)
{
    if (answer->status != 200 && answer->status != 201) {
        command_pass_on(request, answer);
        return;
    }
    char error[JSON_ERROR_SIZE];
    struct buffer body = BUFFER_EMPTY;
    cJSON *told = json_parse(answer->body, answer->body_length, error);
    if (told != NULL && write_granted(request, told, &body) == 0) {
        reply_buffer(request, answer->status, &body);
    } else {
        LOG_ERROR("an answer about a webhook secret cannot be read",
                  LOG_I64("bytes", answer->body_length));
        reply_error(request, 500, "Internal error");
    }
    cJSON_Delete(told);
}

static void ask_for_secret(struct request *request, enum command_kind kind)
{
    struct command command = {.kind = kind};
    secret_random(command.secret_id, sizeof command.secret_id);
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
