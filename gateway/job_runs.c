#include "gateway/job_runs.h"

#include <string.h>

#include "gateway/command_client.h"
#include "gateway/fields.h"
#include "gateway/gateway.h"
#include "gateway/reply.h"
#include "gateway/request.h"
#include "shared/clock.h"

void job_runs_start(struct request *request)
{
    struct command command = {.kind = COMMAND_JOB_RUN, .job_id = request->path_id};
    command_client_send(request->gateway->commands, request, &command, NULL, command_pass_on);
}

/* A required time; -1 after an answer. */
static int take_time(struct request *request, const char *name, int64_t *time_s)
{
    char error[FIELDS_ERROR_SIZE];
    const char *text = fields_string(request->body, name, error);
    if (text == NULL) {
        reply_error(request, 400, "%s", error);
        return -1;
    }
    if (clock_parse(text, strlen(text), time_s) != 0 || *time_s < 0) {
        reply_error(request, 400, "%s: must be a time such as 2026-05-09T14:00:00+00:00", name);
        return -1;
    }
    return 0;
}

static bool take_status(const cJSON *item, struct replay_window *window)
{
    const struct {
        const char *name;
        bool *wanted;
    } statuses[] = {{"failure", &window->failure},
                    {"skipped", &window->skipped},
                    {"success", &window->success}};
    for (size_t i = 0; i < ARRAY_LENGTH(statuses); i++) {
        if (cJSON_IsString(item) && strcmp(item->valuestring, statuses[i].name) == 0) {
            *statuses[i].wanted = true;
            return true;
        }
    }
    return false;
}

static int take_statuses(struct request *request, struct replay_window *window)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(request->body, "statuses");
    if (list == NULL) {
        window->failure = window->skipped = true;
        return 0;
    }
    bool good = cJSON_IsArray(list) && list->child != NULL;
    const cJSON *item;
    cJSON_ArrayForEach(item, list) good = good && take_status(item, window);
    if (good)
        return 0;
    reply_error(request, 400,
                "statuses: must be a list of at least one of failure, skipped and success");
    return -1;
}

void job_runs_replay(struct request *request)
{
    static const char *const names[] = {"from", "to", "statuses"};
    struct command command = {.kind = COMMAND_JOB_REPLAY, .job_id = request->path_id};
    struct replay_window *window = &command.window;
    char error[FIELDS_ERROR_SIZE];
    if (fields_only(request->body, names, ARRAY_LENGTH(names), error) != 0) {
        reply_error(request, 400, "%s", error);
        return;
    }
    if (take_time(request, "from", &window->from_s) != 0 ||
        take_time(request, "to", &window->to_s) != 0 || take_statuses(request, window) != 0)
        return;
    if (window->from_s > window->to_s) {
        reply_error(request, 400, "from: must not be after to");
        return;
    }
    if (window->to_s - window->from_s > REPLAY_WINDOW_MAX_S) {
        reply_error(request, 400, "to: at most 31 days after from");
        return;
    }
    command_client_send(request->gateway->commands, request, &command, NULL, command_pass_on);
}
