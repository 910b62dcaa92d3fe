#include "gateway/request.h"

#include <string.h>
#include <strings.h>

#include "gateway/gateway.h"
#include "gateway/router.h"
#include "gateway/server.h"
#include "gateway/stats.h"
#include "shared/log.h"
#include "shared/public_id.h"
#include "shared/secret.h"

static void leave_list(struct request *request)
{
    if (request->list == NULL)
        return;
    struct request **link = &request->list->first;
    while (*link != request)
        link = &(*link)->next;
    *link = request->next;
    request->list = NULL;
    request->next = NULL;
}

/* h2o's pool calls this when the request ends, answered or not. */
static void on_dispose(void *block)
{
    struct request *request = block;
    leave_list(request);
    cJSON_Delete(request->body);
    server_request_ended(request->connection);
}

static bool is_request_id(h2o_iovec_t text)
{
    if (text.len == 0 || text.len > REQUEST_ID_MAX)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.base[i];
        bool alphanumeric =
            (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!alphanumeric && c != '.' && c != '_' && c != '-')
            return false;
    }
    return true;
}

static void hex_increment(char *digits, size_t count)
{
    while (count > 0) {
        char *digit = &digits[--count];
        if (*digit != 'f') {
            *digit = *digit == '9' ? 'a' : (char)(*digit + 1);
            return;
        }
        *digit = '0';
    }
}

static void take_id(struct request *request)
{
    h2o_iovec_t given = request_header(request, "x-request-id");
    if (given.base != NULL && is_request_id(given)) {
        memcpy(request->id, given.base, given.len);
        request->id[given.len] = '\0';
        return;
    }
    /* Ids only have to differ: a random start and a counter spare a system call a request. */
    static char next[HEX_SIZE(16)];
    if (next[0] == '\0') {
        uint8_t random[16];
        secret_random(random, sizeof random);
        hex_encode(random, sizeof random, next);
    }
    hex_increment(next, sizeof next - 1);
    memcpy(request->id, next, sizeof next);
}

/* RFC 9112, 3.2.2: a target may carry scheme and authority, which Host repeats. */
static h2o_iovec_t origin_form(h2o_iovec_t target)
{
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t i = 0; i < ARRAY_LENGTH(schemes); i++) {
        size_t length = strlen(schemes[i]);
        if (target.len <= length || strncasecmp(target.base, schemes[i], length) != 0)
            continue;
        const char *slash = memchr(target.base + length, '/', target.len - length);
        if (slash == NULL)
            return h2o_iovec_init(H2O_STRLIT("/"));
        return h2o_iovec_init(slash, target.len - (size_t)(slash - target.base));
    }
    return target;
}

static void split_target(struct request *request)
{
    h2o_iovec_t target = origin_form(request->h2o->input.path);
    const char *mark = memchr(target.base, '?', target.len);
    size_t path_length = mark != NULL ? (size_t)(mark - target.base) : target.len;
    request->path = h2o_iovec_init(target.base, path_length);
    request->query = mark != NULL ? h2o_iovec_init(mark + 1, target.len - path_length - 1)
                                  : h2o_iovec_init(NULL, 0);
}

struct request *request_begin(struct gateway *gateway, h2o_req_t *h2o)
{
    struct request *request = h2o_mem_alloc_shared(&h2o->pool, sizeof *request, on_dispose);
    memset(request, 0, sizeof *request);
    request->gateway = gateway;
    request->h2o = h2o;
    request->connection = server_connection_of(h2o);
    request->begun_ns = uv_hrtime();
    request->rate_left = RATE_UNCOUNTED;
    request->method = h2o->input.method;
    split_target(request);
    request->surface = surface_of(request->path.base, request->path.len);
    take_id(request);
    client_address_find(&request->client, h2o, gateway->trusted_proxies);
    server_request_begun(request->connection);
    return request;
}

void *request_memory(struct request *request, size_t size)
{
    void *memory = h2o_mem_alloc_pool(&request->h2o->pool, size);
    memset(memory, 0, size);
    return memory;
}

h2o_iovec_t request_header(const struct request *request, const char *name)
{
    size_t length = strlen(name);
    const h2o_headers_t *headers = &request->h2o->headers;
    for (size_t i = 0; i < headers->size; i++)
        if (h2o_memis(headers->entries[i].name->base, headers->entries[i].name->len, name, length))
            return headers->entries[i].value;
    return h2o_iovec_init(NULL, 0);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Resolves %-escapes; with plus as in application/x-www-form-urlencoded, where it is a space. */
static enum request_parameter decode(struct request *request, const char *text, size_t length,
                                     bool plus, const char **value)
{
    char *decoded = h2o_mem_alloc_pool(&request->h2o->pool, length + 1);
    size_t written = 0;
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        if (c == '+' && plus) {
            c = ' ';
        } else if (c == '%') {
            int high = i + 2 < length ? hex_digit(text[i + 1]) : -1;
            int low = i + 2 < length ? hex_digit(text[i + 2]) : -1;
            if (high < 0 || low < 0)
                return PARAMETER_BROKEN;
            c = (char)(high * 16 + low);
            i += 2;
        }
        if (c == '\0')
            return PARAMETER_BROKEN;
        decoded[written++] = c;
    }
    decoded[written] = '\0';
    *value = decoded;
    return PARAMETER_PRESENT;
}

enum request_parameter request_parameter(struct request *request, const char *name,
                                         const char **value)
{
    size_t name_length = strlen(name);
    const char *next = request->query.base;
    size_t left = request->query.len;
    const char *found = NULL;
    size_t found_length = 0;
    while (left > 0) {
        const char *ampersand = memchr(next, '&', left);
        size_t length = ampersand != NULL ? (size_t)(ampersand - next) : left;
        if (length > name_length && next[name_length] == '=' &&
            memcmp(next, name, name_length) == 0) {
            if (found != NULL)
                return PARAMETER_TWICE;
            found = next + name_length + 1;
            found_length = length - name_length - 1;
        }
        if (ampersand == NULL)
            break;
        next += length + 1;
        left -= length + 1;
    }
    return found == NULL ? PARAMETER_ABSENT : decode(request, found, found_length, true, value);
}

int request_path_text(struct request *request, const char *text, size_t length)
{
    return decode(request, text, length, false, &request->path_text) == PARAMETER_PRESENT ? 0 : -1;
}

void request_wait(struct request *request, struct request_list *list)
{
    INVARIANT(request->list == NULL && !request->answered);
    request->list = list;
    request->next = list->first;
    list->first = request;
}

struct request *request_list_take(struct request_list *list)
{
    struct request *request = list->first;
    if (request != NULL)
        leave_list(request);
    return request;
}

/* Bytes of the client as far as they may stand in a log: bounded, and printable ASCII. */
static const char *loggable(char *text, size_t size, h2o_iovec_t bytes)
{
    size_t length = bytes.len < size - 1 ? bytes.len : size - 1;
    for (size_t i = 0; i < length; i++)
        text[i] = bytes.base[i] >= 0x20 && bytes.base[i] < 0x7f ? bytes.base[i] : '?';
    text[length] = '\0';
    return text;
}

/* A path without the key of a ping by name, with which anybody could ping, and make checks. */
static const char *loggable_path(char *text, size_t size, h2o_iovec_t path)
{
    static const char before_key[] = "/ping/" PING_KEY_PREFIX;
    loggable(text, size, path);
    if (strncmp(text, before_key, sizeof before_key - 1) == 0)
        memset(text + sizeof before_key - 1, '*', strcspn(text + sizeof before_key - 1, "/"));
    return text;
}

static void log_answer(const struct request *request, enum log_level level, int status,
                       double seconds, size_t bytes)
{
    char method[REQUEST_METHOD_MAX + 1];
    char path[REQUEST_PATH_MAX + 1];
    char client[INET6_ADDRSTRLEN];
    LOG_AT(level, "request", LOG_STR("method", loggable(method, sizeof method, request->method)),
           LOG_STR("path", loggable_path(path, sizeof path, request->path)),
           LOG_I64("status", status), LOG_REAL("ms", seconds * 1e3), LOG_I64("bytes", bytes),
           LOG_STR("request", request->id),
           LOG_STR("client", client_address_text(&request->client, client)),
           LOG_I64("account", request->account));
}

void request_answered(struct request *request, int status, size_t bytes)
{
    INVARIANT(!request->answered && request->list == NULL);
    request->answered = true;
    server_request_answered(request->connection);
    double seconds = (double)(uv_hrtime() - request->begun_ns) / 1e9;
    stats_request(request->route, status, seconds);

    bool stored_ping =
        request->route != NULL && request->route->access == ROUTE_PING && status == 200;
    enum log_level level = stored_ping ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO;
    if (log_enabled(level))
        log_answer(request, level, status, seconds, bytes);
}
