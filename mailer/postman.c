#include "mailer/postman.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mailer/accepted.h"
#include "mailer/maildir.h"
#include "mailer/outgoing.h"
#include "shared/bus_streams.h"
#include "shared/bus_work.h"
#include "shared/clock.h"
#include "shared/log.h"
#include "shared/memory.h"
#include "shared/metrics.h"
#include "shared/secret.h"

#define TICK_MS          1000
#define PROGRESS_MS      (MAIL_ACK_WAIT_MS / 4)
#define ACK_TIMEOUT_MS   5000
#define RETRY_FIRST_MS   1000
#define RETRY_MAX_MS     60000
#define NEWS_KEEP_MS     INT64_C(172800000)
#define ADDRESS_LOG_SIZE 8 /* bytes of an address's hash in the log */

enum letter_state {
    LETTER_FREE,
    LETTER_SENDING, /* with the transport */
    LETTER_ACKING,  /* accepted; the acknowledgement is on its way */
    LETTER_UNACKED  /* accepted; the acknowledgement failed and is repeated at the next tick */
};

struct letter {
    struct postman *postman;
    enum letter_state state;
    struct mail mail;
    struct buffer message;
    char ack_subject[BUS_ACK_SUBJECT_SIZE]; /* of its newest delivery */
    uint64_t delivered;
    int64_t signed_ms; /* monotonic: its last sign of life */
};

enum outcome {
    OUTCOME_ACCEPTED,
    OUTCOME_LATER,
    OUTCOME_REFUSED,
    OUTCOME_EXPIRED,
    OUTCOME_INVALID,
    OUTCOMES
};

struct postman {
    struct postman_options options;
    uv_loop_t *loop;
    uv_timer_t timer;      /* data: this; the memory goes in its close callback */
    struct bus_work *work; /* NULL before the start and after the stop */
    bool started;
    void (*on_idle)(void *arg);
    void *on_idle_arg;
    struct metric *outcomes[OUTCOMES];
    struct accepted accepted;
    struct letter letters[POSTMAN_LETTERS_MAX];
};

static void letter_acknowledge(struct letter *letter);

/* Addresses are personal: the log has a hash, by which lines about one can be found. */
static char *address_hash(const char *address, char text[static HEX_SIZE(ADDRESS_LOG_SIZE)])
{
    uint8_t hash[HASH_SIZE];
    secret_hash(address, strlen(address), hash);
    return hex_encode(hash, ADDRESS_LOG_SIZE, text);
}

static void log_mail(enum log_level level, const char *message, const struct mail *mail,
                     uint64_t delivered, const struct transport_result *result)
{
    char hash[HEX_SIZE(ADDRESS_LOG_SIZE)];
    LOG_AT(level, message, LOG_STR("mail", mail->id), LOG_STR("kind", mail_kind_name(mail->kind)),
           LOG_STR("address", address_hash(mail->to, hash)), LOG_I64("delivery", delivered),
           LOG_I64("code", result ? result->code : 0),
           LOG_STR("reason", result ? result->reason : ""));
}

static void count(struct postman *postman, enum outcome outcome)
{
    metric_add(postman->outcomes[outcome], 1);
}

static void check_idle(struct postman *postman)
{
    if (!postman->on_idle)
        return;
    for (size_t i = 0; i < POSTMAN_LETTERS_MAX; i++) {
        if (postman->letters[i].state != LETTER_FREE)
            return;
    }
    void (*on_idle)(void *arg) = postman->on_idle;
    postman->on_idle = NULL;
    on_idle(postman->on_idle_arg);
}

/* One more message may come, for one was finished. */
static void grant_one(struct postman *postman)
{
    if (postman->work)
        bus_work_grant(postman->work, 1);
}

static void letter_end(struct letter *letter)
{
    struct postman *postman = letter->postman;
    letter->state = LETTER_FREE;
    buffer_free(&letter->message);
    grant_one(postman);
    check_idle(postman);
}

static void on_acknowledged(void *arg, enum bus_status status, const struct bus_message *message)
{
    (void)message;
    struct letter *letter = arg;
    if (status == BUS_OK) {
        letter_end(letter);
    } else {
        letter->state = LETTER_UNACKED;
        log_mail(LOG_LEVEL_WARN, "mail sent, its acknowledgement failed", &letter->mail,
                 letter->delivered,
                 &(struct transport_result){TRANSPORT_ACCEPTED, 0, bus_status_text(status)});
    }
}

static void letter_acknowledge(struct letter *letter)
{
    letter->state = LETTER_ACKING;
    if (bus_work_ack_sync(letter->postman->options.bus, letter->ack_subject, ACK_TIMEOUT_MS,
                          on_acknowledged, letter) != BUS_OK)
        letter->state = LETTER_UNACKED;
}

/* 1, 2, 4 ... 60 s, the upper half of each at random. */
static int64_t retry_delay_ms(uint64_t delivered)
{
    int64_t delay_ms = RETRY_FIRST_MS;
    for (uint64_t i = 1; i < delivered && delay_ms < RETRY_MAX_MS; i++)
        delay_ms *= 2;
    if (delay_ms > RETRY_MAX_MS)
        delay_ms = RETRY_MAX_MS;
    uint16_t random;
    secret_random(&random, sizeof random);
    return delay_ms / 2 + delay_ms / 2 * random / UINT16_MAX;
}

static void on_transported(void *arg, const struct transport_result *result)
{
    struct letter *letter = arg;
    struct postman *postman = letter->postman;
    INVARIANT(letter->state == LETTER_SENDING);
    switch (result->verdict) {
    case TRANSPORT_ACCEPTED:
        count(postman, OUTCOME_ACCEPTED);
        log_mail(LOG_LEVEL_INFO, "mail sent", &letter->mail, letter->delivered, result);
        accepted_add(&postman->accepted, letter->mail.id);
        letter_acknowledge(letter);
        break;
    case TRANSPORT_LATER:
        count(postman, OUTCOME_LATER);
        log_mail(LOG_LEVEL_WARN, "mail not sent, tried again later", &letter->mail,
                 letter->delivered, result);
        bus_work_nak(postman->options.bus, letter->ack_subject, retry_delay_ms(letter->delivered));
        letter_end(letter);
        break;
    case TRANSPORT_NEVER:
        count(postman, OUTCOME_REFUSED);
        log_mail(LOG_LEVEL_ERROR, "mail refused for good", &letter->mail, letter->delivered,
                 result);
        bus_work_term(postman->options.bus, letter->ack_subject);
        letter_end(letter);
        break;
    }
}

static struct letter *find_letter(struct postman *postman, const char *id)
{
    for (size_t i = 0; i < POSTMAN_LETTERS_MAX; i++) {
        struct letter *letter = &postman->letters[i];
        if (letter->state != LETTER_FREE && strcmp(letter->mail.id, id) == 0)
            return letter;
    }
    return NULL;
}

static struct letter *free_letter(struct postman *postman)
{
    for (size_t i = 0; i < POSTMAN_LETTERS_MAX; i++) {
        if (postman->letters[i].state == LETTER_FREE)
            return &postman->letters[i];
    }
    return NULL;
}

static void send_letter(struct letter *letter)
{
    struct postman *postman = letter->postman;
    const struct postman_options *options = &postman->options;
    letter->state = LETTER_SENDING;
    letter->signed_ms = clock_monotonic_ms();
    compose(&options->composer, &letter->mail, &letter->message);
    if (options->outgoing)
        outgoing_send(postman->loop, options->outgoing, letter->mail.to, letter->message.data,
                      letter->message.length, on_transported, letter);
    else
        maildir_write(postman->loop, options->mail_dir, &letter->mail, letter->message.data,
                      letter->message.length, on_transported, letter);
}

/* Ends a message that no letter is made of. */
static void drop(struct postman *postman, enum outcome outcome, const char *ack_subject)
{
    count(postman, outcome);
    bus_work_term(postman->options.bus, ack_subject);
    grant_one(postman);
}

/* News that could not be sent for days; MAIL cannot be trimmed behind it meanwhile. */
static bool is_too_late(const struct mail *mail)
{
    bool token = mail_topic(mail->kind) == MAIL_ABOUT_TOKEN;
    int64_t until_ms = token ? mail->expires_ms : mail->created_ms + NEWS_KEEP_MS;
    return until_ms != 0 && until_ms <= clock_now_ms();
}

static void on_message(void *arg, const struct bus_message *message,
                       const struct bus_delivery *delivery)
{
    struct postman *postman = arg;
    struct mail mail;
    if (mail_decode(message->data, message->length, &mail) != 0) {
        LOG_ERROR("mail cannot be decoded", LOG_I64("sequence", delivery->stream_sequence));
        drop(postman, OUTCOME_INVALID, message->reply);
        return;
    }
    if (compose_address_check(mail.to) != 0) {
        log_mail(LOG_LEVEL_ERROR, "mail to an address that cannot be written", &mail,
                 delivery->delivered, NULL);
        drop(postman, OUTCOME_INVALID, message->reply);
        return;
    }
    struct letter *letter = find_letter(postman, mail.id);
    if (letter) {
        /* Delivered again while it is under way: its newest delivery is the one to acknowledge. */
        snprintf(letter->ack_subject, sizeof letter->ack_subject, "%s", message->reply);
        letter->delivered = delivery->delivered;
        grant_one(postman);
        return;
    }
    bool sent = accepted_contains(&postman->accepted, mail.id);
    if (!sent && is_too_late(&mail)) {
        log_mail(LOG_LEVEL_WARN, "mail dropped, it comes too late", &mail, delivery->delivered,
                 NULL);
        drop(postman, OUTCOME_EXPIRED, message->reply);
        return;
    }
    letter = free_letter(postman);
    INVARIANT(letter); /* as many as the credit */
    letter->mail = mail;
    letter->delivered = delivery->delivered;
    snprintf(letter->ack_subject, sizeof letter->ack_subject, "%s", message->reply);
    if (sent)
        letter_acknowledge(letter);
    else
        send_letter(letter);
}

static void on_tick(uv_timer_t *timer)
{
    struct postman *postman = timer->data;
    int64_t now_ms = clock_monotonic_ms();
    for (size_t i = 0; i < POSTMAN_LETTERS_MAX; i++) {
        struct letter *letter = &postman->letters[i];
        if (letter->state == LETTER_UNACKED) {
            letter_acknowledge(letter);
        } else if (letter->state == LETTER_SENDING && now_ms - letter->signed_ms >= PROGRESS_MS) {
            letter->signed_ms = now_ms;
            bus_work_progress(postman->options.bus, letter->ack_subject);
        }
    }
}

static void register_metrics(struct postman *postman)
{
    static const char *const labels[OUTCOMES] = {
        [OUTCOME_ACCEPTED] = "outcome=\"accepted\"", [OUTCOME_LATER] = "outcome=\"later\"",
        [OUTCOME_REFUSED] = "outcome=\"refused\"",   [OUTCOME_EXPIRED] = "outcome=\"expired\"",
        [OUTCOME_INVALID] = "outcome=\"invalid\"",
    };
    for (size_t i = 0; i < OUTCOMES; i++)
        postman->outcomes[i] = metric_counter("croncoco_mails_total", labels[i],
                                              "Attempts to send a mail, by what became of them.");
}

struct postman *postman_open(uv_loop_t *loop, const struct postman_options *options)
{
    struct postman *postman = memory_new(1, sizeof *postman);
    postman->options = *options;
    postman->loop = loop;
    for (size_t i = 0; i < POSTMAN_LETTERS_MAX; i++)
        postman->letters[i] = (struct letter){.postman = postman, .message = BUFFER_EMPTY};
    register_metrics(postman);
    uv_timer_init(loop, &postman->timer);
    postman->timer.data = postman;
    uv_timer_start(&postman->timer, on_tick, TICK_MS, TICK_MS);
    return postman;
}

void postman_start(struct postman *postman)
{
    if (postman->started)
        return;
    postman->started = true;
    postman->work =
        bus_work_open(postman->options.bus, STREAM_MAIL, DURABLE_MAILER, on_message, postman);
    bus_work_grant(postman->work, POSTMAN_LETTERS_MAX);
}

void postman_stop(struct postman *postman, void (*on_idle)(void *arg), void *arg)
{
    postman->started = true;
    if (postman->work)
        bus_work_close(postman->work);
    postman->work = NULL;
    postman->on_idle = on_idle;
    postman->on_idle_arg = arg;
    check_idle(postman);
}

static void on_timer_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void postman_close(struct postman *postman)
{
    if (postman->work)
        bus_work_close(postman->work);
    for (size_t i = 0; i < POSTMAN_LETTERS_MAX; i++) {
        bus_forget(postman->options.bus, &postman->letters[i]);
        buffer_free(&postman->letters[i].message);
    }
    uv_close((uv_handle_t *)&postman->timer, on_timer_closed);
}
