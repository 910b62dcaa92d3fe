/* What mails about a job say: that it failed, that it will be paused, that it was. */
#ifndef MAILER_JOB_MAIL_H
#define MAILER_JOB_MAIL_H

#include "mailer/content.h"
#include "shared/mail.h"

/* For mails that are about a job. */
void job_mail_write(const struct mail *mail, const char *public_url, struct content *content);

#endif
