/*
 * The ids of the mails that were accepted last: a mail that is delivered to this process again
 * (its acknowledgement came too late, or the event was published twice) is not sent again.
 */
#ifndef MAILER_ACCEPTED_H
#define MAILER_ACCEPTED_H

#include <stdbool.h>
#include <stddef.h>

#include "shared/mail.h"

#define ACCEPTED_MAX 1024

struct accepted {
    char ids[ACCEPTED_MAX][MAIL_ID_SIZE];
    size_t next; /* the oldest, which goes next */
};

void accepted_add(struct accepted *accepted, const char *id);
bool accepted_contains(const struct accepted *accepted, const char *id);

#endif
