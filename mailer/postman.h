/*
 * Takes mails from the stream, has them sent, and acknowledges them.
 *
 * A mail is acknowledged once it was accepted, and that with a confirmation: until the server has
 * it, the acknowledgement is repeated, and the mail is not sent a second time. What may pass goes
 * back to the stream with a delay that grows with each delivery, so any mailer may try it next.
 */
#ifndef MAILER_POSTMAN_H
#define MAILER_POSTMAN_H

#include <uv.h>

#include "mailer/compose.h"
#include "shared/bus.h"

struct outgoing;

struct postman_options {
    struct bus *bus;
    struct composer composer;
    const struct outgoing *outgoing; /* NULL: files in mail_dir */
    const char *mail_dir;
};

/* Mails under way at once: each takes a thread of libuv's pool. */
#define POSTMAN_LETTERS_MAX 16

struct postman;

/* Asks for no mail until postman_start. */
struct postman *postman_open(uv_loop_t *loop, const struct postman_options *options);
/* The stream is there: take mails from it. Only the first call counts. */
void postman_start(struct postman *postman);
/*
 * Takes no further mails; calls on_idle (from here, perhaps) once all under way are finished and
 * acknowledged.
 */
void postman_stop(struct postman *postman, void (*on_idle)(void *arg), void *arg);
void postman_close(struct postman *postman);

#endif
