#include "scheduler/core/run_log.h"

#include <stdlib.h>

#include "shared/compiler.h"
#include "shared/memory.h"

#define LOG_INITIAL 256

void run_log_init(struct run_log *log, uint64_t runs_seq)
{
    *log = (struct run_log){.capacity = LOG_INITIAL, .runs_seq = runs_seq};
    log->ring = memory_new(log->capacity, sizeof(*log->ring));
}

void run_log_free(struct run_log *log)
{
    free(log->ring);
    *log = (struct run_log){0};
}

static struct run_message *message_of(const struct run_log *log, uint64_t number)
{
    INVARIANT(number >= log->first && number - log->first < log->count && log->capacity > 0);
    return &log->ring[(log->head + (number - log->first)) % log->capacity];
}

uint64_t run_log_next(const struct run_log *log)
{
    return log->first + log->count;
}

uint64_t run_log_add(struct run_log *log, uint32_t minute, uint32_t count, uint64_t sequence)
{
    if (log->count == log->capacity) {
        struct run_message *ring = memory_new(2 * (size_t)log->capacity, sizeof(*ring));
        for (uint32_t i = 0; i < log->count; i++)
            ring[i] = log->ring[(log->head + i) % log->capacity];
        free(log->ring);
        log->ring = ring;
        log->capacity *= 2;
        log->head = 0;
    }
    uint64_t number = log->first + log->count++;
    *message_of(log, number) = (struct run_message){.sequence = sequence,
                                                    .minute = minute,
                                                    .without_row = count & INT32_MAX,
                                                    .of_tick = !sequence && minute};
    if (sequence) {
        INVARIANT(log->unacked == number); /* found in the stream, before anything is published */
        log->unacked++;
    } else if (minute) {
        log->ticks_waiting++;
    }
    return number;
}

void run_log_keep(struct run_log *log, uint64_t number, uint32_t minute)
{
    message_of(log, number)->minute = minute;
}

void run_log_acknowledged(struct run_log *log, uint64_t number, uint64_t sequence)
{
    INVARIANT(number == log->unacked && sequence > 0);
    struct run_message *message = message_of(log, number);
    message->sequence = sequence;
    log->ticks_waiting -= message->of_tick;
    log->unacked++;
}

void run_log_recorded(struct run_log *log, uint64_t number)
{
    struct run_message *message = message_of(log, number);
    INVARIANT(message->without_row > 0);
    message->without_row--;
}

uint64_t run_log_waiting(const struct run_log *log)
{
    return run_log_next(log) - log->unacked;
}

uint64_t run_log_ticks_waiting(const struct run_log *log)
{
    return log->ticks_waiting;
}

bool run_log_has(const struct run_log *log, uint64_t number)
{
    return number < log->unacked;
}

uint32_t run_log_last_tick(const struct run_log *log, uint32_t emitted)
{
    for (uint64_t number = log->unacked; number < log->first + log->count; number++)
        if (message_of(log, number)->of_tick)
            return message_of(log, number)->minute - 1;
    return emitted;
}

uint64_t run_log_advance(struct run_log *log, uint32_t last_tick)
{
    while (log->count) {
        const struct run_message *message = &log->ring[log->head];
        if (!message->sequence || message->without_row || message->minute > last_tick)
            break;
        log->runs_seq = message->sequence;
        log->head = (log->head + 1) % log->capacity;
        log->count--;
        log->first++;
    }
    return log->runs_seq;
}
