/* Commands that an operator gives, as the API's commands: published to CMD, applied by the leader.
 */
#ifndef SCHEDULER_OPERATOR_H
#define SCHEDULER_OPERATOR_H

/* Moves an account to a plan; prints the account. Returns the exit code. */
int operator_set_plan(const char *nats_url, const char *email, const char *plan);

#endif
