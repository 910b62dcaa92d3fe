/* Parameters of the statements that write facts. */
#ifndef SCHEDULER_SQL_FACT_ARRAYS_H
#define SCHEDULER_SQL_FACT_ARRAYS_H

#include "scheduler/core/facts.h"
#include "scheduler/sql_unit.h"

/* One array parameter of the facts of a kind that are in a state; element writes one. */
// NOLINTBEGIN(bugprone-macro-parentheses): the noun makes names
#define EACH_FACT(noun, wanted, type, element)                                                     \
    do {                                                                                           \
        db_array_begin(unit, (type));                                                              \
        for (size_t i = 0; i < facts->noun##_count; i++) {                                         \
            const struct fact_##noun *noun = &facts->noun##s[i];                                   \
            if (noun->change == (wanted))                                                          \
                (element);                                                                         \
        }                                                                                          \
        db_array_end(unit);                                                                        \
    } while (0)
// NOLINTEND(bugprone-macro-parentheses)

#define COUNT(noun, wanted) count_##noun##s(facts, (wanted))
#define COUNTER(noun)                                                                              \
    static size_t count_##noun##s(const struct facts *facts, enum fact_change wanted)              \
    {                                                                                              \
        size_t count = 0;                                                                          \
        for (size_t i = 0; i < facts->noun##_count; i++)                                           \
            count += facts->noun##s[i].change == wanted;                                           \
        return count;                                                                              \
    }

#endif
