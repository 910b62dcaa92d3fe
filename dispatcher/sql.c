#include "dispatcher/sql.h"

const struct db_statement sql_select_jobs = {
    "dispatcher_select_jobs",
    "SELECT id, account_id, version, webhook_url, headers, payload FROM jobs"
    " WHERE id = ANY($1::bigint[])",
};

const struct db_statement sql_select_notices = {
    "dispatcher_select_notices",
    "SELECT id, account_id, url, body, kind = 'alert' FROM notices"
    " WHERE id = ANY($1::bigint[])",
};

const struct db_statement sql_select_secrets = {
    "dispatcher_select_secrets",
    "WITH wanted AS ("
    " SELECT unnest($1::bigint[]) AS account_id"
    " UNION SELECT account_id FROM jobs WHERE id = ANY($2::bigint[])"
    " UNION SELECT account_id FROM notices WHERE id = ANY($3::bigint[]))"
    " SELECT w.account_id, s.id, s.expires_at FROM wanted w LEFT JOIN webhook_secrets s"
    " ON s.account_id = w.account_id AND (s.expires_at IS NULL OR s.expires_at > now())"
    " ORDER BY w.account_id, s.expires_at DESC NULLS FIRST",
};
