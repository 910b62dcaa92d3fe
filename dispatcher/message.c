#include "dispatcher/message.h"

#include <stdio.h>
#include <stdlib.h>

#include "dispatcher/account_keys.h"
#include "dispatcher/job_details.h"
#include "shared/memory.h"

#define BUCKETS 4096 /* a power of two */

struct messages {
    struct bus *bus;
    struct message *first;
    size_t count;
    size_t open_runs[LANES];
    struct message *buckets[BUCKETS];
};

void run_queue_push(struct run_queue *queue, struct held_run *run)
{
    run->next = NULL;
    if (queue->last)
        queue->last->next = run;
    else
        queue->first = run;
    queue->last = run;
    queue->count++;
}

void run_queue_push_front(struct run_queue *queue, struct held_run *run)
{
    run->next = queue->first;
    queue->first = run;
    if (!queue->last)
        queue->last = run;
    queue->count++;
}

struct held_run *run_queue_pop(struct run_queue *queue)
{
    struct held_run *run = queue->first;
    if (!run)
        return NULL;
    queue->first = run->next;
    if (!queue->first)
        queue->last = NULL;
    queue->count--;
    run->next = NULL;
    return run;
}

struct messages *messages_create(struct bus *bus)
{
    struct messages *messages = memory_new(1, sizeof(*messages));
    messages->bus = bus;
    return messages;
}

static struct message **bucket_of(struct messages *messages, uint64_t sequence)
{
    return &messages->buckets[sequence & (BUCKETS - 1)];
}

void held_run_drop_body(struct held_run *run)
{
    free(run->body);
    run->body = NULL;
    run->result.body = NULL;
    run->result.body_bytes = 0;
}

static void message_free(struct message *message)
{
    struct messages *messages = message->messages;
    struct message **link = bucket_of(messages, message->sequence);
    while (*link != message)
        link = &(*link)->next_in_bucket;
    *link = message->next_in_bucket;

    if (message->previous)
        message->previous->next = message->next;
    else
        messages->first = message->next;
    if (message->next)
        message->next->previous = message->previous;
    messages->count--;
    messages->open_runs[message->lane] -= message->open;
    for (size_t i = 0; i < message->count; i++) {
        struct held_run *run = &message->runs[i];
        held_run_drop_body(run);
        if (run->details)
            job_details_release(run->details);
        if (run->keys)
            account_keys_release(run->keys);
    }
    free(message);
}

void messages_free(struct messages *messages)
{
    while (messages->first)
        message_free(messages->first);
    free(messages);
}

struct message *messages_hold(struct messages *messages, unsigned lane, uint64_t sequence,
                              uint64_t delivered, const char *ack_subject,
                              const struct run_batch *batch)
{
    INVARIANT(lane < LANES && batch->count > 0 && !messages_find(messages, sequence));
    struct message *message =
        memory_new(1, sizeof(*message) + batch->count * sizeof(message->runs[0]));
    message->messages = messages;
    message->sequence = sequence;
    message->lane = lane;
    message->state = MESSAGE_RUNNING;
    message_take_ack_subject(message, ack_subject, delivered);
    message->count = batch->count;
    message->open = batch->count;
    for (size_t i = 0; i < batch->count; i++) {
        message->runs[i].run = batch->runs[i];
        message->runs[i].message = message;
    }

    struct message **bucket = bucket_of(messages, sequence);
    message->next_in_bucket = *bucket;
    *bucket = message;
    message->next = messages->first;
    if (message->next)
        message->next->previous = message;
    messages->first = message;
    messages->count++;
    messages->open_runs[lane] += message->open;
    return message;
}

struct message *messages_find(const struct messages *messages, uint64_t sequence)
{
    struct message *message = messages->buckets[sequence & (BUCKETS - 1)];
    while (message && message->sequence != sequence)
        message = message->next_in_bucket;
    return message;
}

struct message *messages_first(const struct messages *messages)
{
    return messages->first;
}

size_t messages_count(const struct messages *messages)
{
    return messages->count;
}

size_t messages_open_runs(const struct messages *messages, unsigned lane)
{
    return messages->open_runs[lane];
}

void messages_progress(const struct messages *messages)
{
    for (const struct message *message = messages->first; message; message = message->next)
        if (message->state != MESSAGE_ABANDONED)
            bus_work_progress(messages->bus, message->ack_subject);
}

void message_take_ack_subject(struct message *message, const char *ack_subject, uint64_t delivered)
{
    message->delivered = delivered;
    snprintf(message->ack_subject, sizeof(message->ack_subject), "%s", ack_subject);
}

void held_run_done(struct held_run *run)
{
    struct message *message = run->message;
    INVARIANT(message->open > 0);
    message->open--;
    message->messages->open_runs[message->lane]--;
    if (message->open > 0)
        return;
    if (message->state != MESSAGE_ABANDONED)
        bus_work_ack(message->messages->bus, message->ack_subject);
    message_free(message);
}

void message_abandon(struct message *message)
{
    bus_work_nak(message->messages->bus, message->ack_subject, 0);
    if (message->state == MESSAGE_RUNNING)
        message->state = MESSAGE_ABANDONED;
    else
        message_free(message);
}

void message_yield(struct message *message)
{
    INVARIANT(message->state == MESSAGE_RUNNING);
    message->state = MESSAGE_ABANDONED;
}

void message_forget(struct message *message)
{
    INVARIANT(message->state == MESSAGE_CLAIMING || message->state == MESSAGE_ASKING);
    message_free(message);
}
