/*
 * The gateway and the people behind it: they send commands, each with an id, again and again until
 * it is answered, read their mail, and compare every answer with the first one.
 */
#ifndef SIMULATION_CLIENTS_H
#define SIMULATION_CLIENTS_H

#include "shared/command.h"
#include "tests/simulation/world.h"

void clients_open(struct world *world);
void clients_close(struct world *world);

/* The number in a command's id, and back. */
uint64_t clients_number(const char *id);
const struct command *clients_command(const struct world *world, uint64_t number);

/* The leader's answer to a command has come. */
void clients_answer(struct world *world, uint64_t number, int status, const char *body);
/* A row of the outbox is in MAIL. */
void clients_mail(struct world *world, int64_t outbox);

/* At the end: all commands are answered, and what was answered is what PostgreSQL holds. */
void clients_balance(struct world *world);
uint64_t clients_count(const struct world *world);

#endif
