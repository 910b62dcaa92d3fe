#include "tests/unit/postgres_server.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <grp.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <libpq-fe.h>

#include "shared/memory.h"

#define ANSWER_TIMEOUT_MS 30000
#define CHILDREN_MAX      256

struct postgres_server {
    char directory[64];
    char log[96];
    char data[96];
    char programs[128]; /* where initdb and postgres are */
    int port;
    pid_t process; /* 0: not running */
    char url[POSTGRES_URL_SIZE];
};

__attribute__((noreturn, format(printf, 2, 3))) static void
give_up(const struct postgres_server *server, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments); // NOLINT(clang-analyzer-valist.Uninitialized): it is
    va_end(arguments);
    fprintf(stderr, "\n--- %s\n", server->log);
    FILE *log = fopen(server->log, "r");
    int c;
    while (log != NULL && (c = fgetc(log)) != EOF) {
        fputc(c, stderr);
    }
    if (server->process > 0) {
        kill(server->process, SIGQUIT);
    }
    exit(1);
}

static void sleep_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

static int free_port(const struct postgres_server *server)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, length) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &length) != 0) {
        give_up(server, "no free port: %s", strerror(errno));
    }
    close(fd);
    return ntohs(address.sin_port);
}

/* In the child: becomes postgres where it is root, logs to the server's file, and ends with us. */
static void become_postgres(const struct postgres_server *server, pid_t parent)
{
    const struct passwd *user = getpwnam("postgres");
    if (geteuid() == 0 && (user == NULL || initgroups("postgres", user->pw_gid) != 0 ||
                           setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0)) {
        _exit(126);
    }
    /* A change of user clears it, so it comes after. */
    prctl(PR_SET_PDEATHSIG, SIGQUIT);
    int log = open(server->log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    int none = open("/dev/null", O_RDONLY);
    if (getppid() != parent || log < 0 || none < 0 || chdir(server->directory) != 0) {
        _exit(126);
    }
    dup2(none, 0);
    dup2(log, 1);
    dup2(log, 2);
}

static pid_t spawn(const struct postgres_server *server, const char *const arguments[])
{
    pid_t parent = getpid();
    pid_t child = fork();
    if (child < 0) {
        give_up(server, "fork: %s", strerror(errno));
    }
    if (child == 0) {
        become_postgres(server, parent);
        union {
            const char *const *given;
            char *const *wanted; /* execv promises in words not to write */
        } cast = {.given = arguments};
        execv(arguments[0], cast.wanted);
        _exit(127);
    }
    return child;
}

static void wait_for_answer(struct postgres_server *server)
{
    for (long waited_ms = 0; PQping(server->url) != PQPING_OK; waited_ms += 20) {
        if (waited_ms > ANSWER_TIMEOUT_MS) {
            give_up(server, "PostgreSQL does not answer");
        }
        sleep_ms(20);
    }
}

void postgres_server_restart(struct postgres_server *server)
{
    char program[160];
    char port[16];
    snprintf(program, sizeof(program), "%s/postgres", server->programs);
    snprintf(port, sizeof(port), "%d", server->port);
    const char *const arguments[] = {program,
                                     "-D",
                                     server->data,
                                     "-k",
                                     server->directory,
                                     "-p",
                                     port,
                                     "-h",
                                     "127.0.0.1",
                                     "-c",
                                     "fsync=off",
                                     "-c",
                                     "shared_buffers=64MB",
                                     "-c",
                                     "max_connections=40",
                                     "-c",
                                     "log_min_messages=warning",
                                     NULL};
    server->process = spawn(server, arguments);
    wait_for_answer(server);
}

static void find_programs(struct postgres_server *server)
{
    glob_t found;
    if (glob("/usr/lib/postgresql/*/bin", 0, NULL, &found) != 0 || found.gl_pathc == 0) {
        give_up(server, "no PostgreSQL server below /usr/lib/postgresql");
    }
    snprintf(server->programs, sizeof(server->programs), "%s", found.gl_pathv[found.gl_pathc - 1]);
    globfree(&found);
}

struct postgres_server *postgres_server_start(void)
{
    struct postgres_server *server = memory_new(1, sizeof(*server));
    snprintf(server->directory, sizeof(server->directory), "/tmp/croncoco-postgres-XXXXXX");
    if (mkdtemp(server->directory) == NULL) {
        give_up(server, "mkdtemp: %s", strerror(errno));
    }
    const struct passwd *user = getpwnam("postgres");
    if (geteuid() == 0 &&
        (user == NULL || chown(server->directory, user->pw_uid, user->pw_gid) != 0)) {
        give_up(server, "no user postgres to run PostgreSQL as");
    }
    snprintf(server->log, sizeof(server->log), "%s/log", server->directory);
    snprintf(server->data, sizeof(server->data), "%s/data", server->directory);
    find_programs(server);

    char program[160];
    snprintf(program, sizeof(program), "%s/initdb", server->programs);
    const char *const arguments[] = {program, "-D", server->data, "-U",   "postgres",         "-A",
                                     "trust", "-N", "-E",         "UTF8", "--locale=C.UTF-8", NULL};
    int status;
    if (waitpid(spawn(server, arguments), &status, 0) < 0 || status != 0) {
        give_up(server, "initdb failed");
    }
    server->port = free_port(server);
    postgres_server_url_of(server, "postgres", "postgres", server->url);
    postgres_server_restart(server);
    return server;
}

static void wait_for_end(struct postgres_server *server)
{
    waitpid(server->process, NULL, 0);
    server->process = 0;
}

void postgres_server_stop(struct postgres_server *server)
{
    kill(server->process, SIGINT);
    wait_for_end(server);
}

void postgres_server_kill(struct postgres_server *server)
{
    char path[64];
    pid_t children[CHILDREN_MAX];
    size_t count = 0;
    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", server->process, server->process);
    FILE *list = fopen(path, "r");
    if (list == NULL) {
        give_up(server, "%s: %s", path, strerror(errno));
    }
    kill(server->process, SIGSTOP); /* so that it makes no further children */
    char text[4096] = "";
    char *next = fgets(text, sizeof(text), list);
    for (char *end; next != NULL && count < CHILDREN_MAX; next = end) {
        children[count] = (pid_t)strtol(next, &end, 10);
        if (end == next) {
            break;
        }
        count++;
    }
    fclose(list);
    kill(server->process, SIGKILL);
    for (size_t i = 0; i < count; i++) {
        kill(children[i], SIGKILL);
    }
    wait_for_end(server);
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

void postgres_server_free(struct postgres_server *server)
{
    if (server->process > 0) {
        kill(server->process, SIGQUIT);
        wait_for_end(server);
    }
    nftw(server->directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(server);
}

const char *postgres_server_url(const struct postgres_server *server)
{
    return server->url;
}

char *postgres_server_url_of(const struct postgres_server *server, const char *role,
                             const char *database, char text[static POSTGRES_URL_SIZE])
{
    snprintf(text, POSTGRES_URL_SIZE, "host=%s port=%d user=%s dbname=%s", server->directory,
             server->port, role, database);
    return text;
}

char *postgres_server_value(const struct postgres_server *server, const char *sql)
{
    PGconn *connection = PQconnectdb(server->url);
    PGresult *result = PQexec(connection, sql);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
        give_up(server, "%s: %s", sql, PQerrorMessage(connection));
    }
    const char *value = PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "";
    char *copy = memory_text(value, strlen(value));
    PQclear(result);
    PQfinish(connection);
    return copy;
}

void postgres_server_execute(const struct postgres_server *server, const char *sql)
{
    free(postgres_server_value(server, sql));
}
