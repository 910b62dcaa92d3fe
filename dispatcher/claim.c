#include "dispatcher/claim.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"
#include "shared/compiler.h"
#include "shared/log.h"
#include "shared/memory.h"

#define ANSWER_TIMEOUT_MS 300  /* of the other dispatchers */
#define SETTLE_MS         2500 /* after a connection, until silence counts: others try each second */
#define ASK_AGAIN_MS      3000 /* the leader */
#define TICK_MS           100
#define HELD              "held"
/* "<sequence> <ack subject> <c or d><name of the asker>" */
#define CLAIM_SIZE (24 + BUS_ACK_SUBJECT_SIZE + BUS_INBOX_SIZE)
#define CLAIM      'c'
#define DOUBT      'd'

struct claim {
    struct claim *next;
    struct claims *claims;
    struct message *message;
    int64_t due_ms; /* monotonic: when to ask (again) */
    bool waiting;   /* for the other dispatchers' answer */
};

/* The message of a doubt may be done before the answer comes. */
struct doubt {
    struct doubt *next;
    struct claims *claims;
    uint64_t sequence;
};

struct claims {
    struct bus *bus;
    struct messages *messages;
    claim_won_cb *on_won;
    void *arg;
    uv_timer_t timer; /* data: this; the memory goes in its close callback */
    struct claim *first;
    struct doubt *doubts;
    int64_t settled_ms; /* monotonic: from when on silence counts */
    struct bus_subscription *subscriptions[LANES];
    struct bus_subscription *answers;
    char name[BUS_INBOX_SIZE];    /* random: tells our own requests from those of others */
    char inbox[BUS_INBOX_SIZE];   /* questions' reply subjects are "<inbox>.<sequence>" */
    struct result_batch question; /* scratch: it is large */
};

static void claim_free(struct claim *claim)
{
    struct claim **link = &claim->claims->first;
    while (*link != claim)
        link = &(*link)->next;
    *link = claim->next;
    bus_forget(claim->claims->bus, claim);
    free(claim);
}

/* --- the other dispatchers --- */

static bool says_held(enum bus_status status, const struct bus_message *answer)
{
    return status == BUS_OK && answer->length == strlen(HELD) &&
           memcmp(answer->data, HELD, answer->length) == 0;
}

static void on_claim_answer(void *arg, enum bus_status status, const struct bus_message *message)
{
    struct claim *claim = arg;
    claim->waiting = false;
    if (says_held(status, message)) {
        struct message *held = claim->message;
        LOG_DEBUG("another dispatcher holds the message", LOG_I64("sequence", held->sequence));
        claim_free(claim);
        message_forget(held);
        return;
    }
    /* Silence says something only if the question was out, and everybody was there to hear it. */
    bool heard = status == BUS_TIMEOUT || status == BUS_NO_RESPONDERS;
    int64_t now_ms = clock_monotonic_ms();
    if (heard && bus_connected(claim->claims->bus) && now_ms >= claim->claims->settled_ms)
        claim->message->state = MESSAGE_ASKING;
    claim->due_ms = now_ms;
}

static bool ask_dispatchers(struct claims *claims, const struct message *message, char kind,
                            bus_answer_cb *on_answer, void *arg)
{
    char subject[32];
    char text[CLAIM_SIZE];
    snprintf(subject, sizeof(subject), SUBJECT_CLAIM_FORMAT, message->lane);
    int length = snprintf(text, sizeof(text), "%" PRIu64 " %s %c%s", message->sequence,
                          message->ack_subject, kind, claims->name);
    return bus_request(claims->bus, subject, NULL, 0, text, (size_t)length, ANSWER_TIMEOUT_MS,
                       on_answer, arg) == BUS_OK;
}

static void doubt_free(struct doubt *doubt)
{
    struct doubt **link = &doubt->claims->doubts;
    while (*link != doubt)
        link = &(*link)->next;
    *link = doubt->next;
    bus_forget(doubt->claims->bus, doubt);
    free(doubt);
}

static void on_doubt_answer(void *arg, enum bus_status status, const struct bus_message *answer)
{
    struct doubt *doubt = arg;
    struct message *message = messages_find(doubt->claims->messages, doubt->sequence);
    if (says_held(status, answer) && message && message->state == MESSAGE_RUNNING) {
        LOG_INFO("another dispatcher has taken the message over",
                 LOG_I64("sequence", doubt->sequence), LOG_I64("open", message->open));
        message_yield(message);
    }
    doubt_free(doubt);
}

void claims_doubt_all(struct claims *claims)
{
    for (const struct message *message = messages_first(claims->messages); message;
         message = message->next) {
        if (message->state != MESSAGE_RUNNING)
            continue;
        struct doubt *doubt = memory_new(1, sizeof(*doubt));
        doubt->claims = claims;
        doubt->sequence = message->sequence;
        doubt->next = claims->doubts;
        claims->doubts = doubt;
        if (!ask_dispatchers(claims, message, DOUBT, on_doubt_answer, doubt))
            doubt_free(doubt);
    }
}

bool claims_doubting(const struct claims *claims)
{
    return claims->doubts != NULL;
}

/* What another dispatcher asks. */
struct request {
    uint64_t sequence;
    const char *ack_subject; /* of the delivery that the asker has */
    struct bus_delivery delivery;
    bool doubt;
};

/* Takes text apart. Fails on what cannot be read, and on what we have asked ourselves. */
static bool parse_request(const struct claims *claims, char *text, struct request *request)
{
    char *end;
    request->sequence = strtoull(text, &end, 10);
    char *ack_end = *end == ' ' ? strchr(end + 1, ' ') : NULL;
    if (!ack_end)
        return false;
    *ack_end = '\0';
    request->ack_subject = end + 1;
    const char *kind = ack_end + 1;
    request->doubt = *kind == DOUBT;
    return (*kind == DOUBT || *kind == CLAIM) && strcmp(kind + 1, claims->name) != 0 &&
           bus_delivery_parse(request->ack_subject, &request->delivery) == 0 &&
           request->delivery.stream_sequence == request->sequence;
}

/* Somebody asks whether we hold a message. Our own questions come here too. */
static void on_claim(void *arg, const struct bus_message *message)
{
    struct claims *claims = arg;
    char text[CLAIM_SIZE];
    struct request request;
    if (!message->reply || message->length >= sizeof(text))
        return;
    memcpy(text, message->data, message->length);
    text[message->length] = '\0';
    if (!parse_request(claims, text, &request))
        return;
    struct message *held = messages_find(claims->messages, request.sequence);
    if (!held || held->state == MESSAGE_ABANDONED)
        return;
    /* Who only claims it has nothing to say to its holder; of two that claim, the later yields. */
    bool later = request.delivery.delivered > held->delivered;
    if (held->state != MESSAGE_RUNNING && (request.doubt || !later))
        return;
    if (bus_publish(claims->bus, message->reply, NULL, HELD, strlen(HELD)) != BUS_OK)
        return;
    if (later)
        message_take_ack_subject(held, request.ack_subject, request.delivery.delivered);
    bus_work_progress(claims->bus, held->ack_subject);
}

/* --- the leader --- */

/* Whatever came of it: without an answer the question is asked again. */
static void on_question_ack(void *arg, enum bus_status status, const struct bus_ack *ack)
{
    (void)arg;
    (void)status;
    (void)ack;
}

static void ask_leader(struct claim *claim)
{
    struct claims *claims = claim->claims;
    const struct message *message = claim->message;
    struct result_batch *question = &claims->question;
    memset(question, 0, offsetof(struct result_batch, results));
    question->kind = RESULT_BATCH_QUESTION;
    snprintf(question->reply, sizeof(question->reply), "%s.%" PRIu64, claims->inbox,
             message->sequence);
    question->count = message->count;
    for (size_t i = 0; i < message->count; i++) {
        const struct run *run = &message->runs[i].run;
        question->results[i] = (struct result){
            .job = run->job, .slot_s = run->slot_s, .replay = run->replay, .attempt = run->attempt};
    }
    struct buffer bytes = BUFFER_EMPTY;
    result_batch_encode(question, &bytes);
    char subject[32];
    snprintf(subject, sizeof(subject), SUBJECT_RESULT_FORMAT, message->lane);
    if (bus_publish_acked(claims->bus, subject, NULL, 0, bytes.data, bytes.length, ASK_AGAIN_MS,
                          on_question_ack, claim) != BUS_OK)
        LOG_WARN("question not sent: the outgoing queue is full");
    buffer_free(&bytes);
}

static void on_leader_answer(void *arg, const struct bus_message *answer)
{
    struct claims *claims = arg;
    const char *suffix = strrchr(answer->subject, '.');
    uint64_t sequence = suffix ? strtoull(suffix + 1, NULL, 10) : 0;
    struct claim *claim = claims->first;
    while (claim && claim->message->sequence != sequence)
        claim = claim->next;
    if (!claim || claim->message->state != MESSAGE_ASKING)
        return; /* the answer to a question that was asked twice */
    struct message *message = claim->message;
    if (answer->length != message->count) {
        LOG_WARN("the leader's answer has another length than the question",
                 LOG_I64("sequence", sequence), LOG_I64("length", answer->length));
        return;
    }
    bool closed[RUN_BATCH_MAX];
    size_t open = 0;
    for (size_t i = 0; i < message->count; i++) {
        closed[i] = answer->data[i] != 1;
        open += !closed[i];
    }
    LOG_INFO("message of a dead dispatcher taken over", LOG_I64("sequence", sequence),
             LOG_I64("runs", message->count), LOG_I64("open", open));
    claim_free(claim);
    message->state = MESSAGE_RUNNING;
    claims->on_won(claims->arg, message, closed);
}

/* --- both --- */

static void on_timer(uv_timer_t *timer)
{
    struct claims *claims = timer->data;
    int64_t now_ms = clock_monotonic_ms();
    for (struct claim *claim = claims->first; claim; claim = claim->next) {
        if (claim->waiting || claim->due_ms > now_ms || !bus_connected(claims->bus))
            continue;
        if (claim->message->state == MESSAGE_CLAIMING) {
            claim->waiting = ask_dispatchers(claims, claim->message, CLAIM, on_claim_answer, claim);
        } else {
            ask_leader(claim);
            claim->due_ms = now_ms + ASK_AGAIN_MS;
        }
    }
    if (!claims->first)
        uv_timer_stop(timer);
}

void claims_begin(struct claims *claims, struct message *message)
{
    struct claim *claim = memory_new(1, sizeof(*claim));
    claim->claims = claims;
    claim->message = message;
    claim->next = claims->first;
    claims->first = claim;
    message->state = MESSAGE_CLAIMING;
    claim->waiting = ask_dispatchers(claims, message, CLAIM, on_claim_answer, claim);
    if (!uv_is_active((uv_handle_t *)&claims->timer))
        uv_timer_start(&claims->timer, on_timer, TICK_MS, TICK_MS);
}

void claims_abandon_all(struct claims *claims)
{
    struct claim *next;
    for (struct claim *claim = claims->first; claim; claim = next) {
        next = claim->next;
        message_abandon(claim->message);
        bus_forget(claims->bus, claim);
        free(claim);
    }
    claims->first = NULL;
}

void claims_connected(struct claims *claims)
{
    claims->settled_ms = clock_monotonic_ms() + SETTLE_MS;
}

struct claims *claims_open(uv_loop_t *loop, struct bus *bus, struct messages *messages,
                           claim_won_cb *on_won, void *arg)
{
    struct claims *claims = memory_new(1, sizeof(*claims));
    claims->bus = bus;
    claims->messages = messages;
    claims->on_won = on_won;
    claims->arg = arg;
    uv_timer_init(loop, &claims->timer);
    claims->timer.data = claims;
    claims_connected(claims);
    for (unsigned lane = 0; lane < LANES; lane++) {
        char subject[32];
        snprintf(subject, sizeof(subject), SUBJECT_CLAIM_FORMAT, lane);
        claims->subscriptions[lane] = bus_subscribe(bus, subject, NULL, on_claim, claims);
    }
    bus_new_inbox(bus, claims->name);
    bus_new_inbox(bus, claims->inbox);
    char answers[BUS_INBOX_SIZE + 2];
    snprintf(answers, sizeof(answers), "%s.*", claims->inbox);
    claims->answers = bus_subscribe(bus, answers, NULL, on_leader_answer, claims);
    return claims;
}

static void on_timer_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void claims_close(struct claims *claims)
{
    struct claim *next_claim;
    for (struct claim *claim = claims->first; claim; claim = next_claim) {
        next_claim = claim->next;
        bus_forget(claims->bus, claim);
        free(claim);
    }
    struct doubt *next_doubt;
    for (struct doubt *doubt = claims->doubts; doubt; doubt = next_doubt) {
        next_doubt = doubt->next;
        bus_forget(claims->bus, doubt);
        free(doubt);
    }
    for (unsigned lane = 0; lane < LANES; lane++)
        bus_unsubscribe(claims->subscriptions[lane]);
    bus_unsubscribe(claims->answers);
    uv_close((uv_handle_t *)&claims->timer, on_timer_closed);
}
