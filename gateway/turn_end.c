#include "gateway/turn_end.h"

#include "shared/compiler.h"

static void on_check(uv_check_t *check)
{
    struct turn_end *end = check->data;
    uv_check_stop(&end->check);
    uv_idle_stop(&end->awake);
    end->work(end->arg);
}

/* A turn that is asked for outside of the poll would sleep in it first: this keeps it awake. */
static void on_idle(uv_idle_t *idle)
{
    (void)idle;
}

void turn_end_init(struct turn_end *end, uv_loop_t *loop, void (*work)(void *arg), void *arg)
{
    end->work = work;
    end->arg = arg;
    INVARIANT(uv_check_init(loop, &end->check) == 0 && uv_idle_init(loop, &end->awake) == 0);
    end->check.data = end;
}

void turn_end_ask(struct turn_end *end)
{
    uv_check_start(&end->check, on_check);
    uv_idle_start(&end->awake, on_idle);
}
