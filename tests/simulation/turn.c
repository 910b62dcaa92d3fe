#include "tests/simulation/turn.h"

#include <stdlib.h>
#include <string.h>

#include "scheduler/core/commands.h"
#include "shared/memory.h"
#include "tests/simulation/clients.h"
#include "tests/simulation/database.h"
#include "tests/simulation/schedulers.h"
#include "tests/simulation/term.h"

#define COMMANDS_MAX       256
#define SKIPPED_MAX        100 /* small ones, so that they are met */
#define HELD_MAX           10
#define PENDING_MAX        100
#define BURST_RUNS         60
#define PENDING_AGE_MS     200
#define PENDING_AGE_MAX_MS 5000
#define PACE_MS            20
#define PROGRESS_MS        1000
#define ALERTS_CHANCE      3000 /* of a transaction, in a million */
#define RESULTS_MANY       32   /* messages: their positions do not wait for PROGRESS_MS */

void turn_start_leading(struct term *term)
{
    term->turn.written = term->core->progress;
    term->turn.commands_seq = term->core->progress.commands_seq;
    term->turn.results_seq = term->core->progress.results_seq;
}

void turn_free(struct term *term)
{
    free(term->turn.queue);
    free(term->outbox.waiting);
    free(term->outbox.acknowledged);
}

bool turn_holds_commands(const struct term *term)
{
    return term->turn.state == TURN_WRITING && term->turn.taken > 0;
}

/* ---- mail ---- */

static void outbox_next(struct world *world, struct term *term);

static void outbox_published(struct world *world, struct event *event)
{
    struct term *term = world->schedulers->all[event->target].term;
    struct outbox *outbox = &term->outbox;
    outbox->publishing = false;
    if (outbox->acknowledged_count == outbox->acknowledged_room) {
        outbox->acknowledged_room = outbox->acknowledged_room ? 2 * outbox->acknowledged_room : 8;
        outbox->acknowledged =
            memory_resize(outbox->acknowledged, outbox->acknowledged_room, sizeof(int64_t));
    }
    outbox->acknowledged[outbox->acknowledged_count++] = outbox->waiting[0];
    outbox->waiting_count--;
    memmove(outbox->waiting, outbox->waiting + 1, outbox->waiting_count * sizeof(int64_t));
    outbox_next(world, term);
    if (term->state == TERM_LEADING)
        turn_kick(world, term);
}

static void outbox_arrived(struct world *world, struct event *event)
{
    clients_mail(world, (int64_t)event->number);
    scheduler_reply(world, event, LINK_NATS, outbox_published);
}

static void outbox_next(struct world *world, struct term *term)
{
    struct outbox *outbox = &term->outbox;
    if (outbox->publishing || !outbox->waiting_count)
        return;
    outbox->publishing = true;
    scheduler_send(world, term->index, LINK_NATS, outbox_arrived)->number =
        (uint64_t)outbox->waiting[0];
}

void outbox_add(struct world *world, struct term *term, int64_t id)
{
    struct outbox *outbox = &term->outbox;
    if (outbox->waiting_count == outbox->waiting_room) {
        outbox->waiting_room = outbox->waiting_room ? 2 * outbox->waiting_room : 8;
        outbox->waiting = memory_resize(outbox->waiting, outbox->waiting_room, sizeof(int64_t));
    }
    outbox->waiting[outbox->waiting_count++] = id;
    if (term->state == TERM_LEADING)
        outbox_next(world, term);
}

/* ---- after the commit ---- */

struct answer_sent {
    uint64_t number;
    int status;
    char *body; /* owned */
};

static void answer_free(void *data)
{
    struct answer_sent *answer = data;
    free(answer->body);
    free(answer);
}

static void answer_arrived(struct world *world, struct event *event)
{
    const struct answer_sent *answer = event->data;
    if (!chance_of(world, world->chances.answer_lost))
        clients_answer(world, answer->number, answer->status, answer->body);
}

static void answers_send(struct world *world, struct term *term, const struct facts *facts)
{
    for (size_t i = 0; i < term->turn.taken; i++) {
        const struct fact_answer *fact = &facts->answers[term->turn.queue[i].answer];
        struct answer_sent *answer = memory_new(1, sizeof(*answer));
        *answer = (struct answer_sent){.number = term->turn.queue[i].number,
                                       .status = fact->status,
                                       .body = memory_text(fact->body, strlen(fact->body))};
        struct event *event = scheduler_send(world, term->index, LINK_NATS, answer_arrived);
        event->data = answer;
        event->drop = answer_free;
    }
}

static void turn_committed(struct world *world, struct event *event)
{
    struct term *term = world->schedulers->all[event->target].term;
    struct turn *turn = &term->turn;
    struct transaction *transaction = event->data;
    core_committed(term->core);
    answers_send(world, term, &transaction->facts);
    for (size_t i = 0; i < transaction->writing.letter_count; i++)
        outbox_add(world, term, transaction->writing.letters[i].outbox);
    for (size_t i = 0; i < transaction->facts.mail_count; i++)
        outbox_add(world, term, transaction->facts.mails[i].outbox);
    outbox_next(world, term);
    struct outbox *outbox = &term->outbox;
    outbox->acknowledged_count -= turn->outbox_taken;
    if (turn->outbox_taken)
        memmove(outbox->acknowledged, outbox->acknowledged + turn->outbox_taken,
                outbox->acknowledged_count * sizeof(int64_t));

    unsigned commands = (unsigned)turn->taken;
    turn->queue_count -= turn->taken;
    if (turn->taken)
        memmove(turn->queue, turn->queue + turn->taken, turn->queue_count * sizeof(*turn->queue));
    turn->taken = 0;
    turn->state = TURN_IDLE;
    turn->written = turn->writing;
    turn->committed_ms = world->now_ms;
    term_committed(world, term, commands, turn->result_messages_taken);
    turn_kick(world, term);
}

/* The transaction is at PostgreSQL. Of one in a while the leader does not learn what became. */
static void commit(struct world *world, struct event *event)
{
    struct transaction *transaction = event->data;
    bool unknown = chance_of(world, world->chances.database_unknown);
    if (unknown && chance_of(world, PER_MILLION / 2)) {
        scheduler_reply(world, event, LINK_DATABASE, term_step_failed);
        return;
    }
    bool committed = database_commit(world, transaction);
    struct event *reply = scheduler_reply(
        world, event, LINK_DATABASE, committed && !unknown ? turn_committed : term_step_failed);
    if (committed && !unknown) {
        reply->data = transaction;
        reply->drop = transaction_free;
        event->data = NULL;
    }
}

/* ---- before ---- */

static bool progressed(const struct term *term)
{
    const struct core *core = term->core;
    const struct turn *turn = &term->turn;
    return run_log_last_tick(&core->log, core->emitted) != turn->written.last_tick ||
           core->progress.runs_seq != turn->written.runs_seq ||
           turn->commands_seq != turn->written.commands_seq ||
           turn->results_seq != turn->written.results_seq;
}

/* Now and then checks have fallen meanwhile: alerts of any accounts. */
static void alerts_arise(struct world *world, struct term *term, struct transaction *transaction)
{
    struct core *core = term->core;
    if (world->draining || !core->accounts.length || !chance_of(world, ALERTS_CHANCE))
        return;
    for (int64_t i = chance_between(world, 1, ALERTS_MAX); i > 0; i--) {
        uint32_t place = (uint32_t)chance_between(world, 0, core->accounts.length - 1);
        const struct account *account = account_at(&core->accounts, place);
        if (!account->id)
            continue; /* removed */
        struct new_alert alert = {.id = core->progress.next_notice++, .account = account->id};
        core_add_alert_notice(core, alert.account, alert.id, transaction->now_ms);
        transaction->alerts[transaction->alert_count++] = alert;
    }
}

/* facts: of the commands taken, or NULL; their content moves on. */
static void turn_write(struct world *world, struct term *term, struct facts *facts)
{
    struct core *core = term->core;
    struct turn *turn = &term->turn;
    int64_t now_ms = scheduler_wall_ms(world, term->index);
    bool burst = core->open.count >= BURST_RUNS;
    struct core_collect_limits limits = {.skipped = SKIPPED_MAX,
                                         .held = HELD_MAX,
                                         .pending = PENDING_MAX,
                                         .pending_age_ms =
                                             burst ? PENDING_AGE_MAX_MS : PENDING_AGE_MS};
    struct writing writing = {0};
    core_collect(core, now_ms, &limits, &writing);
    turn->outbox_taken = term->outbox.acknowledged_count;
    bool positions = world->now_ms - turn->committed_ms >= PROGRESS_MS ||
                     turn->result_messages >= RESULTS_MANY || term->finishing;
    if (!turn->taken && writing_is_empty(&writing) && !turn->outbox_taken &&
        !(progressed(term) && positions)) {
        writing_free(&writing);
        turn->state = TURN_IDLE;
        return;
    }
    turn->state = TURN_WRITING;
    core->progress.commands_seq = turn->commands_seq;
    core->progress.results_seq = turn->results_seq;
    turn->result_messages_taken = turn->result_messages;
    turn->result_messages = 0;

    struct transaction *transaction = memory_new(1, sizeof(*transaction));
    *transaction = (struct transaction){.epoch = term->epoch,
                                        .scheduler = term->index,
                                        .turn = ++turn->count,
                                        .emitted = core->emitted,
                                        .now_ms = now_ms,
                                        .loaded_gap_after = term->gap_after,
                                        .loaded_gap_to = term->gap_to,
                                        .writing = writing,
                                        .outbox_count = turn->outbox_taken};
    alerts_arise(world, term, transaction);
    turn->writing = transaction->progress = core->progress;
    if (facts) {
        transaction->facts = *facts;
        *facts = (struct facts){0};
    }
    transaction->outbox = memory_new(turn->outbox_taken, sizeof(int64_t));
    for (size_t i = 0; i < turn->outbox_taken; i++)
        transaction->outbox[i] = term->outbox.acknowledged[i];
    struct event *event = scheduler_send(world, term->index, LINK_DATABASE, commit);
    event->data = transaction;
    event->drop = transaction_free;
}

static void turn_timer(struct world *world, struct event *event);

/* Comes back for what is left to be written. */
static void turn_wait(struct world *world, struct term *term)
{
    struct turn *turn = &term->turn;
    const struct core *core = term->core;
    int64_t rest_ms = PACE_MS;
    if (turn->state != TURN_IDLE)
        return;
    bool rows = core_has_rows(core);
    bool more = rows || progressed(term);
    if (term->finishing && !more && !run_log_waiting(&core->log)) {
        scheduler_term_ended(world, term->index, "finished");
        return;
    }
    rows |= turn->queue_count || term->outbox.acknowledged_count || term->finishing;
    if (!rows && !more)
        return;
    if (!rows && turn->result_messages < RESULTS_MANY &&
        turn->committed_ms + PROGRESS_MS - world->now_ms > rest_ms)
        rest_ms = turn->committed_ms + PROGRESS_MS - world->now_ms; /* positions alone */
    turn->timer_number = ++turn->timers;
    scheduler_timer(world, term->index, rest_ms, turn_timer)->number = turn->timer_number;
}

static void facts_drop(void *data)
{
    facts_free(data);
    free(data);
}

static void turn_read(struct world *world, struct event *event)
{
    struct term *term = world->schedulers->all[event->target].term;
    struct turn *turn = &term->turn;
    if (!term_leads(world, term))
        return; /* the term is about to end */
    int64_t now_ms = scheduler_wall_ms(world, term->index);
    if (!core_settled(term->core, now_ms)) {
        turn->taken = 0; /* a minute has come meanwhile: they are for the next turn */
        turn_write(world, term, NULL);
        turn_wait(world, term);
        return;
    }
    struct facts *facts = event->data;
    for (size_t i = 0; i < turn->taken; i++) {
        uint64_t token[2] = {chance_next(world), chance_next(world)};
        uint8_t token_id[TOKEN_ID_SIZE];
        memcpy(token_id, token, sizeof(token_id));
        const struct fact_answer *answer =
            command_apply(term->core, term->checks, facts,
                          clients_command(world, turn->queue[i].number), token_id, now_ms);
        turn->queue[i].answer = (size_t)(answer - facts->answers);
        turn->commands_seq = turn->queue[i].sequence;
    }
    turn_write(world, term, facts);
}

struct facts_question {
    size_t count;
    uint64_t commands[COMMANDS_MAX];
};

static void facts_asked(struct world *world, struct event *event)
{
    const struct facts_question *question = event->data;
    struct facts *facts = memory_new(1, sizeof(*facts));
    database_read_facts(world, question->commands, question->count, facts);
    struct event *reply = scheduler_reply(world, event, LINK_DATABASE, turn_read);
    reply->data = facts;
    reply->drop = facts_drop;
}

static void turn_begin(struct world *world, struct term *term)
{
    struct turn *turn = &term->turn;
    turn->taken = turn->queue_count < COMMANDS_MAX ? turn->queue_count : COMMANDS_MAX;
    if (!core_settled(term->core, scheduler_wall_ms(world, term->index)))
        turn->taken = 0;
    if (!turn->taken) {
        turn_write(world, term, NULL);
        return;
    }
    turn->state = TURN_READING;
    struct facts_question *question = memory_new(1, sizeof(*question));
    question->count = turn->taken;
    for (size_t i = 0; i < turn->taken; i++)
        question->commands[i] = turn->queue[i].number;
    struct event *event = scheduler_send(world, term->index, LINK_DATABASE, facts_asked);
    event->data = question;
    event->drop = free;
}

static void turn_timer(struct world *world, struct event *event)
{
    struct term *term = world->schedulers->all[event->target].term;
    if (event->number != term->turn.timer_number)
        return;
    term->turn.timer_number = 0;
    turn_kick(world, term);
}

void turn_kick(struct world *world, struct term *term)
{
    struct turn *turn = &term->turn;
    if (turn->state != TURN_IDLE || !term_leads(world, term))
        return;
    bool commands =
        turn->queue_count && core_settled(term->core, scheduler_wall_ms(world, term->index));
    if (commands || world->now_ms >= turn->committed_ms + PACE_MS)
        turn_begin(world, term);
    turn_wait(world, term);
}

void turn_add_command(struct world *world, struct term *term, uint64_t sequence, uint64_t number)
{
    struct turn *turn = &term->turn;
    if (turn->queue_count == turn->queue_room) {
        turn->queue_room = turn->queue_room ? 2 * turn->queue_room : 64;
        turn->queue = memory_resize(turn->queue, turn->queue_room, sizeof(*turn->queue));
    }
    turn->queue[turn->queue_count++] = (struct queued){.number = number, .sequence = sequence};
    turn_kick(world, term);
}

void turn_results_applied(struct world *world, struct term *term, uint64_t sequence)
{
    term->turn.results_seq = sequence;
    term->turn.result_messages++;
    turn_kick(world, term);
}
