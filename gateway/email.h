/* E-mail addresses as far as their form tells. */
#ifndef GATEWAY_EMAIL_H
#define GATEWAY_EMAIL_H

#include "shared/compiler.h"
#include "shared/mail.h"

/*
 * Lower case in out, and 0; or -1 where text is not local@domain: at most 254 bytes, 64 before the
 * @, without quotes, spaces or characters beyond ASCII, and a domain of at least two labels.
 */
int email_normalize(const char *text, char out[static MAIL_EMAIL_SIZE]) MUST_CHECK;

#endif
