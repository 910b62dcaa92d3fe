#include "gateway/check_keys.h"

#include <string.h>

#include "gateway/command_client.h"
#include "gateway/gateway.h"
#include "gateway/members.h"
#include "gateway/query.h"
#include "gateway/reply.h"
#include "gateway/request.h"
#include "gateway/sql_channels.h"
#include "shared/clock.h"
#include "shared/json.h"
#include "shared/log.h"
#include "shared/public_id.h"
#include "shared/secret.h"

static void on_check_key(struct request *request, const struct db_outcome *outcome)
{
    const struct db_rows *rows = &outcome->statements[0];
    char created[CLOCK_TEXT_SIZE];
    struct buffer body = BUFFER_EMPTY;
    buffer_format(&body, "{\"active\":%s", rows->count > 0 ? "true" : "false");
    member_text(&body, "created_at",
                rows->count > 0 ? clock_format_s(created, sql_check_key_row(rows) / 1000) : NULL);
    buffer_text(&body, "}");
    reply_buffer(request, 200, &body);
}

void check_keys_show(struct request *request)
{
    struct db_unit *unit = db_unit_new();
    sql_check_key(unit, request->account);
    query_run(request, unit, on_check_key);
}

/*
 * The key itself never travels: it is made from its id. The answer names that of the first command
 * of this identity, so whoever repeats the request gets the same key.
 */
static int write_key(struct request *request, const struct answer *answer, struct buffer *body)
{
    char error[JSON_ERROR_SIZE];
    uint8_t id[TOKEN_ID_SIZE];
    cJSON *told = json_parse(answer->body, answer->body_length, error);
    const char *hex = json_text(told, "secret_id");
    int status = hex != NULL ? hex_decode(hex, strlen(hex), id, sizeof id) : -1;
    cJSON_Delete(told);
    if (status != 0)
        return -1;
    char key[API_KEY_SIZE];
    check_key_make(request->gateway->config->secret, id, key);
    buffer_format(body, "{\"api_key\":\"%s\"}", key);
    return 0;
}

static void on_granted(struct request *request, const struct answer *answer)
{
    struct buffer body = BUFFER_EMPTY;
    if (answer->status != 201) {
        command_pass_on(request, answer);
    } else if (write_key(request, answer, &body) == 0) {
        reply_buffer(request, 201, &body);
    } else {
        LOG_ERROR("an answer about a key cannot be read", LOG_I64("bytes", answer->body_length));
        reply_error(request, 500, "Internal error");
    }
}

void check_keys_create(struct request *request)
{
    char key[API_KEY_SIZE];
    struct command command = {.kind = COMMAND_CHECK_KEY_CREATE};
    secret_random(command.secret_id, sizeof command.secret_id);
    check_key_make(request->gateway->config->secret, command.secret_id, key);
    secret_hash(key, strlen(key), command.key_hash);
    command_client_send(request->gateway->commands, request, &command, NULL, on_granted);
}

void check_keys_delete(struct request *request)
{
    struct command command = {.kind = COMMAND_CHECK_KEY_DELETE};
    command_client_send(request->gateway->commands, request, &command, NULL, command_pass_on);
}

static void on_ping_key(struct request *request, const struct db_outcome *outcome)
{
    const struct db_rows *rows = &outcome->statements[0];
    struct sql_ping_key found = {.key = NULL};
    if (rows->count > 0)
        found = sql_ping_key_row(rows);
    struct buffer body = BUFFER_EMPTY;
    buffer_text(&body, "{");
    member_text(&body, "ping_key", found.key);
    member_number_or_null(&body, "created_at", found.created_ms / 1000, 0);
    buffer_text(&body, "}");
    reply_buffer(request, 200, &body);
}

void ping_keys_show(struct request *request)
{
    struct db_unit *unit = db_unit_new();
    sql_ping_key(unit, request->account);
    query_run(request, unit, on_ping_key);
}

void ping_keys_rotate(struct request *request)
{
    char key[PUBLIC_ID_SIZE];
    public_id_make(request->gateway->config->secret, PUBLIC_ID_PING_KEY, public_id_draw(), key);
    struct command command = {.kind = COMMAND_PING_KEY_ROTATE, .ping_key = key};
    command_client_send(request->gateway->commands, request, &command, NULL, command_pass_on);
}
