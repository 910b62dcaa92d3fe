#include "shared/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define SECRET_32 "0123456789abcdef0123456789abcdef"

/* Only what each process cannot do without. */
static int set_up(void **state)
{
    (void)state;
    clearenv();
    setenv("DATABASE_URL", "postgresql://127.0.0.1/croncoco", 1);
    setenv("CRONCOCO_SECRET", SECRET_32, 1);
    setenv("WEBHOOK_SIGNING_SECRET", SECRET_32, 1);
    setenv("MAIL_DIR", "/var/mail", 1);
    return 0;
}

/* What config_load writes; the caller frees it. */
static char *load(struct config *config, enum config_process process, int expected)
{
    char *text = NULL;
    size_t length = 0;
    FILE *error = open_memstream(&text, &length);
    assert_non_null(error);
    int status = config_load(config, process, error);
    fclose(error);
    if (status != expected)
        fail_msg("status %d: %s", status, text);
    assert_int_equal(length == 0, expected == 0);
    return text;
}

static void expect_good(struct config *config, enum config_process process)
{
    free(load(config, process, 0));
}

static void expect_error(enum config_process process, const char *lines)
{
    struct config config;
    char *text = load(&config, process, -1);
    assert_string_equal(text, lines);
    free(text);
}

static char *markdown(void)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    assert_non_null(out);
    config_print_markdown(out);
    fclose(out);
    return text;
}

struct integer_row {
    const char *name;
    enum config_process process;
    size_t offset;
    int64_t fallback;
    int64_t min;
    int64_t max;
};

#define INTEGER(name, process, member, fallback, min, max)                                         \
    {                                                                                              \
        name, process, offsetof(struct config, member), fallback, min, max                         \
    }

static const struct integer_row integers[] = {
    INTEGER("ADMIN_PORT", CONFIG_GATEWAY, admin_port, 0, 0, 65535),
    INTEGER("ADMIN_PORT", CONFIG_MAILER, admin_port, 0, 0, 65535),
    INTEGER("DRAIN_TIMEOUT_MS", CONFIG_SCHEDULER, drain_timeout_ms, 25000, 1, 3600000),
    INTEGER("PORT", CONFIG_GATEWAY, listen_port, 8080, 1, 65535),
    INTEGER("GATEWAY_DB_CONNECTIONS", CONFIG_GATEWAY, gateway_db_connections, 4, 1, 256),
    INTEGER("READ_QUEUE_LIMIT", CONFIG_GATEWAY, read_queue_limit, 1024, 1, 1000000),
    INTEGER("COMMAND_LIMIT", CONFIG_GATEWAY, command_limit, 4096, 1, 1000000),
    INTEGER("COMMAND_TIMEOUT_MS", CONFIG_GATEWAY, command_timeout_ms, 30000, 100, 300000),
    INTEGER("CONNECTION_LIMIT", CONFIG_GATEWAY, connection_limit, 10000, 1, 1000000),
    INTEGER("CLIENT_RATE_PER_MINUTE", CONFIG_GATEWAY, client_rate_per_minute, 30, 1, 1000000),
    INTEGER("API_RATE_PER_MINUTE", CONFIG_GATEWAY, api_rate_per_minute, 60, 1, 1000000),
    INTEGER("LEASE_TTL_MS", CONFIG_SCHEDULER, lease_ttl_ms, 3000, 500, 60000),
    INTEGER("ADDRESS_RATE_PER_HOUR", CONFIG_SCHEDULER, address_rate_per_hour, 5, 1, 1000000),
    INTEGER("CATCH_UP_WINDOW_S", CONFIG_SCHEDULER, catch_up_window_s, 86400, 0, 2678400),
    INTEGER("OPEN_RUN_LIMIT", CONFIG_SCHEDULER, open_run_limit, 4000000, 1, 100000000),
    INTEGER("HISTORY_DAYS", CONFIG_SCHEDULER, history_days, 31, 8, 3650),
    INTEGER("STREAM_STORAGE_MB", CONFIG_SCHEDULER | CONFIG_DISPATCHER, stream_storage_mb, 1024, 1,
            1048576),
    INTEGER("FAILURE_MAIL_INTERVAL_S", CONFIG_SCHEDULER, failure_mail_interval_s, 3600, 0, 2678400),
    INTEGER("AUTO_PAUSE_AFTER_S", CONFIG_SCHEDULER, auto_pause_after_s, 604800, 1, 31536000),
    INTEGER("DISPATCH_CONCURRENCY", CONFIG_DISPATCHER, dispatch_concurrency, 1000, 1, 100000),
    INTEGER("DISPATCH_PER_HOST", CONFIG_DISPATCHER, dispatch_per_host, 64, 1, 100000),
    INTEGER("RESPONSE_CAP_BYTES", CONFIG_DISPATCHER, response_cap_bytes, 65536, 0, 16777216),
};

struct string_row {
    const char *name;
    size_t offset;
    const char *fallback; /* NULL: required, or made up */
    enum config_process process;
    bool secret;
};

#define STRING(name, process, member, fallback, secret)                                            \
    {                                                                                              \
        name, offsetof(struct config, member), fallback, process, secret                           \
    }

static const struct string_row strings[] = {
    STRING("NATS_URL", CONFIG_DISPATCHER, nats_url, "nats://127.0.0.1:4222", true),
    STRING("INSTANCE", CONFIG_GATEWAY, instance, NULL, false),
    STRING("ADMIN_ADDRESS", CONFIG_GATEWAY, admin_address, "127.0.0.1", false),
    STRING("DATABASE_URL", CONFIG_GATEWAY, database_url, NULL, true),
    STRING("DATABASE_URL", CONFIG_SCHEDULER, database_url, NULL, true),
    STRING("DATABASE_URL", CONFIG_DISPATCHER, database_url, NULL, true),
    STRING("LISTEN_ADDRESS", CONFIG_GATEWAY, listen_address, "127.0.0.1", false),
    STRING("TRUSTED_PROXIES", CONFIG_GATEWAY, trusted_proxies, "", false),
    STRING("STRIPE_SECRET_KEY", CONFIG_GATEWAY, stripe_secret_key, "", true),
    STRING("STRIPE_WEBHOOK_SECRET", CONFIG_GATEWAY, stripe_webhook_secret, "", true),
    STRING("STRIPE_PRICE_PRO", CONFIG_GATEWAY, stripe_price_pro, "", false),
    STRING("STRIPE_PRICE_BUSINESS", CONFIG_GATEWAY, stripe_price_business, "", false),
    STRING("STRIPE_API_BASE", CONFIG_GATEWAY, stripe_api_base, "https://api.stripe.com", false),
    STRING("BILLING_RETURN_URL", CONFIG_GATEWAY, billing_return_url, "http://127.0.0.1:8080",
           false),
    STRING("CRONCOCO_SECRET", CONFIG_GATEWAY, secret, NULL, true),
    STRING("CRONCOCO_SECRET", CONFIG_MAILER, secret, NULL, true),
    STRING("PUBLIC_URL", CONFIG_GATEWAY, public_url, "http://127.0.0.1:8080", false),
    STRING("PUBLIC_URL", CONFIG_MAILER, public_url, "http://127.0.0.1:8080", false),
    STRING("WEBHOOK_SIGNING_SECRET", CONFIG_GATEWAY, webhook_signing_secret, NULL, true),
    STRING("WEBHOOK_SIGNING_SECRET", CONFIG_DISPATCHER, webhook_signing_secret, NULL, true),
    STRING("WEBHOOK_ALLOW_CIDRS", CONFIG_GATEWAY, webhook_allow_cidrs, "", false),
    STRING("WEBHOOK_ALLOW_CIDRS", CONFIG_DISPATCHER, webhook_allow_cidrs, "", false),
    STRING("SMTP_USER", CONFIG_MAILER, smtp_user, "", true),
    STRING("SMTP_PASSWORD", CONFIG_MAILER, smtp_password, "", true),
    STRING("SMTP_CA_FILE", CONFIG_MAILER, smtp_ca_file, "", false),
    STRING("MAIL_DIR", CONFIG_MAILER, mail_dir, NULL, false),
    STRING("MAIL_FROM", CONFIG_MAILER, mail_from, "CronCoco <no-reply@localhost>", false),
};

/* Rows with tests of their own. */
static const char *const others[] = {"LOG_LEVEL", "SMTP_TLS", "SMTP_URL"};

static int64_t integer_of(const struct config *config, size_t offset)
{
    int64_t value;
    memcpy(&value, (const char *)config + offset, sizeof value);
    return value;
}

static const char *string_of(const struct config *config, size_t offset)
{
    const char *value;
    memcpy(&value, (const char *)config + offset, sizeof value);
    return value;
}

static void set_integer_text(const char *name, int64_t value)
{
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)value);
    setenv(name, text, 1);
}

static void test_integer_defaults_and_bounds(void **state)
{
    for (size_t i = 0; i < ARRAY_LENGTH(integers); i++) {
        const struct integer_row *row = &integers[i];
        struct config config;
        set_up(state);
        expect_good(&config, row->process);
        assert_int_equal(integer_of(&config, row->offset), row->fallback);

        const int64_t good[] = {row->min, row->min + 1, row->max - 1, row->max};
        for (size_t j = 0; j < ARRAY_LENGTH(good); j++) {
            set_integer_text(row->name, good[j]);
            expect_good(&config, row->process);
            assert_int_equal(integer_of(&config, row->offset), good[j]);
        }
        const int64_t bad[] = {row->min - 1, row->max + 1, INT64_MIN, INT64_MAX};
        for (size_t j = 0; j < ARRAY_LENGTH(bad); j++) {
            char expected[256];
            set_integer_text(row->name, bad[j]);
            snprintf(expected, sizeof expected, "%s: '%s' is not a number from %lld to %lld\n",
                     row->name, getenv(row->name), (long long)row->min, (long long)row->max);
            expect_error(row->process, expected);
        }
    }
}

static void test_integers_are_digits_only(void **state)
{
    static const char *const rows[] = {"-1",
                                       "+5",
                                       " 5",
                                       "5 ",
                                       "5s",
                                       "0x10",
                                       "1e3",
                                       "5.0",
                                       "1_0",
                                       "five",
                                       "1,0",
                                       "\t5",
                                       "--5",
                                       "5\n",
                                       "9223372036854775808",
                                       "18446744073709551617",
                                       "99999999999999999999999999999999999999999999"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct config config;
        setenv("PORT", rows[i], 1);
        char *text = load(&config, CONFIG_GATEWAY, -1);
        assert_int_equal(strncmp(text, "PORT: '", 7), 0);
        assert_non_null(strstr(text, "' is not a number from 1 to 65535\n"));
        assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
        free(text);
    }
    struct config config;
    setenv("PORT", "0000443", 1);
    expect_good(&config, CONFIG_GATEWAY);
    assert_int_equal(config.listen_port, 443);
}

static void test_strings(void **state)
{
    for (size_t i = 0; i < ARRAY_LENGTH(strings); i++) {
        const struct string_row *row = &strings[i];
        struct config config;
        set_up(state);
        if (row->fallback) {
            expect_good(&config, row->process);
            assert_string_equal(string_of(&config, row->offset), row->fallback);
            setenv(row->name, "", 1);
            expect_good(&config, row->process);
            assert_string_equal(string_of(&config, row->offset), row->fallback);
        }
        static const char value[] = "a value that is long enough for secrets";
        setenv(row->name, value, 1);
        expect_good(&config, row->process);
        assert_string_equal(string_of(&config, row->offset), value);
    }
}

static void test_string_length(void **state)
{
    static char value[4098];
    for (size_t i = 0; i < ARRAY_LENGTH(strings); i++) {
        const struct string_row *row = &strings[i];
        struct config config;
        set_up(state);
        memset(value, 'w', 4097);
        value[4096] = '\0';
        setenv(row->name, value, 1);
        expect_good(&config, row->process);
        value[4096] = 'w';
        setenv(row->name, value, 1);
        char *text = load(&config, row->process, -1);
        assert_non_null(strstr(text, " is longer than 4096 bytes\n"));
        assert_true(strlen(text) < 200);
        assert_int_equal(strstr(text, "www") == NULL, row->secret);
        free(text);
    }
}

static void test_choices(void **state)
{
    static const struct {
        const char *name;
        const char *value;
        const char *error;
    } rows[] = {
        {"LOG_LEVEL", "debug", NULL},
        {"LOG_LEVEL", "info", NULL},
        {"LOG_LEVEL", "warn", NULL},
        {"LOG_LEVEL", "error", NULL},
        {"LOG_LEVEL", "loud", "LOG_LEVEL: 'loud' is not one of debug, info, warn, error\n"},
        {"LOG_LEVEL", "INFO", "LOG_LEVEL: 'INFO' is not one of debug, info, warn, error\n"},
        {"LOG_LEVEL", "inf", "LOG_LEVEL: 'inf' is not one of debug, info, warn, error\n"},
        {"LOG_LEVEL", "info, warn",
         "LOG_LEVEL: 'info, warn' is not one of debug, info, warn, error\n"},
        {"LOG_LEVEL", ",", "LOG_LEVEL: ',' is not one of debug, info, warn, error\n"},
        {"SMTP_TLS", "require", NULL},
        {"SMTP_TLS", "off", NULL},
        {"SMTP_TLS", "on", "SMTP_TLS: 'on' is not one of require, off\n"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct config config;
        set_up(state);
        setenv(rows[i].name, rows[i].value, 1);
        if (rows[i].error)
            expect_error(CONFIG_MAILER, rows[i].error);
        else
            expect_good(&config, CONFIG_MAILER);
    }
    struct config config;
    set_up(state);
    expect_good(&config, CONFIG_MAILER);
    assert_string_equal(config.log_level, "info");
    assert_string_equal(config.smtp_tls, "require");
}

static void test_required(void **state)
{
    static const struct {
        const char *name;
        unsigned processes;
    } rows[] = {
        {"DATABASE_URL", CONFIG_GATEWAY | CONFIG_SCHEDULER | CONFIG_DISPATCHER},
        {"CRONCOCO_SECRET", CONFIG_GATEWAY | CONFIG_MAILER},
        {"WEBHOOK_SIGNING_SECRET", CONFIG_GATEWAY | CONFIG_DISPATCHER},
    };
    static const enum config_process processes[] = {CONFIG_GATEWAY, CONFIG_SCHEDULER,
                                                    CONFIG_DISPATCHER, CONFIG_MAILER};
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        for (size_t j = 0; j < ARRAY_LENGTH(processes); j++) {
            for (int empty = 0; empty < 2; empty++) {
                struct config config;
                set_up(state);
                if (empty)
                    setenv(rows[i].name, "", 1);
                else
                    unsetenv(rows[i].name);
                bool needed = rows[i].processes & processes[j];
                char *text = load(&config, processes[j], needed ? -1 : 0);
                assert_int_equal(strstr(text, rows[i].name) == text, needed);
                assert_int_equal(strstr(text, ": not set") != NULL, needed);
                free(text);
            }
        }
    }
}

static void test_secret_length(void **state)
{
    (void)state;
    struct config config;
    setenv("CRONCOCO_SECRET", SECRET_32, 1);
    expect_good(&config, CONFIG_GATEWAY);
    setenv("CRONCOCO_SECRET", "hush", 1);
    expect_error(CONFIG_GATEWAY, "CRONCOCO_SECRET: the value is shorter than 32 bytes\n");
    setenv("CRONCOCO_SECRET", &SECRET_32[1], 1);
    expect_error(CONFIG_MAILER, "CRONCOCO_SECRET: the value is shorter than 32 bytes\n");
    setenv("CRONCOCO_SECRET", SECRET_32, 1);
    setenv("WEBHOOK_SIGNING_SECRET", &SECRET_32[1], 1);
    expect_error(CONFIG_GATEWAY, "WEBHOOK_SIGNING_SECRET: the value is shorter than 32 bytes\n");
    expect_error(CONFIG_DISPATCHER, "WEBHOOK_SIGNING_SECRET: the value is shorter than 32 bytes\n");
}

static void test_mailer_needs_one_way_out(void **state)
{
    (void)state;
    struct config config;
    setenv("SMTP_URL", "smtp://u:hush@host", 1);
    expect_error(CONFIG_MAILER, "SMTP_URL, MAIL_DIR: both are set; exactly one of them must be\n");
    setenv("MAIL_DIR", "", 1);
    expect_good(&config, CONFIG_MAILER);
    assert_string_equal(config.smtp_url, "smtp://u:hush@host");
    assert_string_equal(config.mail_dir, "");
    unsetenv("SMTP_URL");
    expect_error(CONFIG_MAILER,
                 "SMTP_URL, MAIL_DIR: neither is set; exactly one of them must be\n");
    expect_good(&config, CONFIG_GATEWAY);
}

static void test_every_error_has_its_line(void **state)
{
    (void)state;
    setenv("LOG_LEVEL", "x", 1);
    setenv("PORT", "0", 1);
    setenv("COMMAND_LIMIT", "many", 1);
    unsetenv("DATABASE_URL");
    setenv("CRONCOCO_SECRET", "short", 1);
    /* not the gateway's */
    setenv("LEASE_TTL_MS", "x", 1);
    expect_error(
        CONFIG_GATEWAY,
        "LOG_LEVEL: 'x' is not one of debug, info, warn, error\n"
        "DATABASE_URL: not set, and has no default: PostgreSQL, as the process's own role\n"
        "PORT: '0' is not a number from 1 to 65535\n"
        "COMMAND_LIMIT: 'many' is not a number from 1 to 1000000\n"
        "CRONCOCO_SECRET: the value is shorter than 32 bytes\n");
}

static void test_values_cannot_forge_lines(void **state)
{
    (void)state;
    setenv("PORT", "1\nLOG_LEVEL: fine\x1b[2J", 1);
    expect_error(CONFIG_GATEWAY, "PORT: '1?LOG_LEVEL: fine?[2J' is not a number from 1 to 65535\n");
}

static void test_rows_of_other_processes_are_empty(void **state)
{
    (void)state;
    struct config config;
    setenv("PORT", "99", 1);
    expect_good(&config, CONFIG_SCHEDULER);
    assert_int_equal(config.listen_port, 0);
    assert_string_equal(config.secret, "");
    assert_string_equal(config.smtp_tls, "");
    assert_string_equal(config.mail_dir, "");
}

static void test_default_instance(void **state)
{
    (void)state;
    struct config config;
    char host[65] = "";
    char expected[128];
    gethostname(host, sizeof host - 1);
    snprintf(expected, sizeof expected, "%.63s-%ld", host, (long)getpid());
    expect_good(&config, CONFIG_GATEWAY);
    assert_string_equal(config.instance, expected);
    setenv("INSTANCE", "west-1", 1);
    expect_good(&config, CONFIG_GATEWAY);
    assert_string_equal(config.instance, "west-1");
}

static bool is_tested(const char *name)
{
    for (size_t i = 0; i < ARRAY_LENGTH(integers); i++)
        if (strcmp(integers[i].name, name) == 0)
            return true;
    for (size_t i = 0; i < ARRAY_LENGTH(strings); i++)
        if (strcmp(strings[i].name, name) == 0)
            return true;
    for (size_t i = 0; i < ARRAY_LENGTH(others); i++)
        if (strcmp(others[i], name) == 0)
            return true;
    return false;
}

/* The rows of the Markdown are the rows there are: each has four cells, and a test above. */
static void test_markdown(void **state)
{
    (void)state;
    char *text = markdown();
    char *rest = NULL;
    char *line = strtok_r(text, "\n", &rest);
    assert_string_equal(line, "| variable | used by | default | meaning |");
    assert_string_equal(strtok_r(NULL, "\n", &rest), "|---|---|---|---|");
    size_t count = 0;
    while ((line = strtok_r(NULL, "\n", &rest))) {
        char name[64];
        int bars = 0;
        for (const char *c = line; *c; c++)
            bars += *c == '|';
        assert_int_equal(bars, 5);
        assert_int_equal(sscanf(line, "| `%63[A-Z_]` | ", name), 1);
        if (!is_tested(name))
            fail_msg("no test of the bounds of %s", name);
        count++;
    }
    assert_in_range(count, 30, 100);
    free(text);

    text = markdown();
    assert_non_null(strstr(text, "\n| `PORT` | gateway | `8080` | port of the API |\n"));
    assert_non_null(
        strstr(text, "| `DATABASE_URL` | gateway, scheduler, dispatcher | required | "));
    assert_non_null(strstr(text, "\n| `INSTANCE` | all | | "));
    free(text);
}

static void test_help_has_the_rows_of_the_process(void **state)
{
    (void)state;
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    assert_non_null(out);
    config_print_help(CONFIG_DISPATCHER, out);
    fclose(out);
    assert_non_null(strstr(text, "  DISPATCH_CONCURRENCY    POSTs at once (default: 1000)\n"));
    assert_non_null(strstr(text, "  DATABASE_URL            "));
    assert_non_null(strstr(text, " (required)\n"));
    assert_null(strstr(text, "LEASE_TTL_MS"));
    assert_null(strstr(text, "  PORT "));
    free(text);
}

static void test_readme_has_the_table(void **state)
{
    (void)state;
    FILE *file = fopen(SOURCE_DIR "/README.md", "r");
    assert_non_null(file);
    static char readme[1 << 20];
    size_t length = fread(readme, 1, sizeof readme - 1, file);
    fclose(file);
    readme[length] = '\0';
    char *text = markdown();
    if (!strstr(readme, text))
        fail_msg("README.md does not have the table that --config-markdown prints");
    free(text);
}

#define PREPARED(test) cmocka_unit_test_setup(test, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PREPARED(test_integer_defaults_and_bounds),
        PREPARED(test_integers_are_digits_only),
        PREPARED(test_strings),
        PREPARED(test_string_length),
        PREPARED(test_choices),
        PREPARED(test_required),
        PREPARED(test_secret_length),
        PREPARED(test_mailer_needs_one_way_out),
        PREPARED(test_every_error_has_its_line),
        PREPARED(test_values_cannot_forge_lines),
        PREPARED(test_rows_of_other_processes_are_empty),
        PREPARED(test_default_instance),
        PREPARED(test_markdown),
        PREPARED(test_help_has_the_rows_of_the_process),
        PREPARED(test_readme_has_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
