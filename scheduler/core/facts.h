/*
 * The rows that a batch of commands reads and changes: loaded from PostgreSQL before the commands
 * are applied, changed in memory by one command after the other, and written back in one
 * transaction. So a command sees what those before it did, and the rules need no database.
 */
#ifndef SCHEDULER_CORE_FACTS_H
#define SCHEDULER_CORE_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/check.h"
#include "shared/command.h"
#include "shared/secret.h"

enum fact_change { FACT_CLEAN, FACT_WRITTEN /* new or changed */, FACT_DELETED };

/* What Stripe said of an account last; version 0: there is no row. */
struct fact_billing {
    bool written; /* together with the account */
    int64_t version;
    char *customer, *subscription, *checkout, *status; /* NULL: null */
    int64_t period_end_ms;                             /* 0: null */
    bool cancels;
};

struct fact_account {
    enum fact_change change;
    int64_t id;
    char *email;
    char *plan;
    bool failure_email_enabled;
    uint8_t key_hash[HASH_SIZE];
    int64_t created_ms;
    struct fact_billing billing;
};

struct fact_token {
    enum fact_change change;
    uint8_t id[TOKEN_ID_SIZE];
    char *purpose;
    char *email;
    int64_t created_ms, expires_ms;
    int64_t used_ms; /* 0: not used */
};

struct fact_job {
    enum fact_change change;
    int64_t id, account;
    uint32_t version;
    char *name, *webhook_url, *timezone;
    char *cron_expression;                                       /* NULL: run_at_s */
    char *headers, *payload, *failure_webhook_url, *external_id; /* NULL: null */
    char *paused_reason;                    /* NULL: enabled, or paused by its user */
    int64_t run_at_s, start_at_s, end_at_s; /* 0: null */
    int32_t catch_up_window_s;              /* CATCH_UP_WINDOW_NONE: null */
    enum catch_up catch_up;
    uint16_t jitter_s;
    uint8_t max_retries;
    bool allow_overlap, auto_pause, enabled;
    bool renamed; /* its external_id is another one than PostgreSQL's */
    int64_t due_after_ms, created_ms, updated_ms;
    int64_t last_run_ms; /* 0: never; of job_state, read only */
};

/* What an account's deliveries are signed with. */
struct fact_secret {
    enum fact_change change;
    uint8_t id[TOKEN_ID_SIZE];
    int64_t account, created_ms;
    int64_t expires_ms; /* 0: the current one */
};

struct fact_check {
    enum fact_change change;
    int64_t id, account;
    uint32_t version;
    char *public_id, *name, *group, *tags, *timezone, *maint_schedule;
    char *slug, *cron_expression; /* NULL: null */
    char *paused_reason;          /* NULL: not paused, or by its user */
    int32_t period_s, grace_s;
    int32_t alert_after, recover_after, reminder_s;
    int64_t maint_start_s, maint_end_s; /* 0: null */
    int64_t parents[CHECK_PARENTS_MAX]; /* also such that are not there any more */
    size_t parent_count;
    bool all_channels; /* else these, also such that are not there any more */
    int64_t channels[CHECK_CHANNELS_MAX];
    size_t channel_count;
    int64_t job; /* 0: null */
    bool paused;
    bool renamed; /* its slug is another one than PostgreSQL's */
    int64_t created_ms, updated_ms;
};

struct fact_channel {
    enum fact_change change;
    int64_t id, account;
    enum channel_kind kind;
    char *name, *target;
    bool enabled, verified;
    int64_t created_ms, updated_ms;
};

/* These two are written alone, one an account. */
struct fact_ping_key {
    enum fact_change change;
    int64_t account, id;
    char *key;
    int64_t created_ms;
};

struct fact_check_key {
    enum fact_change change;
    int64_t account;
    uint8_t key_hash[HASH_SIZE];
    int64_t created_ms;
};

#define REPLAY_MAX 1000 /* executions that one command may have run again */

/* The final row of a slot's own execution, which may be run again; read only. */
struct fact_slot {
    int64_t job, slot_s;
    uint8_t status; /* enum execution_status */
};

struct fact_answer {
    enum fact_change change;
    char *id;
    uint8_t fingerprint[HASH_SIZE];
    int status;
    int retry_after_s; /* not stored: answers that have one are not kept */
    char *body;
};

struct fact_mail {
    int64_t outbox; /* its id there */
    char *subject;
    char *message_id;
    struct buffer payload;
};

/* Strings are owned by the facts. Pointers to a fact end when one of its kind is added. */
struct facts {
    struct fact_account *accounts;
    struct fact_token *tokens;
    struct fact_job *jobs;
    struct fact_secret *secrets;
    struct fact_check *checks;
    struct fact_channel *channels;
    struct fact_ping_key *ping_keys;
    struct fact_check_key *check_keys;
    struct fact_slot *slots;
    struct fact_answer *answers;
    struct fact_mail *mails;
    size_t account_count, token_count, job_count, secret_count, check_count, channel_count;
    size_t ping_key_count, check_key_count, slot_count, answer_count, mail_count;
    size_t account_room, token_room, job_room, secret_room, check_room, channel_room;
    size_t ping_key_room, check_key_room, slot_room, answer_room, mail_room;
};

void facts_clear(struct facts *facts);
void facts_free(struct facts *facts);

/* Add an empty one. */
struct fact_account *facts_add_account(struct facts *facts);
struct fact_token *facts_add_token(struct facts *facts);
struct fact_job *facts_add_job(struct facts *facts);
struct fact_secret *facts_add_secret(struct facts *facts);
struct fact_check *facts_add_check(struct facts *facts);
struct fact_channel *facts_add_channel(struct facts *facts);
struct fact_slot *facts_add_slot(struct facts *facts);
struct fact_answer *facts_add_answer(struct facts *facts);
struct fact_mail *facts_add_mail(struct facts *facts);

/* NULL where there is none, or where it was deleted. A batch is small: these look at each. */
struct fact_account *facts_account(const struct facts *facts, int64_t id);
struct fact_account *facts_account_by_email(const struct facts *facts, const char *email);
struct fact_token *facts_token(const struct facts *facts, const uint8_t id[static TOKEN_ID_SIZE]);
struct fact_job *facts_job(const struct facts *facts, int64_t id);
struct fact_job *facts_job_by_external_id(const struct facts *facts, int64_t account,
                                          const char *external_id);
struct fact_check *facts_check(const struct facts *facts, int64_t id);
struct fact_check *facts_check_by_slug(const struct facts *facts, int64_t account,
                                       const char *slug);
struct fact_check *facts_check_of_job(const struct facts *facts, int64_t job);
struct fact_channel *facts_channel(const struct facts *facts, int64_t id);
struct fact_answer *facts_answer(const struct facts *facts, const char *id);

/* The account's one, or an empty one that is added. */
struct fact_ping_key *facts_ping_key(struct facts *facts, int64_t account);
struct fact_check_key *facts_check_key(struct facts *facts, int64_t account);
/* Everything of the account that is here is deleted; so is the account. */
void facts_delete_account(struct facts *facts, struct fact_account *account);

/* Replaces an owned string by a copy of text; NULL for NULL. */
void fact_set(char **owned, const char *text);

#endif
