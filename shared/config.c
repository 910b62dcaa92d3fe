/*
 * One row a variable: everything else here (reading, checking, the help, the README's table) walks
 * the rows.
 */
#include "shared/config.h"

#include <ctype.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum row_type { ROW_STRING, ROW_INTEGER, ROW_CHOICE };

struct config_row {
    const char *name;
    enum row_type type;
    unsigned processes; /* bits of enum config_process */
    size_t offset;      /* of the member in struct config */
    const char *fallback;
    int64_t min; /* of an integer's value, or a string's length in bytes */
    int64_t max;
    const char *choices; /* "a, b, c" */
    bool required;
    bool secret; /* may hold a password: its value is never shown */
    const char *meaning;
};

#define STRING_MAX 4096
#define SHOWN_MAX  60 /* bytes of a wrong value in an error */

#define STRING_ROW(variable, used_by, member, default_text, text)                                  \
    {                                                                                              \
        .name = (variable), .type = ROW_STRING, .processes = (used_by),                            \
        .offset = offsetof(struct config, member), .fallback = (default_text), .max = STRING_MAX,  \
        .meaning = (text)                                                                          \
    }
#define SECRET_ROW(variable, used_by, member, default_text, is_required, min_length, text)         \
    {                                                                                              \
        .name = (variable), .type = ROW_STRING, .processes = (used_by),                            \
        .offset = offsetof(struct config, member), .fallback = (default_text),                     \
        .min = (min_length), .max = STRING_MAX, .required = (is_required), .secret = true,         \
        .meaning = (text)                                                                          \
    }
#define INTEGER_ROW(variable, used_by, member, default_text, low, high, text)                      \
    {                                                                                              \
        .name = (variable), .type = ROW_INTEGER, .processes = (used_by),                           \
        .offset = offsetof(struct config, member), .fallback = (default_text), .min = (low),       \
        .max = (high), .meaning = (text)                                                           \
    }
#define CHOICE_ROW(variable, used_by, member, default_text, values, text)                          \
    {                                                                                              \
        .name = (variable), .type = ROW_CHOICE, .processes = (used_by),                            \
        .offset = offsetof(struct config, member), .fallback = (default_text),                     \
        .choices = (values), .meaning = (text)                                                     \
    }

/* clang-format off */
static const struct config_row rows[] = {
    SECRET_ROW("NATS_URL", CONFIG_ALL, nats_url, "nats://127.0.0.1:4222", false, 0,
               "NATS server; user and password may be in it"),
    CHOICE_ROW("LOG_LEVEL", CONFIG_ALL, log_level, "info", "debug, info, warn, error",
               "lowest level that is logged: debug, info, warn, error"),
    STRING_ROW("INSTANCE", CONFIG_ALL, instance, "",
               "name of this process in logs and leases; unset: host name and process id"),
    STRING_ROW("ADMIN_ADDRESS", CONFIG_ALL, admin_address, "127.0.0.1",
               "address of the admin port"),
    INTEGER_ROW("ADMIN_PORT", CONFIG_ALL, admin_port, "0", 0, 65535,
                "port of /healthz, /readyz and /metrics; 0: any free port, which is logged"),
    INTEGER_ROW("DRAIN_TIMEOUT_MS", CONFIG_ALL, drain_timeout_ms, "25000", 1, 3600000,
                "how long a SIGTERM waits for work under way"),
    SECRET_ROW("DATABASE_URL", CONFIG_GATEWAY | CONFIG_SCHEDULER | CONFIG_DISPATCHER, database_url,
               "", true, 0, "PostgreSQL, as the process's own role"),
    STRING_ROW("LISTEN_ADDRESS", CONFIG_GATEWAY, listen_address, "127.0.0.1",
               "address of the API"),
    INTEGER_ROW("PORT", CONFIG_GATEWAY, listen_port, "8080", 1, 65535, "port of the API"),
    INTEGER_ROW("GATEWAY_DB_CONNECTIONS", CONFIG_GATEWAY, gateway_db_connections, "4", 1, 256,
                "connections to PostgreSQL"),
    INTEGER_ROW("READ_QUEUE_LIMIT", CONFIG_GATEWAY, read_queue_limit, "1024", 1, 1000000,
                "reads that may wait; more get 503"),
    INTEGER_ROW("COMMAND_LIMIT", CONFIG_GATEWAY, command_limit, "4096", 1, 1000000,
                "commands that may wait for their answer; more get 503"),
    INTEGER_ROW("COMMAND_TIMEOUT_MS", CONFIG_GATEWAY, command_timeout_ms, "30000", 100, 300000,
                "how long a command waits for a leader's answer before it gets 503"),
    INTEGER_ROW("CONNECTION_LIMIT", CONFIG_GATEWAY, connection_limit, "10000", 1, 1000000,
                "open client connections"),
    INTEGER_ROW("CLIENT_RATE_PER_MINUTE", CONFIG_GATEWAY, client_rate_per_minute, "30", 1, 1000000,
                "registrations, rotations and the like that one client address may ask for"),
    INTEGER_ROW("API_RATE_PER_MINUTE", CONFIG_GATEWAY, api_rate_per_minute, "60", 1, 1000000,
                "requests to /api/v1 that one account may send in a clock minute, over all gateways"),
    STRING_ROW("TRUSTED_PROXIES", CONFIG_GATEWAY, trusted_proxies, "",
               "CIDRs, separated by commas, whose X-Forwarded-For counts"),
    SECRET_ROW("STRIPE_SECRET_KEY", CONFIG_GATEWAY, stripe_secret_key, "", false, 0,
               "key of Stripe's API; unset, with the three rows below: nothing can be bought"),
    SECRET_ROW("STRIPE_WEBHOOK_SECRET", CONFIG_GATEWAY, stripe_webhook_secret, "", false, 0,
               "whsec_... of the webhook endpoint at Stripe that calls /billing/webhook"),
    STRING_ROW("STRIPE_PRICE_PRO", CONFIG_GATEWAY, stripe_price_pro, "",
               "id of the monthly price of the pro plan at Stripe"),
    STRING_ROW("STRIPE_PRICE_BUSINESS", CONFIG_GATEWAY, stripe_price_business, "",
               "id of the monthly price of the business plan at Stripe"),
    STRING_ROW("STRIPE_API_BASE", CONFIG_GATEWAY, stripe_api_base, "https://api.stripe.com",
               "base URL of Stripe's API; http:// on loopback only, for tests"),
    STRING_ROW("BILLING_RETURN_URL", CONFIG_GATEWAY, billing_return_url, "http://127.0.0.1:8080",
               "URL that Stripe's pages lead back to"),
    SECRET_ROW("CRONCOCO_SECRET", CONFIG_GATEWAY | CONFIG_MAILER, secret, "", true, 32,
               "makes tokens and API keys; the same, random, for every gateway and mailer; "
               "at least 32 bytes"),
    STRING_ROW("PUBLIC_URL", CONFIG_GATEWAY | CONFIG_MAILER, public_url, "http://127.0.0.1:8080",
               "base URL of the API, in mails and in the ping_url of a check"),
    SECRET_ROW("WEBHOOK_SIGNING_SECRET", CONFIG_GATEWAY | CONFIG_DISPATCHER, webhook_signing_secret,
               "", true, 32,
               "makes the secrets that deliveries are signed with; the same, random, for every "
               "gateway and dispatcher, and not CRONCOCO_SECRET; at least 32 bytes"),
    INTEGER_ROW("LEASE_TTL_MS", CONFIG_SCHEDULER, lease_ttl_ms, "3000", 500, 60000,
                "how long a leader's lease lasts without renewal"),
    INTEGER_ROW("ADDRESS_RATE_PER_HOUR", CONFIG_SCHEDULER, address_rate_per_hour, "5", 1, 1000000,
                "mails with a token that may be asked for by one e-mail address"),
    INTEGER_ROW("CATCH_UP_WINDOW_S", CONFIG_SCHEDULER, catch_up_window_s, "86400", 0, 2678400,
                "how far back slots that nobody fired are looked for"),
    INTEGER_ROW("OPEN_RUN_LIMIT", CONFIG_SCHEDULER, open_run_limit, "4000000", 1, 100000000,
                "runs under way; past it slots are skipped"),
    INTEGER_ROW("HISTORY_DAYS", CONFIG_SCHEDULER, history_days, "31", 8, 3650,
                "days of executions that are kept; longer than RUNS keeps runs"),
    INTEGER_ROW("STREAM_STORAGE_MB", CONFIG_SCHEDULER | CONFIG_DISPATCHER, stream_storage_mb,
                "1024", 1, 1048576,
                "megabytes that each JetStream stream may take, when it is made"),
    INTEGER_ROW("FAILURE_MAIL_INTERVAL_S", CONFIG_SCHEDULER, failure_mail_interval_s, "3600", 0,
                2678400, "least time between two mails about failures of one job"),
    INTEGER_ROW("AUTO_PAUSE_AFTER_S", CONFIG_SCHEDULER, auto_pause_after_s, "604800", 1, 31536000,
                "how long a job fails without a success before it is paused; a mail warns a day "
                "before, or at half of it"),
    STRING_ROW("WEBHOOK_ALLOW_CIDRS", CONFIG_GATEWAY | CONFIG_DISPATCHER, webhook_allow_cidrs, "",
               "CIDRs, separated by commas, of otherwise blocked addresses that webhooks may have"),
    INTEGER_ROW("DISPATCH_CONCURRENCY", CONFIG_DISPATCHER, dispatch_concurrency, "1000", 1, 100000,
                "POSTs at once"),
    INTEGER_ROW("DISPATCH_PER_HOST", CONFIG_DISPATCHER, dispatch_per_host, "64", 1, 100000,
                "connections to one host"),
    INTEGER_ROW("RESPONSE_CAP_BYTES", CONFIG_DISPATCHER, response_cap_bytes, "65536", 0, 16777216,
                "bytes of a webhook's answer that are read before hanging up"),
    SECRET_ROW("SMTP_URL", CONFIG_MAILER, smtp_url, "", false, 0,
               "smtp://host:587 or smtps://host:465; exactly one of SMTP_URL and MAIL_DIR is set"),
    SECRET_ROW("SMTP_USER", CONFIG_MAILER, smtp_user, "", false, 0, "user name for SMTP"),
    SECRET_ROW("SMTP_PASSWORD", CONFIG_MAILER, smtp_password, "", false, 0, "password for SMTP"),
    CHOICE_ROW("SMTP_TLS", CONFIG_MAILER, smtp_tls, "require", "require, off",
               "whether smtp:// must change to TLS: require, off"),
    STRING_ROW("SMTP_CA_FILE", CONFIG_MAILER, smtp_ca_file, "",
               "PEM file of the CAs that vouch for the SMTP server; unset: the system's"),
    STRING_ROW("MAIL_DIR", CONFIG_MAILER, mail_dir, "",
               "directory for .eml files, instead of SMTP"),
    STRING_ROW("MAIL_FROM", CONFIG_MAILER, mail_from, "CronCoco <no-reply@localhost>",
               "sender of the mails"),
};
/* clang-format on */

static const struct {
    enum config_process process;
    const char *name;
} process_names[] = {
    {CONFIG_GATEWAY, "gateway"},
    {CONFIG_SCHEDULER, "scheduler"},
    {CONFIG_DISPATCHER, "dispatcher"},
    {CONFIG_MAILER, "mailer"},
};

static void set_string(struct config *config, const struct config_row *row, const char *value)
{
    memcpy((char *)config + row->offset, &value, sizeof value);
}

static void set_integer(struct config *config, const struct config_row *row, int64_t value)
{
    memcpy((char *)config + row->offset, &value, sizeof value);
}

/* Digits only: no sign, no space, no other base. */
static bool parse_integer(const char *text, int64_t min, int64_t max, int64_t *value)
{
    int64_t parsed = 0;
    for (const char *digit = text; *digit; digit++) {
        if (*digit < '0' || *digit > '9' || __builtin_mul_overflow(parsed, 10, &parsed) ||
            __builtin_add_overflow(parsed, *digit - '0', &parsed))
            return false;
    }
    *value = parsed;
    return text[0] && parsed >= min && parsed <= max;
}

static bool is_choice(const char *choices, const char *value)
{
    size_t length = strlen(value);
    for (const char *choice = choices; *choice;) {
        size_t choice_length = strcspn(choice, ",");
        if (choice_length == length && strncmp(choice, value, length) == 0)
            return true;
        choice += choice_length;
        choice += strspn(choice, ", ");
    }
    return false;
}

/* 'value', cut short and without control characters, so that an error stays one line. */
static void print_found(const struct config_row *row, const char *value, FILE *error)
{
    if (row->secret) {
        fputs("the value", error);
        return;
    }
    fputc('\'', error);
    size_t shown = 0;
    for (; value[shown] && shown < SHOWN_MAX; shown++)
        fputc(iscntrl((unsigned char)value[shown]) ? '?' : value[shown], error);
    fputs(value[shown] ? "...'" : "'", error);
}

static int load_string(struct config *config, const struct config_row *row, const char *value,
                       FILE *error)
{
    int64_t length = (int64_t)strlen(value);
    set_string(config, row, value);
    if (value[0] == '\0' || (length >= row->min && length <= row->max))
        return 0;
    fprintf(error, "%s: ", row->name);
    print_found(row, value, error);
    if (length < row->min)
        fprintf(error, " is shorter than %" PRId64 " bytes\n", row->min);
    else
        fprintf(error, " is longer than %" PRId64 " bytes\n", row->max);
    return -1;
}

static int load_integer(struct config *config, const struct config_row *row, const char *value,
                        FILE *error)
{
    int64_t number;
    if (parse_integer(value, row->min, row->max, &number)) {
        set_integer(config, row, number);
        return 0;
    }
    fprintf(error, "%s: ", row->name);
    print_found(row, value, error);
    fprintf(error, " is not a number from %" PRId64 " to %" PRId64 "\n", row->min, row->max);
    return -1;
}

static int load_choice(struct config *config, const struct config_row *row, const char *value,
                       FILE *error)
{
    if (is_choice(row->choices, value)) {
        set_string(config, row, value);
        return 0;
    }
    fprintf(error, "%s: ", row->name);
    print_found(row, value, error);
    fprintf(error, " is not one of %s\n", row->choices);
    return -1;
}

static int load_row(struct config *config, const struct config_row *row, FILE *error)
{
    const char *value = getenv(row->name);
    if (!value || value[0] == '\0') {
        if (row->required) {
            fprintf(error, "%s: not set, and has no default: %s\n", row->name, row->meaning);
            return -1;
        }
        value = row->fallback;
    }
    switch (row->type) {
    case ROW_STRING: return load_string(config, row, value, error);
    case ROW_INTEGER: return load_integer(config, row, value, error);
    case ROW_CHOICE: return load_choice(config, row, value, error);
    }
    invariant_failed("a known type of row", __FILE__, __LINE__);
}

/* A constant of the process: made at the first call. */
static const char *default_instance(void)
{
    static char text[128];
    char host[64] = "host";
    if (text[0] == '\0') {
        if (gethostname(host, sizeof host) != 0)
            snprintf(host, sizeof host, "host");
        host[sizeof host - 1] = '\0';
        snprintf(text, sizeof text, "%s-%ld", host, (long)getpid());
    }
    return text;
}

int config_load(struct config *config, enum config_process process, FILE *error)
{
    int status = 0;
    memset(config, 0, sizeof *config);
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        const struct config_row *row = &rows[i];
        if (row->type != ROW_INTEGER)
            set_string(config, row, "");
        if ((row->processes & process) && load_row(config, row, error) != 0)
            status = -1;
    }
    if (config->instance[0] == '\0')
        config->instance = default_instance();
    if ((process & CONFIG_MAILER) && !config->smtp_url[0] == !config->mail_dir[0]) {
        fprintf(error, "SMTP_URL, MAIL_DIR: %s; exactly one of them must be\n",
                config->smtp_url[0] ? "both are set" : "neither is set");
        status = -1;
    }
    return status;
}

static void print_processes(unsigned processes, FILE *out)
{
    if (processes == CONFIG_ALL) {
        fputs("all", out);
        return;
    }
    const char *separator = "";
    for (size_t i = 0; i < ARRAY_LENGTH(process_names); i++) {
        if (processes & process_names[i].process) {
            fprintf(out, "%s%s", separator, process_names[i].name);
            separator = ", ";
        }
    }
}

void config_print_markdown(FILE *out)
{
    fputs("| variable | used by | default | meaning |\n|---|---|---|---|\n", out);
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        const struct config_row *row = &rows[i];
        fprintf(out, "| `%s` | ", row->name);
        print_processes(row->processes, out);
        if (row->required)
            fputs(" | required | ", out);
        else if (row->fallback[0])
            fprintf(out, " | `%s` | ", row->fallback);
        else
            fputs(" | | ", out);
        fprintf(out, "%s |\n", row->meaning);
    }
}

void config_print_help(enum config_process process, FILE *out)
{
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        const struct config_row *row = &rows[i];
        if (!(row->processes & process))
            continue;
        fprintf(out, "  %-24s%s", row->name, row->meaning);
        if (row->required)
            fputs(" (required)", out);
        else if (row->fallback[0])
            fprintf(out, " (default: %s)", row->fallback);
        fputc('\n', out);
    }
}
