/* What mails about checks say: that they are down, still down, up again; and the test of a channel.
 */
#ifndef MAILER_CHECK_MAIL_H
#define MAILER_CHECK_MAIL_H

#include "mailer/content.h"
#include "shared/mail.h"

/* For mails that are about checks. */
void check_mail_write(const struct mail *mail, const char *public_url, struct content *content);

#endif
