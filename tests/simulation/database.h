/*
 * The simulated PostgreSQL: rows in memory, the lease on its clock, transactions that apply all or
 * nothing, and outages. What reaches it and what comes back travels as events; here is what happens
 * at the moment a statement runs.
 *
 * The lease is renewed by nobody in particular: it runs on while its holder could renew it, and is
 * given its expiry at the moment that ends (database_lease_stall).
 */
#ifndef SIMULATION_DATABASE_H
#define SIMULATION_DATABASE_H

#include "scheduler/core/core.h"
#include "scheduler/core/facts.h"
#include "tests/simulation/notices.h"
#include "tests/simulation/world.h"

#define ALERTS_MAX               3 /* in one transaction */
#define LEASE_TTL_MS             3000
#define FAILURE_MAIL_INTERVAL_MS HOUR_MS
#define AUTO_PAUSE_AFTER_MS      (12 * HOUR_MS)

struct database_answer {
    bool kept;
    uint8_t fingerprint[HASH_SIZE];
    int status;
    char *body; /* owned */
};

struct database {
    struct core_progress progress;
    /* Rows are never taken out of these; a deleted one says so. */
    struct facts rows; /* accounts, tokens, jobs, mails; mails without a message id are gone */
    struct database_answer *answers; /* owned: by number of the command */
    size_t answer_room;
    uint64_t transactions, refused, alerts;

    int lease_holder; /* scheduler, or -1 */
    uint64_t lease_epoch;
    bool lease_renewed;
    int64_t lease_expires_ms; /* while it is not renewed */

    bool down;                /* connections are refused */
    int64_t stalled_until_ms; /* statements wait until then */
};

/* What a turn writes; owns its content. */
struct transaction {
    uint64_t epoch;
    unsigned scheduler;
    uint64_t turn;
    uint32_t emitted; /* newest minute that was dealt with when the commands were applied */
    int64_t now_ms;   /* by the leader's clock */
    int64_t loaded_gap_after, loaded_gap_to; /* minutes that this term passed over, or 0 */
    struct facts facts;
    struct writing writing;
    struct core_progress progress;
    int64_t *outbox; /* owned */
    size_t outbox_count;
    struct new_alert alerts[ALERTS_MAX];
    size_t alert_count;
};

void database_open(struct world *world);
void database_close(struct world *world);

/* The lease: true and its epoch where the scheduler gets it. */
bool database_lease_take(struct world *world, unsigned scheduler, uint64_t *epoch);
void database_lease_release(struct world *world, uint64_t epoch);
/* Whether epoch leads, by PostgreSQL's clock. */
bool database_leads(const struct world *world, uint64_t epoch);
/* Its holder cannot renew it any more; or can again. */
void database_lease_stall(struct world *world);
void database_lease_resume(struct world *world, uint64_t epoch);

/* Runs a transaction: false where assert_leader refuses it. */
bool database_commit(struct world *world, const struct transaction *transaction);
void transaction_free(void *data);

/* The rows that commands (numbers of clients.h) need. */
void database_read_facts(struct world *world, const uint64_t *commands, size_t count,
                         struct facts *facts);
struct fact_account *database_account(struct world *world, const char *email);
const struct fact_job *database_job(const struct world *world, int64_t id);
/* For those who write rows: the next one of the outbox. */
void database_add_mail(struct world *world, int64_t id, const char *subject, const char *message_id,
                       const void *payload, size_t length);
/* Makes a job's row what another one says. */
void database_copy_job(struct fact_job *to, const struct fact_job *from);

#endif
