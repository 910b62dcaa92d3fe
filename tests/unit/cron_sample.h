/* Random cron expressions, with what they mean by means of their own. */
#ifndef TESTS_UNIT_CRON_SAMPLE_H
#define TESTS_UNIT_CRON_SAMPLE_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "shared/cron.h"
#include "tests/unit/sample.h"

/* One random field without numbers above most: its text, and by its own means the values that it
 * stands for. */
static inline void random_field(struct sample *sample, unsigned low, unsigned high, unsigned most,
                                bool sparse, char text[static 128], bool values[static 64])
{
    size_t length = 0;
    memset(values, 0, 64 * sizeof *values);
    uint64_t items = 1 + (sample_below(sample, 4) == 0 ? sample_below(sample, 3) : 0);
    for (uint64_t i = 0; i < items; i++) {
        unsigned from = (unsigned)sample_within(sample, low, most);
        unsigned to = (unsigned)sample_within(sample, from, most);
        unsigned step = 1 + (unsigned)sample_below(sample, high);
        const char *comma = i ? "," : "";
        switch (sample_below(sample, sparse ? 2 : 5)) {
        case 0:
        case 1:
            to = from;
            step = 1;
            length += (size_t)snprintf(text + length, 128 - length, "%s%u", comma, from);
            break;
        case 2:
            step = 1;
            length += (size_t)snprintf(text + length, 128 - length, "%s%u-%u", comma, from, to);
            break;
        case 3:
            length +=
                (size_t)snprintf(text + length, 128 - length, "%s%u-%u/%u", comma, from, to, step);
            break;
        default:
            from = low;
            to = high;
            if (sample_below(sample, 2))
                step = 1;
            length += (size_t)snprintf(text + length, 128 - length, step == 1 ? "%s*" : "%s*/%u",
                                       comma, step);
        }
        for (unsigned value = from; value <= to; value += step)
            values[value] = true;
    }
}

struct expression {
    char text[CRON_TEXT_MAX + 1];
    bool values[5][64];
    bool either;
    bool elapsed; /* minute or hour start with a star */
};

/* Most hours are early ones, in which clocks are changed, and most days are any. */
static inline void random_expression_early(struct sample *sample, bool early,
                                           struct expression *expression)
{
    static const unsigned lows[] = {0, 0, 1, 1, 0};
    static const unsigned highs[] = {59, 23, 31, 12, 7};
    char fields[5][128];
    bool sparse = sample_below(sample, 4) == 0;
    for (size_t i = 0; i < 5; i++) {
        bool star = i > 1 && sample_below(sample, early ? 5 : 2);
        unsigned most = early && i == 1 && sample_below(sample, 4) ? 3 : highs[i];
        random_field(sample, lows[i], highs[i], most, sparse, fields[i], expression->values[i]);
        if (star) {
            snprintf(fields[i], sizeof fields[i], "*");
            memset(expression->values[i], 1, sizeof expression->values[i]);
        }
    }
    if (expression->values[4][7])
        expression->values[4][0] = true;
    expression->either = fields[2][0] != '*' && fields[4][0] != '*';
    expression->elapsed = fields[0][0] == '*' || fields[1][0] == '*';
    snprintf(expression->text, sizeof expression->text, "%.50s %.50s %.50s %.50s %.50s", fields[0],
             fields[1], fields[2], fields[3], fields[4]);
}

static inline void random_expression(struct sample *sample, struct expression *expression)
{
    random_expression_early(sample, false, expression);
}

#endif
