#include "dispatcher/sql.h"

const struct db_statement sql_select_jobs = {
    "dispatcher_select_jobs",
    "SELECT id, version, webhook_url, headers, payload FROM jobs WHERE id = ANY($1::bigint[])",
};
