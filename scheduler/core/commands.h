/*
 * What each command of the API does: its rules, its limits, and its answer, as changes of the
 * facts, the core and the checks.
 */
#ifndef SCHEDULER_CORE_COMMANDS_H
#define SCHEDULER_CORE_COMMANDS_H

#include "scheduler/checks/checks.h"
#include "scheduler/core/core.h"
#include "scheduler/core/facts.h"

#define TOKEN_LIFETIME_MS INT64_C(900000) /* 15 minutes */

/*
 * Applies a command. token_id is fresh randomness, for the commands that make a token. Returns the
 * answer, one of the facts: the first one's, where a command of that id was applied before.
 */
const struct fact_answer *command_apply(struct core *core, struct checks *checks,
                                        struct facts *facts, const struct command *command,
                                        const uint8_t token_id[static TOKEN_ID_SIZE],
                                        int64_t now_ms);

#endif
