#include "gateway/checks.h"

#include <string.h>

#include "gateway/check_form.h"
#include "gateway/check_path.h"
#include "gateway/command_client.h"
#include "gateway/gateway.h"
#include "gateway/members.h"
#include "gateway/parameter.h"
#include "gateway/query.h"
#include "gateway/reply.h"
#include "gateway/request.h"
#include "gateway/sql_checks.h"
#include "shared/check_json.h"
#include "shared/public_id.h"

static void on_checks(struct request *request, const struct db_outcome *outcome)
{
    const struct db_rows *rows = &outcome->statements[0];
    struct buffer body = BUFFER_EMPTY;
    buffer_text(&body, "{\"checks\":[");
    for (int row = 0; row < rows->count; row++) {
        if (row > 0)
            buffer_text(&body, ",");
        struct check_view view = sql_check_row(rows, row);
        check_json_write(&body, &view);
    }
    buffer_text(&body, "]}");
    reply_buffer(request, 200, &body);
}

void checks_list(struct request *request)
{
    const char *tag;
    const char *group;
    if (parameter_text(request, "tag", &tag) != 0 || parameter_text(request, "group", &group) != 0)
        return;
    struct db_unit *unit = db_unit_new();
    sql_checks(unit, request->account, tag, group);
    query_run(request, unit, on_checks);
}

static void on_check(struct request *request, const struct db_outcome *outcome)
{
    const struct db_rows *rows = &outcome->statements[0];
    if (rows->count == 0) {
        reply_error(request, 404, "Check not found");
        return;
    }
    struct check_view view = sql_check_row(rows, 0);
    struct buffer body = BUFFER_EMPTY;
    buffer_text(&body, "{\"check\":");
    check_json_write(&body, &view);
    struct buffer url = BUFFER_EMPTY;
    buffer_format(&url, "%s%s", request->gateway->ping_url, view.public_id);
    member_text(&body, "ping_url", url.data);
    buffer_free(&url);
    buffer_text(&body, "}");
    reply_buffer(request, 200, &body);
}

void checks_show(struct request *request)
{
    struct db_unit *unit = db_unit_new();
    sql_check(unit, request->account, request->path_text);
    query_run(request, unit, on_check);
}

/* Sends the command with the fields of the body, or answers with 400. */
static void send_fields(struct request *request, struct command *command, enum check_form_mode mode)
{
    struct check_form form;
    char error[FIELDS_ERROR_SIZE];
    if (check_form_parse(request->body, mode, &form, error) != 0) {
        reply_error(request, 400, "%s", error);
        return;
    }
    command->check = form.input;
    command_client_send(request->gateway->commands, request, command, NULL, command_pass_on);
    check_form_free(&form);
}

void checks_create(struct request *request)
{
    char public_id[PUBLIC_ID_SIZE];
    public_id_make(request->gateway->config->secret, PUBLIC_ID_CHECK, public_id_draw(), public_id);
    struct command command = {.kind = COMMAND_CHECK_CREATE,
                              .public_id = public_id,
                              .ping_url = request->gateway->ping_url};
    send_fields(request, &command, CHECK_FORM_CREATE);
}

static void send_update(struct request *request)
{
    struct command command = {.kind = COMMAND_CHECK_UPDATE, .check_id = request->path_id};
    send_fields(request, &command, CHECK_FORM_UPDATE);
}

void checks_update(struct request *request)
{
    check_path_find(request, send_update);
}

static void send_plain(struct request *request, enum command_kind kind)
{
    struct command command = {.kind = kind, .check_id = request->path_id};
    command_client_send(request->gateway->commands, request, &command, NULL, command_pass_on);
}

static void send_delete(struct request *request)
{
    send_plain(request, COMMAND_CHECK_DELETE);
}

void checks_delete(struct request *request)
{
    check_path_find(request, send_delete);
}

static void send_pause(struct request *request)
{
    send_plain(request, COMMAND_CHECK_PAUSE);
}

void checks_pause(struct request *request)
{
    check_path_find(request, send_pause);
}

static void send_resume(struct request *request)
{
    send_plain(request, COMMAND_CHECK_RESUME);
}

void checks_resume(struct request *request)
{
    check_path_find(request, send_resume);
}
