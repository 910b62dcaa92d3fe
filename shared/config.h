/*
 * Configuration: environment variables, described by one table (config.c), read once at the start.
 * A value that does not parse or is out of bounds ends the process with a line that names it.
 */
#ifndef SHARED_CONFIG_H
#define SHARED_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "shared/compiler.h"

/* Which processes read a row: a bit each. */
enum config_process {
    CONFIG_GATEWAY = 1,
    CONFIG_SCHEDULER = 2,
    CONFIG_DISPATCHER = 4,
    CONFIG_MAILER = 8,
    CONFIG_ALL = 15
};

/* Strings point into the environment, or at a constant; "" where a variable is optional and unset.
 */
struct config {
    /* all */
    const char *nats_url;      /* NATS_URL, nats://127.0.0.1:4222; user and password may be in it */
    const char *log_level;     /* LOG_LEVEL: debug, info, warn, error */
    const char *instance;      /* INSTANCE: a name for logs and leases; default host name and pid */
    int64_t admin_port;        /* ADMIN_PORT: /healthz /readyz /metrics; 0: any free port, logged */
    const char *admin_address; /* ADMIN_ADDRESS, 127.0.0.1 */
    int64_t drain_timeout_ms;  /* DRAIN_TIMEOUT_MS: how long a SIGTERM waits for work under way */
    /* gateway, scheduler, dispatcher */
    const char *database_url; /* DATABASE_URL, required: the process's own role */
    /* gateway */
    const char *listen_address;     /* LISTEN_ADDRESS, 127.0.0.1 */
    int64_t listen_port;            /* PORT, 8080 */
    int64_t gateway_db_connections; /* GATEWAY_DB_CONNECTIONS, 4 */
    int64_t read_queue_limit;       /* READ_QUEUE_LIMIT: reads that may wait before 503, 1024 */
    int64_t command_limit;          /* COMMAND_LIMIT: commands that may wait before 503, 4096 */
    int64_t command_timeout_ms;     /* COMMAND_TIMEOUT_MS: 503 when no leader answered, 30000 */
    int64_t connection_limit;       /* CONNECTION_LIMIT: open client connections, 10000 */
    int64_t client_rate_per_minute; /* CLIENT_RATE_PER_MINUTE: registrations and the like by one
                                       client address, 30 */
    int64_t api_rate_per_minute;    /* API_RATE_PER_MINUTE: requests of one account to /api/v1, 60
                                     */
    const char *trusted_proxies;    /* TRUSTED_PROXIES: CIDRs whose X-Forwarded-For counts, "" */
    /* gateway, dispatcher */
    const char *webhook_signing_secret; /* WEBHOOK_SIGNING_SECRET, required, at least 32 bytes */
    /* gateway: billing; all of the first four or none */
    const char *stripe_secret_key;     /* STRIPE_SECRET_KEY */
    const char *stripe_webhook_secret; /* STRIPE_WEBHOOK_SECRET */
    const char *stripe_price_pro;      /* STRIPE_PRICE_PRO: the id of a price */
    const char *stripe_price_business; /* STRIPE_PRICE_BUSINESS */
    const char *stripe_api_base;       /* STRIPE_API_BASE, https://api.stripe.com */
    const char *billing_return_url;    /* BILLING_RETURN_URL: where Stripe's pages lead back to */
    /* gateway, mailer */
    const char *secret; /* CRONCOCO_SECRET, required, at least 32 bytes; makes tokens and keys */
    const char *public_url; /* PUBLIC_URL: base URL of the API, in mails and in ping_url */
    /* scheduler */
    int64_t lease_ttl_ms;          /* LEASE_TTL_MS, 3000 */
    int64_t address_rate_per_hour; /* ADDRESS_RATE_PER_HOUR: mails asked for by one address, 5 */
    int64_t catch_up_window_s;     /* CATCH_UP_WINDOW_S: how far back missed slots are looked for,
                                      86400 */
    int64_t open_run_limit;        /* OPEN_RUN_LIMIT: runs under way before slots are skipped,
                                      4000000 */
    int64_t history_days;          /* HISTORY_DAYS: partitions of executions kept, 31 */
    int64_t stream_storage_mb;     /* STREAM_STORAGE_MB: bytes that one stream may take, 1024 */
    int64_t
        failure_mail_interval_s; /* FAILURE_MAIL_INTERVAL_S: between mails about one job, 3600 */
    int64_t auto_pause_after_s;  /* AUTO_PAUSE_AFTER_S: failing for so long pauses a job, 604800
                                  */
    /* gateway, dispatcher: the destination guard */
    const char *webhook_allow_cidrs; /* WEBHOOK_ALLOW_CIDRS: otherwise blocked addresses, "" */
    /* dispatcher */
    int64_t dispatch_concurrency; /* DISPATCH_CONCURRENCY: POSTs at once, 1000 */
    int64_t dispatch_per_host;    /* DISPATCH_PER_HOST: connections to one host, 64 */
    int64_t response_cap_bytes; /* RESPONSE_CAP_BYTES: answer body read before hanging up, 65536 */
    /* mailer */
    const char
        *smtp_url; /* SMTP_URL: smtp://host:587, smtps://...; exactly one of SMTP_URL, MAIL_DIR */
    const char *smtp_user;     /* SMTP_USER */
    const char *smtp_password; /* SMTP_PASSWORD */
    const char *smtp_tls;      /* SMTP_TLS: require (default), off */
    const char *smtp_ca_file;  /* SMTP_CA_FILE: PEM file of trusted CAs; "": the system's */
    const char *mail_dir;      /* MAIL_DIR: .eml files instead of SMTP */
    const char *mail_from;     /* MAIL_FROM */
};

/*
 * Reads the environment for one process. Returns 0, or -1 after writing to error one line for each
 * variable that is wrong: its name, what was found (never for secrets), what is expected.
 */
int config_load(struct config *config, enum config_process process, FILE *error) MUST_CHECK;

/* The table as a Markdown table: the one in README.md; a test holds them against each other. */
void config_print_markdown(FILE *out);
/* The rows of one process, for --help. */
void config_print_help(enum config_process process, FILE *out);

#endif
