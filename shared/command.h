/*
 * A command of the API on its way from a gateway to the leader: JSON on cmd.<resource>.<verb>.
 *
 * id is its identity for ever: the leader answers a second command of the same id with the first
 * one's answer, and with 409 where the fingerprint differs. So a gateway may send it again as often
 * as it likes until it has the answer.
 */
#ifndef SHARED_COMMAND_H
#define SHARED_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "shared/answer.h"
#include "shared/buffer.h"
#include "shared/channel_input.h"
#include "shared/check_input.h"
#include "shared/compiler.h"
#include "shared/secret.h"

#define COMMAND_VERSION 1
#define COMMAND_ID_MAX  200 /* bytes; printable ASCII */

enum command_kind {
    COMMAND_ACCOUNT_REGISTER,         /* cmd.account.register:         email */
    COMMAND_ACCOUNT_VERIFY,           /* cmd.account.verify:           token_id, key_hash */
    COMMAND_ACCOUNT_REQUEST_ROTATION, /* cmd.account.request_rotation: email */
    COMMAND_ACCOUNT_ROTATE,           /* cmd.account.rotate:           token_id, key_hash */
    COMMAND_ACCOUNT_REQUEST_DELETION, /* cmd.account.request_deletion: email */
    COMMAND_ACCOUNT_DELETE,           /* cmd.account.delete:           token_id, email */
    COMMAND_ACCOUNT_UPDATE,           /* cmd.account.update:           failure_email_enabled */
    COMMAND_ACCOUNT_SET_PLAN,         /* cmd.account.set_plan:         email, plan (operator) */
    COMMAND_JOB_CREATE,               /* cmd.job.create:               job */
    COMMAND_JOB_UPDATE,               /* cmd.job.update:               job_id, job */
    COMMAND_JOB_DELETE,               /* cmd.job.delete:               job_id */
    COMMAND_JOB_PUT,                  /* cmd.job.put:                  job, with its external_id */
    COMMAND_JOB_RUN,                  /* cmd.job.run:                  job_id */
    COMMAND_JOB_REPLAY,               /* cmd.job.replay:               job_id, window */
    COMMAND_JOB_REPLAY_SLOTS,         /* cmd.job.replay_slots:         slots (operator) */
    COMMAND_SECRET_CREATE,            /* cmd.secret.create:            secret_id */
    COMMAND_SECRET_ROTATE,            /* cmd.secret.rotate:            secret_id */
    COMMAND_SECRET_DELETE,            /* cmd.secret.delete */
    COMMAND_ACCOUNT_SET_BILLING,      /* cmd.account.set_billing:      billing */
    COMMAND_CHECK_CREATE,             /* cmd.check.create:             public_id, check, ping_url */
    COMMAND_CHECK_UPDATE,             /* cmd.check.update:             check_id, check */
    COMMAND_CHECK_DELETE,             /* cmd.check.delete:             check_id */
    COMMAND_CHECK_PAUSE,              /* cmd.check.pause:              check_id */
    COMMAND_CHECK_RESUME,             /* cmd.check.resume:             check_id */
    COMMAND_CHECK_IMPORT,             /* cmd.check.import:             items, ping_url */
    COMMAND_CHANNEL_CREATE,           /* cmd.channel.create:           channel, with its kind */
    COMMAND_CHANNEL_UPDATE,           /* cmd.channel.update:           channel_id, channel */
    COMMAND_CHANNEL_DELETE,           /* cmd.channel.delete:           channel_id */
    COMMAND_CHANNEL_TEST,             /* cmd.channel.test:             channel_id */
    COMMAND_CHANNEL_REQUEST_TOKEN,    /* cmd.channel.request_token:    channel_id */
    COMMAND_CHANNEL_VERIFY,           /* cmd.channel.verify:           channel_id, token_id */
    COMMAND_PING_KEY_ROTATE,          /* cmd.ping_key.rotate:          ping_key (also the first) */
    COMMAND_CHECK_KEY_CREATE,         /* cmd.check_key.create:         secret_id, key_hash */
    COMMAND_CHECK_KEY_DELETE,         /* cmd.check_key.delete */
    COMMAND_KINDS
};

/* "cmd.job.create" */
const char *command_subject(enum command_kind kind);

/* Which fields of a job a command carries. */
enum job_field {
    JOB_NAME = 1,
    JOB_CRON = 2,
    JOB_WEBHOOK_URL = 4,
    JOB_HEADERS = 8,
    JOB_PAYLOAD = 16,
    JOB_FAILURE_URL = 32,
    JOB_ENABLED = 64,
    JOB_TIMEZONE = 128,
    JOB_RUN_AT = 256,
    JOB_START_AT = 512,
    JOB_END_AT = 1024,
    JOB_CATCH_UP = 2048,
    JOB_CATCH_UP_WINDOW = 4096,
    JOB_ALLOW_OVERLAP = 8192,
    JOB_JITTER = 16384,
    JOB_MAX_RETRIES = 32768,
    JOB_AUTO_PAUSE = 65536,
    JOB_EXTERNAL_ID = 131072,
    JOB_CHECK = 262144
};

enum catch_up { CATCH_UP_LATEST, CATCH_UP_ALL, CATCH_UP_NONE, CATCH_UPS };
/* "latest" ... as in the API and in PostgreSQL. */
const char *catch_up_name(enum catch_up catch_up);
/* -1: no such. */
int catch_up_parse(const char *name, enum catch_up *catch_up) MUST_CHECK;

#define CATCH_UP_WINDOW_NONE (-1) /* the service's */

#define JOB_EXTERNAL_ID_MAX       200 /* bytes; printable ASCII without spaces */
#define JOB_CATCH_UP_WINDOW_MAX_S 2678400
#define JOB_JITTER_MAX_S          3600
#define JOB_RETRIES_MAX           5

/* What a user says of a job. Strings are NUL-terminated; NULL means null. */
struct job_input {
    unsigned fields; /* of enum job_field */
    const char *name;
    const char *cron_expression;
    const char *webhook_url;
    const char *headers; /* JSON text of an object of strings */
    const char *payload; /* JSON text, byte for byte as it came */
    const char *failure_webhook_url;
    bool enabled;
    const char *timezone; /* one that zone_find knows */
    int64_t run_at_s;     /* a whole minute; 0: null */
    int64_t start_at_s;   /* 0: null */
    int64_t end_at_s;     /* 0: null */
    enum catch_up catch_up;
    int32_t catch_up_window_s; /* CATCH_UP_WINDOW_NONE: null */
    bool allow_overlap;
    uint16_t jitter_s;
    uint8_t max_retries;
    bool auto_pause;
    const char *external_id;
    bool check; /* it has one of its own; then the command has a public_id for a new one */
};

/* What an absent field means when a job is made. */
extern const struct job_input job_input_defaults;

#define REPLAY_WINDOW_MAX_S 2678400 /* 31 days */

/* Executions that are to be run again: by status, in slots from .. to (both included). */
struct replay_window {
    int64_t from_s, to_s;
    bool failure, skipped, success;
};

#define COMMAND_SLOTS_MAX 64
struct command_slot {
    int64_t job, slot_s;
};

/* What Stripe says of an account now. NULL means none. */
struct billing_input {
    int64_t version; /* of the account's billing, as it was read before Stripe was asked */
    const char *customer;
    const char *subscription;
    const char *checkout; /* a session that may still be paid */
    const char *status;   /* of the subscription, in Stripe's words */
    const char *plan;     /* that the account gets; NULL: the one it has */
    int64_t period_end_s; /* 0: none */
    bool cancels;         /* at the end of the period */
    const char *answer;   /* the body of the answer, JSON */
};

#define COMMAND_ITEMS_MAX    1000 /* checks of an import */
#define COMMAND_PING_URL_MAX 1024 /* bytes */

struct command {
    enum command_kind kind;
    bool under_v1; /* asked for by the API of checks: refusals are {"error": ...}, not "detail" */
    bool has_failure_email; /* ACCOUNT_UPDATE: the field was given */
    bool failure_email_enabled;
    const char *id;
    uint8_t fingerprint[HASH_SIZE]; /* of method, path and body */
    int64_t received_ms;            /* by the gateway's clock */
    int64_t account;                /* 0 where the request needs no key */
    const char *reply;              /* the subject for the answer */
    /* by kind; the others are NULL or 0 */
    const char *email; /* lower case */
    const char *plan;
    uint8_t token_id[TOKEN_ID_SIZE];
    uint8_t key_hash[HASH_SIZE];
    int64_t job_id;
    struct job_input job;
    struct replay_window window;
    struct command_slot slots[COMMAND_SLOTS_MAX];
    size_t slot_count;
    uint8_t secret_id[TOKEN_ID_SIZE]; /* fresh randomness of the gateway */
    struct billing_input billing;
    int64_t check_id;      /* of a new one: that of public_id; set by command_decode */
    const char *public_id; /* of a new check, drawn by the gateway */
    struct check_input check;
    struct check_item *items; /* owned by a decoded command */
    size_t item_count;
    const char *ping_url; /* what a public_id is put behind: "https://example.com/ping/" */
    int64_t channel_id;
    struct channel_input channel;
    int64_t ping_key_id;  /* that of ping_key; set by command_decode */
    const char *ping_key; /* drawn by the gateway */

    cJSON *tree; /* owns the strings of a decoded command; NULL in one to be encoded */
};

void command_encode(const struct command *command, struct buffer *out);
/*
 * Returns 0 and a command for command_release, or -1 with *error a constant that says what is
 * wrong. subject tells the kind. Everything is checked: types, ranges, presence.
 */
int command_decode(const char *subject, const void *bytes, size_t length, struct command *command,
                   const char **error) MUST_CHECK;
void command_release(struct command *command);

/* 1 to COMMAND_ID_MAX bytes of printable ASCII. */
bool command_id_valid(const char *id, size_t length);

#endif
