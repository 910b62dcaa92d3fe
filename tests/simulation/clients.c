#include "tests/simulation/clients.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/mail.h"
#include "shared/memory.h"
#include "tests/simulation/database.h"
#include "tests/simulation/ledger.h"
#include "tests/simulation/schedule.h"
#include "tests/simulation/streams.h"

#define TEXT_SIZE        48
#define RESEND_MAX_MS    1200000
#define JOBS_PER_ACCOUNT 40
#define NEWCOMERS        25 /* accounts made and deleted by mail, at most */
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
    unsigned newcomers;
    uint64_t answers, repeated;
};

static const char web_address[] = "https://example.com/hook";

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

static void request_schedule(struct world *world, struct request *request)
{
    schedule_text(world, request->expression);
    request->command.job.fields |= JOB_CRON;
    request->command.job.cron_expression = request->expression;
}

static void create_job(struct world *world, int64_t account)
{
    struct request *request = request_new(world, COMMAND_JOB_CREATE, account);
    request_schedule(world, request);
    request->command.job.fields |= JOB_NAME | JOB_WEBHOOK_URL | JOB_ENABLED;
    request->command.job.name = request->id;
    request->command.job.enabled = !chance_of(world, 100000);
}

static struct known_job *any_job(struct world *world)
{
    struct clients *clients = world->clients;
    return &clients->jobs[chance_between(world, 0, (int64_t)clients->job_count - 1)];
}

static void change_job(struct world *world)
{
    struct known_job *job = any_job(world);
    struct request *request = request_new(world, COMMAND_JOB_UPDATE, job->account);
    request->command.job_id = job->id;
    if (chance_of(world, 500000)) {
        request->command.job.fields = JOB_ENABLED;
        request->command.job.enabled = chance_of(world, 650000);
    } else {
        request_schedule(world, request);
    }
}

static void delete_job(struct world *world)
{
    struct known_job *job = any_job(world);
    request_new(world, COMMAND_JOB_DELETE, job->account)->command.job_id = job->id;
}

/* A newcomer's address tells its place. */
static void newcomer(struct world *world)
{
    struct clients *clients = world->clients;
    char email[TEXT_SIZE];
    if (clients->newcomers < NEWCOMERS && chance_of(world, 500000)) {
        snprintf(email, sizeof(email), "new%u@example.com", clients->newcomers++);
        request_email(request_new(world, COMMAND_ACCOUNT_REGISTER, 0), email);
    } else if (clients->newcomers) {
        snprintf(email, sizeof(email), "new%u@example.com",
                 (unsigned)chance_between(world, 0, clients->newcomers - 1));
        static const enum command_kind kinds[] = {
            COMMAND_ACCOUNT_REGISTER, COMMAND_ACCOUNT_REQUEST_ROTATION,
            COMMAND_ACCOUNT_REQUEST_DELETION, COMMAND_ACCOUNT_SET_PLAN};
        enum command_kind kind = kinds[chance_between(world, 0, 3)];
        struct request *request = request_new(world, kind, 0);
        request_email(request, email);
        request->command.plan = kind == COMMAND_ACCOUNT_SET_PLAN ? "business" : NULL;
        const struct fact_account *account = database_account(world, email);
        for (int i = 0; account && i < 3; i++)
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
        else if (dice < 76)
            change_job(world);
        else if (dice < 90)
            delete_job(world);
        else
            newcomer(world);
    }
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

void clients_answer(struct world *world, uint64_t number, int status, const char *body)
{
    struct clients *clients = world->clients;
    struct request *request = clients->requests[number];
    clients->answers++;
    if (request->answered) {
        clients->repeated++;
        if (request->status != 429 &&
            (request->status != status || strcmp(request->body, body) != 0))
            world_fail(world, "command %s was answered %d %s, and then %d %s", request->id,
                       request->status, request->body, status, body);
        return;
    }
    request->answered = true;
    request->status = status;
    request->body = memory_text(body, strlen(body));
    const struct command *command = &request->command;
    if (status >= 500 || (status == 409 && command->kind != COMMAND_ACCOUNT_VERIFY))
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
    }
}

void clients_mail(struct world *world, int64_t outbox)
{
    const struct fact_mail *row = &world->database->rows.mails[outbox - 1];
    struct mail mail;
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

/* Accounts and jobs that are there from the start. */
void clients_open(struct world *world)
{
    struct database *database = world->database;
    world->clients = memory_new(1, sizeof(*world->clients));
    uint32_t begun = (uint32_t)(world->begun_ms / MINUTE_MS);
    for (unsigned i = 0; i < world->wanted_jobs; i++) {
        if (i % JOBS_PER_ACCOUNT == 0) {
            char email[TEXT_SIZE];
            snprintf(email, sizeof(email), "old%u@example.com", i);
            struct fact_account *account = facts_add_account(&database->rows);
            account->id = database->progress.next_account++;
            fact_set(&account->email, email);
            fact_set(&account->plan, "business");
        }
        char text[SCHEDULE_TEXT_SIZE];
        schedule_text(world, text);
        struct fact_job *job = facts_add_job(&database->rows);
        job->id = database->progress.next_job++;
        job->account = database->progress.next_account - 1;
        job->version = 1;
        fact_set(&job->name, "from the start");
        fact_set(&job->cron_expression, text);
        fact_set(&job->webhook_url, web_address);
        job->enabled = true;
        job->due_after_ms = job->created_ms = job->updated_ms = world->begun_ms;
        ledger_changed(world, job->id, begun, begun, true, text);
        know_job(world, job->id, job->account);
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
