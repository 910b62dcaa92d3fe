/* A mail that decodes is encoded to one that decodes to the same. */
#include <string.h>

#include "shared/mail.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mail mail;
    struct mail again;
    if (mail_decode(data, size, &mail))
        return 0;
    struct buffer out = BUFFER_EMPTY;
    mail_encode(&mail, &out);
    INVARIANT(!mail_decode(out.data, out.length, &again));
    INVARIANT(again.kind == mail.kind && strcmp(again.id, mail.id) == 0 &&
              strcmp(again.to, mail.to) == 0 && again.created_ms == mail.created_ms &&
              again.expires_ms == mail.expires_ms &&
              memcmp(again.token_id, mail.token_id, TOKEN_ID_SIZE) == 0);
    INVARIANT(again.job == mail.job && strcmp(again.job_name, mail.job_name) == 0 &&
              again.code == mail.code && strcmp(again.error, mail.error) == 0 &&
              again.failed_ms == mail.failed_ms && again.since_ms == mail.since_ms &&
              again.pause_ms == mail.pause_ms && again.count == mail.count);
    INVARIANT(again.channel == mail.channel && again.at_ms == mail.at_ms &&
              again.period_s == mail.period_s && again.grace_s == mail.grace_s &&
              again.reminder == mail.reminder && strcmp(again.schedule, mail.schedule) == 0 &&
              strcmp(again.reason, mail.reason) == 0 && again.named == mail.named);
    for (size_t i = 0; i < mail.named; i++)
        INVARIANT(strcmp(again.checks[i].id, mail.checks[i].id) == 0 &&
                  strcmp(again.checks[i].name, mail.checks[i].name) == 0 &&
                  again.checks[i].last_ping_ms == mail.checks[i].last_ping_ms);
    buffer_free(&out);
    return 0;
}
