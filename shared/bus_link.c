/* The thread that calls cnats. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "shared/bus_internal.h"
#include "shared/log.h"
#include "shared/memory.h"

#define CONNECT_TIMEOUT_MS    2000
#define RETRY_FIRST_MS        100
#define RETRY_LAST_MS         1000
#define RETRY_LOG_INTERVAL_MS 30000
#define PING_INTERVAL_MS      2000
#define PINGS_OUT             2
#define WRITE_DEADLINE_MS     2000
#define FLUSH_TIMEOUT_MS      4000
#define CLOSE_FLUSH_MS        2000
#define IO_BUFFER_BYTES       65536
#define SERVERS_MAX           16
#define DELIVERY_POOL_THREADS 1
#define NANOSECONDS_PER_MS    1000000
#define EVENTS_FIRST_CAPACITY 1024
#define EVENTS_KEPT_CAPACITY  65536

/* A subscription that every connection makes. */
struct bus_feed {
    struct bus_feed *next;
    struct bus_link *link;
    uint64_t id;
    char *subject;
    char *group; /* or NULL */
    /*
     * Of the present connection, or NULL. Kept until the connection is closed even where it was
     * unsubscribed: the reader of cnats 3.4.1 uses a subscription without holding it.
     */
    natsSubscription *native;
    bool ended;
};

struct bus_link {
    uv_thread_t thread;
    struct bus_events *events;
    bool prompt;
    atomic_size_t queued;

    uv_mutex_t command_mutex;
    uv_cond_t command_cond;
    /* under command_mutex */
    struct bus_command *first;
    struct bus_command *last;
    bool stopping;
    bool broken;        /* cnats closed the present connection */
    unsigned callbacks; /* that cnats still owes us for the present connection */

    /* the thread's own */
    natsOptions *options;
    natsConnection *connection; /* or NULL */
    uint64_t epoch;
    struct bus_feed *feeds;
    natsStatus last_failure;
    int64_t last_failure_ms;
    unsigned seed;
};

int64_t bus_now_ms(void)
{
    return (int64_t)(uv_hrtime() / NANOSECONDS_PER_MS);
}

/* --- commands --- */

static char *place(char **at, const void *bytes, size_t length)
{
    char *start = *at;
    if (length)
        memcpy(start, bytes, length);
    start[length] = '\0';
    *at += length + 1;
    return start;
}

struct bus_command *bus_command_new(enum bus_command_kind kind, const char *subject,
                                    const char *reply, const struct bus_header *headers,
                                    size_t header_count, const void *data, size_t length)
{
    INVARIANT(length <= INT32_MAX);
    size_t size = sizeof(struct bus_command) + header_count * sizeof(struct bus_header);
    size += strlen(subject) + 1 + (reply ? strlen(reply) + 1 : 0) + length + 1;
    for (size_t i = 0; i < header_count; i++)
        size += strlen(headers[i].name) + strlen(headers[i].value) + 2;

    struct bus_command *command = memory_new(1, size);
    command->kind = kind;
    command->headers = (struct bus_header *)(command + 1);
    command->header_count = header_count;
    char *at = (char *)(command->headers + header_count);
    command->subject = place(&at, subject, strlen(subject));
    command->reply = reply ? place(&at, reply, strlen(reply)) : NULL;
    command->data = place(&at, data, length);
    command->length = length;
    for (size_t i = 0; i < header_count; i++) {
        command->headers[i].name = place(&at, headers[i].name, strlen(headers[i].name));
        command->headers[i].value = place(&at, headers[i].value, strlen(headers[i].value));
    }
    return command;
}

void bus_link_send(struct bus_link *link, struct bus_command *first, struct bus_command *last,
                   size_t publishes)
{
    atomic_fetch_add_explicit(&link->queued, publishes, memory_order_relaxed);
    uv_mutex_lock(&link->command_mutex);
    bool was_empty = !link->first;
    if (was_empty)
        link->first = first;
    else
        link->last->next = first;
    link->last = last;
    if (was_empty)
        uv_cond_signal(&link->command_cond);
    uv_mutex_unlock(&link->command_mutex);
}

size_t bus_link_queued(const struct bus_link *link)
{
    return atomic_load_explicit(&link->queued, memory_order_relaxed);
}

static void command_done(struct bus_link *link, struct bus_command *command)
{
    if (command->kind == BUS_COMMAND_PUBLISH)
        atomic_fetch_sub_explicit(&link->queued, 1, memory_order_relaxed);
    free(command);
}

/* --- called by cnats, on its threads --- */

static void on_native_message(natsConnection *connection, natsSubscription *subscription,
                              natsMsg *message, void *closure)
{
    (void)connection;
    (void)subscription;
    struct bus_feed *feed = closure;
    bus_events_put(feed->link->events, (struct bus_event){BUS_EVENT_MESSAGE, feed->id, message});
}

static void callback_done(struct bus_link *link, bool broken)
{
    uv_mutex_lock(&link->command_mutex);
    link->callbacks--;
    if (broken)
        link->broken = true;
    uv_cond_signal(&link->command_cond);
    uv_mutex_unlock(&link->command_mutex);
}

static void on_native_complete(void *closure)
{
    struct bus_feed *feed = closure;
    callback_done(feed->link, false);
}

static void on_native_closed(natsConnection *connection, void *closure)
{
    (void)connection;
    callback_done(closure, true);
}

static void expect_callback(struct bus_link *link, int change)
{
    uv_mutex_lock(&link->command_mutex);
    link->callbacks += (unsigned)change;
    uv_mutex_unlock(&link->command_mutex);
}

/* --- subscriptions --- */

static natsStatus feed_start(struct bus_feed *feed)
{
    struct bus_link *link = feed->link;
    natsStatus status =
        feed->group ? natsConnection_QueueSubscribe(&feed->native, link->connection, feed->subject,
                                                    feed->group, on_native_message, feed)
                    : natsConnection_Subscribe(&feed->native, link->connection, feed->subject,
                                               on_native_message, feed);
    if (status != NATS_OK)
        return status;
    (void)natsSubscription_SetPendingLimits(feed->native, -1, -1);
    expect_callback(link, 1);
    status = natsSubscription_SetOnCompleteCB(feed->native, on_native_complete, feed);
    if (status != NATS_OK)
        expect_callback(link, -1);
    return status;
}

static struct bus_feed *feed_add(struct bus_link *link, uint64_t id, const char *subject,
                                 const char *group)
{
    struct bus_feed *feed = memory_new(1, sizeof(*feed));
    feed->link = link;
    feed->id = id;
    feed->subject = memory_text(subject, strlen(subject));
    feed->group = group ? memory_text(group, strlen(group)) : NULL;
    feed->next = link->feeds;
    link->feeds = feed;
    return feed;
}

static void feeds_free_ended(struct bus_link *link, bool all)
{
    for (struct bus_feed **at = &link->feeds; *at;) {
        struct bus_feed *feed = *at;
        if ((feed->ended || all) && !feed->native) {
            *at = feed->next;
            free(feed->subject);
            free(feed->group);
            free(feed);
        } else {
            at = &feed->next;
        }
    }
}

/* --- the connection --- */

static void disconnect(struct bus_link *link)
{
    natsConnection_Close(link->connection);
    /* After the last of them no thread of cnats touches anything of ours. */
    uv_mutex_lock(&link->command_mutex);
    while (link->callbacks > 0)
        uv_cond_wait(&link->command_cond, &link->command_mutex);
    link->broken = false;
    uv_mutex_unlock(&link->command_mutex);
    for (struct bus_feed *feed = link->feeds; feed; feed = feed->next) {
        natsSubscription_Destroy(feed->native);
        feed->native = NULL;
    }
    natsConnection_Destroy(link->connection);
    link->connection = NULL;
    feeds_free_ended(link, false);
}

static void log_failure(struct bus_link *link, const char *what, natsStatus status)
{
    int64_t now_ms = bus_now_ms();
    if (status == link->last_failure && now_ms - link->last_failure_ms < RETRY_LOG_INTERVAL_MS)
        return;
    link->last_failure = status;
    link->last_failure_ms = now_ms;
    LOG_WARN("bus: no connection", LOG_STR("what", what),
             LOG_STR("error", natsStatus_GetText(status)));
}

static bool try_connect(struct bus_link *link)
{
    if (!link->options) {
        log_failure(link, "address", NATS_INVALID_ARG);
        return false;
    }
    expect_callback(link, 1);
    natsStatus status = natsConnection_Connect(&link->connection, link->options);
    if (status != NATS_OK) {
        expect_callback(link, -1); /* there is no closed callback for what never was open */
        link->connection = NULL;
        log_failure(link, "connect", status);
        return false;
    }
    for (struct bus_feed *feed = link->feeds; feed && status == NATS_OK; feed = feed->next)
        status = feed_start(feed);
    if (status == NATS_OK)
        status = natsConnection_FlushTimeout(link->connection, FLUSH_TIMEOUT_MS);
    if (status != NATS_OK) {
        log_failure(link, "subscribe", status);
        disconnect(link);
        return false;
    }
    link->last_failure = NATS_OK;
    link->epoch++;
    bus_events_put(link->events, (struct bus_event){BUS_EVENT_CONNECTED, link->epoch, NULL});
    return true;
}

static void lose_connection(struct bus_link *link)
{
    disconnect(link);
    bus_events_put(link->events, (struct bus_event){BUS_EVENT_DISCONNECTED, link->epoch, NULL});
}

/* --- sending --- */

static natsStatus publish_native(struct bus_link *link, const struct bus_command *command)
{
    if (command->header_count == 0 && command->reply)
        return natsConnection_PublishRequest(link->connection, command->subject, command->reply,
                                             command->data, (int)command->length);
    if (command->header_count == 0)
        return natsConnection_Publish(link->connection, command->subject, command->data,
                                      (int)command->length);
    natsMsg *message = NULL;
    natsStatus status = natsMsg_Create(&message, command->subject, command->reply, command->data,
                                       (int)command->length);
    for (size_t i = 0; i < command->header_count && status == NATS_OK; i++)
        status = natsMsgHeader_Set(message, command->headers[i].name, command->headers[i].value);
    if (status == NATS_OK)
        status = natsConnection_PublishMsg(link->connection, message);
    natsMsg_Destroy(message);
    return status;
}

/* Returns whether the connection is still good. */
static bool send_publish(struct bus_link *link, const struct bus_command *command)
{
    if (command->epoch != link->epoch)
        return true;
    if (command->deadline_ms && command->deadline_ms <= bus_now_ms())
        return true;
    natsStatus status = publish_native(link, command);
    if (status == NATS_OK)
        return true;
    if (status == NATS_MAX_PAYLOAD || status == NATS_INVALID_SUBJECT ||
        status == NATS_INVALID_ARG) {
        LOG_ERROR("bus: message refused by the client", LOG_STR("subject", command->subject),
                  LOG_I64("length", command->length), LOG_STR("error", natsStatus_GetText(status)));
        if (command->id)
            bus_events_put(link->events, (struct bus_event){BUS_EVENT_UNSENT, command->id, NULL});
        return true;
    }
    log_failure(link, "publish", status);
    return false;
}

static bool send_subscribe(struct bus_link *link, const struct bus_command *command)
{
    struct bus_feed *feed = feed_add(link, command->id, command->subject, command->reply);
    if (!link->connection)
        return true;
    natsStatus status = feed_start(feed);
    if (status != NATS_OK)
        log_failure(link, "subscribe", status);
    return status == NATS_OK;
}

static void send_unsubscribe(struct bus_link *link, const struct bus_command *command)
{
    for (struct bus_feed *feed = link->feeds; feed; feed = feed->next) {
        if (feed->id != command->id || feed->ended)
            continue;
        feed->ended = true;
        if (feed->native)
            (void)natsSubscription_Unsubscribe(feed->native);
        break;
    }
    feeds_free_ended(link, false);
}

/*
 * Carries out and frees a list of commands. Returns false where the connection broke under it: what
 * was to be published on it is dropped, the loop ends those requests itself.
 */
static bool send_commands(struct bus_link *link, struct bus_command *command)
{
    bool good = link->connection != NULL;
    while (command) {
        struct bus_command *next = command->next;
        switch (command->kind) {
        case BUS_COMMAND_PUBLISH: good = good && send_publish(link, command); break;
        case BUS_COMMAND_SUBSCRIBE: good = send_subscribe(link, command) && good; break;
        case BUS_COMMAND_UNSUBSCRIBE: send_unsubscribe(link, command); break;
        }
        command_done(link, command);
        command = next;
    }
    return good;
}

/* Waits for commands, a broken connection, or the end; wait_ms < 0: for ever. */
static struct bus_command *wait_for_commands(struct bus_link *link, int64_t wait_ms, bool *stopping,
                                             bool *broken)
{
    int64_t until_ms = bus_now_ms() + wait_ms;
    uv_mutex_lock(&link->command_mutex);
    while (!link->stopping && !link->broken) {
        if (wait_ms < 0 && link->first)
            break;
        int64_t left_ms = until_ms - bus_now_ms();
        if (wait_ms < 0)
            uv_cond_wait(&link->command_cond, &link->command_mutex);
        else if (left_ms <= 0 || uv_cond_timedwait(&link->command_cond, &link->command_mutex,
                                                   (uint64_t)left_ms * NANOSECONDS_PER_MS) != 0)
            break;
    }
    struct bus_command *commands = link->first;
    link->first = NULL;
    link->last = NULL;
    *stopping = link->stopping;
    *broken = link->broken;
    uv_mutex_unlock(&link->command_mutex);
    return commands;
}

static bool commands_waiting(struct bus_link *link)
{
    uv_mutex_lock(&link->command_mutex);
    bool waiting = link->first != NULL;
    uv_mutex_unlock(&link->command_mutex);
    return waiting;
}

/*
 * Serves a connection until it breaks (returns true) or the bus is closed (false). Unless it is to
 * be prompt, cnats gathers what is published in its buffer; it is flushed when nothing more waits,
 * so one write carries all that came meanwhile.
 */
static bool serve(struct bus_link *link)
{
    for (;;) {
        bool stopping;
        bool broken;
        struct bus_command *commands = wait_for_commands(link, -1, &stopping, &broken);
        bool good = send_commands(link, commands) && !broken;
        bool unwritten = !link->prompt || stopping;
        if (good && unwritten && !commands_waiting(link)) {
            natsStatus status = natsConnection_FlushTimeout(
                link->connection, stopping ? CLOSE_FLUSH_MS : FLUSH_TIMEOUT_MS);
            if (status != NATS_OK) {
                log_failure(link, "flush", status);
                good = false;
            }
        }
        if (stopping)
            return false;
        if (!good)
            return true;
    }
}

static void link_main(void *arg)
{
    struct bus_link *link = arg;
    int64_t retry_ms = 0;
    for (;;) {
        bool stopping;
        bool broken;
        struct bus_command *commands = wait_for_commands(link, retry_ms, &stopping, &broken);
        (void)send_commands(link, commands);
        if (stopping)
            break;
        if (!try_connect(link)) {
            int64_t longer_ms = retry_ms * 2 < RETRY_FIRST_MS ? RETRY_FIRST_MS : retry_ms * 2;
            retry_ms = longer_ms > RETRY_LAST_MS ? RETRY_LAST_MS : longer_ms;
            retry_ms -= rand_r(&link->seed) % (int)(retry_ms / 4);
            continue;
        }
        bool again = serve(link);
        if (!again) {
            disconnect(link);
            break;
        }
        lose_connection(link);
        retry_ms = RETRY_FIRST_MS;
    }
    nats_ReleaseThreadMemory();
}

static natsOptions *make_options(struct bus_link *link, const char *url, const char *name)
{
    char *list = memory_text(url, strlen(url));
    const char *servers[SERVERS_MAX];
    int count = 0;
    char *rest = NULL;
    for (char *server = strtok_r(list, ", ", &rest); server && count < SERVERS_MAX;
         server = strtok_r(NULL, ", ", &rest))
        servers[count++] = server;

    natsOptions *options = NULL;
    natsStatus s = nats_Open(-1);
    if (s == NATS_OK)
        s = nats_SetMessageDeliveryPoolSize(DELIVERY_POOL_THREADS);
    if (s == NATS_OK)
        s = natsOptions_Create(&options);
    if (s == NATS_OK)
        s = natsOptions_SetServers(options, servers, count);
    if (s == NATS_OK && name)
        s = natsOptions_SetName(options, name);
    if (s == NATS_OK)
        s = natsOptions_SetTimeout(options, CONNECT_TIMEOUT_MS);
    if (s == NATS_OK)
        s = natsOptions_SetAllowReconnect(options, false);
    if (s == NATS_OK)
        s = natsOptions_SetPingInterval(options, PING_INTERVAL_MS);
    if (s == NATS_OK)
        s = natsOptions_SetMaxPingsOut(options, PINGS_OUT);
    if (s == NATS_OK)
        s = natsOptions_SetWriteDeadline(options, WRITE_DEADLINE_MS);
    if (s == NATS_OK)
        s = natsOptions_SetIOBufSize(options, IO_BUFFER_BYTES);
    if (s == NATS_OK)
        s = natsOptions_SetSendAsap(options, link->prompt);
    if (s == NATS_OK)
        s = natsOptions_UseGlobalMessageDelivery(options, true);
    if (s == NATS_OK)
        s = natsOptions_SetClosedCB(options, on_native_closed, link);
    free(list);
    if (s != NATS_OK) {
        LOG_ERROR("bus: bad NATS address", LOG_STR("error", natsStatus_GetText(s)));
        natsOptions_Destroy(options);
        return NULL;
    }
    return options;
}

struct bus_link *bus_link_start(const char *url, const char *name, bool prompt,
                                const char *inbox_subject, struct bus_events *events)
{
    struct bus_link *link = memory_new(1, sizeof(*link));
    link->prompt = prompt;
    link->events = events;
    link->seed = (unsigned)uv_hrtime();
    INVARIANT(uv_mutex_init(&link->command_mutex) == 0);
    INVARIANT(uv_cond_init(&link->command_cond) == 0);
    link->options = make_options(link, url, name);
    feed_add(link, BUS_INBOX_SUBSCRIPTION, inbox_subject, NULL);
    INVARIANT(uv_thread_create(&link->thread, link_main, link) == 0);
    return link;
}

void bus_link_stop(struct bus_link *link)
{
    uv_mutex_lock(&link->command_mutex);
    link->stopping = true;
    uv_cond_signal(&link->command_cond);
    uv_mutex_unlock(&link->command_mutex);
    INVARIANT(uv_thread_join(&link->thread) == 0);

    feeds_free_ended(link, true);
    for (struct bus_command *command = link->first; command;) {
        struct bus_command *next = command->next;
        free(command);
        command = next;
    }
    natsOptions_Destroy(link->options);
    uv_cond_destroy(&link->command_cond);
    uv_mutex_destroy(&link->command_mutex);
    free(link);
}
