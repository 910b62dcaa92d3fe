/* What Stripe says of an account. */
#include <string.h>

#include "scheduler/core/command_context.h"

/*
 * The gateway read the account's version before it asked Stripe: where it is another one by now,
 * somebody else asked later and has told already, so the gateway is to ask again. Thus nothing that
 * was true earlier replaces what was true later, in whatever order events and requests come.
 */
void account_set_billing(struct command_context *context)
{
    const struct billing_input *input = &context->command->billing;
    if (!command_owner(context))
        return;
    struct fact_account *account = facts_account(context->facts, context->command->account);
    INVARIANT(account); /* the core has it, so PostgreSQL has */
    struct fact_billing *billing = &account->billing;
    int plan = input->plan ? core_plan(context->core, input->plan) : -1;
    if (input->plan && plan < 0) {
        command_refuse(context, 400, "There is no plan %s", input->plan);
        return;
    }
    if (billing->version != input->version) {
        command_defer(context, 409, 1, "The billing of this account changed meanwhile; try again");
        return;
    }
    billing->written = true;
    billing->version++;
    fact_set(&billing->customer, input->customer);
    fact_set(&billing->subscription, input->subscription);
    fact_set(&billing->checkout, input->checkout);
    fact_set(&billing->status, input->status);
    billing->period_end_ms = input->period_end_s * 1000;
    billing->cancels = input->cancels;
    account->change = FACT_WRITTEN;
    if (input->plan && strcmp(input->plan, account->plan) != 0)
        account_change_plan(context, account, plan);
    command_answer(context, 200, input->answer);
}

bool billing_goes_on(const struct fact_billing *billing)
{
    return billing->subscription && billing->status && !billing->cancels &&
           strcmp(billing->status, "canceled") != 0 &&
           strcmp(billing->status, "incomplete_expired") != 0;
}
