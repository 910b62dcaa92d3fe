#include "gateway/check_transfer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/check_form.h"
#include "gateway/command_client.h"
#include "gateway/gateway.h"
#include "gateway/members.h"
#include "gateway/query.h"
#include "gateway/reply.h"
#include "gateway/request.h"
#include "gateway/sql_checks.h"
#include "shared/check_json.h"
#include "shared/clock.h"
#include "shared/json.h"
#include "shared/memory.h"
#include "shared/public_id.h"

#define FORMAT_VERSION 1

static void write_text_unless(struct buffer *out, const char *name, const char *text,
                              const char *standard)
{
    if (text != NULL && strcmp(text, standard) != 0)
        member_text(out, name, text);
}

static void write_number_unless(struct buffer *out, const char *name, int64_t number,
                                int64_t standard)
{
    if (number != standard)
        member_number(out, name, number);
}

/* The documented fields, and of the others those that are not as in any new check. */
static void write_item(struct buffer *out, const struct check_view *view)
{
    const struct check_input *standard = &check_input_defaults;
    buffer_text(out, "{");
    member_text(out, "name", view->name);
    member_number(out, "period", view->period_s);
    member_number(out, "grace", view->grace_s);
    member_text(out, "tags", view->tags);
    write_text_unless(out, "cron_expression", view->cron_expression, "");
    write_text_unless(out, "timezone", view->timezone, standard->timezone);
    write_text_unless(out, "group", view->group, standard->group);
    write_text_unless(out, "slug", view->slug, "");
    write_number_unless(out, "maint_start", view->maint_start_s, 0);
    write_number_unless(out, "maint_end", view->maint_end_s, 0);
    write_text_unless(out, "maint_schedule", view->maint_schedule, standard->maint_schedule);
    write_number_unless(out, "alert_after", view->alert_after, standard->alert_after);
    write_number_unless(out, "recover_after", view->recover_after, standard->recover_after);
    write_number_unless(out, "reminder_seconds", view->reminder_s, standard->reminder_s);
    buffer_text(out, "}");
}

static void on_checks(struct request *request, const struct db_outcome *outcome)
{
    const struct db_rows *rows = &outcome->statements[0];
    char now[CLOCK_TEXT_SIZE];
    const char *comma = "";
    struct buffer body = BUFFER_EMPTY;
    buffer_format(&body, "{\"version\":%d,\"exported_at\":\"%s\",\"checks\":[", FORMAT_VERSION,
                  clock_format_ms(now, clock_now_ms()));
    for (int row = 0; row < rows->count; row++) {
        struct check_view view = sql_check_row(rows, row);
        if (view.job != 0)
            continue; /* made with its job, and not without */
        buffer_text(&body, comma);
        write_item(&body, &view);
        comma = ",";
    }
    buffer_text(&body, "]}");
    reply_buffer(request, 200, &body);
}

void check_transfer_export(struct request *request)
{
    struct db_unit *unit = db_unit_new();
    sql_checks(unit, request->account, NULL, NULL);
    query_run(request, unit, on_checks);
}

/* The checks of an import: their items borrow from their forms. */
struct import {
    size_t count;
    struct check_item *items;
    struct check_form *forms;
    char (*public_ids)[PUBLIC_ID_SIZE];
};

static void import_free(struct import *import)
{
    for (size_t i = 0; i < import->count; i++)
        check_form_free(&import->forms[i]);
    free(import->items);
    free(import->forms);
    free(import->public_ids);
}

/* The list of the body, or NULL after an answer. */
static const cJSON *take_list(struct request *request)
{
    static const char *const names[] = {"checks", "version", "exported_at"};
    char error[FIELDS_ERROR_SIZE];
    if (fields_only(request->body, names, ARRAY_LENGTH(names), error) != 0) {
        reply_error(request, 400, "%s", error);
        return NULL;
    }
    int64_t version;
    if (cJSON_HasObjectItem(request->body, "version") &&
        json_integer(request->body, "version", FORMAT_VERSION, FORMAT_VERSION, &version) != 0) {
        reply_error(request, 400, "version: must be %d", FORMAT_VERSION);
        return NULL;
    }
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(request->body, "checks");
    if (!cJSON_IsArray(list)) {
        reply_error(request, 400, list == NULL ? "checks: required" : "checks: must be a list");
        return NULL;
    }
    if (cJSON_GetArraySize(list) > COMMAND_ITEMS_MAX) {
        reply_error(request, 400, "checks: at most %d", COMMAND_ITEMS_MAX);
        return NULL;
    }
    return list;
}

/* Takes one item more; -1 after an answer that says which is wrong. */
static int take_item(struct request *request, const cJSON *item, struct import *import)
{
    char error[FIELDS_ERROR_SIZE] = "must be an object";
    size_t at = import->count;
    if (!cJSON_IsObject(item) ||
        check_form_parse(item, CHECK_FORM_ITEM, &import->forms[at], error) != 0) {
        reply_error(request, 400, "checks[%zu]: %s", at, error);
        return -1;
    }
    public_id_make(request->gateway->config->secret, PUBLIC_ID_CHECK, public_id_draw(),
                   import->public_ids[at]);
    import->items[at] =
        (struct check_item){.public_id = import->public_ids[at], .input = import->forms[at].input};
    import->count++;
    return 0;
}

void check_transfer_import(struct request *request)
{
    const cJSON *list = take_list(request);
    if (list == NULL)
        return;
    size_t most = (size_t)cJSON_GetArraySize(list) + 1;
    struct import import = {.items = memory_new(most, sizeof *import.items),
                            .forms = memory_new(most, sizeof *import.forms),
                            .public_ids = memory_new(most, sizeof *import.public_ids)};
    bool good = true;
    const cJSON *item;
    cJSON_ArrayForEach(item, list)
    {
        good = good && take_item(request, item, &import) == 0;
    }
    if (good) {
        struct command command = {.kind = COMMAND_CHECK_IMPORT,
                                  .items = import.items,
                                  .item_count = import.count,
                                  .ping_url = request->gateway->ping_url};
        command_client_send(request->gateway->commands, request, &command, NULL, command_pass_on);
    }
    import_free(&import);
}
