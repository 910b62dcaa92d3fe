/*
 * A mail to be sent, on mail.<kind>: JSON. The event id is the Nats-Msg-Id, and the mail's
 * Message-ID is made from it. Tokens are not in it: the mailer makes them from token_id (secret.h).
 */
#ifndef SHARED_MAIL_H
#define SHARED_MAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/buffer.h"
#include "shared/compiler.h"
#include "shared/result.h"
#include "shared/secret.h"

#define MAIL_ID_SIZE       48
#define MAIL_EMAIL_SIZE    255 /* RFC 5321: 254 bytes, and the NUL */
#define MAIL_JOB_NAME_SIZE 401 /* 100 characters of up to 4 bytes */

enum mail_kind {
    MAIL_VERIFY, /* a token to finish the registration */
    MAIL_KNOWN,  /* somebody registered an address that has an account: says how to rotate */
    MAIL_ROTATE, /* a token for a new key */
    MAIL_DELETE, /* a token to delete the account */
    /* about a job; the leader's SQL writes them (scheduler/sql_letters.c) */
    MAIL_FAILURE,       /* executions of it failed */
    MAIL_PAUSE_WARNING, /* it has failed for long, and will be paused */
    MAIL_PAUSED,        /* it has failed for too long, and was paused */
    MAIL_GONE,          /* its webhook answered 410, and it was paused */
    MAIL_KINDS
};

struct mail {
    enum mail_kind kind;
    char id[MAIL_ID_SIZE];
    char to[MAIL_EMAIL_SIZE];
    uint8_t token_id[TOKEN_ID_SIZE]; /* zero for MAIL_KNOWN, absent where about a job */
    int64_t created_ms;
    int64_t expires_ms; /* of the token; a mail that comes later is dropped; 0: no token in it */
    /* of a mail about a job */
    int64_t job;
    char job_name[MAIL_JOB_NAME_SIZE]; /* UTF-8 without control characters */
    int code;                          /* HTTP status of the newest failure, 0: none */
    char error[RESULT_ERROR_SIZE];     /* of the newest failure */
    int64_t failed_ms;                 /* when that was */
    int64_t since_ms;                  /* since when it has failed without a success; 0: unsaid */
    int64_t pause_ms;                  /* MAIL_PAUSE_WARNING: when it will be paused */
    int64_t count;                     /* failures that this mail stands for */
};

/* "verify" ... the last part of the subject, and the purpose of the token. */
const char *mail_kind_name(enum mail_kind kind);
/* Is it about a job, not about a token? */
bool mail_about_job(enum mail_kind kind);

void mail_encode(const struct mail *mail, struct buffer *out);
int mail_decode(const void *bytes, size_t length, struct mail *mail) MUST_CHECK;

#endif
