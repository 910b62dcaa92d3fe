#include "gateway/jobs.h"

#include "gateway/command_client.h"
#include "gateway/gateway.h"
#include "gateway/job_input.h"
#include "gateway/query.h"
#include "gateway/reply.h"
#include "gateway/request.h"
#include "gateway/sql.h"
#include "shared/clock.h"
#include "shared/job_json.h"

/* Sends a command that carries a job's fields. */
static void send_fields(struct request *request, struct command *command, enum job_input_mode mode)
{
    struct gateway *gateway = request->gateway;
    struct job_form form;
    char error[FIELDS_ERROR_SIZE];
    if (job_input_parse(request->body, request->h2o->entity.base, request->h2o->entity.len, mode,
                        gateway->guard, &form, error) != 0) {
        reply_error(request, 400, "%s", error);
        return;
    }
    command->job = form.input;
    command_client_send(gateway->commands, request, command, NULL, command_pass_on);
    job_form_free(&form);
}

void jobs_create(struct request *request)
{
    struct command command = {.kind = COMMAND_JOB_CREATE};
    send_fields(request, &command, JOB_INPUT_CREATE);
}

void jobs_update(struct request *request)
{
    struct command command = {.kind = COMMAND_JOB_UPDATE, .job_id = request->path_id};
    send_fields(request, &command, JOB_INPUT_UPDATE);
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
    struct db_unit *unit = db_unit_new();
    sql_jobs(unit, request->account);
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
