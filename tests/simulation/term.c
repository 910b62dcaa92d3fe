#include "tests/simulation/term.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scheduler/core/commands.h"
#include "scheduler/core/job_declaration.h"
#include "shared/memory.h"
#include "tests/simulation/allowances.h"
#include "tests/simulation/clients.h"
#include "tests/simulation/database.h"
#include "tests/simulation/dispatchers.h"
#include "tests/simulation/faults.h"
#include "tests/simulation/ledger.h"
#include "tests/simulation/notices.h"
#include "tests/simulation/plans.h"
#include "tests/simulation/rows.h"
#include "tests/simulation/schedulers.h"

#define PREPARE_AHEAD_MS    5000
#define SKIPPED_WAITING_MAX 300
#define COMMAND_CREDIT      512
#define RESULT_CREDIT       64
#define TAIL_MESSAGES       64
#define READ_MAX            8 /* messages given out in one step */

struct term *term_new(unsigned index, uint64_t epoch)
{
    struct term *term = memory_new(1, sizeof(*term));
    term->index = index;
    term->epoch = epoch;
    return term;
}

void term_free(struct term *term)
{
    if (!term)
        return;
    turn_free(term);
    core_free(term->core);
    checks_free(term->checks);
    free(term);
}

uint64_t term_epoch(const struct term *term)
{
    return term->epoch;
}

bool term_leads(const struct world *world, const struct term *term)
{
    return term->state == TERM_LEADING && database_leads(world, term->epoch);
}

static struct term *term_of(struct world *world, const struct event *event)
{
    struct scheduler *scheduler = scheduler_of(world, event);
    return scheduler ? scheduler->term : NULL;
}

void term_step_failed(struct world *world, struct event *event)
{
    scheduler_term_ended(world, event->target, "ends: no answer, or an error");
}

/* ---- ticks ---- */

/* A message of runs on its way to RUNS; owned by its event. */
struct publication {
    struct run_message_id id, expected;
    int64_t decided_ms; /* by the leader's clock */
    struct run_batch batch;
};

static void published(struct world *world, struct event *event)
{
    struct term *term = world->schedulers->all[event->target].term;
    if (!event->number) {
        scheduler_term_ended(world, event->target, "ends: RUNS refused a message");
        return;
    }
    core_acknowledged(term->core, term->first++, event->number);
    if (!run_log_waiting(&term->core->log))
        turn_kick(world, term);
}

static void publish(struct world *world, struct event *event)
{
    const struct publication *publication = event->data;
    uint64_t sequence = streams_publish_runs(world, &publication->id, &publication->expected,
                                             &publication->batch, publication->decided_ms);
    scheduler_reply(world, event, LINK_NATS, published)->number = sequence;
}

static void emit(void *arg, uint64_t number, unsigned lane, const struct run_batch *batch)
{
    struct term *term = arg;
    (void)lane;
    if (term->next == 0)
        term->first = term->next = number;
    if (number != term->next)
        world_fail(term->world, "message %llu was emitted out of order",
                   (unsigned long long)number);
    term->next++;
    struct publication *publication = memory_new(1, sizeof(*publication));
    publication->id = (struct run_message_id){term->epoch, number};
    publication->expected = term->last_id;
    publication->decided_ms = scheduler_wall_ms(term->world, term->index);
    publication->batch = *batch;
    term->last_id = publication->id;
    struct event *event = scheduler_send(term->world, term->index, LINK_NATS, publish);
    event->data = publication;
    event->drop = free;
}

static void clock_timer(struct world *world, struct event *event)
{
    struct term *term = world->schedulers->all[event->target].term;
    if (event->number == term->clock_number)
        term_tick(world, term);
}

static void clock_until(struct world *world, struct term *term, int64_t wall_ms)
{
    int64_t delay_ms = wall_ms - scheduler_wall_ms(world, term->index);
    scheduler_timer(world, term->index, delay_ms, clock_timer)->number = ++term->clock_number;
}

/* Lets go the held runs whose time has come, but not while commands are uncommitted. */
static void release(struct world *world, struct term *term)
{
    if (!term_leads(world, term) || term->finishing || turn_holds_commands(term))
        return;
    uint32_t runs = core_release(term->core, scheduler_wall_ms(world, term->index));
    if (runs)
        trace_add(world, (int)term->index, "releases runs", runs, 0);
    if (core_has_rows(term->core))
        turn_kick(world, term);
}

static void clock_until_release(struct world *world, struct term *term, int64_t now_ms,
                                int64_t wall_ms)
{
    int64_t release_ms =
        turn_holds_commands(term) ? INT64_MAX : core_next_release_ms(term->core, now_ms);
    clock_until(world, term, release_ms < wall_ms ? release_ms : wall_ms);
}

void term_tick(struct world *world, struct term *term)
{
    struct core *core = term->core;
    release(world, term);
    while (term_leads(world, term) && !term->finishing) {
        int64_t now_ms = scheduler_wall_ms(world, term->index);
        int64_t slot_ms = (int64_t)core_next_minute(core) * MINUTE_MS;
        if (now_ms < slot_ms - PREPARE_AHEAD_MS) {
            clock_until_release(world, term, now_ms, slot_ms - PREPARE_AHEAD_MS);
            return;
        }
        if (core->prepared != core_next_minute(core))
            core_prepare(core, core_next_minute(core));
        if (now_ms < slot_ms) {
            clock_until_release(world, term, now_ms, slot_ms);
            return;
        }
        if (turn_holds_commands(term) ||
            core->skipped.count - core->skipped_first > SKIPPED_WAITING_MAX)
            return;
        uint32_t runs = core_tick(core, now_ms);
        if (runs)
            trace_add(world, (int)term->index, "tick of minute, runs", core->emitted, runs);
        turn_kick(world, term);
    }
}

/* ---- messages ---- */

static void question_answer(struct world *world, struct term *term,
                            const struct stored_result *question)
{
    const struct stored_runs *message = &world->streams->runs[question->message - 1];
    struct dispatcher_answer *answer = memory_new(1, sizeof(*answer));
    answer->dispatcher = question->dispatcher;
    answer->life = question->life;
    answer->message = question->message;
    for (uint32_t i = 0; i < message->count; i++) {
        const struct run *run = &message->runs[i];
        answer->open[i] =
            core_is_open(term->core, run->job, run->slot_s, run->replay, run->attempt);
    }
    struct event *event = scheduler_send(world, term->index, LINK_NATS, dispatchers_answer);
    event->data = answer;
    event->drop = free;
}

static void result_message(struct world *world, struct term *term, uint64_t sequence)
{
    const struct stored_result *stored = &world->streams->results[sequence - 1];
    if (stored->question) {
        /* One that was deposed and does not know it must not say what it knows. */
        if (term_leads(world, term))
            question_answer(world, term, stored);
    } else {
        struct result result = {.job = stored->job,
                                .slot_s = stored->slot_s,
                                .replay = stored->replay,
                                .attempt = stored->attempt,
                                .outcome = stored->outcome,
                                .code = stored->code,
                                .started_ms = stored->started_ms,
                                .duration_ms = stored->duration_ms,
                                .dns_ms = RESULT_NO_TIME,
                                .connect_ms = RESULT_NO_TIME,
                                .tls_ms = RESULT_NO_TIME,
                                .first_byte_ms = RESULT_NO_TIME,
                                .retry_after_s = stored->retry_after_s};
        if (stored->outcome != RESULT_SUCCESS) {
            snprintf(result.error, sizeof(result.error), "HTTP %u", stored->code);
            result.body = "sorry";
            result.body_bytes = (uint16_t)strlen(result.body);
        }
        (void)core_result(term->core, &result, scheduler_wall_ms(world, term->index));
    }
    turn_results_applied(world, term, sequence);
    release(world, term);
}

static void messages_read(struct world *world, struct event *event)
{
    struct term *term = world->schedulers->all[event->target].term;
    term->reading = false;
    if (world->streams->down || term->finishing)
        return;
    for (int i = 0; i < READ_MAX; i++) {
        if (term->result_credit && term->results_read < world->streams->result_count) {
            term->result_credit--;
            result_message(world, term, ++term->results_read);
        }
        if (term->command_credit && term->commands_read < world->streams->command_count) {
            term->command_credit--;
            uint64_t sequence = ++term->commands_read;
            turn_add_command(world, term, sequence, world->streams->commands[sequence - 1]);
        }
    }
    term_notice(world, term);
}

void term_notice(struct world *world, struct term *term)
{
    if (term->state != TERM_LEADING || term->reading || term->finishing ||
        ((!term->result_credit || term->results_read >= world->streams->result_count) &&
         (!term->command_credit || term->commands_read >= world->streams->command_count)))
        return;
    term->reading = true;
    scheduler_timer(world, term->index, chance_between(world, 1, 3), messages_read);
}

void term_committed(struct world *world, struct term *term, unsigned commands, unsigned results)
{
    term->command_credit += commands;
    term->result_credit += results;
    term_notice(world, term);
    term_tick(world, term);
}

static void finish(struct world *world, struct event *event)
{
    struct term *term = world->schedulers->all[event->target].term;
    if (term->state != TERM_LEADING)
        return;
    trace_add(world, (int)term->index, "is asked to stop", 0, 0);
    term->finishing = true;
    turn_kick(world, term);
}

void term_finish(struct world *world, struct term *term)
{
    scheduler_timer(world, term->index, 0, finish);
}

/* ---- taking over ---- */

static void lead(struct world *world, struct event *event)
{
    struct term *term = world->schedulers->all[event->target].term;
    if (!event->number) {
        scheduler_term_ended(world, event->target, "ends: assert_leader refused");
        return;
    }
    trace_add(world, (int)term->index, "leads, open runs, emitted", term->core->open.count,
              term->core->emitted);
    term->state = TERM_LEADING;
    term->commands_read = term->core->progress.commands_seq;
    term->results_read = term->core->progress.results_seq;
    term->command_credit = COMMAND_CREDIT;
    term->result_credit = RESULT_CREDIT;
    turn_start_leading(term);
    term_notice(world, term);
    term_tick(world, term);
}

static void prepare(struct world *world, struct event *event)
{
    struct term *term = term_of(world, event);
    if (term)
        scheduler_reply(world, event, LINK_DATABASE, lead)->number =
            database_leads(world, term->epoch);
}

static void tail_fetch(struct world *world, struct term *term);

static void tail_looked_up(struct world *world, struct event *event)
{
    struct term *term = world->schedulers->all[event->target].term;
    if (term->tail_next <= term->marker) {
        tail_fetch(world, term);
        return;
    }
    uint32_t last_tick = term->core->progress.last_tick;
    core_loaded(term->core, scheduler_wall_ms(world, term->index));
    if (term->core->emitted > last_tick) {
        term->gap_after = last_tick;
        term->gap_to = term->core->emitted;
    }
    term->state = TERM_PREPARING;
    scheduler_send(world, term->index, LINK_DATABASE, prepare);
}

/* The query for the final rows of some messages, and what its rows are used for. */
static void tail_look_up(struct world *world, struct event *event)
{
    struct term *term = term_of(world, event);
    if (!term)
        return;
    for (int i = 0; i < TAIL_MESSAGES && term->tail_next <= term->marker; i++) {
        const struct stored_runs *message = &world->streams->runs[term->tail_next - 1];
        struct run_batch batch = {.epoch = message->epoch, .count = message->count};
        bool final[RUN_BATCH_MAX] = {false};
        for (uint32_t j = 0; j < message->count; j++) {
            batch.runs[j] = message->runs[j];
            const struct run *run = &message->runs[j];
            const struct delivery *delivery =
                ledger_delivery(world, run->job, run->slot_s, run->replay);
            final[j] = delivery && (delivery->row == ROW_SUCCESS || delivery->row == ROW_FAILURE);
        }
        core_load_message(term->core, term->tail_next++, &batch, final,
                          scheduler_wall_ms(world, term->index));
    }
    scheduler_reply(world, event, LINK_DATABASE, tail_looked_up);
}

static void tail_fetched(struct world *world, struct event *event)
{
    scheduler_send(world, event->target, LINK_DATABASE, tail_look_up);
}

static void tail_messages(struct world *world, struct event *event)
{
    scheduler_reply(world, event, LINK_NATS, tail_fetched);
}

static void tail_fetch(struct world *world, struct term *term)
{
    scheduler_send(world, term->index, LINK_NATS, tail_messages);
}

static void anchor(struct world *world, struct term *term);

static void anchored(struct world *world, struct event *event)
{
    struct term *term = world->schedulers->all[event->target].term;
    if (!event->number) {
        anchor(world, term); /* somebody wrote in between */
        return;
    }
    trace_add(world, (int)term->index, "anchored, epoch, sequence", (long long)term->epoch,
              (long long)event->number);
    term->last_id = (struct run_message_id){term->epoch, UINT64_MAX};
    term->marker = event->number;
    term->tail_next = term->core->log.runs_seq + 1;
    term->state = TERM_READING;
    tail_fetch(world, term);
}

static void anchor_arrived(struct world *world, struct event *event)
{
    const uint64_t *epoch = event->data;
    uint64_t sequence = streams_anchor(world, *epoch, event->number);
    scheduler_reply(world, event, LINK_NATS, anchored)->number = sequence;
}

static void range_known(struct world *world, struct event *event)
{
    struct term *term = world->schedulers->all[event->target].term;
    uint64_t last = event->number, *epoch = memory_new(1, sizeof(*epoch));
    *epoch = term->epoch;
    struct event *request = scheduler_send(world, term->index, LINK_NATS, anchor_arrived);
    request->number = last;
    request->data = epoch;
    request->drop = free;
}

static void range_asked(struct world *world, struct event *event)
{
    scheduler_reply(world, event, LINK_NATS, range_known)->number = world->streams->run_count;
}

static void anchor(struct world *world, struct term *term)
{
    scheduler_send(world, term->index, LINK_NATS, range_asked);
}

/* ---- loading ---- */

static void load_base(struct world *world, struct term *term)
{
    const struct core_limits limits = {.open_runs = faults_open_run_limit(world),
                                       .catch_up_window_s = 86400,
                                       .address_per_hour = 5,
                                       .failure_mail_interval_ms = FAILURE_MAIL_INTERVAL_MS,
                                       .auto_pause_after_ms = AUTO_PAUSE_AFTER_MS};
    term->world = world;
    term->core = core_create(&limits, term->epoch, &world->database->progress, emit, term);
    term->checks =
        checks_create(&(struct checks_progress){.next_ping = 1, .next_flip = 1, .next_alert = 1});
    for (size_t i = 0; i < PLANS; i++)
        core_load_plan(term->core, &plans[i]);
    const struct facts *rows = &world->database->rows;
    for (size_t i = 0; i < rows->token_count; i++)
        if (rows->tokens[i].created_ms > world->now_ms - HOUR_MS)
            (void)address_limit_take(term->core->addresses, rows->tokens[i].email,
                                     rows->tokens[i].created_ms);
}

static void load_accounts(struct world *world, struct term *term)
{
    const struct facts *rows = &world->database->rows;
    for (size_t i = 0; i < rows->account_count; i++) {
        const struct fact_account *account = &rows->accounts[i];
        if (account->change == FACT_DELETED)
            continue;
        const struct usage_row *usage = allowances_usage(world, account->id);
        const struct account_row row = {.id = account->id,
                                        .plan = account->plan,
                                        .failure_email_enabled = account->failure_email_enabled,
                                        .month = usage->month,
                                        .executions = usage->executions,
                                        .minute = usage->minute,
                                        .starts = usage->starts};
        if (core_load_account(term->core, &row, scheduler_wall_ms(world, term->index)) != 0)
            world_fail(world, "account %lld cannot be loaded", (long long)account->id);
    }
}

static void load_jobs(struct world *world, struct term *term)
{
    const struct facts *rows = &world->database->rows;
    for (size_t i = 0; i < rows->job_count; i++) {
        const struct fact_job *job = &rows->jobs[i];
        if (job->change == FACT_DELETED)
            continue;
        struct job_settings settings = job_settings_of(job);
        if (core_load_job(term->core, job->id, job->account, &settings) != 0)
            world_fail(world, "job %lld cannot be loaded", (long long)job->id);
    }
}

static void load_failing(struct world *world, struct term *term)
{
    for (size_t i = 0; i < world->rows->count; i++) {
        const struct failing_row *row = &world->rows->states[i].failing;
        if (row->since_ms || row->mailed_ms)
            core_load_failing(term->core, row);
    }
}

static void pending_row(struct core *core, const struct delivery *delivery, int64_t account,
                        bool alert)
{
    core_load_pending(core, &(struct pending_row){.run = {.job = delivery->job,
                                                          .slot_s = delivery->slot_s,
                                                          .version = delivery->version,
                                                          .replay = delivery->replay,
                                                          .timeout_s = delivery->timeout_s},
                                                  .account = account,
                                                  .alert = alert,
                                                  .attempts = delivery->told,
                                                  .trigger = delivery->trigger,
                                                  .next_attempt_ms = delivery->next_attempt_ms});
}

static void pending_execution(void *arg, const struct delivery *delivery)
{
    struct term *term = arg;
    pending_row(term->core, delivery, 0, false);
}

static void load_pending(struct world *world, struct term *term)
{
    ledger_each_pending(world, term, pending_execution);
}

static void load_notices(struct world *world, struct term *term)
{
    for (size_t i = 0; i < world->notices->count; i++) {
        const struct notice *notice = &world->notices->all[i];
        if (!notice->deleted && notice->delivery.row == ROW_PENDING)
            pending_row(term->core, &notice->delivery, notice->account, notice->alert);
    }
}

static void load_outbox(struct world *world, struct term *term)
{
    const struct facts *rows = &world->database->rows;
    for (size_t i = 0; i < rows->mail_count; i++)
        if (rows->mails[i].message_id)
            outbox_add(world, term, rows->mails[i].outbox);
}

static void (*const loads[])(struct world *world, struct term *term) = {
    load_base, load_accounts, load_jobs, load_failing, load_pending, load_notices, load_outbox};

static void load_asked(struct world *world, struct event *event);

static void load_next(struct world *world, struct event *event)
{
    struct term *term = world->schedulers->all[event->target].term;
    if (term->load_step < ARRAY_LENGTH(loads)) {
        scheduler_send(world, event->target, LINK_DATABASE, load_asked);
        return;
    }
    term->state = TERM_ANCHORING;
    anchor(world, term);
}

static void load_asked(struct world *world, struct event *event)
{
    struct term *term = term_of(world, event);
    if (!term)
        return;
    loads[term->load_step++](world, term);
    scheduler_reply(world, event, LINK_DATABASE, load_next);
}

void term_start(struct world *world, struct term *term)
{
    scheduler_send(world, term->index, LINK_DATABASE, load_asked);
}
