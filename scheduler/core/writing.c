#include "scheduler/core/writing.h"

#include <stdlib.h>

#include "shared/compiler.h"
#include "shared/memory.h"

#define ROOM_INITIAL 16

const char *pause_reason_name(enum pause_reason reason)
{
    static const char *const names[PAUSE_REASONS] = {[PAUSE_PLAN] = "plan",
                                                     [PAUSE_FAILING] = "failing",
                                                     [PAUSE_GONE] = "gone",
                                                     [PAUSE_FINISHED] = "finished"};
    INVARIANT(reason < PAUSE_REASONS);
    return names[reason];
}

// NOLINTBEGIN(bugprone-macro-parentheses): the nouns make names
#define ADDER(type, noun, array)                                                                   \
    struct type *writing_add_##noun(struct writing *writing)                                       \
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

ADDER(attempt, attempt, attempts)
ADDER(usage_row, usage, usage)
ADDER(failing_row, failing, failing)
ADDER(pause_row, pause, pauses)
ADDER(notice_row, notice, notices)
ADDER(letter_row, letter, letters)

bool writing_is_empty(const struct writing *writing)
{
    return !writing->executions.count && !writing->attempt_count && !writing->usage_count &&
           !writing->failing_count && !writing->pause_count && !writing->notice_count &&
           !writing->letter_count;
}

void writing_clear(struct writing *writing)
{
    execution_batch_clear(&writing->executions);
    for (size_t i = 0; i < writing->attempt_count; i++) {
        free(writing->attempts[i].end.error);
        free(writing->attempts[i].end.body);
    }
    writing->attempt_count = writing->usage_count = writing->failing_count = 0;
    writing->pause_count = writing->notice_count = writing->letter_count = 0;
}

void writing_free(struct writing *writing)
{
    writing_clear(writing);
    execution_batch_free(&writing->executions);
    free(writing->attempts);
    free(writing->usage);
    free(writing->failing);
    free(writing->pauses);
    free(writing->notices);
    free(writing->letters);
    *writing = (struct writing){0};
}
