#include "tests/unit/nats_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/compiler.h"

#define START_TIMEOUT_MS 20000
#define POLL_MS          10

static struct sockaddr_in loopback(int port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int pick_port(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    INVARIANT(fd >= 0);
    struct sockaddr_in address = loopback(0);
    socklen_t length = sizeof(address);
    INVARIANT(bind(fd, (struct sockaddr *)&address, length) == 0);
    INVARIANT(getsockname(fd, (struct sockaddr *)&address, &length) == 0);
    close(fd);
    return ntohs(address.sin_port);
}

static bool accepts(int port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    INVARIANT(fd >= 0);
    struct sockaddr_in address = loopback(port);
    bool connected = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
    close(fd);
    return connected;
}

static void run_server(const struct nats_server *server, pid_t parent)
{
    char port[16];
    char log[128];
    snprintf(port, sizeof(port), "%d", server->port);
    snprintf(log, sizeof(log), "%s/log", server->directory);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    int null = open("/dev/null", O_RDWR);
    dup2(null, STDOUT_FILENO);
    dup2(null, STDERR_FILENO);
    execlp("nats-server", "nats-server", "-a", "127.0.0.1", "-p", port, "-js", "-sd",
           server->directory, "-l", log, (char *)NULL);
    _exit(127);
}

void nats_server_restart(struct nats_server *server)
{
    INVARIANT(server->pid == 0);
    pid_t parent = getpid();
    server->pid = fork();
    INVARIANT(server->pid >= 0);
    if (server->pid == 0)
        run_server(server, parent);
    for (int waited_ms = 0; !accepts(server->port); waited_ms += POLL_MS) {
        INVARIANT(waited_ms < START_TIMEOUT_MS);
        INVARIANT(waitpid(server->pid, NULL, WNOHANG) == 0);
        usleep(POLL_MS * 1000);
    }
}

void nats_server_start(struct nats_server *server)
{
    *server = (struct nats_server){.directory = "/tmp/croncoco-nats-XXXXXX"};
    INVARIANT(mkdtemp(server->directory) != NULL);
    server->port = pick_port();
    snprintf(server->url, sizeof(server->url), "nats://127.0.0.1:%d", server->port);
    nats_server_restart(server);
}

void nats_server_kill(struct nats_server *server)
{
    if (server->pid == 0)
        return;
    INVARIANT(kill(server->pid, SIGKILL) == 0);
    INVARIANT(waitpid(server->pid, NULL, 0) == server->pid);
    server->pid = 0;
}

void nats_server_pause(const struct nats_server *server, bool paused)
{
    if (server->pid == 0)
        return;
    INVARIANT(kill(server->pid, paused ? SIGSTOP : SIGCONT) == 0);
    /* On a busy machine its threads run on for a while. */
    int status;
    if (paused)
        INVARIANT(waitpid(server->pid, &status, WUNTRACED) == server->pid && WIFSTOPPED(status));
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *position)
{
    (void)status;
    (void)kind;
    (void)position;
    return remove(path);
}

void nats_server_stop(struct nats_server *server)
{
    nats_server_kill(server);
    (void)nftw(server->directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}
