#include "gateway/check_path.h"

#include <stdbool.h>
#include <string.h>

#include "gateway/gateway.h"
#include "gateway/query.h"
#include "gateway/reply.h"
#include "gateway/request.h"
#include "gateway/sql_checks.h"
#include "shared/public_id.h"

static void on_id(struct request *request, const struct db_outcome *outcome)
{
    const struct db_rows *rows = &outcome->statements[0];
    if (rows->count == 0) {
        reply_error(request, 404, "Check not found");
        return;
    }
    request->path_id = sql_check_id_row(rows);
    request->resume(request);
}

void check_path_find(struct request *request, void (*then)(struct request *request))
{
    const char *name = request->path_text;
    switch (public_id_open(request->gateway->config->secret, PUBLIC_ID_CHECK, name, strlen(name),
                           &request->path_id)) {
    case PUBLIC_ID_OURS: then(request); return;
    case PUBLIC_ID_UNKNOWN: {
        struct db_unit *unit = db_unit_new();
        request->resume = then;
        sql_check_id(unit, request->account, name);
        query_run(request, unit, on_id);
        return;
    }
    case PUBLIC_ID_MALFORMED: reply_error(request, 404, "Check not found"); return;
    }
    INVARIANT(false && "a verdict that is none");
}
