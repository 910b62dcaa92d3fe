/*
 * Mails out by SMTP (libcurl), each on a thread of libuv's pool: libcurl waits for the server's
 * answer to the content, and to its farewell, without returning, also under a multi handle.
 *
 * Each mail has a connection of its own: on a kept one a server that hung up meanwhile looks like
 * a failure in the middle of the mail.
 */
#ifndef MAILER_OUTGOING_H
#define MAILER_OUTGOING_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "mailer/transport.h"

#define OUTGOING_SENDER_SIZE 320

/* The strings are borrowed for the life of the process. */
struct outgoing {
    const char *url;  /* smtp://host:587, smtps://host:465 */
    const char *user; /* "": no authentication */
    const char *password;
    const char *ca_file;               /* PEM; "": the system's */
    bool tls_required;                 /* smtp:// must change to TLS, or nothing is sent */
    char sender[OUTGOING_SENDER_SIZE]; /* the envelope's, "<address>" */
};

/* Once, before the first mail and before any other thread. */
void outgoing_prepare(void);

/*
 * Sends message to one address. outgoing, to and message are borrowed until on_done, which comes
 * exactly once, on the loop, and never from inside this call. A connection that breaks after the
 * message went out gives TRANSPORT_LATER though it may have arrived: send the same Message-ID
 * again.
 */
void outgoing_send(uv_loop_t *loop, const struct outgoing *outgoing, const char *to,
                   const char *message, size_t length, transport_done_cb *on_done, void *arg);

#endif
