#include "shared/url.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>

#define HOST_MAX   253 /* bytes of a name in DNS */
#define LABEL_MAX  63
#define HOST_SHOWN 60

static int fail(char error[static URL_ERROR_SIZE], const char *text)
{
    snprintf(error, URL_ERROR_SIZE, "%s", text);
    return -1;
}

static int fail_private(char error[static URL_ERROR_SIZE], const char *host)
{
    snprintf(error, URL_ERROR_SIZE, "must be publicly reachable, and %.*s%s is not", HOST_SHOWN,
             host, strlen(host) > HOST_SHOWN ? "..." : "");
    return -1;
}

/* What curl would accept, repair or decode, and we do not. */
static int check_bytes(const char *url, size_t length, char error[static URL_ERROR_SIZE])
{
    if (length == 0)
        return fail(error, "must not be empty");
    if (length > URL_MAX) {
        snprintf(error, URL_ERROR_SIZE, "must be at most %d bytes", URL_MAX);
        return -1;
    }
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)url[i];
        if (c <= 0x20 || c == 0x7f)
            return fail(error, "must not contain spaces or control characters");
        if (c == '\\')
            return fail(error, "must not contain backslashes");
        if (c >= 0x80)
            return fail(error, "must be ASCII: write other characters percent-encoded, and a host "
                               "name in its xn-- form");
    }
    return 0;
}

/* scheme://authority, where curl also takes one slash or three. */
static int check_authority(const char *url, char error[static URL_ERROR_SIZE])
{
    const char *authority;
    if (strncasecmp(url, "https://", 8) == 0)
        authority = url + 8;
    else if (strncasecmp(url, "http://", 7) == 0)
        authority = url + 7;
    else
        return fail(error, "must start with https:// or http://");
    size_t length = strcspn(authority, "/?#");
    if (memchr(authority, '@', length))
        return fail(error, "must not contain a user name or password");
    if (length == 0 || authority[0] == ':')
        return fail(error, "must have a host");
    if (memchr(authority, '%', length))
        return fail(error, "must not contain percent signs in its host");
    return 0;
}

static bool ends_with(const char *host, const char *suffix)
{
    size_t length = strlen(host);
    size_t suffix_length = strlen(suffix);
    return length >= suffix_length && strcasecmp(host + length - suffix_length, suffix) == 0;
}

static bool allows_v4(const struct guard *guard, struct in_addr address)
{
    struct sockaddr_in socket_address = {.sin_family = AF_INET, .sin_addr = address};
    return guard_allows(guard, (const struct sockaddr *)&socket_address);
}

static bool allows_v6(const struct guard *guard, const struct in6_addr *address)
{
    struct sockaddr_in6 socket_address = {.sin6_family = AF_INET6, .sin6_addr = *address};
    return guard_allows(guard, (const struct sockaddr *)&socket_address);
}

static bool allows_loopback(const struct guard *guard)
{
    struct in_addr v4 = {.s_addr = htonl(INADDR_LOOPBACK)};
    return allows_v4(guard, v4) || allows_v6(guard, &in6addr_loopback);
}

/* "[...]" */
static int check_v6(char *host, const struct guard *guard, char error[static URL_ERROR_SIZE])
{
    struct in6_addr address;
    size_t length = strlen(host);
    host[length - 1] = '\0';
    int valid = inet_pton(AF_INET6, host + 1, &address);
    host[length - 1] = ']';
    if (valid != 1)
        return fail(error, "has a host that is not a valid address");
    return allows_v6(guard, &address) ? 0 : fail_private(error, host);
}

/* A last label of digits, or of hex digits behind 0x, makes a host an IPv4 address, or nothing. */
static bool looks_like_v4(const char *host)
{
    const char *dot = strrchr(host, '.');
    const char *label = dot ? dot + 1 : host;
    if (label[0] == '0' && (label[1] == 'x' || label[1] == 'X'))
        return strspn(label + 2, "0123456789abcdefABCDEF") == strlen(label + 2);
    return label[0] != '\0' && strspn(label, "0123456789") == strlen(label);
}

static bool name_valid(const char *host)
{
    size_t label = 0;
    for (const char *at = host; *at; at++) {
        if (*at == '.') {
            if (label == 0)
                return false;
            label = 0;
            continue;
        }
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", *at) ||
            ++label > LABEL_MAX)
            return false;
    }
    return label > 0 && strlen(host) <= HOST_MAX;
}

/* Names that never lead to the public: RFC 6761, 6762, 8375, and ICANN's .internal. */
static int check_name(const char *host, const struct guard *guard,
                      char error[static URL_ERROR_SIZE])
{
    static const char *const private_zones[] = {"local", "internal", "home.arpa"};
    if (strcasecmp(host, "localhost") == 0 || ends_with(host, ".localhost"))
        return allows_loopback(guard) ? 0 : fail_private(error, host);
    for (size_t i = 0; i < ARRAY_LENGTH(private_zones); i++) {
        const char *zone = private_zones[i];
        size_t from = strlen(host) - strlen(zone);
        if (ends_with(host, zone) && (from == 0 || host[from - 1] == '.'))
            return fail_private(error, host);
    }
    return 0;
}

static int check_host(char *host, const struct guard *guard, char error[static URL_ERROR_SIZE])
{
    size_t length = strlen(host);
    if (length > 1 && host[0] == '[' && host[length - 1] == ']')
        return check_v6(host, guard, error);
    if (length > 0 && host[length - 1] == '.')
        host[length - 1] = '\0';
    if (!name_valid(host))
        return fail(error, "has a host that is not a valid name or address");
    struct in_addr v4;
    if (looks_like_v4(host)) {
        if (inet_aton(host, &v4) == 0)
            return fail(error, "has a host that is not a valid address");
        return allows_v4(guard, v4) ? 0 : fail_private(error, host);
    }
    return check_name(host, guard, error);
}

static int check_port(CURLU *parsed, char error[static URL_ERROR_SIZE])
{
    char *port = NULL;
    CURLUcode code = curl_url_get(parsed, CURLUPART_PORT, &port, 0);
    bool zero = code == CURLUE_OK && strtol(port, NULL, 10) == 0;
    curl_free(port);
    return zero ? fail(error, "must have a port within 1-65535") : 0;
}

static int check_parts(CURLU *parsed, const char *url, const struct guard *guard,
                       char error[static URL_ERROR_SIZE])
{
    CURLUcode code = curl_url_set(parsed, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME);
    if (code == CURLUE_BAD_PORT_NUMBER)
        return fail(error, "must have a port within 1-65535");
    if (code != CURLUE_OK)
        return fail(error, "is not a valid URL");
    if (check_port(parsed, error))
        return -1;
    char *host = NULL;
    if (curl_url_get(parsed, CURLUPART_HOST, &host, 0) != CURLUE_OK)
        return fail(error, "must have a host");
    int status = check_host(host, guard, error);
    curl_free(host);
    return status;
}

int url_check(const char *url, size_t length, const struct guard *guard,
              char error[static URL_ERROR_SIZE])
{
    char text[URL_MAX + 1];
    if (check_bytes(url, length, error))
        return -1;
    memcpy(text, url, length);
    text[length] = '\0';
    if (check_authority(text, error))
        return -1;
    CURLU *parsed = curl_url();
    INVARIANT(parsed);
    int status = check_parts(parsed, text, guard, error);
    curl_url_cleanup(parsed);
    return status;
}
