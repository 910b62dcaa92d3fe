#include "tests/unit/commands_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "shared/memory.h"

struct core *core;
struct checks *checks;
struct facts facts;
int64_t now_ms;
static uint8_t next_token;
uint8_t last_token[TOKEN_ID_SIZE];

static void emit(void *arg, uint64_t number, unsigned lane, const struct run_batch *batch)
{
    (void)arg;
    (void)number;
    (void)lane;
    (void)batch;
}

static void channel_there(int64_t account, const char *email)
{
    const struct channel_row row = {
        .id = account, .account = account, .kind = CHANNEL_EMAIL, .usable = true};
    checks_load_channel(checks, &row);
    struct fact_channel *fact = facts_add_channel(&facts);
    fact->id = fact->account = account;
    fact->kind = CHANNEL_EMAIL;
    fact_set(&fact->name, "E-mail");
    fact_set(&fact->target, email);
    fact->enabled = fact->verified = true;
}

/* Account 1 (a@example.com) has the free plan, account 2 (b@example.com) the business plan. */
static void account_there(int64_t id, const char *email, const char *plan)
{
    const struct account_row row = {.id = id, .plan = plan, .failure_email_enabled = true};
    assert_int_equal(core_load_account(core, &row, now_ms), 0);
    struct fact_account *fact = facts_add_account(&facts);
    fact->id = id;
    fact_set(&fact->email, email);
    fact_set(&fact->plan, plan);
    fact->failure_email_enabled = true;
    channel_there(id, email);
}

int commands_set_up(void **state)
{
    (void)state;
    static const struct plan plans[] = {{.name = "business",
                                         .active_jobs = 10,
                                         .stored_jobs = 12,
                                         .min_interval_s = 60,
                                         .timeout_s = 60,
                                         .executions_per_month = 3000,
                                         .concurrency = 2000,
                                         .burst_per_minute = 2000,
                                         .checks = 6,
                                         .check_period_max_s = 2592000,
                                         .check_grace_max_s = 86400},
                                        {.name = "free",
                                         .active_jobs = 2,
                                         .stored_jobs = 3,
                                         .min_interval_s = 900,
                                         .timeout_s = 10,
                                         .executions_per_month = 5,
                                         .concurrency = 1,
                                         .burst_per_minute = 3,
                                         .checks = 2,
                                         .check_period_max_s = 604800,
                                         .check_grace_max_s = 3600}};
    const struct core_limits limits = {.open_runs = OPEN_RUNS,
                                       .catch_up_window_s = 86400,
                                       .address_per_hour = 5,
                                       .failure_mail_interval_ms = 3600000,
                                       .auto_pause_after_ms = 604800000};
    core = core_create(&limits, 1,
                       &(struct core_progress){.has_last_tick = true,
                                               .last_tick = MINUTE,
                                               .next_account = 3,
                                               .next_job = 1,
                                               .next_outbox = 1,
                                               .next_notice = 1,
                                               .next_replay = 1,
                                               .next_channel = 3},
                       emit, NULL);
    checks =
        checks_create(&(struct checks_progress){.next_ping = 1, .next_flip = 1, .next_alert = 1});
    for (size_t i = 0; i < ARRAY_LENGTH(plans); i++)
        core_load_plan(core, &plans[i]);
    now_ms = NOW_MS;
    account_there(1, "a@example.com", "free");
    account_there(2, "b@example.com", "business");
    core_loaded(core, now_ms);
    checks_loaded(checks);
    return 0;
}

int commands_tear_down(void **state)
{
    (void)state;
    core_free(core);
    checks_free(checks);
    facts_free(&facts);
    return 0;
}

/* ---- commands ---- */

const struct fact_answer *apply(struct command *command, const char *id)
{
    command->id = id;
    if (!command->fingerprint[0])
        secret_hash(id, strlen(id), command->fingerprint);
    memset(last_token, ++next_token, sizeof(last_token));
    return command_apply(core, checks, &facts, command, last_token, now_ms);
}

void assert_status(const struct fact_answer *answer, int status)
{
    if (answer->status != status)
        fail_msg("%d expected, got %d %s", status, answer->status, answer->body);
}

static void assert_refusal(const struct fact_answer *answer, int status, const char *member,
                           const char *part)
{
    assert_status(answer, status);
    if (strncmp(answer->body, member, strlen(member)) != 0 || !strstr(answer->body, part))
        fail_msg("no \"%s\" in %s", part, answer->body);
}

void assert_refused(const struct fact_answer *answer, int status, const char *part)
{
    assert_refusal(answer, status, "{\"detail\":\"", part);
}

void assert_error(const struct fact_answer *answer, int status, const char *part)
{
    assert_refusal(answer, status, "{\"error\":\"", part);
}

void assert_says(const struct fact_answer *answer, int status, const char *part)
{
    assert_status(answer, status);
    if (!strstr(answer->body, part))
        fail_msg("no %s in %s", part, answer->body);
}

struct command create_command(int64_t account, const char *expression)
{
    return (struct command){.kind = COMMAND_JOB_CREATE,
                            .account = account,
                            .job = {.fields = JOB_NAME | JOB_CRON | JOB_WEBHOOK_URL,
                                    .name = "sync",
                                    .cron_expression = expression,
                                    .webhook_url = "https://example.com/hook"}};
}

const struct fact_answer *create(int64_t account, const char *expression, const char *id)
{
    struct command command = create_command(account, expression);
    return apply(&command, id);
}

const struct fact_answer *enable(int64_t account, int64_t job, bool enabled, const char *id)
{
    struct command command = {.kind = COMMAND_JOB_UPDATE,
                              .account = account,
                              .job_id = job,
                              .job = {.fields = JOB_ENABLED, .enabled = enabled}};
    return apply(&command, id);
}

const struct fact_answer *reschedule(int64_t account, int64_t job, const char *expression,
                                     const char *id)
{
    struct command command = {.kind = COMMAND_JOB_UPDATE,
                              .account = account,
                              .job_id = job,
                              .job = {.fields = JOB_CRON, .cron_expression = expression}};
    return apply(&command, id);
}

const struct fact_answer *job_deletion(int64_t account, int64_t job, const char *id)
{
    struct command command = {.kind = COMMAND_JOB_DELETE, .account = account, .job_id = job};
    return apply(&command, id);
}

const struct fact_answer *by_mail(enum command_kind kind, const char *email, const char *id)
{
    struct command command = {.kind = kind, .email = email};
    return apply(&command, id);
}

const struct fact_answer *by_token(enum command_kind kind, const uint8_t *token, const char *email,
                                   const char *id)
{
    struct command command = {.kind = kind, .email = email};
    memcpy(command.token_id, token, TOKEN_ID_SIZE);
    secret_hash(id, strlen(id), command.key_hash);
    return apply(&command, id);
}

const char *public_id_of(int64_t check)
{
    static char texts[8][PUBLIC_ID_SIZE];
    static unsigned next;
    char *text = texts[next++ % 8];
    snprintf(text, PUBLIC_ID_SIZE, "check%011lld", (long long)check);
    return text;
}

struct command check_command(enum command_kind kind, int64_t account, int64_t check)
{
    return (struct command){.kind = kind,
                            .under_v1 = true,
                            .account = account,
                            .check_id = check,
                            .public_id = public_id_of(check),
                            .ping_url = "https://x.example/ping/",
                            .check = check_input_defaults};
}

const struct fact_answer *check_creation(int64_t account, int64_t check, const char *id)
{
    struct command command = check_command(COMMAND_CHECK_CREATE, account, check);
    return apply(&command, id);
}

const struct fact_answer *about_check(enum command_kind kind, int64_t account, int64_t check,
                                      const char *id)
{
    struct command command = check_command(kind, account, check);
    return apply(&command, id);
}

struct mail last_mail(void)
{
    struct mail mail;
    assert_true(facts.mail_count > 0);
    const struct fact_mail *fact = &facts.mails[facts.mail_count - 1];
    assert_int_equal(mail_decode(fact->payload.data, fact->payload.length, &mail), 0);
    return mail;
}

bool core_has_job(int64_t id)
{
    return place_table_find(&core->jobs, id) != PLACE_NONE;
}

const struct job *core_job(int64_t id)
{
    assert_true(core_has_job(id));
    return job_at(&core->jobs, place_table_find(&core->jobs, id));
}

bool core_has_account(int64_t id)
{
    return place_table_find(&core->accounts, id) != PLACE_NONE;
}

const struct account *core_account(int64_t id)
{
    assert_true(core_has_account(id));
    return account_at(&core->accounts, place_table_find(&core->accounts, id));
}
