#include "dispatcher/outcome.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "shared/compiler.h"

PRINTF_LIKE(3, 4)
static void set(struct result *result, enum result_outcome outcome, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    result->outcome = (uint8_t)outcome;
    // NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): it is
    vsnprintf(result->error, sizeof(result->error), format, arguments);
    va_end(arguments);
}

static void by_status(long status, struct result *result)
{
    if (status >= 400)
        set(result, RESULT_HTTP_ERROR, "HTTP %ld", status);
    else
        set(result, RESULT_SUCCESS, "%s", "");
}

/* The part of libcurl's sentence that says something, on one line and in ASCII. */
static void tls_error(const struct post_end *end, struct result *result)
{
    static const char *const prefixes[] = {"SSL certificate problem: ", "SSL: "};
    const char *reason = *end->detail ? end->detail : curl_easy_strerror(end->code);
    for (size_t i = 0; i < ARRAY_LENGTH(prefixes); i++)
        if (strncmp(reason, prefixes[i], strlen(prefixes[i])) == 0)
            reason += strlen(prefixes[i]);
    set(result, RESULT_TLS, "TLS: %s", reason);
    for (char *c = result->error; *c; c++)
        if (*c < ' ' || *c > '~')
            *c = ' ';
}

static void connect_error(const struct post_end *end, struct result *result)
{
    if (end->os_error == ECONNREFUSED)
        set(result, RESULT_CONNECT, "connection refused");
    else if (end->os_error == ENETUNREACH || end->os_error == EHOSTUNREACH)
        set(result, RESULT_CONNECT, "connection failed: host unreachable");
    else
        set(result, RESULT_CONNECT, "connection failed");
}

static void timeout_error(const struct post_end *end, struct result *result)
{
    /* The bound on connecting is shorter than the plan's, and named where it was the one. */
    if (end->connected || end->duration_ms + 500 >= (int64_t)end->timeout_s * 1000)
        set(result, RESULT_TIMEOUT, "timed out after %u s", (unsigned)end->timeout_s);
    else
        set(result, RESULT_TIMEOUT, "no connection within %lld s",
            (long long)((end->duration_ms + 500) / 1000));
}

void outcome_of(const struct post_end *end, struct result *result)
{
    result->code = end->status > 0 && end->status <= 999 ? (uint16_t)end->status : 0;
    if (end->code == CURLE_OK || end->capped) {
        by_status(end->status, result);
        return;
    }
    if (end->blocked) {
        set(result, RESULT_BLOCKED, "destination address is not allowed");
        return;
    }
    if (end->sent_once) {
        set(result, RESULT_CONNECT, "connection closed without an answer");
        return;
    }
    switch ((int)end->code) {
    case CURLE_OPERATION_TIMEDOUT: timeout_error(end, result); break;
    case CURLE_COULDNT_RESOLVE_HOST: set(result, RESULT_DNS, "could not resolve host"); break;
    case CURLE_COULDNT_CONNECT: connect_error(end, result); break;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS: tls_error(end, result); break;
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY: set(result, RESULT_CONNECT, "the answer is not HTTP"); break;
    default:
        /* A whole status line came: that is the answer, whatever became of the body. */
        if (end->status >= 200)
            by_status(end->status, result);
        else if (end->connected)
            set(result, RESULT_CONNECT, "connection closed without an answer");
        else
            set(result, RESULT_CONNECT, "connection failed");
        break;
    }
}

bool outcome_may_pass(const struct result *result)
{
    return result->outcome == RESULT_HTTP_ERROR && (result->code == 408 || result->code == 425 ||
                                                    result->code == 429 || result->code >= 500);
}
