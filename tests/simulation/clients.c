#include "tests/simulation/clients.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scheduler/core/job_declaration.h"
#include "shared/mail.h"
#include "shared/memory.h"
#include "tests/simulation/allowances.h"
#include "tests/simulation/calendar.h"
#include "tests/simulation/database.h"
#include "tests/simulation/ledger.h"
#include "tests/simulation/schedule.h"
#include "tests/simulation/streams.h"

#define TEXT_SIZE        48
#define RESEND_MAX_MS    1200000
#define JOBS_PER_ACCOUNT 40
#define NEWCOMERS        25 /* accounts made and deleted by mail, at most */
#define PER_REPLAY       (24 * HOUR_MS)
#define PACE_MS                                                                                    \
    INT64_C(240000) /* between commands, on average; now and then they come in bursts              \
                     */

struct request {
    struct command command;
    char id[TEXT_SIZE], email[TEXT_SIZE], expression[SCHEDULE_TEXT_SIZE];
    bool answered;
    int status;
    char *body; /* owned: of the first answer */
    int64_t wait_ms;
};

/* What the clients know of a job. */
struct known_job {
    int64_t id, account;
    uint32_t changes; /* updates that were answered with 200 */
    bool deleted;     /* 204 */
};

struct clients {
    struct request **requests; /* owned: by number */
    size_t request_count, request_room;
    struct known_job *jobs; /* owned */
    size_t job_count, job_room;
    unsigned newcomers, olds;
    uint64_t answers, repeated;
};

static const char web_address[] = "https://example.com/hook";
static const char old_address[] =
    "old%u@example.com"; /* of accounts that are there from the start */
static const char new_address[] = "new%u@example.com";

uint64_t clients_number(const char *id)
{
    return strtoull(id + 1, NULL, 10);
}

const struct command *clients_command(const struct world *world, uint64_t number)
{
    return &world->clients->requests[number]->command;
}

uint64_t clients_count(const struct world *world)
{
    return world->clients->request_count;
}

/* ---- sending ---- */

static void send_request(struct world *world, struct event *event)
{
    struct request *request = world->clients->requests[event->number];
    if (request->answered)
        return;
    if (!world->streams->down && world->now_ms >= world->streams->stalled_until_ms)
        streams_add_command(world, event->number);
    world_later(world, request->wait_ms, send_request)->number = event->number;
    if (request->wait_ms < RESEND_MAX_MS)
        request->wait_ms *= 2;
}

/* A new request, sent with the next event; its fields are still to be filled in. */
static struct request *request_new(struct world *world, enum command_kind kind, int64_t account)
{
    struct clients *clients = world->clients;
    if (clients->request_count == clients->request_room) {
        clients->request_room = clients->request_room ? 2 * clients->request_room : 256;
        clients->requests =
            memory_resize(clients->requests, clients->request_room, sizeof(struct request *));
    }
    uint64_t number = clients->request_count++;
    struct request *request = clients->requests[number] = memory_new(1, sizeof(*request));
    snprintf(request->id, sizeof(request->id), "c%llu", (unsigned long long)number);
    secret_hash(request->id, strlen(request->id), request->command.fingerprint);
    request->wait_ms = 1000;
    request->command.kind = kind;
    request->command.id = request->id;
    request->command.account = account;
    request->command.received_ms = world->now_ms;
    request->command.job.webhook_url = web_address;
    world_later(world, 0, send_request)->number = number;
    return request;
}

static void request_email(struct request *request, const char *email)
{
    size_t length = strnlen(email, sizeof(request->email) - 1);
    memcpy(request->email, email, length);
    request->command.email = request->email;
}

/* A time near by, of a whole second. */
static int64_t time_near(struct world *world, int64_t from_ms, int64_t to_ms)
{
    return (world->now_ms + chance_between(world, from_ms, to_ms)) / 1000;
}

/* When a job is due: an expression of text in some zone, or one minute; and between what times. */
static void schedule_choose(struct world *world, struct job_input *job,
                            char text[static SCHEDULE_TEXT_SIZE])
{
    if (chance_of(world, 60000)) {
        job->fields |= JOB_RUN_AT;
        job->run_at_s = time_near(world, MINUTE_MS, 30 * HOUR_MS) / 60 * 60;
    } else {
        schedule_text(world, text);
        job->fields |= JOB_CRON;
        job->cron_expression = text;
    }
    if (chance_of(world, 150000)) {
        job->fields |= JOB_TIMEZONE;
        job->timezone = schedule_zones[chance_between(world, 0, SCHEDULE_ZONES - 1)].name;
    }
    if (chance_of(world, 50000)) {
        job->fields |= JOB_START_AT;
        job->start_at_s =
            chance_of(world, 300000) ? 0 : time_near(world, -2 * HOUR_MS, 24 * HOUR_MS);
    }
    if (chance_of(world, 60000)) {
        job->fields |= JOB_END_AT;
        job->end_at_s = chance_of(world, 300000) ? 0 : time_near(world, HOUR_MS, 72 * HOUR_MS);
    }
}

/* What else may be said of a job; most say nothing. */
static void policy_choose(struct world *world, struct job_input *job)
{
    if (chance_of(world, 350000)) {
        job->fields |= JOB_CATCH_UP;
        job->catch_up = (enum catch_up)chance_between(world, CATCH_UP_LATEST, CATCH_UP_NONE);
    }
    if (chance_of(world, 70000)) {
        job->fields |= JOB_CATCH_UP_WINDOW;
        job->catch_up_window_s = chance_of(world, 300000) ? CATCH_UP_WINDOW_NONE
                                                          : (int32_t)chance_between(world, 0, 7200);
    }
    if (chance_of(world, 250000)) {
        job->fields |= JOB_ALLOW_OVERLAP;
        job->allow_overlap = chance_of(world, 200000);
    }
    if (chance_of(world, 150000)) {
        job->fields |= JOB_JITTER;
        job->jitter_s = (uint16_t)(chance_of(world, 700000) ? chance_between(world, 0, 59)
                                                            : chance_between(world, 60, 3000));
    }
    if (chance_of(world, 300000)) {
        job->fields |= JOB_MAX_RETRIES;
        job->max_retries = (uint8_t)chance_between(world, 0, JOB_RETRIES_MAX);
    }
    if (chance_of(world, 150000)) {
        job->fields |= JOB_AUTO_PAUSE;
        job->auto_pause = chance_of(world, 300000);
    }
    if (chance_of(world, 450000)) {
        job->fields |= JOB_FAILURE_URL;
        job->failure_webhook_url = chance_of(world, 200000) ? NULL : web_address;
    }
}

static void create_job(struct world *world, int64_t account)
{
    struct request *request = request_new(world, COMMAND_JOB_CREATE, account);
    schedule_choose(world, &request->command.job, request->expression);
    policy_choose(world, &request->command.job);
    request->command.job.fields |= JOB_NAME | JOB_WEBHOOK_URL | JOB_ENABLED;
    request->command.job.name = request->id;
    request->command.job.enabled = !chance_of(world, 100000);
}

/* Mostly one that is there. */
static struct known_job *any_job(struct world *world)
{
    struct clients *clients = world->clients;
    struct known_job *job = NULL;
    for (int i = 0; i < 8 && (!job || !database_job(world, job->id)); i++)
        job = &clients->jobs[chance_between(world, 0, (int64_t)clients->job_count - 1)];
    return job;
}

static void change_job(struct world *world)
{
    struct known_job *job = any_job(world);
    struct request *request = request_new(world, COMMAND_JOB_UPDATE, job->account);
    request->command.job_id = job->id;
    if (chance_of(world, 500000)) {
        request->command.job.fields = JOB_ENABLED;
        request->command.job.enabled = chance_of(world, 750000);
    } else if (chance_of(world, 500000)) {
        schedule_choose(world, &request->command.job, request->expression);
    } else {
        policy_choose(world, &request->command.job);
    }
}

static void run_job(struct world *world)
{
    const struct known_job *job = any_job(world);
    unsigned count = chance_of(world, 200000) ? (unsigned)chance_between(world, 2, 12) : 1;
    for (unsigned i = 0; i < count; i++)
        request_new(world, COMMAND_JOB_RUN, job->account)->command.job_id = job->id;
}

static void replay_job(struct world *world)
{
    const struct known_job *job = any_job(world);
    struct request *request = request_new(world, COMMAND_JOB_REPLAY, job->account);
    request->command.job_id = job->id;
    int64_t to_s = time_near(world, -24 * HOUR_MS, 0);
    request->command.window =
        (struct replay_window){.from_s = to_s - chance_between(world, 0, PER_REPLAY) / 1000,
                               .to_s = to_s,
                               .failure = true,
                               .skipped = chance_of(world, 500000),
                               .success = chance_of(world, 250000)};
}

/* Another plan for an account, by an operator. */
static void set_plan(struct world *world, const char *email, const char *plan)
{
    struct request *request = request_new(world, COMMAND_ACCOUNT_SET_PLAN, 0);
    request_email(request, email);
    request->command.plan = plan;
}

static void change_plan(struct world *world)
{
    char email[TEXT_SIZE];
    snprintf(email, sizeof(email), old_address,
             (unsigned)chance_between(world, 0, world->clients->olds - 1));
    set_plan(world, email, plans[chance_between(world, 0, PLANS - 1)].name);
}

static void delete_job(struct world *world)
{
    struct known_job *job = any_job(world);
    request_new(world, COMMAND_JOB_DELETE, job->account)->command.job_id = job->id;
}

/* One of the large accounts goes, under load. */
static void delete_old(struct world *world)
{
    char email[TEXT_SIZE];
    snprintf(email, sizeof(email), old_address,
             (unsigned)chance_between(world, 0, world->clients->olds - 1));
    request_email(request_new(world, COMMAND_ACCOUNT_REQUEST_DELETION, 0), email);
}

/* A newcomer's address tells its place. */
static void newcomer(struct world *world)
{
    struct clients *clients = world->clients;
    char email[TEXT_SIZE];
    if (clients->newcomers < NEWCOMERS && chance_of(world, 500000)) {
        snprintf(email, sizeof(email), new_address, clients->newcomers++);
        request_email(request_new(world, COMMAND_ACCOUNT_REGISTER, 0), email);
    } else if (clients->newcomers) {
        snprintf(email, sizeof(email), new_address,
                 (unsigned)chance_between(world, 0, clients->newcomers - 1));
        static const enum command_kind kinds[] = {COMMAND_ACCOUNT_REGISTER,
                                                  COMMAND_ACCOUNT_REQUEST_ROTATION,
                                                  COMMAND_ACCOUNT_REQUEST_DELETION};
        int64_t kind = chance_between(world, 0, 3);
        if (kind == 3)
            set_plan(world, email, plans[chance_between(world, 0, PLANS - 1)].name);
        else
            request_email(request_new(world, kinds[kind], 0), email);
        const struct fact_account *account = database_account(world, email);
        for (int i = 0; account && i < 6; i++)
            create_job(world, account->id);
    }
}

static void act(struct world *world, struct event *event)
{
    if (world->draining)
        return;
    unsigned count = chance_of(world, 30000) ? (unsigned)chance_between(world, 20, 600) : 1;
    for (unsigned i = 0; i < count; i++) {
        int64_t dice = chance_between(world, 0, 99);
        if (dice < 15)
            create_job(world, any_job(world)->account);
        else if (dice < 55)
            change_job(world);
        else if (dice < 67)
            delete_job(world);
        else if (dice < 80)
            run_job(world);
        else if (dice < 87)
            replay_job(world);
        else if (dice < 89)
            change_plan(world);
        else
            newcomer(world);
    }
    if (chance_of(world, 700))
        delete_old(world);
    /* Some like the full minute, to be in the way of a tick. */
    int64_t delay_ms = chance_between(world, 100, 2 * PACE_MS);
    if (chance_of(world, 300000))
        delay_ms +=
            MINUTE_MS - (world->now_ms + delay_ms) % MINUTE_MS + chance_between(world, -60, 60);
    world_later(world, delay_ms, event->run);
}

/* ---- answers ---- */

static void know_job(struct world *world, int64_t id, int64_t account)
{
    struct clients *clients = world->clients;
    if (clients->job_count == clients->job_room) {
        clients->job_room = clients->job_room ? 2 * clients->job_room : 256;
        clients->jobs = memory_resize(clients->jobs, clients->job_room, sizeof(*clients->jobs));
    }
    clients->jobs[clients->job_count++] = (struct known_job){.id = id, .account = account};
}

static struct known_job *known(struct world *world, int64_t id)
{
    struct clients *clients = world->clients;
    for (size_t i = 0; i < clients->job_count; i++)
        if (clients->jobs[i].id == id)
            return &clients->jobs[i];
    world_fail(world, "nobody knows job %lld", (long long)id);
}

/* Such answers are not kept: the same command may succeed later. */
static bool is_later(int status)
{
    return status == 429 || status == 503;
}

/* Executions that an answer names. */
static void promised(struct world *world, const struct request *request)
{
    const char *id = request->body;
    while ((id = strstr(id, "\"msg_")) != NULL) {
        const char *end = strchr(++id, '"');
        if (!end)
            world_fail(world, "command %s: %s", request->id, request->body);
        ledger_promised(world, id, (size_t)(end - id));
        id = end;
    }
}

void clients_answer(struct world *world, uint64_t number, int status, const char *body)
{
    struct clients *clients = world->clients;
    struct request *request = clients->requests[number];
    clients->answers++;
    if (request->answered) {
        clients->repeated++;
        if (!is_later(request->status) && !is_later(status) &&
            (request->status != status || strcmp(request->body, body) != 0))
            world_fail(world, "command %s was answered %d %s, and then %d %s", request->id,
                       request->status, request->body, status, body);
        return;
    }
    request->answered = true;
    request->status = status;
    request->body = memory_text(body, strlen(body));
    const struct command *command = &request->command;
    if ((status >= 500 && !is_later(status)) ||
        (status == 409 && command->kind != COMMAND_ACCOUNT_VERIFY))
        world_fail(world, "command %s was answered %d %s", request->id, status, body);
    if (command->kind == COMMAND_JOB_CREATE && status == 201) {
        const char *id = strstr(body, "\"id\":");
        if (!id)
            world_fail(world, "command %s: no id in %s", request->id, body);
        know_job(world, strtoll(id + strlen("\"id\":"), NULL, 10), command->account);
    } else if (command->kind == COMMAND_JOB_UPDATE && status == 200) {
        known(world, command->job_id)->changes++;
    } else if (command->kind == COMMAND_JOB_DELETE && status == 204) {
        if (known(world, command->job_id)->deleted)
            world_fail(world, "job %lld was deleted twice", (long long)command->job_id);
        known(world, command->job_id)->deleted = true;
    } else if (status == 202) {
        promised(world, request);
    }
}

void clients_mail(struct world *world, int64_t outbox)
{
    const struct fact_mail *row = &world->database->rows.mails[outbox - 1];
    struct mail mail;
    if (strcmp(row->subject, "letter") == 0)
        return; /* to its owner's eyes alone */
    if (mail_decode(row->payload.data, row->payload.length, &mail) != 0)
        world_fail(world, "mail %lld cannot be read", (long long)outbox);
    static const enum command_kind kinds[MAIL_KINDS] = {[MAIL_VERIFY] = COMMAND_ACCOUNT_VERIFY,
                                                        [MAIL_ROTATE] = COMMAND_ACCOUNT_ROTATE,
                                                        [MAIL_DELETE] = COMMAND_ACCOUNT_DELETE};
    if (mail.kind == MAIL_KNOWN || chance_of(world, 100000))
        return;
    struct request *request = request_new(world, kinds[mail.kind], 0);
    memcpy(request->command.token_id, mail.token_id, TOKEN_ID_SIZE);
    secret_hash(request->id, strlen(request->id), request->command.key_hash);
    if (mail.kind == MAIL_DELETE)
        request_email(request, mail.to);
}

/* ---- the beginning and the end ---- */

static void old_account(struct world *world)
{
    struct database *database = world->database;
    char email[TEXT_SIZE];
    const char *plan = plans[world->clients->olds % PLANS].name;
    snprintf(email, sizeof(email), old_address, world->clients->olds++);
    struct fact_account *account = facts_add_account(&database->rows);
    account->id = database->progress.next_account++;
    account->failure_email_enabled = true;
    fact_set(&account->email, email);
    fact_set(&account->plan, plan);
    allowances_plan(world, account->id, plan);
}

static void old_job(struct world *world)
{
    struct database *database = world->database;
    struct job_input input = job_input_defaults;
    char text[SCHEDULE_TEXT_SIZE];
    input.name = "from the start";
    input.webhook_url = web_address;
    schedule_choose(world, &input, text);
    policy_choose(world, &input);
    if (input.end_at_s && input.end_at_s < input.start_at_s)
        input.end_at_s = 0;
    struct fact_job *job = facts_add_job(&database->rows);
    job_take_declaration(job, &input);
    job->id = database->progress.next_job++;
    job->account = database->progress.next_account - 1;
    job->version = 1;
    job->enabled = true;
    job->due_after_ms = job->created_ms = job->updated_ms = world->begun_ms;
    calendar_changed(world, job, (uint32_t)(world->begun_ms / MINUTE_MS));
    know_job(world, job->id, job->account);
}

/* Accounts and jobs that are there from the start. */
void clients_open(struct world *world)
{
    world->clients = memory_new(1, sizeof(*world->clients));
    for (unsigned i = 0; i < world->wanted_jobs; i++) {
        if (i % JOBS_PER_ACCOUNT == 0)
            old_account(world);
        old_job(world);
    }
    world_later(world, PACE_MS, act);
}

void clients_close(struct world *world)
{
    struct clients *clients = world->clients;
    for (size_t i = 0; i < clients->request_count; i++) {
        free(clients->requests[i]->body);
        free(clients->requests[i]);
    }
    free(clients->requests);
    free(clients->jobs);
    free(clients);
}

void clients_balance(struct world *world)
{
    struct clients *clients = world->clients;
    uint64_t created = 0, rows = 0;
    for (size_t i = 0; i < clients->request_count; i++) {
        const struct request *request = clients->requests[i];
        if (!request->answered)
            world_fail(world, "command %s has no answer at the end", request->id);
        created += request->command.kind == COMMAND_JOB_CREATE && request->status == 201;
    }
    const struct facts *facts = &world->database->rows;
    for (size_t i = world->wanted_jobs; i < facts->job_count; i++)
        rows += facts->jobs[i].name && strcmp(facts->jobs[i].name, "") != 0;
    if (rows != created)
        world_fail(world, "%llu creations were answered 201, and there are %llu jobs",
                   (unsigned long long)created, (unsigned long long)rows);
    for (size_t i = 0; i < clients->job_count; i++) {
        const struct known_job *job = &clients->jobs[i];
        const struct fact_job *row = database_job(world, job->id);
        if (job->deleted && row)
            world_fail(world, "job %lld is there, its deletion was answered", (long long)job->id);
        if (row && row->version != 1 + job->changes)
            world_fail(world, "job %lld was changed %u times, and has version %u",
                       (long long)job->id, job->changes, row->version);
    }
    for (size_t i = 0; i < facts->mail_count; i++)
        if (facts->mails[i].message_id)
            world_fail(world, "outbox row %zu is there at the end", i + 1);
    for (size_t i = 0; i < facts->account_count; i++)
        if (facts->accounts[i].change == FACT_DELETED)
            for (size_t j = 0; j < facts->job_count; j++)
                if (facts->jobs[j].account == facts->accounts[i].id &&
                    facts->jobs[j].change != FACT_DELETED)
                    world_fail(world, "job %zu has outlived its account", j + 1);
}
