/*
 * Runs this very program again as a service, and looks at it as an operator would: over its admin
 * port, by signals, and by its log and exit code.
 */
#include "shared/service.h"

#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <curl/curl.h>

#include "shared/buffer.h"
#include "shared/clock.h"
#include "shared/metrics.h"

#define WAIT_MS 10000

/* --- the service under test ----------------------------------------------------------------- */

/*
 * SIGUSR1 takes the next step of its life: nats ready, database ready, database lost, found again.
 * TEST_STOP says what it does when asked to stop: at once (unset), "slow" (after 300 ms), "never",
 * or "unasked" (it has no on_stop at all).
 */
struct tested {
    struct service *service;
    int nats;
    int database;
    int step;
    uv_signal_t next;
    uv_timer_t work;
};

static void tested_next(uv_signal_t *handle, int number)
{
    struct tested *tested = handle->data;
    (void)number;
    switch (tested->step++) {
    case 0: service_set_ready(tested->service, tested->nats, true); break;
    case 1: service_set_ready(tested->service, tested->database, true); break;
    case 2: service_set_ready(tested->service, tested->database, false); break;
    default: service_set_ready(tested->service, tested->database, true); break;
    }
}

static void tested_finish(struct tested *tested)
{
    uv_close((uv_handle_t *)&tested->next, NULL);
    uv_close((uv_handle_t *)&tested->work, NULL);
    service_stopped(tested->service);
}

static void tested_work_done(uv_timer_t *timer)
{
    tested_finish(timer->data);
}

static void tested_stop(void *arg)
{
    struct tested *tested = arg;
    const char *how = getenv("TEST_STOP");
    if (!service_stopping(tested->service))
        abort();
    if (!how)
        tested_finish(tested);
    else if (strcmp(how, "slow") == 0)
        uv_timer_start(&tested->work, tested_work_done, 300, 0);
}

static int run_tested(int argc, char **argv)
{
    static struct tested tested;
    const char *how = getenv("TEST_STOP");
    tested.service = service_open("tested", CONFIG_SCHEDULER, argc, argv);
    tested.nats = service_part(tested.service, "nats");
    tested.database = service_part(tested.service, "database");
    metric_counter("tested_total", "", "A metric of the process.");
    tested.next.data = &tested;
    tested.work.data = &tested;
    uv_signal_init(service_loop(tested.service), &tested.next);
    uv_signal_start(&tested.next, tested_next, SIGUSR1);
    uv_timer_init(service_loop(tested.service), &tested.work);
    if (!how || strcmp(how, "unasked") != 0)
        service_on_stop(tested.service, tested_stop, &tested);
    return service_run(tested.service);
}

/* --- running it ----------------------------------------------------------------------------- */

struct child {
    pid_t pid;
    int output; /* its standard output and error */
    int port;   /* of its admin port, where it was waited for */
    struct buffer text;
};

/* environment: "NAME=value", ended by NULL; argument may be NULL. */
static struct child start(const char *argument, const char *const *environment)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        static char program[] = "/proc/self/exe";
        char *words[] = {program, argument ? strdup(argument) : NULL, NULL};
        clearenv();
        setenv("TEST_CHILD", "1", 1);
        setenv("DATABASE_URL", "postgresql://user:hush@127.0.0.1/none", 1);
        for (; environment && *environment; environment++)
            putenv(strdup(*environment));
        dup2(ends[1], STDOUT_FILENO);
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        execv(program, words);
        _exit(127);
    }
    close(ends[1]);
    return (struct child){.pid = pid, .output = ends[0]};
}

/* Reads output until text is in it; false at its end. */
static bool output_has(struct child *child, const char *text)
{
    int64_t deadline_ms = clock_monotonic_ms() + WAIT_MS;
    for (;;) {
        if (child->text.data && strstr(child->text.data, text))
            return true;
        struct pollfd poll_fd = {.fd = child->output, .events = POLLIN};
        int64_t left_ms = deadline_ms - clock_monotonic_ms();
        if (left_ms <= 0 || poll(&poll_fd, 1, (int)left_ms) <= 0)
            fail_msg("no '%s' in: %s", text, child->text.data ? child->text.data : "");
        char bytes[4096];
        ssize_t count = read(child->output, bytes, sizeof bytes);
        if (count <= 0)
            return false;
        buffer_append(&child->text, bytes, (size_t)count);
    }
}

static void wait_for(struct child *child, const char *text)
{
    if (!output_has(child, text))
        fail_msg("ended without '%s': %s", text, child->text.data);
}

/* Reads the output to its end, and checks how the child ended. */
static void expect_exit(struct child *child, int code)
{
    int status;
    while (output_has(child, "\x01 never in it"))
        continue;
    assert_int_equal(waitpid(child->pid, &status, 0), child->pid);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != code)
        fail_msg("status %d instead of %d: %s", status, code << 8, child->text.data);
}

static void end(struct child *child)
{
    close(child->output);
    buffer_free(&child->text);
}

static int times_in(const struct child *child, const char *text)
{
    int count = 0;
    for (const char *next = child->text.data; next && (next = strstr(next, text)); next++)
        count++;
    return count;
}

/* --- HTTP ----------------------------------------------------------------------------------- */

struct answer {
    long status;
    struct buffer head;
    struct buffer body;
};

static size_t collect(char *bytes, size_t size, size_t count, void *arg)
{
    buffer_append(arg, bytes, size * count);
    return size * count;
}

static CURLcode request(int port, const char *method, const char *path, struct answer *answer)
{
    char url[128];
    snprintf(url, sizeof url, "http://127.0.0.1:%d%s", port, path);
    *answer = (struct answer){.head = BUFFER_EMPTY, .body = BUFFER_EMPTY};
    buffer_text(&answer->head, "");
    buffer_text(&answer->body, "");
    CURL *easy = curl_easy_init();
    assert_non_null(easy);
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)WAIT_MS);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, collect);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, &answer->head);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, collect);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &answer->body);
    if (strcmp(method, "HEAD") == 0)
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    else if (strcmp(method, "POST") == 0)
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, "a=1");
    else
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
    CURLcode code = curl_easy_perform(easy);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &answer->status);
    curl_easy_cleanup(easy);
    return code;
}

static void answer_free(struct answer *answer)
{
    buffer_free(&answer->head);
    buffer_free(&answer->body);
}

static void expect_answer(int port, const char *method, const char *path, long status,
                          const char *body)
{
    struct answer answer;
    assert_int_equal(request(port, method, path, &answer), CURLE_OK);
    assert_int_equal(answer.status, status);
    assert_string_equal(answer.body.data, body);
    answer_free(&answer);
}

/* A child whose loop runs. */
static struct child start_listening(const char *const *environment)
{
    static const char mark[] =
        "\"message\":\"admin listening\",\"address\":\"127.0.0.1\",\"port\":";
    struct child child = start(NULL, environment);
    wait_for(&child, mark);
    /* A line comes as a whole. */
    const char *found = child.text.data ? strstr(child.text.data, mark) : NULL;
    child.port = found ? (int)strtol(found + sizeof mark - 1, NULL, 10) : 0;
    assert_in_range(child.port, 1, 65535);
    expect_answer(child.port, "GET", "/healthz", 200, "{\"status\":\"ok\"}");
    return child;
}

/* The next step of the child's life, seen when its metric says so. */
static void step(struct child *child, const char *path_body)
{
    kill(child->pid, SIGUSR1);
    int64_t deadline_ms = clock_monotonic_ms() + WAIT_MS;
    for (bool seen = false; !seen;) {
        struct answer answer;
        assert_int_equal(request(child->port, "GET", "/readyz", &answer), CURLE_OK);
        seen = strcmp(answer.body.data, path_body) == 0;
        if (!seen && clock_monotonic_ms() > deadline_ms)
            fail_msg("still %s", answer.body.data);
        assert_int_equal(answer.status, strstr(answer.body.data, "true") ? 200 : 503);
        answer_free(&answer);
    }
}

/* --- tests ---------------------------------------------------------------------------------- */

static void test_readiness(void **state)
{
    (void)state;
    struct child child = start_listening(NULL);
    expect_answer(child.port, "GET", "/healthz", 200, "{\"status\":\"ok\"}");
    expect_answer(child.port, "GET", "/readyz", 503,
                  "{\"ready\":false,\"waiting\":[\"nats\",\"database\"]}");
    step(&child, "{\"ready\":false,\"waiting\":[\"database\"]}");
    step(&child, "{\"ready\":true}");
    step(&child, "{\"ready\":false,\"waiting\":[\"database\"]}");
    step(&child, "{\"ready\":true}");
    /* Ready twice over: no change, no line. */
    kill(child.pid, SIGUSR1);
    expect_answer(child.port, "GET", "/healthz", 200, "{\"status\":\"ok\"}");
    kill(child.pid, SIGTERM);
    expect_exit(&child, SERVICE_EXIT_OK);
    assert_int_equal(times_in(&child, "\"message\":\"ready\""), 2);
    assert_int_equal(times_in(&child, "\"message\":\"not ready\",\"waiting\":\"database\""), 1);
    assert_int_equal(times_in(&child, "\"message\":\"stopping\",\"signal\":\"SIGTERM\""), 1);
    assert_int_equal(times_in(&child, "\"message\":\"stopped\""), 1);
    end(&child);
}

static void test_admin_answers(void **state)
{
    (void)state;
    struct child child = start_listening(NULL);
    expect_answer(child.port, "GET", "/healthz?x=1", 200, "{\"status\":\"ok\"}");
    expect_answer(child.port, "GET", "/", 404, "{\"detail\":\"Not found.\"}");
    expect_answer(child.port, "GET", "/healthz/", 404, "{\"detail\":\"Not found.\"}");
    expect_answer(child.port, "GET", "/metricsx", 404, "{\"detail\":\"Not found.\"}");
    expect_answer(child.port, "POST", "/nothing", 404, "{\"detail\":\"Not found.\"}");

    static const char *const paths[] = {"/healthz", "/readyz", "/metrics"};
    static const char *const methods[] = {"POST", "PUT", "DELETE", "OPTIONS"};
    for (size_t i = 0; i < ARRAY_LENGTH(paths); i++) {
        struct answer get, head;
        assert_int_equal(request(child.port, "GET", paths[i], &get), CURLE_OK);
        assert_int_equal(request(child.port, "HEAD", paths[i], &head), CURLE_OK);
        assert_int_equal(head.status, get.status);
        assert_int_equal(head.body.length, 0);
        assert_non_null(strcasestr(get.head.data, "content-length: "));
        assert_non_null(strcasestr(head.head.data, "content-length: "));
        assert_null(strcasestr(get.head.data, "transfer-encoding"));
        answer_free(&get);
        answer_free(&head);
        for (size_t j = 0; j < ARRAY_LENGTH(methods); j++) {
            struct answer answer;
            assert_int_equal(request(child.port, methods[j], paths[i], &answer), CURLE_OK);
            assert_int_equal(answer.status, 405);
            assert_non_null(strcasestr(answer.head.data, "\r\nallow: GET, HEAD\r\n"));
            answer_free(&answer);
        }
    }
    kill(child.pid, SIGTERM);
    expect_exit(&child, SERVICE_EXIT_OK);
    end(&child);
}

static void test_metrics_page(void **state)
{
    (void)state;
    struct child child = start_listening(NULL);
    struct answer answer;
    assert_int_equal(request(child.port, "GET", "/metrics", &answer), CURLE_OK);
    assert_int_equal(answer.status, 200);
    assert_non_null(strcasestr(answer.head.data, "content-type: text/plain; version=0.0.4"));
    assert_non_null(strstr(answer.body.data, "\ncroncoco_ready 0\n"));
    assert_non_null(strstr(answer.body.data, "\ntested_total 0\n"));
    assert_non_null(strstr(answer.body.data, "\nprocess_start_time_seconds "));
    answer_free(&answer);
    step(&child, "{\"ready\":false,\"waiting\":[\"database\"]}");
    step(&child, "{\"ready\":true}");
    assert_int_equal(request(child.port, "GET", "/metrics", &answer), CURLE_OK);
    assert_non_null(strstr(answer.body.data, "\ncroncoco_ready 1\n"));
    answer_free(&answer);
    kill(child.pid, SIGINT);
    expect_exit(&child, SERVICE_EXIT_OK);
    assert_int_equal(times_in(&child, "\"signal\":\"SIGINT\""), 1);
    end(&child);
}

static void test_drains(void **state)
{
    (void)state;
    struct child child = start_listening((const char *const[]){"TEST_STOP=slow", NULL});
    int64_t before_ms = clock_monotonic_ms();
    kill(child.pid, SIGTERM);
    wait_for(&child, "\"stopping\"");
    expect_answer(child.port, "GET", "/healthz", 200, "{\"status\":\"ok\"}");
    expect_answer(child.port, "GET", "/readyz", 503,
                  "{\"ready\":false,\"waiting\":[\"nats\",\"database\"],\"stopping\":true}");
    expect_exit(&child, SERVICE_EXIT_OK);
    assert_true(clock_monotonic_ms() - before_ms >= 300);
    end(&child);
}

static void test_second_signal_ends_at_once(void **state)
{
    (void)state;
    struct child child = start_listening((const char *const[]){"TEST_STOP=never", NULL});
    kill(child.pid, SIGTERM);
    wait_for(&child, "\"stopping\"");
    kill(child.pid, SIGINT);
    expect_exit(&child, SERVICE_EXIT_DRAIN);
    assert_int_equal(times_in(&child, "stopped before all work was finished"), 1);
    end(&child);
}

static void test_drain_timeout(void **state)
{
    (void)state;
    struct child child =
        start_listening((const char *const[]){"TEST_STOP=never", "DRAIN_TIMEOUT_MS=200", NULL});
    int64_t before_ms = clock_monotonic_ms();
    kill(child.pid, SIGTERM);
    expect_exit(&child, SERVICE_EXIT_DRAIN);
    assert_in_range(clock_monotonic_ms() - before_ms, 200, WAIT_MS);
    assert_int_equal(times_in(&child, "DRAIN_TIMEOUT_MS has passed"), 1);
    end(&child);
}

static void test_stops_without_on_stop(void **state)
{
    (void)state;
    struct child child = start_listening((const char *const[]){"TEST_STOP=unasked", NULL});
    kill(child.pid, SIGTERM);
    expect_exit(&child, SERVICE_EXIT_OK);
    end(&child);
}

static int connect_to(int port)
{
    struct sockaddr_in place = {.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    int socket_fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(socket_fd >= 0);
    assert_int_equal(connect(socket_fd, (struct sockaddr *)&place, sizeof place), 0);
    return socket_fd;
}

/* A client that says nothing does not hold up the end. */
static void test_idle_connection_does_not_hold_up_the_end(void **state)
{
    (void)state;
    struct child child = start_listening(NULL);
    int silent = connect_to(child.port);
    int halfway = connect_to(child.port);
    assert_int_equal(write(halfway, "GET /heal", 9), 9);
    expect_answer(child.port, "GET", "/healthz", 200, "{\"status\":\"ok\"}");
    int64_t before_ms = clock_monotonic_ms();
    kill(child.pid, SIGTERM);
    expect_exit(&child, SERVICE_EXIT_OK);
    assert_true(clock_monotonic_ms() - before_ms < 3000);
    close(silent);
    close(halfway);
    end(&child);
}

/* More connections than the port takes are closed, and those that end make room. */
static void test_connections_are_bounded(void **state)
{
    (void)state;
    struct child child = start_listening(NULL);
    int sockets[80];
    for (size_t i = 0; i < ARRAY_LENGTH(sockets); i++)
        sockets[i] = connect_to(child.port);
    char byte;
    struct pollfd last = {.fd = sockets[ARRAY_LENGTH(sockets) - 1], .events = POLLIN};
    assert_int_equal(poll(&last, 1, WAIT_MS), 1);
    assert_true(read(last.fd, &byte, 1) <= 0);
    for (size_t i = 0; i < ARRAY_LENGTH(sockets); i++)
        close(sockets[i]);
    int64_t deadline_ms = clock_monotonic_ms() + WAIT_MS;
    for (CURLcode code = CURLE_RECV_ERROR; code != CURLE_OK;) {
        struct answer answer;
        code = request(child.port, "GET", "/healthz", &answer);
        answer_free(&answer);
        assert_true(clock_monotonic_ms() < deadline_ms);
    }
    kill(child.pid, SIGTERM);
    expect_exit(&child, SERVICE_EXIT_OK);
    end(&child);
}

static void test_port_in_use(void **state)
{
    (void)state;
    struct child first = start_listening(NULL);
    char variable[32];
    char expected[80];
    snprintf(variable, sizeof variable, "ADMIN_PORT=%d", first.port);
    snprintf(expected, sizeof expected, "127.0.0.1 port %d: address already in use; set ADMIN_PORT",
             first.port);
    struct child second = start(NULL, (const char *const[]){variable, NULL});
    expect_exit(&second, SERVICE_EXIT_UNAVAILABLE);
    assert_int_equal(times_in(&second, expected), 1);
    kill(first.pid, SIGTERM);
    expect_exit(&first, SERVICE_EXIT_OK);
    /* The port is free again at once. */
    struct child third = start_listening((const char *const[]){variable, NULL});
    assert_int_equal(third.port, first.port);
    kill(third.pid, SIGTERM);
    expect_exit(&third, SERVICE_EXIT_OK);
    end(&first);
    end(&second);
    end(&third);
}

static void test_bad_admin_address(void **state)
{
    (void)state;
    struct child child = start(NULL, (const char *const[]){"ADMIN_ADDRESS=localhost", NULL});
    expect_exit(&child, SERVICE_EXIT_CONFIG);
    assert_int_equal(times_in(&child, "set ADMIN_ADDRESS to another one"), 1);
    end(&child);
}

static void test_bad_configuration(void **state)
{
    (void)state;
    struct child child =
        start(NULL, (const char *const[]){"LEASE_TTL_MS=1", "LOG_LEVEL=x", "DATABASE_URL=", NULL});
    expect_exit(&child, SERVICE_EXIT_CONFIG);
    assert_string_equal(
        child.text.data,
        "LOG_LEVEL: 'x' is not one of debug, info, warn, error\n"
        "DATABASE_URL: not set, and has no default: PostgreSQL, as the process's own role\n"
        "LEASE_TTL_MS: '1' is not a number from 500 to 60000\n");
    end(&child);
}

static void test_arguments(void **state)
{
    static const struct {
        const char *argument;
        int code;
        const char *start;
    } rows[] = {
        {"--help", 0, "usage: tested [--help | --version | --config-markdown]\n"},
        {"--version", 0, "tested " CRONCOCO_VERSION "\n"},
        {"--config-markdown", 0, "| variable | used by | default | meaning |\n"},
        {"--helpme", 64, "tested: unknown argument '--helpme'\nusage: tested "},
        {"-h", 64, "tested: unknown argument '-h'\n"},
        {"", 64, "tested: unknown argument ''\n"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        /* They need no configuration. */
        struct child child =
            start(rows[i].argument, (const char *const[]){"DATABASE_URL=", "LOG_LEVEL=x", NULL});
        expect_exit(&child, rows[i].code);
        assert_int_equal(strncmp(child.text.data, rows[i].start, strlen(rows[i].start)), 0);
        end(&child);
    }
}

static void test_secrets_are_not_logged(void **state)
{
    (void)state;
    struct child child = start_listening((const char *const[]){"LOG_LEVEL=debug", NULL});
    kill(child.pid, SIGTERM);
    expect_exit(&child, SERVICE_EXIT_OK);
    assert_int_equal(times_in(&child, "hush"), 0);
    end(&child);
}

int main(int argc, char **argv)
{
    if (getenv("TEST_CHILD"))
        return run_tested(argc, argv);
    curl_global_init(CURL_GLOBAL_ALL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_readiness),
        cmocka_unit_test(test_admin_answers),
        cmocka_unit_test(test_metrics_page),
        cmocka_unit_test(test_drains),
        cmocka_unit_test(test_second_signal_ends_at_once),
        cmocka_unit_test(test_drain_timeout),
        cmocka_unit_test(test_stops_without_on_stop),
        cmocka_unit_test(test_idle_connection_does_not_hold_up_the_end),
        cmocka_unit_test(test_connections_are_bounded),
        cmocka_unit_test(test_port_in_use),
        cmocka_unit_test(test_bad_admin_address),
        cmocka_unit_test(test_bad_configuration),
        cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_secrets_are_not_logged),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    curl_global_cleanup();
    return failed;
}
