/*
 * Work that is gathered and done together once a turn of the loop: what is asked for in a turn is
 * done at its end, before the loop sleeps.
 */
#ifndef GATEWAY_TURN_END_H
#define GATEWAY_TURN_END_H

#include <uv.h>

struct turn_end {
    uv_check_t check;
    uv_idle_t awake;
    void (*work)(void *arg);
    void *arg;
};

/* Lives as long as the process. */
void turn_end_init(struct turn_end *end, uv_loop_t *loop, void (*work)(void *arg), void *arg);
/* Calls work at the end of this turn, once. */
void turn_end_ask(struct turn_end *end);

#endif
