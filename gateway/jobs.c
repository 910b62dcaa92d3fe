#include "gateway/jobs.h"

#include <string.h>

#include "gateway/command_client.h"
#include "gateway/gateway.h"
#include "gateway/job_input.h"
#include "gateway/parameter.h"
#include "gateway/query.h"
#include "gateway/reply.h"
#include "gateway/request.h"
#include "gateway/sql_jobs.h"
#include "shared/clock.h"
#include "shared/job_json.h"
#include "shared/public_id.h"

#define LIMIT_MAX  500
#define OFFSET_MAX 1000000000

/* The fields of the body as the command's job, or -1 after an answer. */
static int take_fields(struct request *request, enum job_input_mode mode, struct job_form *form)
{
    struct job_input_context context = {request->gateway->guard, clock_now_ms() / 1000};
    char error[FIELDS_ERROR_SIZE];
    if (job_input_parse(request->body, request->h2o->entity.base, request->h2o->entity.len, mode,
                        &context, form, error) == 0)
        return 0;
    reply_error(request, 400, "%s", error);
    return -1;
}

static void send_fields(struct request *request, struct command *command, struct job_form *form)
{
    char public_id[PUBLIC_ID_SIZE];
    command->job = form->input;
    if (form->input.check) { /* it may be a new one */
        command->check_id = public_id_draw();
        command->public_id = public_id_make(request->gateway->config->secret, PUBLIC_ID_CHECK,
                                            command->check_id, public_id);
    }
    command_client_send(request->gateway->commands, request, command, NULL, command_pass_on);
    job_form_free(form);
}

void jobs_create(struct request *request)
{
    struct command command = {.kind = COMMAND_JOB_CREATE};
    struct job_form form;
    if (take_fields(request, JOB_INPUT_CREATE, &form) == 0)
        send_fields(request, &command, &form);
}

void jobs_update(struct request *request)
{
    struct command command = {.kind = COMMAND_JOB_UPDATE, .job_id = request->path_id};
    struct job_form form;
    if (take_fields(request, JOB_INPUT_UPDATE, &form) == 0)
        send_fields(request, &command, &form);
}

void jobs_put(struct request *request)
{
    struct command command = {.kind = COMMAND_JOB_PUT};
    struct job_form form;
    if (!job_external_id_valid(request->path_text)) {
        reply_error(request, 400, "external_id: " JOB_EXTERNAL_ID_FORM);
        return;
    }
    if (take_fields(request, JOB_INPUT_PUT, &form) != 0)
        return;
    bool named = form.input.fields & JOB_EXTERNAL_ID;
    if (named && (form.input.external_id == NULL ||
                  strcmp(form.input.external_id, request->path_text) != 0)) {
        job_form_free(&form);
        reply_error(request, 400, "external_id: must be the one of the path");
        return;
    }
    form.input.external_id = request->path_text;
    form.input.fields |= JOB_EXTERNAL_ID;
    send_fields(request, &command, &form);
}

void jobs_delete(struct request *request)
{
    struct command command = {.kind = COMMAND_JOB_DELETE, .job_id = request->path_id};
    command_client_send(request->gateway->commands, request, &command, NULL, command_pass_on);
}

static void on_jobs(struct request *request, const struct db_outcome *outcome)
{
    const struct db_rows *rows = &outcome->statements[0];
    int64_t now_ms = clock_now_ms();
    struct buffer body = BUFFER_EMPTY;
    buffer_text(&body, "[");
    for (int row = 0; row < rows->count; row++) {
        if (row > 0)
            buffer_text(&body, ",");
        struct job_view view = sql_job_row(rows, row, now_ms);
        job_json_write(&body, &view);
    }
    buffer_text(&body, "]");
    reply_buffer(request, 200, &body);
}

void jobs_list(struct request *request)
{
    struct sql_job_filter filter = {.limit = 0};
    bool enabled;
    if (parameter_boolean(request, "enabled", &enabled, &filter.enabled) != 0 ||
        parameter_text(request, "name", &filter.name) != 0 ||
        parameter_text(request, "external_id", &filter.external_id) != 0 ||
        parameter_integer(request, "limit", 1, LIMIT_MAX, 0, &filter.limit) != 0 ||
        parameter_integer(request, "offset", 0, OFFSET_MAX, 0, &filter.offset) != 0)
        return;
    struct db_unit *unit = db_unit_new();
    sql_jobs(unit, request->account, &filter);
    query_run(request, unit, on_jobs);
}

static void on_job(struct request *request, const struct db_outcome *outcome)
{
    const struct db_rows *rows = &outcome->statements[0];
    if (rows->count == 0) {
        reply_error(request, 404, "Job not found");
        return;
    }
    struct job_view view = sql_job_row(rows, 0, clock_now_ms());
    struct buffer body = BUFFER_EMPTY;
    job_json_write(&body, &view);
    reply_buffer(request, 200, &body);
}

void jobs_show(struct request *request)
{
    struct db_unit *unit = db_unit_new();
    sql_job(unit, request->account, request->path_id);
    query_run(request, unit, on_job);
}
