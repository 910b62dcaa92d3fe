/*
 * A mail as the bytes that are sent or stored: an RFC 5322 message with CRLF line ends, its text
 * and the same as HTML. The same event always gives the same bytes, Message-ID and Date included,
 * so a mail that is sent twice can be told.
 */
#ifndef MAILER_COMPOSE_H
#define MAILER_COMPOSE_H

#include "shared/buffer.h"
#include "shared/compiler.h"
#include "shared/mail.h"

/* What all mails have in common; the strings are borrowed. */
struct composer {
    const char *from;       /* "CronCoco <no-reply@example.com>" */
    const char *public_url; /* base URL of the API */
    const char *secret;     /* makes the tokens */
};

/*
 * 0 where from is "address" or "Name <address>" and public_url an http(s) URL, both of printable
 * ASCII that may stand in a header and in a shell's single quotes. Otherwise -1, and *error (a
 * constant) says what is wrong.
 */
int composer_check(const struct composer *composer, const char **error) MUST_CHECK;

/* The address in from: its start, and its length. */
const char *composer_sender(const struct composer *composer, size_t *length);

/* Can a mail go to this address? ASCII, and nothing that would make it two addresses. */
int compose_address_check(const char *address) MUST_CHECK;

/* mail->to must have passed compose_address_check, composer must have passed composer_check. */
void compose(const struct composer *composer, const struct mail *mail, struct buffer *out);

#endif
