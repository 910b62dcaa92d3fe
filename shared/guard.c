#include "shared/guard.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/memory.h"

#define CIDR_TEXT_MAX  64 /* bytes: an IPv6 address with a prefix is 49 at most */
#define CIDR_COUNT_MAX 1024
#define MAPPED_PREFIX  96

/* An address, or a range of them: the first prefix bits count. IPv4 stands in the first four. */
struct cidr {
    int family;
    unsigned prefix;
    uint8_t bytes[16];
};

struct cidr_set {
    size_t count;
    struct cidr cidrs[];
};

struct guard {
    struct cidr_set *allowed;
};

/*
 * What no delivery goes to. [4] is IANA's IPv4 Special-Purpose Address Registry, [6] the IPv6 one
 * (RFC 6890); what they list is blocked also where they call it globally reachable, for no webhook
 * lives there. [S] is IANA's IPv6 Address Space: global unicast is 2000::/3, so the rest of the
 * space is blocked as a whole, in three rows.
 */
#define V4(a, b, c, d, prefix)                                                                     \
    {                                                                                              \
        AF_INET, (prefix),                                                                         \
        {                                                                                          \
            (a), (b), (c), (d)                                                                     \
        }                                                                                          \
    }
#define V6(a, b, c, d, e, f, prefix)                                                               \
    {                                                                                              \
        AF_INET6, (prefix),                                                                        \
        {                                                                                          \
            (a), (b), (c), (d), (e), (f)                                                           \
        }                                                                                          \
    }

static const struct cidr blocked[] = {
    V4(0, 0, 0, 0, 8),        /* [4] this network, RFC 791 */
    V4(10, 0, 0, 0, 8),       /* [4] private use, RFC 1918 */
    V4(100, 64, 0, 0, 10),    /* [4] shared address space, RFC 6598 */
    V4(127, 0, 0, 0, 8),      /* [4] loopback, RFC 1122 */
    V4(168, 63, 129, 16, 32), /* Azure's WireServer, for each of its virtual machines */
    V4(169, 254, 0, 0, 16),   /* [4] link local, RFC 3927; the clouds' metadata */
    V4(172, 16, 0, 0, 12),    /* [4] private use, RFC 1918 */
    V4(192, 0, 0, 0, 24),     /* [4] IETF protocol assignments, RFC 6890 */
    V4(192, 0, 2, 0, 24),     /* [4] documentation, RFC 5737 */
    V4(192, 31, 196, 0, 24),  /* [4] AS112, RFC 7535 */
    V4(192, 52, 193, 0, 24),  /* [4] AMT, RFC 7450 */
    V4(192, 88, 99, 0, 24),   /* [4] 6to4 relay anycast, RFC 7526 */
    V4(192, 168, 0, 0, 16),   /* [4] private use, RFC 1918 */
    V4(192, 175, 48, 0, 24),  /* [4] AS112, RFC 7534 */
    V4(198, 18, 0, 0, 15),    /* [4] benchmarking, RFC 2544 */
    V4(198, 51, 100, 0, 24),  /* [4] documentation, RFC 5737 */
    V4(203, 0, 113, 0, 24),   /* [4] documentation, RFC 5737 */
    V4(224, 0, 0, 0, 4),      /* multicast, RFC 1112 */
    V4(240, 0, 0, 0, 4),      /* [4] reserved, RFC 1112, and the broadcast address */
    /* [S] with [6] ::/128, ::1/128, 64:ff9b::/96 and 64:ff9b:1::/48 (NAT64), 100::/64 (discard) */
    V6(0x00, 0, 0, 0, 0, 0, 3),
    V6(0x20, 0x01, 0x00, 0x00, 0, 0, 23),       /* [6] IETF protocols: Teredo, ORCHID, ... */
    V6(0x20, 0x01, 0x0d, 0xb8, 0, 0, 32),       /* [6] documentation, RFC 3849 */
    V6(0x20, 0x02, 0x00, 0x00, 0, 0, 16),       /* [6] 6to4, RFC 3056 */
    V6(0x26, 0x20, 0x00, 0x4f, 0x80, 0x00, 48), /* [6] AS112, RFC 7534 */
    V6(0x3f, 0xff, 0x00, 0x00, 0, 0, 20),       /* [6] documentation, RFC 9637 */
    V6(0x40, 0, 0, 0, 0, 0, 2),                 /* [S] with [6] 5f00::/16 (SRv6) */
    V6(0x80, 0, 0, 0, 0, 0, 1), /* [S] with [6] fc00::/7, fe80::/10, and fec0::/10, ff00::/8 */
};

#undef V4
#undef V6

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};      /* ::ffff:0:0/96 */
static const uint8_t translated[12] = {0x00, 0x64, 0xff, 0x9b, 0}; /* 64:ff9b::/96 */
static const uint8_t compatible[12] = {0};                         /* ::/96 */

static bool cidr_contains(const struct cidr *cidr, const struct cidr *address)
{
    if (cidr->family != address->family)
        return false;
    size_t whole = cidr->prefix / 8;
    unsigned rest = cidr->prefix % 8;
    if (memcmp(cidr->bytes, address->bytes, whole) != 0)
        return false;
    return !rest || (cidr->bytes[whole] ^ address->bytes[whole]) >> (8 - rest) == 0;
}

static bool cidrs_contain(const struct cidr *cidrs, size_t count, const struct cidr *address)
{
    for (size_t i = 0; i < count; i++) {
        if (cidr_contains(&cidrs[i], address))
            return true;
    }
    return false;
}

static struct cidr v4_inside(const uint8_t *bytes, uint8_t mask)
{
    struct cidr v4 = {.family = AF_INET, .prefix = 32};
    for (size_t i = 0; i < 4; i++)
        v4.bytes[i] = bytes[i] ^ mask;
    return v4;
}

/* A v4-mapped address is IPv4: the socket that gets it connects there. */
static int address_of(const struct sockaddr *from, struct cidr *address)
{
    if (from->sa_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, from, sizeof v4);
        *address = v4_inside((const uint8_t *)&v4.sin_addr, 0);
        return 0;
    }
    if (from->sa_family != AF_INET6)
        return -1;
    struct sockaddr_in6 v6;
    memcpy(&v6, from, sizeof v6);
    if (memcmp(&v6.sin6_addr, mapped, sizeof mapped) == 0) {
        *address = v4_inside(v6.sin6_addr.s6_addr + sizeof mapped, 0);
        return 0;
    }
    *address = (struct cidr){.family = AF_INET6, .prefix = 128};
    memcpy(address->bytes, &v6.sin6_addr, sizeof v6.sin6_addr);
    return 0;
}

/*
 * The IPv4 addresses that an IPv6 address leads to; the number of them. Of a local NAT64 prefix
 * (64:ff9b:1::/48) only its operator knows where they stand.
 */
static size_t addresses_inside(const struct cidr *address, struct cidr inside[static 2])
{
    const uint8_t *bytes = address->bytes;
    static const uint8_t loopback[16] = {[15] = 1};
    static const uint8_t unspecified[16] = {0};
    if (address->family != AF_INET6 || memcmp(bytes, loopback, sizeof loopback) == 0 ||
        memcmp(bytes, unspecified, sizeof unspecified) == 0)
        return 0;
    if (memcmp(bytes, compatible, sizeof compatible) == 0 ||
        memcmp(bytes, translated, sizeof translated) == 0) {
        inside[0] = v4_inside(bytes + 12, 0);
        return 1;
    }
    if (bytes[0] != 0x20)
        return 0;
    if (bytes[1] == 0x02) { /* 6to4 */
        inside[0] = v4_inside(bytes + 2, 0);
        return 1;
    }
    if (bytes[1] == 0x01 && bytes[2] == 0 && bytes[3] == 0) { /* Teredo: server, client */
        inside[0] = v4_inside(bytes + 4, 0);
        inside[1] = v4_inside(bytes + 12, 0xff);
        return 2;
    }
    return 0;
}

static bool judge(const struct guard *guard, const struct cidr *address)
{
    return cidrs_contain(guard->allowed->cidrs, guard->allowed->count, address) ||
           !cidrs_contain(blocked, ARRAY_LENGTH(blocked), address);
}

/* Where an operator allows a tunnel (64:ff9b::/96, say), what it leads to is judged all the same.
 */
bool guard_allows(const struct guard *guard, const struct sockaddr *address)
{
    struct cidr outer;
    struct cidr inside[2];
    if (address_of(address, &outer) || !judge(guard, &outer))
        return false;
    size_t count = addresses_inside(&outer, inside);
    for (size_t i = 0; i < count; i++) {
        if (!judge(guard, &inside[i]))
            return false;
    }
    return true;
}

int guard_create(const char *allow, struct guard **guard, char error[static GUARD_ERROR_SIZE])
{
    struct cidr_set *allowed;
    if (cidr_set_parse(allow, &allowed, error))
        return -1;
    *guard = memory_new(1, sizeof **guard);
    (*guard)->allowed = allowed;
    return 0;
}

void guard_free(struct guard *guard)
{
    if (!guard)
        return;
    cidr_set_free(guard->allowed);
    free(guard);
}

static int prefix_parse(const char *text, unsigned most, unsigned *prefix)
{
    unsigned value = 0;
    if (*text == '\0' || (text[0] == '0' && text[1] != '\0'))
        return -1;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return -1;
        value = value * 10 + (unsigned)(*text - '0');
        if (value > most)
            return -1;
    }
    *prefix = value;
    return 0;
}

static bool host_bits_clear(const struct cidr *cidr)
{
    for (unsigned bit = cidr->prefix; bit < (cidr->family == AF_INET ? 32U : 128U); bit++) {
        if (cidr->bytes[bit / 8] >> (7 - bit % 8) & 1)
            return false;
    }
    return true;
}

/* "10.0.0.0/8"; an address alone is a range of one. */
static int cidr_parse(const char *text, size_t length, struct cidr *cidr,
                      char error[static GUARD_ERROR_SIZE])
{
    char copy[CIDR_TEXT_MAX + 1];
    size_t shown = length < CIDR_TEXT_MAX ? length : CIDR_TEXT_MAX;
    memcpy(copy, text, shown);
    copy[shown] = '\0';
    *cidr = (struct cidr){.family = memchr(text, ':', length) ? AF_INET6 : AF_INET};
    unsigned most = cidr->family == AF_INET ? 32 : 128;
    cidr->prefix = most;
    char *slash = strchr(copy, '/');
    bool valid = length <= CIDR_TEXT_MAX && memchr(text, '\0', length) == NULL;
    if (valid && slash) {
        *slash = '\0';
        valid = !prefix_parse(slash + 1, most, &cidr->prefix);
    }
    valid = valid && inet_pton(cidr->family, copy, cidr->bytes) == 1;
    if (!valid) {
        snprintf(error, GUARD_ERROR_SIZE, "'%.*s' is not an address range such as 10.0.0.0/8",
                 (int)shown, text);
        return -1;
    }
    if (!host_bits_clear(cidr)) {
        snprintf(error, GUARD_ERROR_SIZE, "'%.*s' has bits behind its prefix of %u", (int)shown,
                 text, cidr->prefix);
        return -1;
    }
    if (cidr->family == AF_INET6 && cidr->prefix >= MAPPED_PREFIX &&
        memcmp(cidr->bytes, mapped, sizeof mapped) == 0) {
        unsigned prefix = cidr->prefix - MAPPED_PREFIX;
        *cidr = v4_inside(cidr->bytes + sizeof mapped, 0);
        cidr->prefix = prefix;
    }
    return 0;
}

int cidr_set_parse(const char *text, struct cidr_set **set, char error[static GUARD_ERROR_SIZE])
{
    size_t most = 1;
    for (const char *at = text; *at; at++)
        most += *at == ',';
    if (most > CIDR_COUNT_MAX) {
        snprintf(error, GUARD_ERROR_SIZE, "must have at most %d address ranges", CIDR_COUNT_MAX);
        return -1;
    }
    struct cidr_set *parsed = memory_new(1, sizeof *parsed + most * sizeof parsed->cidrs[0]);
    const char *at = text + strspn(text, " \t");
    while (*at) {
        size_t length = strcspn(at, ", \t");
        if (cidr_parse(at, length, &parsed->cidrs[parsed->count], error)) {
            free(parsed);
            return -1;
        }
        parsed->count++;
        at += length;
        at += strspn(at, " \t");
        if (*at == '\0')
            break;
        if (*at != ',') {
            snprintf(error, GUARD_ERROR_SIZE, "address ranges must be separated by commas");
            free(parsed);
            return -1;
        }
        at++;
        at += strspn(at, " \t");
    }
    *set = parsed;
    return 0;
}

void cidr_set_free(struct cidr_set *set)
{
    free(set);
}

bool cidr_set_contains(const struct cidr_set *set, const struct sockaddr *address)
{
    struct cidr plain;
    return !address_of(address, &plain) && cidrs_contain(set->cidrs, set->count, &plain);
}
