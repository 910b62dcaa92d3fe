/*
 * Mails out by SMTP (libcurl). Each mail has a connection of its own: on a kept one a server that
 * hung up meanwhile looks like a failure in the middle of the mail.
 */
#ifndef MAILER_OUTGOING_H
#define MAILER_OUTGOING_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "mailer/transport.h"

/* Borrowed for the life of the object. */
struct outgoing_options {
    const char *url;  /* smtp://host:587, smtps://host:465 */
    const char *user; /* "": no authentication */
    const char *password;
    bool tls_required; /* smtp:// must change to TLS, or nothing is sent */
    char sender[320];  /* the envelope's, "<address>" */
};

struct outgoing;

struct outgoing *outgoing_open(uv_loop_t *loop, const struct outgoing_options *options);
/* What is under way ends without a callback. */
void outgoing_close(struct outgoing *outgoing);

/*
 * Sends message to one address. message is borrowed until on_done, which comes exactly once and
 * never from inside this call. A connection that breaks after the message went out gives
 * TRANSPORT_LATER though it may have arrived: send the same Message-ID again.
 */
void outgoing_send(struct outgoing *outgoing, const char *to, const char *message, size_t length,
                   transport_done_cb *on_done, void *arg);

#endif
