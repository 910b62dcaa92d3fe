#include "gateway/command_client.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/gateway.h"
#include "gateway/identity.h"
#include "gateway/reply.h"
#include "gateway/request.h"
#include "gateway/stats.h"
#include "shared/clock.h"
#include "shared/json.h"
#include "shared/log.h"
#include "shared/memory.h"
#include "shared/secret.h"

#define BUCKETS            4096
#define TICK_MS            50
#define ACK_TIMEOUT_MS     2000
#define RETRY_REFUSED_MS   250 /* after a publish that failed */
#define ANSWER_PREFIX      "answer."
#define ANSWER_RANDOM      16
#define ANSWER_SUBJECT_MAX 64
#define ANSWER_MARK        8 /* bytes of the fingerprint that end a reply subject */

/* How long the answer is awaited before the command is sent again, by the number of sendings. */
static const int64_t resend_ms[] = {1000, 2000, 4000};

struct pending {
    struct command_client *client;
    struct identity identity;
    char reply[ANSWER_SUBJECT_MAX];
    enum command_kind kind;
    struct buffer encoded;
    struct request_list waiting;
    command_answer_cb *on_answer;
    int64_t deadline_ms;
    int64_t send_ms; /* when it is to be sent next */
    unsigned sendings;
    unsigned acks_awaited;
    struct pending *next;
};

struct command_client {
    struct bus *bus;
    uv_timer_t timer; /* runs while commands wait */
    size_t limit;
    int64_t timeout_ms;
    char reply_prefix[ANSWER_SUBJECT_MAX];
    struct pending *buckets[BUCKETS];
    size_t count;
};

static struct pending **bucket_of(struct command_client *client, const char *id, size_t length)
{
    uint32_t hash = 2166136261U; /* FNV-1a */
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (unsigned char)id[i]) * 16777619U;
    return &client->buckets[hash % BUCKETS];
}

static struct pending *find(struct command_client *client, const char *id, size_t length)
{
    struct pending *pending = *bucket_of(client, id, length);
    while (pending != NULL && (strlen(pending->identity.id) != length ||
                               memcmp(pending->identity.id, id, length) != 0))
        pending = pending->next;
    return pending;
}

/* Out of the table; what waits on it must be answered by then. */
static void drop(struct pending *pending)
{
    struct command_client *client = pending->client;
    struct pending **link = bucket_of(client, pending->identity.id, strlen(pending->identity.id));
    while (*link != pending)
        link = &(*link)->next;
    *link = pending->next;
    if (pending->acks_awaited > 0)
        bus_forget(client->bus, pending);
    buffer_free(&pending->encoded);
    free(pending);
    client->count--;
    stats_commands_waiting(client->count);
    if (client->count == 0)
        uv_timer_stop(&client->timer);
}

static void on_ack(void *arg, enum bus_status status, const struct bus_ack *ack)
{
    struct pending *pending = arg;
    pending->acks_awaited--;
    if (status == BUS_OK)
        return;
    if (pending->sendings == 1) /* once for each command, however long it lasts */
        LOG_WARN("a command was not stored", LOG_STR("error", bus_status_text(status)),
                 LOG_I64("code", ack->err_code), LOG_STR("id", pending->identity.id));
    int64_t soon_ms = clock_monotonic_ms() + RETRY_REFUSED_MS;
    if (soon_ms < pending->send_ms)
        pending->send_ms = soon_ms;
}

static void publish(struct pending *pending, int64_t now_ms)
{
    struct command_client *client = pending->client;
    /* While the bus is away nothing would get through: reconnecting sends everything. */
    if (!bus_connected(client->bus))
        return;
    enum bus_status status = bus_publish_acked(client->bus, command_subject(pending->kind), NULL, 0,
                                               pending->encoded.data, pending->encoded.length,
                                               ACK_TIMEOUT_MS, on_ack, pending);
    if (status != BUS_OK) {
        pending->send_ms = now_ms + RETRY_REFUSED_MS;
        return;
    }
    unsigned last = ARRAY_LENGTH(resend_ms) - 1;
    pending->send_ms = now_ms + resend_ms[pending->sendings < last ? pending->sendings : last];
    pending->acks_awaited++;
    if (pending->sendings++ > 0)
        stats_command_resent();
}

static void give_up(struct pending *pending)
{
    LOG_WARN("a command got no answer", LOG_STR("id", pending->identity.id),
             LOG_I64("sendings", pending->sendings));
    struct request *request;
    while ((request = request_list_take(&pending->waiting)) != NULL)
        reply_retry(request, 503, 1,
                    "No answer in time: the request may still be carried out; repeat it with the "
                    "same Idempotency-Key");
    drop(pending);
}

static void on_tick(uv_timer_t *timer)
{
    struct command_client *client = timer->data;
    int64_t now_ms = clock_monotonic_ms();
    for (size_t i = 0; i < BUCKETS; i++) {
        struct pending *next;
        for (struct pending *pending = client->buckets[i]; pending != NULL; pending = next) {
            next = pending->next;
            if (pending->waiting.first == NULL)
                drop(pending); /* every client that asked has gone */
            else if (now_ms >= pending->deadline_ms)
                give_up(pending);
            else if (now_ms >= pending->send_ms)
                publish(pending, now_ms);
        }
    }
}

void command_client_reconnected(struct command_client *client)
{
    int64_t now_ms = clock_monotonic_ms();
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct pending *pending = client->buckets[i]; pending != NULL; pending = pending->next)
            publish(pending, now_ms);
}

static void on_answer_message(void *arg, const struct bus_message *message)
{
    struct command_client *client = arg;
    struct answer answer;
    if (answer_decode(message->data, message->length, &answer) != 0) {
        LOG_ERROR("an answer cannot be read", LOG_I64("bytes", message->length));
        return;
    }
    /*
     * A command that was sent twice is answered twice: the second one finds nobody, or another
     * request with the same Idempotency-Key, whose reply subject differs.
     */
    struct pending *pending = find(client, answer.id, answer.id_length);
    if (pending == NULL || strcmp(pending->reply, message->subject) != 0)
        return;
    struct request *request;
    while ((request = request_list_take(&pending->waiting)) != NULL)
        pending->on_answer(request, &answer);
    drop(pending);
}

struct command_client *command_client_open(const struct command_client_options *options)
{
    struct command_client *client = memory_new(1, sizeof *client);
    client->bus = options->bus;
    client->limit = options->limit;
    client->timeout_ms = options->timeout_ms;
    uv_timer_init(options->loop, &client->timer);
    client->timer.data = client;

    uint8_t random[ANSWER_RANDOM];
    char hex[HEX_SIZE(ANSWER_RANDOM)];
    secret_random(random, sizeof random);
    snprintf(client->reply_prefix, sizeof client->reply_prefix, ANSWER_PREFIX "%s.",
             hex_encode(random, sizeof random, hex));
    char all[ANSWER_SUBJECT_MAX + 1];
    snprintf(all, sizeof all, "%s*", client->reply_prefix);
    bus_subscribe(client->bus, all, NULL, on_answer_message, client);
    return client;
}

static void write_reply(struct pending *pending)
{
    char mark[HEX_SIZE(ANSWER_MARK)];
    hex_encode(pending->identity.fingerprint, ANSWER_MARK, mark);
    int length = snprintf(pending->reply, sizeof pending->reply, "%s%s",
                          pending->client->reply_prefix, mark);
    INVARIANT((size_t)length < sizeof pending->reply);
}

/* The same command is under way: its answer is this request's too, if it is the same request. */
static void join(struct pending *pending, struct request *request, const struct identity *identity)
{
    if (memcmp(pending->identity.fingerprint, identity->fingerprint, HASH_SIZE) != 0)
        reply_error(request, 409, "Idempotency-Key was used with another request");
    else
        request_wait(request, &pending->waiting);
}

void command_client_send(struct command_client *client, struct request *request,
                         struct command *command, const char *scope, command_answer_cb *on_answer)
{
    struct identity identity;
    if (identity_find(&identity, request, scope) != 0) {
        reply_error(request, 400, "Idempotency-Key: 1 to %d printable ASCII characters",
                    IDENTITY_KEY_MAX);
        return;
    }
    command_client_send_as(client, request, command, &identity, on_answer);
}

void command_client_send_as(struct command_client *client, struct request *request,
                            struct command *command, const struct identity *identity,
                            command_answer_cb *on_answer)
{
    struct pending *same = find(client, identity->id, strlen(identity->id));
    if (same != NULL) {
        join(same, request, identity);
        return;
    }
    if (client->count >= client->limit) {
        stats_refused(REFUSED_COMMAND);
        reply_retry(request, 503, 1, "Too many requests are waiting; try again");
        return;
    }
    command->id = identity->id;
    memcpy(command->fingerprint, identity->fingerprint, HASH_SIZE);
    command->received_ms = clock_now_ms();
    command->account = request->account;
    command->under_v1 = request->surface == SURFACE_CHECKS;

    int64_t now_ms = clock_monotonic_ms();
    struct pending *pending = memory_new(1, sizeof *pending);
    pending->client = client;
    pending->identity = *identity;
    pending->kind = command->kind;
    pending->on_answer = on_answer;
    pending->deadline_ms = now_ms + client->timeout_ms;
    pending->send_ms = now_ms;
    write_reply(pending);
    command->reply = pending->reply;
    command_encode(command, &pending->encoded);
    struct pending **bucket = bucket_of(client, identity->id, strlen(identity->id));
    pending->next = *bucket;
    *bucket = pending;
    if (client->count++ == 0)
        uv_timer_start(&client->timer, on_tick, TICK_MS, TICK_MS);
    stats_commands_waiting(client->count);
    request_wait(request, &pending->waiting);
    publish(pending, now_ms);
}

/* The leader's sentence, in the form of errors that the request's API has. */
static void pass_on_error(struct request *request, const struct answer *answer)
{
    char error[JSON_ERROR_SIZE];
    cJSON *body = json_parse(answer->body, answer->body_length, error);
    const char *sentence = json_text(body, "error");
    if (sentence == NULL)
        sentence = json_text(body, "detail");
    if (sentence == NULL) {
        LOG_ERROR("an answer's error cannot be read", LOG_I64("bytes", answer->body_length));
        sentence = "Internal error";
    }
    if (answer->status == 401) /* the account went between its key's check and its command */
        reply_header(request, "www-authenticate", "Bearer");
    if (answer->retry_after_s > 0)
        reply_retry(request, answer->status, answer->retry_after_s, sentence);
    else
        reply_error(request, answer->status, "%s", sentence);
    cJSON_Delete(body);
}

void command_pass_on(struct request *request, const struct answer *answer)
{
    if (answer->status >= 400)
        pass_on_error(request, answer);
    else if (answer->status == 204)
        reply_empty(request, 204);
    else
        reply_json(request, answer->status, answer->body, answer->body_length);
}
