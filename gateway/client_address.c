#include "gateway/client_address.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#define FORWARDED_MAX 32 /* addresses of X-Forwarded-For looked at, from the right */

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_storage storage;
};

/* IPv4 in IPv6, as a dual-stack listener sees it, is IPv4. */
static void unwrap_v4(union address *address)
{
    if (address->any.sa_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&address->v6.sin6_addr))
        return;
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = address->v6.sin6_port};
    memcpy(&v4.sin_addr, address->v6.sin6_addr.s6_addr + 12, sizeof v4.sin_addr);
    memset(address, 0, sizeof *address);
    address->v4 = v4;
}

/* "192.0.2.1", "192.0.2.1:80", "2001:db8::1", "[2001:db8::1]:80" */
static bool parse_forwarded(const char *text, size_t length, union address *address)
{
    char buffer[INET6_ADDRSTRLEN + 1];
    if (length > 0 && text[0] == '[') {
        const char *close = memchr(text, ']', length);
        if (close == NULL)
            return false;
        text++;
        length = (size_t)(close - text);
    } else {
        const char *colon = memchr(text, ':', length);
        if (colon != NULL && memchr(colon + 1, ':', length - (size_t)(colon + 1 - text)) == NULL)
            length = (size_t)(colon - text);
    }
    if (length == 0 || length >= sizeof buffer)
        return false;
    memcpy(buffer, text, length);
    buffer[length] = '\0';

    memset(address, 0, sizeof *address);
    if (inet_pton(AF_INET, buffer, &address->v4.sin_addr) == 1) {
        address->v4.sin_family = AF_INET;
        return true;
    }
    if (inet_pton(AF_INET6, buffer, &address->v6.sin6_addr) == 1) {
        address->v6.sin6_family = AF_INET6;
        unwrap_v4(address);
        return true;
    }
    return false;
}

/* The last element of a comma separated list, and *length cut before it. */
static const char *last_element(const char *list, size_t *length, size_t *element_length)
{
    size_t end = *length;
    size_t start = end;
    while (start > 0 && list[start - 1] != ',')
        start--;
    *length = start > 0 ? start - 1 : 0;
    while (start < end && (list[start] == ' ' || list[start] == '\t'))
        start++;
    while (end > start && (list[end - 1] == ' ' || list[end - 1] == '\t'))
        end--;
    *element_length = end - start;
    return list + start;
}

/* Walks X-Forwarded-For from the right while the address it has reached is trusted. */
static void follow_proxies(h2o_req_t *request, const struct cidr_set *trusted,
                           union address *address)
{
    unsigned hops = 0;
    for (size_t i = request->headers.size; i > 0; i--) {
        const h2o_header_t *header = &request->headers.entries[i - 1];
        if (!h2o_memis(header->name->base, header->name->len, H2O_STRLIT("x-forwarded-for")))
            continue;
        size_t left = header->value.len;
        while (left > 0) {
            if (++hops > FORWARDED_MAX || !cidr_set_contains(trusted, &address->any))
                return;
            size_t element_length;
            const char *element = last_element(header->value.base, &left, &element_length);
            union address next;
            if (!parse_forwarded(element, element_length, &next))
                return;
            *address = next;
        }
    }
}

static void fill(struct client_address *result, const union address *address)
{
    memset(result, 0, sizeof *result);
    if (address->any.sa_family == AF_INET) {
        result->bytes = sizeof address->v4.sin_addr;
        memcpy(result->address, &address->v4.sin_addr, result->bytes);
        result->key[10] = 0xff;
        result->key[11] = 0xff;
        memcpy(result->key + 12, &address->v4.sin_addr, 4);
    } else if (address->any.sa_family == AF_INET6) {
        result->bytes = sizeof address->v6.sin6_addr;
        memcpy(result->address, &address->v6.sin6_addr, result->bytes);
        memcpy(result->key, address->v6.sin6_addr.s6_addr, 8);
    }
}

const char *client_address_text(const struct client_address *address,
                                char text[static INET6_ADDRSTRLEN])
{
    int family = address->bytes == sizeof(struct in_addr) ? AF_INET : AF_INET6;
    if (address->bytes == 0 || !inet_ntop(family, address->address, text, INET6_ADDRSTRLEN))
        return "?";
    return text;
}

void client_address_find(struct client_address *result, h2o_req_t *request,
                         const struct cidr_set *trusted)
{
    union address address;
    memset(&address, 0, sizeof address);
    if (request->conn->callbacks->get_peername(request->conn, &address.any) == 0)
        address.any.sa_family = AF_UNSPEC;
    unwrap_v4(&address);
    follow_proxies(request, trusted, &address);
    fill(result, &address);
}
