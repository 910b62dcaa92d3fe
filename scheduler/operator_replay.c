#include "scheduler/operator_replay.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "shared/bus.h"
#include "shared/bus_streams.h"
#include "shared/bus_tail.h"
#include "shared/clock.h"
#include "shared/command.h"
#include "shared/json.h"
#include "shared/run.h"
#include "shared/service.h"

#define UNDER_WAY_MAX   8 /* messages of RUNS whose slots the leader has not answered for */
#define REPLAY_NAME_MAX 64
#define LOOK_MS         250
#define RESEND_MS       2000
#define REQUEST_MS      5000
#define PROGRESS_MS     5000
#define PATIENCE_MS     60000  /* without any answer */
#define SKEW_MS         300000 /* by which the clocks of leader and NATS may differ */
#define NO_MESSAGE      10037  /* JetStream's code */

_Static_assert(RUN_BATCH_MAX <= COMMAND_SLOTS_MAX, "the slots of a message fit a command");

/* The slots of one message of RUNS on their way to the leader. */
struct flight {
    struct command command; /* slot_count 0: free */
    char id[COMMAND_ID_MAX + 1];
    int64_t send_ms; /* monotonic: sent then, or again */
};

struct replay {
    uv_loop_t loop;
    uv_timer_t timer;
    struct bus *bus;
    struct bus_tail *tail;
    char reply[BUS_INBOX_SIZE];
    char name[REPLAY_NAME_MAX + 1];
    int64_t from_s, to_s;
    uint64_t last; /* sequence of the last message that is read; 0: not known yet */
    bool asking, read_all;
    struct flight flights[UNDER_WAY_MAX];
    unsigned under_way;
    int64_t heard_ms, told_ms; /* monotonic: newest answer, newest line of progress */
    int64_t read_ms;           /* when the newest message read was stored */
    uint64_t slots, replayed;
    int exit_code;
};

static void finish(struct replay *replay, int exit_code)
{
    replay->exit_code = exit_code;
    uv_stop(&replay->loop);
}

static void finish_if_done(struct replay *replay)
{
    if (!replay->read_all || replay->under_way)
        return;
    printf("done: %" PRIu64 " slots found, %" PRIu64 " replayed; the others are open, or their job "
           "or history is gone\n",
           replay->slots, replay->replayed);
    finish(replay, SERVICE_EXIT_OK);
}

/* ---- to the leader ---- */

static void acked(void *arg, enum bus_status status, const struct bus_ack *ack)
{
    (void)arg;
    if (status == BUS_REFUSED)
        fprintf(stderr, "NATS did not take a command: %s\n", ack->description);
}

/* The id makes it safe to send it again until there is an answer. */
static void flight_send(struct replay *replay, struct flight *flight)
{
    struct buffer encoded = BUFFER_EMPTY;
    flight->send_ms = clock_monotonic_ms() + RESEND_MS;
    command_encode(&flight->command, &encoded);
    if (bus_publish_acked(replay->bus, command_subject(flight->command.kind), NULL, 0, encoded.data,
                          encoded.length, RESEND_MS, acked, replay) != BUS_OK)
        fprintf(stderr, "the queue to NATS is full\n");
    buffer_free(&encoded);
}

static void flight_begin(struct replay *replay, uint64_t sequence, const struct run_batch *batch)
{
    struct flight *flight = replay->flights;
    while (flight->command.slot_count)
        flight++; /* there is a free one: the credit */
    flight->command = (struct command){.kind = COMMAND_JOB_REPLAY_SLOTS,
                                       .id = flight->id,
                                       .received_ms = clock_now_ms(),
                                       .reply = replay->reply};
    struct command *command = &flight->command;
    for (size_t i = 0; i < batch->count; i++) {
        const struct run *run = &batch->runs[i];
        if (run->attempt == 1 && run->replay == 0 && run->slot_s >= replay->from_s &&
            run->slot_s <= replay->to_s)
            command->slots[command->slot_count++] =
                (struct command_slot){.job = run->job, .slot_s = run->slot_s};
    }
    if (!command->slot_count) {
        bus_tail_grant(replay->tail, 1);
        return;
    }
    secret_hash(command->slots, command->slot_count * sizeof(command->slots[0]),
                command->fingerprint);
    snprintf(flight->id, sizeof(flight->id), "operator-replay/%s/%" PRIu64, replay->name, sequence);
    replay->slots += command->slot_count;
    replay->under_way++;
    flight_send(replay, flight);
}

static struct flight *flight_find(struct replay *replay, const struct answer *answer)
{
    for (unsigned i = 0; i < UNDER_WAY_MAX; i++) {
        struct flight *flight = &replay->flights[i];
        if (flight->command.slot_count && strlen(flight->id) == answer->id_length &&
            memcmp(flight->id, answer->id, answer->id_length) == 0)
            return flight;
    }
    return NULL;
}

static int64_t count_of(const struct answer *answer)
{
    cJSON *tree = cJSON_ParseWithLength(answer->body, answer->body_length);
    int64_t count;
    int missing = json_integer(tree, "count", 0, COMMAND_SLOTS_MAX, &count);
    cJSON_Delete(tree);
    return missing ? 0 : count;
}

static void answered(void *arg, const struct bus_message *message)
{
    struct replay *replay = arg;
    struct answer answer;
    if (answer_decode(message->data, message->length, &answer) != 0)
        return;
    struct flight *flight = flight_find(replay, &answer);
    if (!flight)
        return; /* a second answer */
    replay->heard_ms = clock_monotonic_ms();
    if (answer.retry_after_s) {
        flight->send_ms = replay->heard_ms + answer.retry_after_s * INT64_C(1000);
        replay->heard_ms = flight->send_ms;
        return;
    }
    if (answer.status >= 300) {
        fprintf(stderr, "%.*s\n", (int)answer.body_length, answer.body);
        finish(replay, 1);
        return;
    }
    replay->replayed += (uint64_t)count_of(&answer);
    flight->command.slot_count = 0;
    replay->under_way--;
    bus_tail_grant(replay->tail, 1);
    finish_if_done(replay);
}

/* ---- from RUNS ---- */

static void on_message(void *arg, uint64_t sequence, int64_t time_ms,
                       const struct bus_message *message)
{
    struct replay *replay = arg;
    struct run_batch batch;
    if (replay->read_all)
        return;
    replay->read_ms = time_ms;
    if (run_batch_decode(message->data, message->length, &batch) != 0) {
        fprintf(stderr, "message %" PRIu64 " of RUNS cannot be read\n", sequence);
        batch.count = 0;
    }
    replay->read_all = sequence >= replay->last;
    flight_begin(replay, sequence, &batch);
    finish_if_done(replay);
}

static void last_known(struct replay *replay, const cJSON *message)
{
    int64_t sequence, time_s;
    const char *time = json_text(message, "time");
    if (json_integer(message, "seq", 1, INT64_MAX, &sequence) != 0 || !time ||
        clock_parse(time, strlen(time), &time_s) != 0) {
        fprintf(stderr, "NATS answered what is not known\n");
        finish(replay, SERVICE_EXIT_UNAVAILABLE);
        return;
    }
    replay->last = (uint64_t)sequence;
    int64_t since_ms = replay->from_s * 1000 - SKEW_MS;
    if (time_s * 1000 < since_ms) {
        replay->read_all = true; /* nothing was emitted since */
        finish_if_done(replay);
        return;
    }
    replay->tail = bus_tail_open_since(replay->bus, STREAM_RUNS, NULL, since_ms > 0 ? since_ms : 1,
                                       on_message, replay);
    bus_tail_grant(replay->tail, UNDER_WAY_MAX);
}

static void on_last(void *arg, enum bus_status status, const struct bus_message *message)
{
    struct replay *replay = arg;
    replay->asking = false;
    if (status != BUS_OK)
        return; /* asked again at the next look */
    cJSON *tree = cJSON_ParseWithLength(message->data, message->length);
    const cJSON *error = cJSON_GetObjectItemCaseSensitive(tree, "error");
    int64_t code;
    if (json_integer(error, "err_code", NO_MESSAGE, NO_MESSAGE, &code) == 0) {
        replay->read_all = true;
        finish_if_done(replay);
    } else if (error) {
        const char *description = json_text(error, "description");
        fprintf(stderr, "NATS: %s\n", description ? description : "refused");
        finish(replay, SERVICE_EXIT_UNAVAILABLE);
    } else {
        last_known(replay, cJSON_GetObjectItemCaseSensitive(tree, "message"));
    }
    cJSON_Delete(tree);
}

/* What was emitted until now is read; what comes meanwhile is another window's. */
static void ask_last(struct replay *replay)
{
    static const char request[] = "{\"last_by_subj\":\"run.>\"}";
    replay->asking =
        bus_request(replay->bus, "$JS.API.STREAM.MSG.GET." STREAM_RUNS, NULL, 0, request,
                    sizeof(request) - 1, REQUEST_MS, on_last, replay) == BUS_OK;
}

/* ---- the command ---- */

static void progress_tell(struct replay *replay, int64_t now_ms)
{
    char time[CLOCK_TEXT_SIZE];
    if (now_ms - replay->told_ms < PROGRESS_MS || !replay->read_ms)
        return;
    replay->told_ms = now_ms;
    printf("read to %s: %" PRIu64 " slots found, %" PRIu64 " replayed\n",
           clock_format_s(time, replay->read_ms / 1000), replay->slots, replay->replayed);
    fflush(stdout);
}

static void look(uv_timer_t *timer)
{
    struct replay *replay = timer->data;
    int64_t now_ms = clock_monotonic_ms();
    if (!replay->under_way && replay->last && bus_connected(replay->bus))
        replay->heard_ms = now_ms; /* reading */
    if (now_ms - replay->heard_ms > PATIENCE_MS) {
        fprintf(stderr, "%s: repeat the same command to go on\n",
                bus_connected(replay->bus) ? "no leader answers" : "NATS is not reachable");
        finish(replay, SERVICE_EXIT_UNAVAILABLE);
        return;
    }
    if (!bus_connected(replay->bus))
        return;
    if (!replay->last && !replay->asking)
        ask_last(replay);
    for (unsigned i = 0; i < UNDER_WAY_MAX; i++)
        if (replay->flights[i].command.slot_count && replay->flights[i].send_ms <= now_ms)
            flight_send(replay, &replay->flights[i]);
    progress_tell(replay, now_ms);
}

static int parse(struct replay *replay, const char *from, const char *to, const char *name)
{
    if (!from || clock_parse(from, strlen(from), &replay->from_s) != 0 || !to ||
        clock_parse(to, strlen(to), &replay->to_s) != 0) {
        fprintf(stderr, "--from and --to are needed, as 2026-05-09T14:00:00Z\n");
        return -1;
    }
    if (replay->from_s < 0 || replay->from_s > replay->to_s) {
        fprintf(stderr, "--from must not be after --to\n");
        return -1;
    }
    if (!name) {
        snprintf(replay->name, sizeof(replay->name), "%" PRId64 "-%" PRId64, replay->from_s,
                 replay->to_s);
        return 0;
    }
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t length = strlen(name);
    if (length == 0 || length > REPLAY_NAME_MAX || strspn(name, allowed) != length) {
        fprintf(stderr, "--name: 1 to %d letters, digits and . _ -\n", REPLAY_NAME_MAX);
        return -1;
    }
    memcpy(replay->name, name, length + 1);
    return 0;
}

int operator_replay(const char *nats_url, const char *from, const char *to, const char *name)
{
    static struct replay replay; /* a few tens of KiB */
    replay = (struct replay){.exit_code = SERVICE_EXIT_UNAVAILABLE};
    if (parse(&replay, from, to, name) != 0)
        return SERVICE_EXIT_CONFIG;
    replay.heard_ms = replay.told_ms = clock_monotonic_ms();
    uv_loop_init(&replay.loop);
    uv_timer_init(&replay.loop, &replay.timer);
    replay.timer.data = &replay;
    replay.bus =
        bus_open(&replay.loop, &(struct bus_options){.url = nats_url, .name = "croncoco operator"});
    bus_new_inbox(replay.bus, replay.reply);
    bus_subscribe(replay.bus, replay.reply, NULL, answered, &replay);
    uv_timer_start(&replay.timer, look, 0, LOOK_MS);
    printf("replay %s: its name makes it safe to interrupt and repeat, within 24 hours\n",
           replay.name);
    fflush(stdout);
    uv_run(&replay.loop, UV_RUN_DEFAULT);
    if (replay.tail)
        bus_tail_close(replay.tail);
    bus_close(replay.bus);
    uv_close((uv_handle_t *)&replay.timer, NULL);
    uv_run(&replay.loop, UV_RUN_DEFAULT); /* what is closed goes with a turn of the loop */
    uv_loop_close(&replay.loop);
    return replay.exit_code;
}
