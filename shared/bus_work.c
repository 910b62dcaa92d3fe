#include "shared/bus_work.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/bus_internal.h"
#include "shared/log.h"
#include "shared/memory.h"

#define NAK_SIZE          64
#define LOG_INTERVAL_MS   1000
#define NANOSECONDS_IN_MS INT64_C(1000000)

struct bus_work {
    struct bus *bus;
    struct bus_pull *pull;
    bus_work_cb *on_message;
    void *arg;
};

static void on_delivery(void *arg, const struct bus_message *message,
                        const struct bus_pull_delivery *delivery)
{
    struct bus_work *work = arg;
    work->on_message(work->arg, message, &delivery->delivery);
}

/* The owner has no room for it; without this it would lie here until the ack wait is over. */
static void on_stray(void *arg, const struct bus_message *message,
                     const struct bus_pull_delivery *delivery)
{
    (void)delivery;
    struct bus_work *work = arg;
    bus_work_nak(work->bus, message->reply, 0);
}

struct bus_work *bus_work_open(struct bus *bus, const char *stream, const char *durable,
                               bus_work_cb *on_message, void *arg)
{
    struct bus_work *work = memory_new(1, sizeof(*work));
    work->bus = bus;
    work->on_message = on_message;
    work->arg = arg;
    work->pull = bus_pull_open(
        bus, &(struct bus_pull_options){
                 .stream = stream, .on_message = on_delivery, .on_stray = on_stray, .arg = work});
    bus_pull_set_consumer(work->pull, durable);
    return work;
}

void bus_work_close(struct bus_work *work)
{
    bus_pull_close(work->pull);
    free(work);
}

void bus_work_grant(struct bus_work *work, unsigned count)
{
    bus_pull_grant(work->pull, count);
}

/* One that is not sent is made up for by the ack wait: the message is delivered again. */
static void acknowledge(struct bus *bus, const char *ack_subject, const char *word)
{
    static int64_t logged_ms = -LOG_INTERVAL_MS;
    enum bus_status status = bus_publish(bus, ack_subject, NULL, word, strlen(word));
    if (status == BUS_OK || status == BUS_DISCONNECTED ||
        bus_now_ms() - logged_ms < LOG_INTERVAL_MS)
        return;
    logged_ms = bus_now_ms();
    LOG_WARN("bus: acknowledgements not sent", LOG_STR("word", word),
             LOG_STR("error", bus_status_text(status)));
}

void bus_work_ack(struct bus *bus, const char *ack_subject)
{
    acknowledge(bus, ack_subject, "+ACK");
}

enum bus_status bus_work_ack_sync(struct bus *bus, const char *ack_subject, int64_t timeout_ms,
                                  bus_answer_cb *on_answer, void *arg)
{
    return bus_request(bus, ack_subject, NULL, 0, "+ACK", 4, timeout_ms, on_answer, arg);
}

void bus_work_nak(struct bus *bus, const char *ack_subject, int64_t delay_ms)
{
    char word[NAK_SIZE] = "-NAK";
    if (delay_ms > 0)
        snprintf(word, sizeof(word), "-NAK {\"delay\":%" PRId64 "}", delay_ms * NANOSECONDS_IN_MS);
    acknowledge(bus, ack_subject, word);
}

void bus_work_progress(struct bus *bus, const char *ack_subject)
{
    acknowledge(bus, ack_subject, "+WPI");
}

void bus_work_term(struct bus *bus, const char *ack_subject)
{
    acknowledge(bus, ack_subject, "+TERM");
}

int bus_delivery_parse(const char *ack_subject, struct bus_delivery *delivery)
{
    struct bus_pull_delivery parsed;
    if (bus_pull_delivery_parse(ack_subject, &parsed) != 0)
        return -1;
    *delivery = parsed.delivery;
    return 0;
}
