#include "cli/server_address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define API_PATH   "/api/v1"
#define HOST_MAX   253 /* bytes of a name in DNS */
#define PORT_MAX   65535
#define ALNUM      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
#define HOST_CHARS ALNUM "-._"
#define PATH_CHARS ALNUM "-._~/"

static int fail(char error[static SERVER_ADDRESS_ERROR_SIZE], const char *text)
{
    snprintf(error, SERVER_ADDRESS_ERROR_SIZE, "%s", text);
    return -1;
}

static bool is_loopback(const char *host)
{
    static const char zone[] = ".localhost";
    size_t length = strlen(host);
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, host, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == IN_LOOPBACKNET;
    if (inet_pton(AF_INET6, host, &v6) == 1)
        return IN6_IS_ADDR_LOOPBACK(&v6);
    return strcasecmp(host, "localhost") == 0 ||
           (length >= sizeof zone && strcasecmp(host + length - (sizeof zone - 1), zone) == 0);
}

/* "host" or "[v6]" at text; returns its length, or 0, and whether it is this machine. */
static size_t parse_host(const char *text, bool *loopback)
{
    char host[HOST_MAX + 1];
    bool v6 = text[0] == '[';
    const char *start = text + v6;
    size_t length = strspn(start, v6 ? "0123456789abcdefABCDEF:." : HOST_CHARS);
    if (length == 0 || length > HOST_MAX || (v6 && start[length] != ']'))
        return 0;
    memcpy(host, start, length);
    host[length] = '\0';
    struct in6_addr address;
    if (v6 && inet_pton(AF_INET6, host, &address) != 1)
        return 0;
    *loopback = is_loopback(host);
    return length + 2 * (size_t)v6;
}

/* ":port" or nothing; returns its length, or -1. */
static int parse_port(const char *text)
{
    if (text[0] != ':')
        return 0;
    size_t digits = strspn(text + 1, "0123456789");
    long port = digits > 0 && digits <= 5 ? strtol(text + 1, NULL, 10) : 0;
    return port > 0 && port <= PORT_MAX ? (int)digits + 1 : -1;
}

static int parse_path(const char *path, size_t *length,
                      char error[static SERVER_ADDRESS_ERROR_SIZE])
{
    size_t kept = strspn(path, PATH_CHARS);
    if (path[kept] || (kept > 0 && path[0] != '/'))
        return fail(error, "must be no more than https://, a host, a port and a path");
    while (kept > 0 && path[kept - 1] == '/')
        kept--;
    size_t api = strlen(API_PATH);
    if (kept >= api && memcmp(path + kept - api, API_PATH, api) == 0)
        return fail(error, "must not end with " API_PATH ", which is added where it is needed");
    *length = kept;
    return 0;
}

int server_address_parse(const char *text, struct server_address *address,
                         char error[static SERVER_ADDRESS_ERROR_SIZE])
{
    struct server_address parsed = {0};
    parsed.encrypted = strncasecmp(text, "https://", 8) == 0;
    if (!parsed.encrypted && strncasecmp(text, "http://", 7) != 0)
        return fail(error, "must start with https:// (or http://)");
    if (strlen(text) > SERVER_ADDRESS_MAX)
        return fail(error, "is too long");
    const char *host = text + (parsed.encrypted ? 8 : 7);
    size_t host_length = parse_host(host, &parsed.loopback);
    if (host_length == 0)
        return fail(error, "must have a host: a name or an address");
    const char *port = host + host_length;
    int port_length = parse_port(port);
    if (port_length < 0)
        return fail(error, "must have a port within 1-65535");
    const char *path = port + port_length;
    size_t path_length;
    if (parse_path(path, &path_length, error))
        return -1;
    memcpy(parsed.base, text, (size_t)(path - text) + path_length);
    *address = parsed;
    return 0;
}
