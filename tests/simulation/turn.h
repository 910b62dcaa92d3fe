/* The leader's writing, as scheduler/turn.c and outbox.c do it: one transaction after the other. */
#ifndef SIMULATION_TURN_H
#define SIMULATION_TURN_H

#include "scheduler/core/core.h"
#include "scheduler/core/facts.h"
#include "tests/simulation/world.h"

struct term;

enum turn_state { TURN_IDLE, TURN_READING, TURN_WRITING };

struct queued {
    uint64_t number; /* of the command */
    uint64_t sequence;
    size_t answer;
};

struct turn {
    enum turn_state state;
    uint64_t count; /* of transactions */
    int64_t committed_ms;
    struct core_progress written, writing;
    struct queued *queue; /* owned */
    size_t queue_count, queue_room, taken;
    uint64_t commands_seq, results_seq;
    unsigned result_messages, result_messages_taken;
    size_t outbox_taken;
    uint64_t timer_number; /* of the timer that counts; 0: none */
    uint64_t timers;
};

/* Mail on its way to JetStream, one at a time. */
struct outbox {
    int64_t *waiting, *acknowledged; /* owned: ids */
    size_t waiting_count, waiting_room, acknowledged_count, acknowledged_room;
    bool publishing;
};

void turn_start_leading(struct term *term);
void turn_free(struct term *term);
void turn_add_command(struct world *world, struct term *term, uint64_t sequence, uint64_t number);
void turn_results_applied(struct world *world, struct term *term, uint64_t sequence);
void turn_kick(struct world *world, struct term *term);
/* Commands were applied to the core, and are not committed yet. */
bool turn_holds_commands(const struct term *term);

void outbox_add(struct world *world, struct term *term, int64_t id);

#endif
