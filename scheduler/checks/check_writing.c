#include "scheduler/checks/check_writing.h"

#include <stdlib.h>

#include "shared/memory.h"

#define ROOM_INITIAL 16

// NOLINTBEGIN(bugprone-macro-parentheses): the nouns make names
#define ADDER(type, noun, array)                                                                   \
    struct type *check_writing_add_##noun(struct check_writing *writing)                           \
    {                                                                                              \
        if (writing->noun##_count == writing->noun##_room) {                                       \
            writing->noun##_room = writing->noun##_room ? 2 * writing->noun##_room : ROOM_INITIAL; \
            writing->array =                                                                       \
                memory_resize(writing->array, writing->noun##_room, sizeof(*writing->array));      \
        }                                                                                          \
        struct type *row = &writing->array[writing->noun##_count++];                               \
        *row = (struct type){0};                                                                   \
        return row;                                                                                \
    }
// NOLINTEND(bugprone-macro-parentheses)

ADDER(ping_row, ping, pings)
ADDER(check_state_row, state, states)
ADDER(check_start_row, start, starts)
ADDER(flip_row, flip, flips)
ADDER(alert_row, alert, alerts)
ADDER(alert_group_row, group, groups)
ADDER(check_pause_row, pause, pauses)

bool check_writing_is_empty(const struct check_writing *writing)
{
    return !writing->ping_count && !writing->state_count && !writing->start_count &&
           !writing->flip_count && !writing->alert_count && !writing->group_count &&
           !writing->pause_count;
}

void check_writing_clear(struct check_writing *writing)
{
    for (size_t i = 0; i < writing->ping_count; i++) {
        free(writing->pings[i].rid);
        free(writing->pings[i].body);
    }
    writing->ping_count = writing->state_count = writing->start_count = writing->flip_count = 0;
    writing->alert_count = writing->group_count = writing->pause_count = 0;
}

void check_writing_free(struct check_writing *writing)
{
    check_writing_clear(writing);
    free(writing->pings);
    free(writing->states);
    free(writing->starts);
    free(writing->flips);
    free(writing->alerts);
    free(writing->groups);
    free(writing->pauses);
    *writing = (struct check_writing){0};
}
