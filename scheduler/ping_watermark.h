/*
 * How far the time of checks may go on: no check is late or down for a second before every ping
 * that came before it has been read. Pure: times and positions come in as arguments.
 *
 * At a moment T the ends of PINGS and RESULTS (executions of jobs are pings too) are asked for.
 * What is in the streams by then is read once the leader has applied both up to there; what a
 * gateway had taken at T and not yet stored is allowed for by a margin: checks are evaluated up to
 * T - margin. After an outage nothing new is needed: the backlog lies before the end that is asked
 * for.
 *
 * The margin is a second while all is calm. A gateway that cannot reach JetStream keeps a ping and
 * sends it again, for 5 s at most. So what looks as if this may be going on makes the margin
 * longer than that for a while: a connection to NATS that is new, a question that was not answered,
 * a ping that was stored late, or by a gateway whose clock is behind. What counts is the moment of
 * the question, however long a backlog is read until it is reached, and what was learnt meanwhile.
 */
#ifndef SCHEDULER_PING_WATERMARK_H
#define SCHEDULER_PING_WATERMARK_H

#include <stdbool.h>
#include <stdint.h>

#define WATERMARK_CALM_MARGIN_MS 1000
#define WATERMARK_MARGIN_MS      6500  /* longer than a gateway goes on with a ping */
#define WATERMARK_DISTURBED_MS   15000 /* after the last sign; longer than any client reconnects */
#define WATERMARK_LATE_MS        500   /* from its arrival until a ping is stored: not calm */

struct ping_watermark {
    int64_t disturbed_ms; /* monotonic: the last sign of a disturbance */
    int64_t asked_ms;     /* wall clock: T of the question; 0: there is none */
    int64_t margin_ms;    /* as of the question */
    bool answered;
    uint64_t pings_end, results_end; /* sequences; 0: nothing is in the stream */
    int64_t until_s;                 /* how far checks were evaluated */
};

/* disturbed_ms is when this process's connection to NATS began (monotonic). */
void ping_watermark_init(struct ping_watermark *mark, int64_t disturbed_ms);
/* A sign of a disturbance. */
void ping_watermark_disturb(struct ping_watermark *mark, int64_t monotonic_ms);
/* A ping that arrived and was stored at these times, wherever they were measured. */
void ping_watermark_stored(struct ping_watermark *mark, int64_t arrived_ms, int64_t stored_ms,
                           int64_t now_ms, int64_t monotonic_ms);

/*
 * In how many ms the streams' ends are to be asked for, where next_s is the next second at which
 * something is due (INT64_MAX: nothing is): 0 is now, INT64_MAX never as things are.
 */
int64_t ping_watermark_ask_in_ms(const struct ping_watermark *mark, int64_t next_s, int64_t now_ms,
                                 int64_t monotonic_ms);
/*
 * Both questions are sent now, and answered or not. While what was asked for is not reached they
 * may be sent again, for what was there may be gone since (aged out): the lower end counts.
 */
void ping_watermark_asked(struct ping_watermark *mark, int64_t now_ms, int64_t monotonic_ms);
void ping_watermark_answered(struct ping_watermark *mark, uint64_t pings_end, uint64_t results_end);
void ping_watermark_unanswered(struct ping_watermark *mark, int64_t monotonic_ms);

/*
 * Whether what was asked for is applied, the streams being applied up to these sequences: then
 * checks may be evaluated up to *until_s, and the next question asked.
 */
bool ping_watermark_reached(const struct ping_watermark *mark, uint64_t pings_seq,
                            uint64_t results_seq);
/* Returns how far checks may be evaluated; it is reached. */
int64_t ping_watermark_take(struct ping_watermark *mark, int64_t monotonic_ms);

#endif
