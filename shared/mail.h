/*
 * A mail to be sent, on mail.<kind>: JSON. The event id is the Nats-Msg-Id, and the mail's
 * Message-ID is made from it. Tokens are not in it: the mailer makes them from token_id (secret.h).
 *
 *   {"v":1, "kind":, "id":, "to":, "created_ms":, "expires_ms":, and, by the kind,
 *
 *   with a token       "token_id":  hex; "channel" alone also "channel": number of the channel
 *   about a job        "job_id":, "job_name":, "code":, "error":, "failed_ms":, "since_ms":,
 *                      "pause_ms":, "count":; expires_ms is 0
 *   about checks       "channel":   number of the channel whose address this is
 *                      "at_ms":     when what it tells of happened: the alert's time
 *                      "since_ms":  since when the check is down, or was; 0: unsaid
 *                      "reason":    of that, as in check_flips; "": unsaid
 *                      "period_s":, "grace_s": of the check; 0: of several
 *                      "schedule":  "0 2 * * * (Europe/Berlin)"; "": the period counts, or several
 *                      "reminder":  which one, from 1; 0: it is none
 *                      "count":     of checks that it tells of; 0: a test; more than 1: check_down
 *                      "checks":    [{"id": as users see it, "name":, "last_ping_ms": 0: never}],
 *                                   all count of them, or the first MAIL_CHECKS_MAX
 *                      expires_ms is 0
 */
#ifndef SHARED_MAIL_H
#define SHARED_MAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/buffer.h"
#include "shared/compiler.h"
#include "shared/public_id.h"
#include "shared/result.h"
#include "shared/secret.h"

#define MAIL_ID_SIZE       48
#define MAIL_EMAIL_SIZE    255 /* RFC 5321: 254 bytes, and the NUL */
#define MAIL_NAME_SIZE     401 /* of a job or a check: 100 characters of up to 4 bytes */
#define MAIL_SCHEDULE_SIZE 336 /* the longest expression and the longest zone */
#define MAIL_REASON_SIZE   32
#define MAIL_CHECKS_MAX    20 /* that a mail names */

enum mail_kind {
    MAIL_VERIFY,  /* a token to finish the registration */
    MAIL_KNOWN,   /* somebody registered an address that has an account: says how to rotate */
    MAIL_ROTATE,  /* a token for a new key */
    MAIL_DELETE,  /* a token to delete the account */
    MAIL_CHANNEL, /* a token to confirm that alerts may go to the address */
    /* about a job; the leader's SQL writes them (scheduler/sql_writing.c) */
    MAIL_FAILURE,       /* executions of it failed */
    MAIL_PAUSE_WARNING, /* it has failed for long, and will be paused */
    MAIL_PAUSED,        /* it has failed for too long, and was paused */
    MAIL_GONE,          /* its webhook answered 410, and it was paused */
    /* about checks; the leader's SQL writes them, too */
    MAIL_CHECK_DOWN,     /* one, or several that fell at about the same time */
    MAIL_CHECK_UP,       /* it has recovered */
    MAIL_CHECK_REMINDER, /* it is still down */
    MAIL_CHECK_TEST,     /* somebody tries the channel */
    MAIL_KINDS
};

enum mail_topic { MAIL_ABOUT_TOKEN, MAIL_ABOUT_JOB, MAIL_ABOUT_CHECKS };

struct mail_check {
    char id[PUBLIC_ID_SIZE];   /* as users see it; letters and digits */
    char name[MAIL_NAME_SIZE]; /* UTF-8 without control characters */
    int64_t last_ping_ms;      /* 0: there was none */
};

struct mail {
    enum mail_kind kind;
    char id[MAIL_ID_SIZE];
    char to[MAIL_EMAIL_SIZE];
    uint8_t token_id[TOKEN_ID_SIZE]; /* zero for MAIL_KNOWN; absent where not about a token */
    int64_t created_ms;
    int64_t expires_ms; /* of the token; a mail that comes later is dropped; 0: no token in it */
    /* of a mail about a job */
    int64_t job;
    char job_name[MAIL_NAME_SIZE]; /* UTF-8 without control characters */
    int code;                      /* HTTP status of the newest failure, 0: none */
    char error[RESULT_ERROR_SIZE]; /* of the newest failure */
    int64_t failed_ms;             /* when that was */
    int64_t since_ms; /* since when it has failed without a success, or the check is, or was, down;
                         0: unsaid */
    int64_t pause_ms; /* MAIL_PAUSE_WARNING: when it will be paused */
    int64_t count;    /* failures, or checks, that this mail stands for */
    /* of a mail about checks, as said above; of MAIL_CHANNEL the channel */
    int64_t channel;
    int64_t at_ms;
    int32_t period_s, grace_s, reminder;
    char schedule[MAIL_SCHEDULE_SIZE]; /* ASCII */
    char reason[MAIL_REASON_SIZE];     /* ASCII */
    size_t named;                      /* of checks */
    struct mail_check checks[MAIL_CHECKS_MAX];
};

/* "verify" ... the last part of the subject, and the purpose of the token. */
const char *mail_kind_name(enum mail_kind kind);
enum mail_topic mail_topic(enum mail_kind kind);

void mail_encode(const struct mail *mail, struct buffer *out);
int mail_decode(const void *bytes, size_t length, struct mail *mail) MUST_CHECK;

#endif
