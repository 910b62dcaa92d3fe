/* The gateway: the HTTP API. Checks requests, sends commands to the leader, reads PostgreSQL. */
#include <stddef.h>
#include <string.h>

#include "gateway/admission.h"
#include "gateway/auth.h"
#include "gateway/badge_states.h"
#include "gateway/billing.h"
#include "gateway/check_finder.h"
#include "gateway/command_client.h"
#include "gateway/gateway.h"
#include "gateway/pings.h"
#include "gateway/rate_limit.h"
#include "gateway/server.h"
#include "gateway/shared_rate.h"
#include "gateway/slug_check.h"
#include "gateway/stats.h"
#include "gateway/stripe.h"
#include "shared/buffer.h"
#include "shared/command.h"
#include "shared/log.h"

#define RATE_CLIENTS      65536 /* addresses whose registrations are counted */
#define DB_PIPELINE_DEPTH 32
#define BILLING_ACCOUNTS  4096 /* whose changes of billing are counted */

static void on_bus_state(void *arg, bool connected)
{
    struct gateway *gateway = arg;
    service_set_ready(gateway->service, gateway->bus_part, connected);
    if (!connected || gateway->auth == NULL)
        return;
    auth_flush(gateway->auth);
    command_client_reconnected(gateway->commands);
    check_finder_doubt(gateway->checks);
    pings_reconnected(gateway->pings);
}

/* Not a part of being ready: pings are taken without PostgreSQL, so a gateway must be asked. */
static void on_db_state(void *arg, bool connected)
{
    (void)arg;
    stats_database(connected);
    if (connected)
        LOG_INFO("the database is there");
    else
        LOG_WARN("the database is away");
}

/* PUBLIC_URL and "/ping/". */
static void make_ping_url(struct gateway *gateway)
{
    const char *base = gateway->config->public_url;
    size_t length = strlen(base);
    while (length > 0 && base[length - 1] == '/')
        length--;
    struct buffer url = BUFFER_EMPTY;
    buffer_append(&url, base, length);
    buffer_text(&url, "/ping/");
    if (url.length > COMMAND_PING_URL_MAX)
        service_fail(gateway->service, SERVICE_EXIT_CONFIG, "PUBLIC_URL", "too long");
    gateway->ping_url = url.data;
}

static void read_networks(struct gateway *gateway)
{
    char error[GUARD_ERROR_SIZE];
    if (guard_create(gateway->config->webhook_allow_cidrs, &gateway->guard, error) != 0)
        service_fail(gateway->service, SERVICE_EXIT_CONFIG, "WEBHOOK_ALLOW_CIDRS", error);
    if (cidr_set_parse(gateway->config->trusted_proxies, &gateway->trusted_proxies, error) != 0)
        service_fail(gateway->service, SERVICE_EXIT_CONFIG, "TRUSTED_PROXIES", error);
}

static void open_bus(struct gateway *gateway)
{
    gateway->bus_part = service_part(gateway->service, "nats");
    gateway->bus = bus_open(gateway->loop, &(struct bus_options){
                                               .url = gateway->config->nats_url,
                                               .name = "croncoco-gateway",
                                               .prompt = true,
                                               .on_state = on_bus_state,
                                               .arg = gateway,
                                           });
}

static void open_db(struct gateway *gateway)
{
    gateway->db =
        db_open(gateway->loop, &(struct db_options){
                                   .url = gateway->config->database_url,
                                   .name = "croncoco-gateway",
                                   .connections = (unsigned)gateway->config->gateway_db_connections,
                                   .queue_limit = (unsigned)gateway->config->read_queue_limit,
                                   .pipeline_depth = DB_PIPELINE_DEPTH,
                                   .on_state = on_db_state,
                                   .arg = gateway,
                               });
}

static void open_commands(struct gateway *gateway)
{
    gateway->commands = command_client_open(&(struct command_client_options){
        .loop = gateway->loop,
        .bus = gateway->bus,
        .limit = (size_t)gateway->config->command_limit,
        .timeout_ms = gateway->config->command_timeout_ms,
    });
}

static void open_pings(struct gateway *gateway)
{
    gateway->checks = check_finder_open(&(struct check_finder_options){
        .loop = gateway->loop,
        .bus = gateway->bus,
        .db = gateway->db,
        .secret = gateway->config->secret,
    });
    gateway->pings = pings_open(gateway->loop, gateway->bus);
}

static void open_stripe(struct gateway *gateway)
{
    const struct config *config = gateway->config;
    const char *missing = NULL;
    if (billing_check_config(config, &missing) != 0)
        service_fail(gateway->service, SERVICE_EXIT_CONFIG, missing,
                     "not set, while other variables of Stripe are");
    if (config->stripe_secret_key[0] == '\0')
        return;
    char error[STRIPE_ERROR_SIZE];
    gateway->stripe = stripe_open(&(struct stripe_options){.loop = gateway->loop,
                                                           .base = config->stripe_api_base,
                                                           .secret_key = config->stripe_secret_key},
                                  error);
    if (gateway->stripe == NULL)
        service_fail(gateway->service, SERVICE_EXIT_CONFIG, "STRIPE_API_BASE", error);
}

static void on_request(void *arg, h2o_req_t *h2o)
{
    admission_admit(arg, h2o);
}

static void open_server(struct gateway *gateway)
{
    char error[SERVER_ERROR_SIZE];
    gateway->listener_part = service_part(gateway->service, "listener");
    gateway->server = server_open(
        &(struct server_options){
            .loop = gateway->loop,
            .address = gateway->config->listen_address,
            .port = (int)gateway->config->listen_port,
            .connection_limit = (size_t)gateway->config->connection_limit,
            .api_rate_per_minute = gateway->config->api_rate_per_minute,
            .on_request = on_request,
            .arg = gateway,
        },
        error);
    if (gateway->server == NULL)
        service_fail(gateway->service, SERVICE_EXIT_UNAVAILABLE, "cannot listen", error);
    service_set_ready(gateway->service, gateway->listener_part, true);
}

static void on_drained(void *arg)
{
    struct gateway *gateway = arg;
    if (gateway->stripe != NULL)
        stripe_close(gateway->stripe);
    shared_rate_close(gateway->rate);
    bus_close(gateway->bus);
    db_close(gateway->db);
    service_stopped(gateway->service);
}

static void on_stop(void *arg)
{
    struct gateway *gateway = arg;
    server_drain(gateway->server, on_drained, gateway);
}

int main(int argc, char **argv)
{
    static struct gateway gateway;
    gateway.service = service_open("gateway", CONFIG_GATEWAY, argc, argv);
    gateway.config = service_config(gateway.service);
    gateway.loop = service_loop(gateway.service);
    gateway.registrations = rate_limit_new(gateway.config->client_rate_per_minute, RATE_CLIENTS);
    gateway.slug_checks = rate_limit_new(SLUG_CHECKS_PER_MINUTE, SLUG_CHECK_ACCOUNTS);
    gateway.billing_changes = rate_limit_new(BILLING_CHANGES_PER_MINUTE, BILLING_ACCOUNTS);
    stats_open();
    make_ping_url(&gateway);
    read_networks(&gateway);
    open_bus(&gateway);
    open_db(&gateway);
    gateway.auth = auth_open(gateway.bus, gateway.db);
    gateway.rate = shared_rate_open(gateway.loop, gateway.bus, gateway.config->api_rate_per_minute);
    gateway.badges = badge_states_open(gateway.db, gateway.config->secret);
    open_commands(&gateway);
    open_pings(&gateway);
    open_stripe(&gateway);
    open_server(&gateway);
    service_on_stop(gateway.service, on_stop, &gateway);
    return service_run(gateway.service);
}
