/*
 * What the rules of the commands have in common: what a command is applied with, and its answer.
 * A page a resource: command_accounts.c, command_billing.c, command_channels.c, command_checks.c,
 * command_jobs.c, command_keys.c, command_runs.c, command_secrets.c.
 */
#ifndef SCHEDULER_CORE_COMMAND_CONTEXT_H
#define SCHEDULER_CORE_COMMAND_CONTEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "scheduler/checks/checks.h"
#include "scheduler/core/core.h"
#include "scheduler/core/facts.h"
#include "shared/buffer.h"
#include "shared/command.h"
#include "shared/mail.h"

struct command_context {
    struct core *core;
    struct checks *checks;
    struct facts *facts;
    const struct command *command;
    const uint8_t *token_id; /* fresh randomness */
    int64_t now_ms;
    /* out */
    int status;
    int retry_after_s; /* not 0: the answer is not kept, the same command may succeed later */
    struct buffer body;
};

/* A rule gives every command its answer, and changes nothing where that is a refusal. */
typedef void command_rule(struct command_context *context);

command_rule account_register, account_verify, account_request_rotation, account_rotate,
    account_request_deletion, account_delete, account_update, account_set_plan;
command_rule account_set_billing;
command_rule job_create, job_update, job_put, job_delete;
command_rule job_run, job_replay, job_replay_slots;
command_rule secret_create, secret_rotate, secret_delete;
command_rule check_create, check_update, check_delete, check_pause, check_resume, check_import;
command_rule channel_create, channel_update, channel_delete, channel_test, channel_request_token,
    channel_verify;
command_rule ping_key_rotate, check_key_create, check_key_delete;

void command_answer(struct command_context *context, int status, const char *body);
/* {"detail": ...}, or {"error": ...} for a command under_v1 */
void command_refuse(struct command_context *context, int status, const char *format, ...)
    PRINTF_LIKE(3, 4);
/* The same, for what may be granted in wait_s seconds. */
void command_defer(struct command_context *context, int status, uint32_t wait_s, const char *format,
                   ...) PRINTF_LIKE(4, 5);

/* The account that the request's key belongs to, or NULL after an answer. */
struct account *command_owner(struct command_context *context);
/* The job of the command, if it is the account's own, as the core has it; NULL after an answer. */
struct fact_job *command_job(struct command_context *context);

/* A mail to that address is allowed by now; -1 after an answer. */
int token_allow(struct command_context *context, const char *email);
/* Makes a token (of no use where kind is MAIL_KINDS), and the mail that carries it; of MAIL_CHANNEL
 * for that channel. */
void token_send(struct command_context *context, const char *email, enum mail_kind kind,
                int64_t channel);
/* The token of the command, if it is of that kind and may be used now; NULL after an answer. */
struct fact_token *token_of(struct command_context *context, enum mail_kind kind);
void token_use(struct command_context *context, struct fact_token *token);

/* The first channel of a new account: its own address. */
void channel_of_owner(struct command_context *context, const struct fact_account *account);

/* The one way to another plan; plan is an index of struct core.plans. */
void account_change_plan(struct command_context *context, struct fact_account *account, int plan);

/* Whether Stripe will charge the account again: its subscription has not ended, nor will it. */
bool billing_goes_on(const struct fact_billing *billing);

#endif
