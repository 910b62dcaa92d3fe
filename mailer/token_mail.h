/* What mails with a token say, and the one that explains why there is none. */
#ifndef MAILER_TOKEN_MAIL_H
#define MAILER_TOKEN_MAIL_H

#include "mailer/content.h"
#include "shared/mail.h"

/* secret makes the token. For mails that are about a token. */
void token_mail_write(const struct mail *mail, const char *public_url, const char *secret,
                      struct content *content);

#endif
