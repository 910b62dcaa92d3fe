#include "scheduler/core/execution.h"

#include <stdlib.h>

#include "shared/memory.h"

struct execution *execution_batch_add(struct execution_batch *batch)
{
    if (batch->count == batch->capacity) {
        batch->capacity = batch->capacity ? 2 * batch->capacity : 256;
        batch->rows = memory_resize(batch->rows, batch->capacity, sizeof(*batch->rows));
    }
    struct execution *row = &batch->rows[batch->count++];
    *row = (struct execution){0};
    return row;
}

static int compare(const void *left, const void *right)
{
    const struct execution *a = left, *b = right;
    if (a->job != b->job)
        return a->job < b->job ? -1 : 1;
    if (a->slot_s != b->slot_s)
        return a->slot_s < b->slot_s ? -1 : 1;
    return a->replay < b->replay ? -1 : a->replay > b->replay;
}

void execution_batch_sort(struct execution_batch *batch)
{
    if (batch->count > 1)
        qsort(batch->rows, batch->count, sizeof(*batch->rows), compare);
}

void execution_batch_clear(struct execution_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        free(batch->rows[i].end.error);
        free(batch->rows[i].end.body);
    }
    batch->count = 0;
}

void execution_batch_free(struct execution_batch *batch)
{
    execution_batch_clear(batch);
    free(batch->rows);
    *batch = (struct execution_batch){0};
}
