#include "gateway/accounts.h"

#include <string.h>

#include "gateway/command_client.h"
#include "gateway/email.h"
#include "gateway/fields.h"
#include "gateway/gateway.h"
#include "gateway/query.h"
#include "gateway/reply.h"
#include "gateway/request.h"
#include "gateway/sql.h"
#include "shared/json.h"
#include "shared/secret.h"

#define BAD_TOKEN "Invalid or expired token"

/* The e-mail address of the body in lower case; -1 after an answer. */
static int take_email(struct request *request, char email[static MAIL_EMAIL_SIZE])
{
    char error[FIELDS_ERROR_SIZE];
    const char *text = fields_string(request->body, "email", error);
    if (text == NULL) {
        reply_error(request, 400, "%s", error);
        return -1;
    }
    if (email_normalize(text, email) != 0) {
        reply_error(request, 400, "email: not a valid address");
        return -1;
    }
    return 0;
}

/* The id of the body's token; -1 after an answer. *text is borrowed from the body. */
static int take_token(struct request *request, const char *purpose,
                      uint8_t id[static TOKEN_ID_SIZE], const char **text)
{
    char error[FIELDS_ERROR_SIZE];
    *text = fields_string(request->body, "token", error);
    if (*text == NULL) {
        reply_error(request, 400, "%s", error);
        return -1;
    }
    const char *secret = request->gateway->config->secret;
    if (token_open(secret, purpose, *text, strlen(*text), id) != 0) {
        reply_error(request, 400, BAD_TOKEN);
        return -1;
    }
    return 0;
}

static int accept_fields(struct request *request, const char *const *names, size_t count)
{
    char error[FIELDS_ERROR_SIZE];
    if (fields_only(request->body, names, count, error) == 0)
        return 0;
    reply_error(request, 400, "%s", error);
    return -1;
}

/* Asks for a token by mail; the leader's answer does not tell whether the address is known. */
static void ask_for_token(struct request *request, enum command_kind kind)
{
    static const char *const names[] = {"email"};
    char email[MAIL_EMAIL_SIZE];
    if (accept_fields(request, names, ARRAY_LENGTH(names)) != 0 || take_email(request, email) != 0)
        return;
    struct command command = {.kind = kind, .email = email};
    command_client_send(request->gateway->commands, request, &command, email, command_pass_on);
}

void accounts_register(struct request *request)
{
    ask_for_token(request, COMMAND_ACCOUNT_REGISTER);
}

void accounts_request_rotation(struct request *request)
{
    ask_for_token(request, COMMAND_ACCOUNT_REQUEST_ROTATION);
}

void accounts_request_deletion(struct request *request)
{
    ask_for_token(request, COMMAND_ACCOUNT_REQUEST_DELETION);
}

/* The key itself never travels: it follows from the token, which this request knows. */
static void on_key_granted(struct request *request, const struct answer *answer)
{
    if (answer->status != 200) {
        command_pass_on(request, answer);
        return;
    }
    char key[API_KEY_SIZE];
    api_key_make(request->gateway->config->secret, request->state, key);
    struct buffer body = BUFFER_EMPTY;
    buffer_format(&body, "{\"api_key\":\"%s\"}", key);
    reply_buffer(request, 200, &body);
}

static void exchange_token(struct request *request, enum command_kind kind, const char *purpose)
{
    static const char *const names[] = {"token"};
    struct command command = {.kind = kind};
    const char *token;
    if (accept_fields(request, names, ARRAY_LENGTH(names)) != 0 ||
        take_token(request, purpose, command.token_id, &token) != 0)
        return;
    char key[API_KEY_SIZE];
    api_key_make(request->gateway->config->secret, command.token_id, key);
    secret_hash(key, strlen(key), command.key_hash);
    request->state = request_memory(request, TOKEN_ID_SIZE);
    memcpy(request->state, command.token_id, TOKEN_ID_SIZE);
    command_client_send(request->gateway->commands, request, &command, token, on_key_granted);
}

void accounts_verify_email(struct request *request)
{
    exchange_token(request, COMMAND_ACCOUNT_VERIFY, "verify");
}

void accounts_rotate_key(struct request *request)
{
    exchange_token(request, COMMAND_ACCOUNT_ROTATE, "rotate");
}

void accounts_delete(struct request *request)
{
    static const char *const names[] = {"email", "token"};
    struct command command = {.kind = COMMAND_ACCOUNT_DELETE};
    char email[MAIL_EMAIL_SIZE];
    const char *token;
    if (accept_fields(request, names, ARRAY_LENGTH(names)) != 0 ||
        take_email(request, email) != 0 ||
        take_token(request, "delete", command.token_id, &token) != 0)
        return;
    command.email = email;
    command_client_send(request->gateway->commands, request, &command, email, command_pass_on);
}

static void on_account(struct request *request, const struct db_outcome *outcome)
{
    const struct db_rows *rows = &outcome->statements[0];
    if (rows->count == 0) { /* deleted since its key was looked up */
        reply_header(request, "www-authenticate", "Bearer");
        reply_error(request, 401, "Invalid API key");
        return;
    }
    struct sql_account account = sql_account_row(rows);
    struct buffer body = BUFFER_EMPTY;
    buffer_text(&body, "{\"email\":");
    json_write_string(&body, account.email, strlen(account.email));
    buffer_text(&body, ",\"plan\":");
    json_write_string(&body, account.plan, strlen(account.plan));
    buffer_format(&body, ",\"failure_email_enabled\":%s}",
                  account.failure_email_enabled ? "true" : "false");
    reply_buffer(request, 200, &body);
}

void accounts_show(struct request *request)
{
    struct db_unit *unit = db_unit_new();
    sql_account(unit, request->account);
    query_run(request, unit, on_account);
}

void accounts_update(struct request *request)
{
    static const char *const names[] = {"failure_email_enabled"};
    if (accept_fields(request, names, ARRAY_LENGTH(names)) != 0)
        return;
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(request->body, names[0]);
    if (value == NULL) {
        reply_error(request, 400, "No field to update: the object is empty");
        return;
    }
    if (!cJSON_IsBool(value)) {
        reply_error(request, 400, "%s: must be true or false", names[0]);
        return;
    }
    struct command command = {.kind = COMMAND_ACCOUNT_UPDATE,
                              .has_failure_email = true,
                              .failure_email_enabled = cJSON_IsTrue(value)};
    command_client_send(request->gateway->commands, request, &command, NULL, command_pass_on);
}
