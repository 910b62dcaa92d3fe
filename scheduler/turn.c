#include "scheduler/turn.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scheduler/checks/check_exchange.h"
#include "scheduler/core/commands.h"
#include "scheduler/sql_alerts.h"
#include "scheduler/sql_checks_write.h"
#include "scheduler/sql_facts.h"
#include "scheduler/sql_lease.h"
#include "scheduler/sql_writing.h"
#include "scheduler/stats.h"
#include "shared/bus_streams.h"
#include "shared/clock.h"
#include "shared/log.h"
#include "shared/memory.h"

#define COMMANDS_MAX       256  /* applied in one transaction */
#define REPLAYS_MAX        16   /* of them, those that may run a thousand executions again */
#define ITEMS_MAX          4000 /* checks that are imported in one */
#define SKIPPED_MAX        8192 /* rows of skipped slots in one */
#define HELD_MAX           8192 /* rows of slots that wait in one */
#define PENDING_MAX        4096 /* pending rows in one */
#define BURST_RUNS         5000 /* with so many runs open, most finish before their row is due */
#define PENDING_AGE_MS     200  /* a run that finishes sooner is written once */
#define PENDING_AGE_MAX_MS 5000 /* no open run goes without a row for longer */
#define PACE_MS            20   /* between transactions without commands */
#define PROGRESS_MS        1000 /* positions alone are written as often as this */
#define MESSAGES_MANY      32   /* of RESULTS or PINGS: positions do not wait for PROGRESS_MS */
#define READ_TIMEOUT_MS    5000
#define WRITE_TIMEOUT_MS   15000

enum turn_state { TURN_IDLE, TURN_READING, TURN_WRITING };

struct queued {
    struct command command;
    uint64_t sequence;
    size_t answer; /* index of the facts, once applied */
};

struct turn {
    struct turn_options options;
    uv_timer_t timer;
    enum turn_state state;
    int64_t begun_ms;                      /* monotonic: when the transaction under way was sent */
    int64_t committed_ms;                  /* monotonic: when the last one ended */
    struct core_progress written, advance; /* by it, and by the one under way */
    struct checks_progress checks_written, checks_advance;
    bool housekeeping; /* a unit of turn_run is under way */

    struct queued *queue; /* owned: commands that wait, behind those of this turn */
    size_t queue_count, queue_room;
    size_t taken; /* the first so many belong to this turn */
    uint64_t commands_seq, results_seq;
    unsigned result_messages, result_messages_taken;

    struct facts facts;
    struct sql_facts_read facts_read;
    struct writing writing;
    struct check_writing check_writing;
    size_t letters_first, letters_end; /* statements that give back rows of the outbox */
    size_t outbox_taken;

    db_done_cb *on_kept_house; /* of the housekeeping under way */
    void *house_arg;
    void (*on_finished)(void *arg);
    void *finished_arg;
};

static void turn_timer(uv_timer_t *timer);
static void fail(struct turn *turn, const char *what, const struct db_outcome *outcome)
{
    char reason[256];
    snprintf(reason, sizeof(reason), "%s: %s %s", what,
             outcome->status == DB_ERROR ? outcome->sqlstate : "no answer", outcome->message);
    turn->options.on_failed(turn->options.arg, reason);
}

/* ---- after the commit ---- */

static void answers_send(struct turn *turn)
{
    struct buffer encoded = BUFFER_EMPTY;
    for (size_t i = 0; i < turn->taken; i++) {
        const struct queued *queued = &turn->queue[i];
        const struct fact_answer *fact = &turn->facts.answers[queued->answer];
        struct answer answer = {.status = fact->status,
                                .retry_after_s = fact->retry_after_s,
                                .id = fact->id,
                                .id_length = strlen(fact->id),
                                .body = fact->body,
                                .body_length = strlen(fact->body)};
        buffer_clear(&encoded);
        answer_encode(&answer, &encoded);
        if (bus_publish(turn->options.bus, queued->command.reply, NULL, encoded.data,
                        encoded.length) != BUS_OK)
            LOG_WARN("answer was not sent, its gateway will ask again");
    }
    buffer_free(&encoded);
}

static void event_send(struct turn *turn, const char *subject)
{
    if (bus_publish(turn->options.bus, subject, NULL, "", 0) != BUS_OK)
        LOG_WARN("event was not sent, caches expire by themselves");
}

static void account_event_send(struct turn *turn, int64_t account)
{
    char subject[48];
    snprintf(subject, sizeof(subject), SUBJECT_EVENT_ACCOUNT, (long long)account);
    event_send(turn, subject);
}

static void check_event_send(struct turn *turn, int64_t check)
{
    char subject[48];
    snprintf(subject, sizeof(subject), SUBJECT_EVENT_CHECK, (long long)check);
    event_send(turn, subject);
}

static void events_send(struct turn *turn)
{
    const struct facts *facts = &turn->facts;
    for (size_t i = 0; i < facts->account_count; i++)
        if (facts->accounts[i].change != FACT_CLEAN)
            account_event_send(turn, facts->accounts[i].id);
    for (size_t i = 0; i < facts->secret_count; i++)
        if (facts->secrets[i].change != FACT_CLEAN)
            account_event_send(turn, facts->secrets[i].account);
    for (size_t i = 0; i < facts->ping_key_count; i++)
        account_event_send(turn, facts->ping_keys[i].account);
    for (size_t i = 0; i < facts->check_key_count; i++)
        account_event_send(turn, facts->check_keys[i].account);
    for (size_t i = 0; i < facts->check_count; i++) {
        const struct fact_check *check = &facts->checks[i];
        if (check->change == FACT_DELETED)
            check_event_send(turn, check->id);
        else if (check->change == FACT_WRITTEN && check->renamed)
            account_event_send(turn, check->account);
    }
}

static void letters_send(struct turn *turn, const struct db_rows *letters)
{
    for (int row = 0; row < letters->count; row++) {
        size_t length;
        const void *payload = db_bytes(letters, row, 3, &length);
        outbox_add(turn->options.outbox, db_i64(letters, row, 0), db_text(letters, row, 1),
                   db_text(letters, row, 2), payload, length);
    }
}

static void mails_send(struct turn *turn, const struct db_outcome *outcome)
{
    for (size_t i = turn->letters_first; i < turn->letters_end; i++)
        letters_send(turn, &outcome->statements[i]);
    for (size_t i = 0; i < turn->facts.mail_count; i++) {
        const struct fact_mail *mail = &turn->facts.mails[i];
        outbox_add(turn->options.outbox, mail->outbox, mail->subject, mail->message_id,
                   mail->payload.data, mail->payload.length);
    }
}

static void turn_committed(void *arg, const struct db_outcome *outcome)
{
    struct turn *turn = arg;
    if (outcome->status != DB_OK) {
        fail(turn, "transaction failed", outcome);
        return;
    }
    core_committed(turn->options.core);
    events_send(turn); /* first: who has the answer may try the old key at another gateway */
    answers_send(turn);
    mails_send(turn, outcome);
    if (turn->outbox_taken)
        outbox_forget(turn->options.outbox, turn->outbox_taken);
    metric_observe(stats.transaction_seconds,
                   (double)(clock_monotonic_ms() - turn->begun_ms) / 1000.0);
    metric_add(stats.commands, (double)turn->taken);
    metric_add(stats.executions, (double)turn->writing.executions.count);
    metric_add(stats.flips, (double)turn->check_writing.flip_count);
    metric_add(stats.alerts, (double)turn->check_writing.alert_count);

    unsigned commands = (unsigned)turn->taken;
    for (size_t i = 0; i < turn->taken; i++)
        command_release(&turn->queue[i].command);
    turn->queue_count -= turn->taken;
    if (turn->taken && turn->queue_count)
        memmove(turn->queue, turn->queue + turn->taken, turn->queue_count * sizeof(*turn->queue));
    turn->taken = 0;
    facts_clear(&turn->facts);
    writing_clear(&turn->writing);
    check_writing_clear(&turn->check_writing);
    turn->state = TURN_IDLE;
    turn->written = turn->advance;
    turn->checks_written = turn->checks_advance;
    turn->committed_ms = clock_monotonic_ms();
    ping_intake_committed(turn->options.pings);
    turn->options.on_committed(turn->options.arg, commands, turn->result_messages_taken);
    turn_kick(turn);
}

/* ---- before ---- */

/* Whether positions moved that no transaction has written. */
static bool progressed(const struct turn *turn)
{
    const struct core *core = turn->options.core;
    return run_log_last_tick(&core->log, core->emitted) != turn->written.last_tick ||
           core->progress.runs_seq != turn->written.runs_seq ||
           turn->commands_seq != turn->written.commands_seq ||
           turn->results_seq != turn->written.results_seq ||
           checks_progress(turn->options.checks)->pings_seq != turn->checks_written.pings_seq;
}

/* Behind core_collect: what became of jobs comes to their checks, whose rows are taken then. */
static void checks_take(struct turn *turn, int64_t now_ms)
{
    struct core *core = turn->options.core;
    check_exchange_jobs(turn->options.checks, &turn->writing, now_ms);
    ping_intake_evaluate(turn->options.pings, turn->results_seq);
    checks_collect(turn->options.checks, now_ms, &core->progress.next_notice,
                   &core->progress.next_outbox, &turn->check_writing);
    check_exchange_alerts(core, &turn->check_writing, now_ms);
}

static struct db_unit *transaction(struct turn *turn, const int64_t *outbox_ids, int64_t now_ms)
{
    const struct core *core = turn->options.core;
    const struct check_writing *checks = &turn->check_writing;
    struct db_unit *unit = db_unit_new();
    sql_begin(unit);
    sql_assert_leader(unit, core->epoch);
    sql_write_facts(unit, &turn->facts, now_ms);
    sql_delete_outbox(unit, outbox_ids, turn->outbox_taken);
    sql_write_executions(unit, &turn->writing);
    sql_write_checks(unit, checks);
    sql_write_alerts(unit, checks, now_ms);
    turn->letters_first = db_unit_count(unit);
    sql_write_letters(unit, &turn->writing, now_ms);
    sql_write_alert_letters(unit, checks, now_ms);
    turn->letters_end = db_unit_count(unit);
    sql_write_alert_groups(unit, checks, now_ms);
    sql_write_progress(unit, &turn->advance);
    sql_write_checks_progress(unit, &turn->checks_advance, ping_intake_stream(turn->options.pings));
    sql_commit(unit);
    return unit;
}

static void turn_write(struct turn *turn)
{
    struct core *core = turn->options.core;
    int64_t now_ms = clock_now_ms();
    bool burst = core->open.count >= BURST_RUNS;
    struct core_collect_limits limits = {.skipped = SKIPPED_MAX,
                                         .held = HELD_MAX,
                                         .pending = PENDING_MAX,
                                         .pending_age_ms =
                                             burst ? PENDING_AGE_MAX_MS : PENDING_AGE_MS};
    core_collect(core, now_ms, &limits, &turn->writing);
    checks_take(turn, now_ms);
    const int64_t *outbox_ids;
    turn->outbox_taken = outbox_acknowledged(turn->options.outbox, &outbox_ids);
    bool positions = clock_monotonic_ms() - turn->committed_ms >= PROGRESS_MS ||
                     turn->on_finished || turn->result_messages >= MESSAGES_MANY ||
                     ping_intake_applied(turn->options.pings) >= MESSAGES_MANY;
    if (!turn->taken && writing_is_empty(&turn->writing) &&
        check_writing_is_empty(&turn->check_writing) && !turn->outbox_taken &&
        !(progressed(turn) && positions)) {
        turn->state = TURN_IDLE;
        return;
    }
    turn->state = TURN_WRITING;
    turn->begun_ms = clock_monotonic_ms();
    core->progress.commands_seq = turn->commands_seq;
    core->progress.results_seq = turn->results_seq;
    turn->result_messages_taken = turn->result_messages;
    turn->result_messages = 0;
    turn->advance = core->progress;
    turn->checks_advance = *checks_progress(turn->options.checks);
    if (db_run(turn->options.db, transaction(turn, outbox_ids, now_ms), WRITE_TIMEOUT_MS,
               turn_committed, turn) != DB_OK)
        turn->options.on_failed(turn->options.arg, "the queue to PostgreSQL is full");
    else
        ping_intake_taken(turn->options.pings);
}

/* Nothing is under way: comes back for what is left. */
static void turn_wait(struct turn *turn, int64_t rest_ms)
{
    if (turn->state != TURN_IDLE)
        return;
    const struct core *core = turn->options.core;
    bool more = core_has_rows(core) || progressed(turn) ||
                checks_has_rows(turn->options.checks, clock_now_ms()) ||
                ping_intake_has_work(turn->options.pings, turn->results_seq);
    const int64_t *ids;
    if (turn->on_finished && !more && !run_log_waiting(&core->log))
        turn->on_finished(turn->finished_arg);
    else if (more || turn->on_finished || turn->queue_count ||
             outbox_acknowledged(turn->options.outbox, &ids))
        uv_timer_start(&turn->timer, turn_timer, (uint64_t)rest_ms, 0);
}

static void turn_read(void *arg, const struct db_outcome *outcome)
{
    struct turn *turn = arg;
    if (outcome->status != DB_OK) {
        fail(turn, "reading for commands failed", outcome);
        return;
    }
    if (!turn->options.may_write(turn->options.arg)) {
        turn->options.on_failed(turn->options.arg, "the lease ran out");
        return;
    }
    sql_facts_rows(outcome, turn->facts_read, &turn->facts);
    int64_t now_ms = clock_now_ms();
    if (!core_settled(turn->options.core, now_ms)) {
        /* A minute has come meanwhile: its tick is first, and they are for a later turn. */
        turn->taken = 0;
        facts_clear(&turn->facts);
        turn_write(turn);
        turn_wait(turn, PACE_MS);
        return;
    }
    for (size_t i = 0; i < turn->taken; i++) {
        uint8_t token_id[TOKEN_ID_SIZE];
        secret_random(token_id, sizeof(token_id));
        const struct fact_answer *answer =
            command_apply(turn->options.core, turn->options.checks, &turn->facts,
                          &turn->queue[i].command, token_id, now_ms);
        turn->queue[i].answer = (size_t)(answer - turn->facts.answers);
        turn->commands_seq = turn->queue[i].sequence;
    }
    turn_write(turn);
}

/* How many of the commands that wait go into one transaction. */
static size_t commands_take(const struct turn *turn)
{
    unsigned replays = 0;
    size_t items = 0;
    size_t count = 0;
    while (count < turn->queue_count && count < COMMANDS_MAX) {
        const struct command *command = &turn->queue[count].command;
        replays += command->kind == COMMAND_JOB_REPLAY || command->kind == COMMAND_JOB_REPLAY_SLOTS;
        items += command->item_count;
        if (replays > REPLAYS_MAX || items > ITEMS_MAX)
            break;
        count++;
    }
    return count;
}

static void turn_start(struct turn *turn)
{
    turn->taken = commands_take(turn);
    if (!core_settled(turn->options.core, clock_now_ms()))
        turn->taken = 0;
    if (!turn->taken) {
        turn_write(turn);
        return;
    }
    turn->state = TURN_READING;
    struct command *commands = memory_new(turn->taken, sizeof(*commands));
    for (size_t i = 0; i < turn->taken; i++)
        commands[i] = turn->queue[i].command;
    struct db_unit *unit = db_unit_new();
    turn->facts_read = sql_read_facts(unit, commands, turn->taken);
    free(commands);
    if (db_run(turn->options.db, unit, READ_TIMEOUT_MS, turn_read, turn) != DB_OK)
        turn->options.on_failed(turn->options.arg, "the queue to PostgreSQL is full");
}

void turn_kick(struct turn *turn)
{
    if (turn->state != TURN_IDLE || turn->housekeeping ||
        !turn->options.may_write(turn->options.arg))
        return;
    int64_t rest_ms = turn->committed_ms + PACE_MS - clock_monotonic_ms();
    bool commands = turn->queue_count && core_settled(turn->options.core, clock_now_ms());
    if (commands || rest_ms <= 0) {
        turn_start(turn);
        rest_ms = PACE_MS;
    }
    turn_wait(turn, rest_ms);
}

static void turn_timer(uv_timer_t *timer)
{
    turn_kick(timer->data);
}

void turn_add_command(struct turn *turn, uint64_t sequence, struct command *command)
{
    if (turn->queue_count == turn->queue_room) {
        turn->queue_room = turn->queue_room ? 2 * turn->queue_room : 64;
        turn->queue = memory_resize(turn->queue, turn->queue_room, sizeof(*turn->queue));
    }
    turn->queue[turn->queue_count++] = (struct queued){.command = *command, .sequence = sequence};
    turn_kick(turn);
}

void turn_results_applied(struct turn *turn, uint64_t sequence)
{
    turn->results_seq = sequence;
    turn->result_messages++;
    turn_kick(turn);
}

static void housekeeping_done(void *arg, const struct db_outcome *outcome)
{
    struct turn *turn = arg;
    turn->housekeeping = false;
    bool rolled_back =
        outcome->status == DB_ERROR && strcmp(outcome->sqlstate, SQL_NOT_LEADER) != 0;
    if (outcome->status != DB_OK && !rolled_back) {
        fail(turn, "housekeeping failed", outcome);
        return;
    }
    turn->on_kept_house(turn->house_arg, outcome);
    turn_kick(turn);
}

void turn_run(struct turn *turn, struct db_unit *unit, db_done_cb *on_done, void *arg)
{
    turn->on_kept_house = on_done;
    turn->house_arg = arg;
    /* The pool's one connection keeps the order: behind a transaction that is under way. */
    turn->housekeeping = true;
    if (db_run(turn->options.db, unit, WRITE_TIMEOUT_MS, housekeeping_done, turn) != DB_OK)
        turn->options.on_failed(turn->options.arg, "the queue to PostgreSQL is full");
}

const struct core_progress *turn_written(const struct turn *turn)
{
    return &turn->written;
}

uint64_t turn_written_pings(const struct turn *turn)
{
    return turn->checks_written.pings_seq;
}

bool turn_holds_commands(const struct turn *turn)
{
    return turn->state == TURN_WRITING && turn->taken > 0;
}

void turn_finish(struct turn *turn, void (*on_done)(void *arg), void *arg)
{
    turn->on_finished = on_done;
    turn->finished_arg = arg;
    turn_kick(turn);
}

struct turn *turn_open(uv_loop_t *loop, const struct turn_options *options)
{
    struct turn *turn = memory_new(1, sizeof(*turn));
    turn->options = *options;
    turn->written = options->core->progress;
    turn->checks_written = *checks_progress(options->checks);
    turn->commands_seq = options->core->progress.commands_seq;
    turn->results_seq = options->core->progress.results_seq;
    uv_timer_init(loop, &turn->timer);
    turn->timer.data = turn;
    return turn;
}

static void turn_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void turn_close(struct turn *turn)
{
    for (size_t i = 0; i < turn->queue_count; i++)
        command_release(&turn->queue[i].command);
    free(turn->queue);
    facts_free(&turn->facts);
    writing_free(&turn->writing);
    check_writing_free(&turn->check_writing);
    uv_close((uv_handle_t *)&turn->timer, turn_closed);
}
