#include "gateway/routes.h"

#include "gateway/accounts.h"
#include "gateway/badges.h"
#include "gateway/billing.h"
#include "gateway/billing_change.h"
#include "gateway/billing_event.h"
#include "gateway/channels.h"
#include "gateway/check_history.h"
#include "gateway/check_keys.h"
#include "gateway/check_transfer.h"
#include "gateway/check_uptime.h"
#include "gateway/checks.h"
#include "gateway/cron_preview.h"
#include "gateway/executions.h"
#include "gateway/job_runs.h"
#include "gateway/job_stats.h"
#include "gateway/jobs.h"
#include "gateway/openapi.h"
#include "gateway/ping_route.h"
#include "gateway/request.h"
#include "gateway/webhook_secret.h"

const struct route routes[] = {
    /* First, for they come most often. */
    {"GET", "/ping/{name}", ping_route, ROUTE_PING, ROUTE_ANY_BODY},
    {"POST", "/ping/{name}", ping_route, ROUTE_PING, ROUTE_ANY_BODY},
    {"GET", "/ping/{name}/{signal}", ping_route, ROUTE_PING, ROUTE_ANY_BODY},
    {"POST", "/ping/{name}/{signal}", ping_route, ROUTE_PING, ROUTE_ANY_BODY},
    {"GET", "/ping/{name}/{slug}/{signal}", ping_route, ROUTE_PING, ROUTE_ANY_BODY},
    {"POST", "/ping/{name}/{slug}/{signal}", ping_route, ROUTE_PING, ROUTE_ANY_BODY},
    {"POST", "/register", accounts_register, ROUTE_METERED, ROUTE_WITH_BODY},
    {"POST", "/verify-email", accounts_verify_email, ROUTE_METERED, ROUTE_WITH_BODY},
    {"POST", "/request-key-rotation", accounts_request_rotation, ROUTE_METERED, ROUTE_WITH_BODY},
    {"POST", "/rotate-key", accounts_rotate_key, ROUTE_METERED, ROUTE_WITH_BODY},
    {"POST", "/account/delete-request", accounts_request_deletion, ROUTE_METERED, ROUTE_WITH_BODY},
    {"GET", "/account", accounts_show, ROUTE_ACCOUNT, ROUTE_WITHOUT_BODY},
    {"PATCH", "/account", accounts_update, ROUTE_ACCOUNT, ROUTE_WITH_BODY},
    {"DELETE", "/account", accounts_delete, ROUTE_METERED, ROUTE_WITH_BODY},
    {"GET", "/jobs", jobs_list, ROUTE_ACCOUNT, ROUTE_WITHOUT_BODY},
    {"POST", "/jobs", jobs_create, ROUTE_ACCOUNT, ROUTE_WITH_BODY},
    {"GET", "/jobs/{id}", jobs_show, ROUTE_ACCOUNT, ROUTE_WITHOUT_BODY},
    {"PATCH", "/jobs/{id}", jobs_update, ROUTE_ACCOUNT, ROUTE_WITH_BODY},
    {"DELETE", "/jobs/{id}", jobs_delete, ROUTE_ACCOUNT, ROUTE_WITHOUT_BODY},
    {"PUT", "/jobs/external/{external_id}", jobs_put, ROUTE_ACCOUNT, ROUTE_WITH_BODY},
    {"POST", "/jobs/{id}/run", job_runs_start, ROUTE_ACCOUNT, ROUTE_EMPTY_BODY},
    {"POST", "/jobs/{id}/replay", job_runs_replay, ROUTE_ACCOUNT, ROUTE_WITH_BODY},
    {"GET", "/jobs/{id}/stats", job_stats_show, ROUTE_ACCOUNT, ROUTE_WITHOUT_BODY},
    {"GET", "/jobs/{id}/executions", executions_list, ROUTE_ACCOUNT, ROUTE_WITHOUT_BODY},
    {"GET", "/jobs/{id}/executions/{execution}", executions_show, ROUTE_ACCOUNT,
     ROUTE_WITHOUT_BODY},
    {"GET", "/webhook-secret", webhook_secret_show, ROUTE_ACCOUNT, ROUTE_WITHOUT_BODY},
    {"POST", "/webhook-secret", webhook_secret_create, ROUTE_ACCOUNT, ROUTE_EMPTY_BODY},
    {"POST", "/webhook-secret/rotate", webhook_secret_rotate, ROUTE_ACCOUNT, ROUTE_EMPTY_BODY},
    {"DELETE", "/webhook-secret", webhook_secret_delete, ROUTE_ACCOUNT, ROUTE_WITHOUT_BODY},
    {"GET", "/account/check-key", check_keys_show, ROUTE_ACCOUNT, ROUTE_WITHOUT_BODY},
    {"POST", "/account/check-key", check_keys_create, ROUTE_ACCOUNT, ROUTE_EMPTY_BODY},
    {"DELETE", "/account/check-key", check_keys_delete, ROUTE_ACCOUNT, ROUTE_WITHOUT_BODY},
    {"GET", "/api/v1/checks", checks_list, ROUTE_CHECKS, ROUTE_WITHOUT_BODY},
    {"POST", "/api/v1/checks", checks_create, ROUTE_CHECKS, ROUTE_WITH_BODY},
    {"GET", "/api/v1/checks/export", check_transfer_export, ROUTE_CHECKS, ROUTE_WITHOUT_BODY},
    {"POST", "/api/v1/checks/import", check_transfer_import, ROUTE_CHECKS, ROUTE_WITH_LARGE_BODY},
    {"GET", "/api/v1/checks/{check}", checks_show, ROUTE_CHECKS, ROUTE_WITHOUT_BODY},
    {"PATCH", "/api/v1/checks/{check}", checks_update, ROUTE_CHECKS, ROUTE_WITH_BODY},
    {"DELETE", "/api/v1/checks/{check}", checks_delete, ROUTE_CHECKS, ROUTE_WITHOUT_BODY},
    {"POST", "/api/v1/checks/{check}/pause", checks_pause, ROUTE_CHECKS, ROUTE_EMPTY_BODY},
    {"POST", "/api/v1/checks/{check}/resume", checks_resume, ROUTE_CHECKS, ROUTE_EMPTY_BODY},
    {"GET", "/api/v1/checks/{check}/pings", check_history_pings, ROUTE_CHECKS, ROUTE_WITHOUT_BODY},
    {"GET", "/api/v1/checks/{check}/alerts", check_history_alerts, ROUTE_CHECKS,
     ROUTE_WITHOUT_BODY},
    {"GET", "/api/v1/checks/{check}/flips", check_history_flips, ROUTE_CHECKS, ROUTE_WITHOUT_BODY},
    {"GET", "/api/v1/checks/{check}/uptime", check_uptime_show, ROUTE_CHECKS, ROUTE_WITHOUT_BODY},
    {"GET", "/api/v1/channels", channels_list, ROUTE_CHECKS, ROUTE_WITHOUT_BODY},
    {"POST", "/api/v1/channels", channels_create, ROUTE_CHECKS, ROUTE_WITH_BODY},
    {"GET", "/api/v1/channels/{channel}", channels_show, ROUTE_CHECKS, ROUTE_WITHOUT_BODY},
    {"PATCH", "/api/v1/channels/{channel}", channels_update, ROUTE_CHECKS, ROUTE_WITH_BODY},
    {"DELETE", "/api/v1/channels/{channel}", channels_delete, ROUTE_CHECKS, ROUTE_WITHOUT_BODY},
    {"POST", "/api/v1/channels/{channel}/test", channels_test, ROUTE_CHECKS, ROUTE_EMPTY_BODY},
    {"POST", "/api/v1/channels/{channel}/request-token", channels_request_token, ROUTE_CHECKS,
     ROUTE_EMPTY_BODY},
    {"POST", "/api/v1/channels/{channel}/verify", channels_verify, ROUTE_CHECKS, ROUTE_WITH_BODY},
    {"GET", "/api/v1/ping-key", ping_keys_show, ROUTE_CHECKS, ROUTE_WITHOUT_BODY},
    {"POST", "/api/v1/ping-key/rotate", ping_keys_rotate, ROUTE_CHECKS, ROUTE_EMPTY_BODY},
    {"GET", "/api/v1/webhook-secret", webhook_secret_show, ROUTE_CHECKS, ROUTE_WITHOUT_BODY},
    {"POST", "/api/v1/webhook-secret", webhook_secret_create, ROUTE_CHECKS, ROUTE_EMPTY_BODY},
    {"POST", "/api/v1/webhook-secret/rotate", webhook_secret_rotate, ROUTE_CHECKS,
     ROUTE_EMPTY_BODY},
    {"DELETE", "/api/v1/webhook-secret", webhook_secret_delete, ROUTE_CHECKS, ROUTE_WITHOUT_BODY},
    {"GET", "/badge/{badge}", badges_status, ROUTE_PUBLIC, ROUTE_WITHOUT_BODY},
    {"GET", "/badge/{badge}/uptime", badges_uptime, ROUTE_PUBLIC, ROUTE_WITHOUT_BODY},
    {"GET", "/billing", billing_show, ROUTE_ACCOUNT, ROUTE_WITHOUT_BODY},
    {"POST", "/billing/upgrade", billing_upgrade, ROUTE_ACCOUNT, ROUTE_WITH_BODY},
    {"POST", "/billing/downgrade", billing_downgrade, ROUTE_ACCOUNT, ROUTE_WITH_BODY},
    {"DELETE", "/billing/subscription", billing_cancel, ROUTE_ACCOUNT, ROUTE_WITHOUT_BODY},
    {"POST", "/billing/portal", billing_portal, ROUTE_ACCOUNT, ROUTE_WITHOUT_BODY},
    {"POST", "/billing/webhook", billing_event, ROUTE_PUBLIC, ROUTE_WITH_BODY},
    {"GET", "/cron/preview", cron_preview, ROUTE_PUBLIC, ROUTE_WITHOUT_BODY},
    {"GET", "/openapi.yaml", openapi_show, ROUTE_PUBLIC, ROUTE_WITHOUT_BODY},
};
const size_t routes_count = ARRAY_LENGTH(routes);

size_t routes_body_max(const struct route *route)
{
    enum route_body body = route != NULL ? route->body : ROUTE_WITHOUT_BODY;
    switch (body) {
    case ROUTE_WITH_LARGE_BODY: return REQUEST_LARGE_MAX;
    case ROUTE_ANY_BODY: return REQUEST_ANY_MAX;
    case ROUTE_WITHOUT_BODY:
    case ROUTE_WITH_BODY:
    case ROUTE_EMPTY_BODY: break;
    }
    return REQUEST_BODY_MAX;
}
