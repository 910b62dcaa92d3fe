/*
 * The inboxes of a connection: one wildcard subscription, and what comes in by it is told apart
 * here. After the prefix, 16 hexadecimal digits are a request's id, 'i' and 16 such digits an inbox
 * of its own.
 */
#include <string.h>

#include "shared/bus_internal.h"

#define ROUTE_MARK 'i'
#define HEX_DIGITS 16

static void random_bytes(void *bytes, size_t length)
{
    INVARIANT(uv_random(NULL, NULL, bytes, length, 0, NULL) == 0);
}

/* Returns the end of the text. */
static char *hex_write(char *text, uint64_t value)
{
    for (size_t i = 0; i < HEX_DIGITS; i++)
        text[i] = "0123456789abcdef"[value >> (60 - 4 * i) & 15];
    text[HEX_DIGITS] = '\0';
    return text + HEX_DIGITS;
}

/* Returns 0, or -1 where text does not start with so many digits. */
static int hex_read(const char *text, uint64_t *value)
{
    uint64_t parsed = 0;
    for (size_t i = 0; i < HEX_DIGITS; i++) {
        char c = text[i];
        unsigned digit;
        if (c >= '0' && c <= '9')
            digit = (unsigned)(c - '0');
        else if (c >= 'a' && c <= 'f')
            digit = (unsigned)(c - 'a') + 10;
        else
            return -1;
        parsed = parsed << 4 | digit;
    }
    *value = parsed;
    return 0;
}

void bus_inbox_init(struct bus_inbox *inbox, struct bus_requests *requests)
{
    uint64_t random[2];
    random_bytes(random, sizeof(random));
    memset(inbox, 0, sizeof(*inbox));
    inbox->requests = requests;
    char *at = stpcpy(inbox->prefix, "_INBOX.");
    at = hex_write(at, random[0]);
    at = hex_write(at, random[1]);
    at = stpcpy(at, ".");
    inbox->prefix_length = (size_t)(at - inbox->prefix);
}

void bus_inbox_wildcard(const struct bus_inbox *inbox, char text[static BUS_INBOX_SIZE])
{
    stpcpy(stpcpy(text, inbox->prefix), ">");
}

void bus_inbox_of_request(const struct bus_inbox *inbox, uint64_t id,
                          char text[static BUS_INBOX_SIZE])
{
    hex_write(stpcpy(text, inbox->prefix), id);
}

void bus_inbox_new(const struct bus_inbox *inbox, char text[static BUS_INBOX_SIZE])
{
    uint64_t route;
    random_bytes(&route, sizeof(route));
    char *at = stpcpy(text, inbox->prefix);
    *at++ = ROUTE_MARK;
    hex_write(at, route);
}

static bool is_own(const struct bus_inbox *inbox, const char *subject)
{
    return strncmp(subject, inbox->prefix, inbox->prefix_length) == 0;
}

int bus_inbox_parse(const struct bus_inbox *inbox, const char *subject, uint64_t *route)
{
    if (!is_own(inbox, subject) || subject[inbox->prefix_length] != ROUTE_MARK)
        return -1;
    return hex_read(subject + inbox->prefix_length + 1, route);
}

void bus_inbox_add(struct bus_inbox *inbox, struct bus_inbox_entry *entry)
{
    struct bus_inbox_entry **bucket = &inbox->buckets[entry->route % BUS_INBOX_BUCKETS];
    entry->next = *bucket;
    *bucket = entry;
}

void bus_inbox_remove(struct bus_inbox *inbox, struct bus_inbox_entry *entry)
{
    struct bus_inbox_entry **at = &inbox->buckets[entry->route % BUS_INBOX_BUCKETS];
    while (*at != entry)
        at = &(*at)->next;
    *at = entry->next;
}

static bool text_is(const char *text, const char *bytes, size_t length)
{
    return strncmp(text, bytes, length) == 0 && text[length] == '\0';
}

static void on_delivery(struct bus_inbox *inbox, const struct bus_message *message)
{
    struct bus_pull_delivery delivery;
    if (!message->reply || bus_pull_delivery_parse(message->reply, &delivery) != 0)
        return;
    for (struct bus_pull_route *route = inbox->pulls; route; route = route->next) {
        if (text_is(route->consumer, delivery.consumer, delivery.consumer_length) &&
            text_is(route->stream, delivery.stream, delivery.stream_length)) {
            route->on_delivery(route->arg, message, &delivery);
            return;
        }
    }
}

void bus_inbox_message(struct bus_inbox *inbox, const struct bus_message *message, bool nobody)
{
    uint64_t id;
    if (!is_own(inbox, message->subject)) {
        on_delivery(inbox, message);
    } else if (bus_inbox_parse(inbox, message->subject, &id) == 0) {
        struct bus_inbox_entry *entry = inbox->buckets[id % BUS_INBOX_BUCKETS];
        while (entry && entry->route != id)
            entry = entry->next;
        if (entry)
            entry->subscription->on_message(entry->subscription->arg, message);
    } else if (hex_read(message->subject + inbox->prefix_length, &id) == 0) {
        bus_requests_end(inbox->requests, id, nobody ? BUS_NO_RESPONDERS : BUS_OK,
                         nobody ? NULL : message);
    }
}
