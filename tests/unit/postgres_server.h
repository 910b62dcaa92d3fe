/*
 * A PostgreSQL server of the test's own: fresh data in a temporary directory, a unix socket in it,
 * a free port of 127.0.0.1. As root it runs as user postgres. It ends with the test's process. What
 * goes wrong prints the server's log and ends the test.
 */
#ifndef TESTS_POSTGRES_SERVER_H
#define TESTS_POSTGRES_SERVER_H

struct postgres_server;

struct postgres_server *postgres_server_start(void);
/* Stops at once and removes the data. */
void postgres_server_free(struct postgres_server *server);

/* Connection string of database postgres as the superuser, over the unix socket. Borrowed. */
const char *postgres_server_url(const struct postgres_server *server);
/* The same of another role and database; returns text. */
#define POSTGRES_URL_SIZE 256
char *postgres_server_url_of(const struct postgres_server *server, const char *role,
                             const char *database, char text[static POSTGRES_URL_SIZE]);

/* Fast shutdown; clients are told. */
void postgres_server_stop(struct postgres_server *server);
/* kill -9 of every process of the server. */
void postgres_server_kill(struct postgres_server *server);
/* Starts it again where it was, and waits until it answers. */
void postgres_server_restart(struct postgres_server *server);

/* Runs statements and prints nothing; a failure ends the test. */
void postgres_server_execute(const struct postgres_server *server, const char *sql);
/* The first column of the first row, "" where there is none; the caller frees. */
char *postgres_server_value(const struct postgres_server *server, const char *sql);

#endif
