/*
 * A real nats-server with JetStream for one test: a free port, a store directory of its own.
 */
#ifndef TESTS_UNIT_NATS_SERVER_H
#define TESTS_UNIT_NATS_SERVER_H

#include <stdbool.h>
#include <sys/types.h>

struct nats_server {
    pid_t pid; /* 0: not running */
    int port;
    char directory[64];
    char url[64];
};

/* Picks a port and a directory, starts the server, waits until it accepts connections. */
void nats_server_start(struct nats_server *server);
/* Starts it again on the same port and directory. */
void nats_server_restart(struct nats_server *server);
/* SIGKILL, and waits for its end. */
void nats_server_kill(struct nats_server *server);
/* SIGSTOP and SIGCONT: it is there and does not answer. */
void nats_server_pause(const struct nats_server *server, bool paused);
/* Ends it and removes its directory. */
void nats_server_stop(struct nats_server *server);

#endif
