/*
 * What is taken for a server's address is one to libcurl too, without a user and a query; and only
 * what leads to this machine counts as loopback.
 */
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "cli/server_address.h"
#include "shared/buffer.h"
#include "shared/memory.h"
#include "tests/fuzz/fuzz.h"

static void check_loopback(const struct server_address *address, char *host)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    size_t length = strlen(host);
    if (host[0] == '[') {
        host[length - 1] = '\0';
        host++;
    }
    if (!address->loopback || getaddrinfo(host, "80", &hints, &found) != 0)
        return;
    const struct sockaddr *first = found->ai_addr;
    if (first->sa_family == AF_INET6)
        INVARIANT(
            IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)first)->sin6_addr));
    else
        INVARIANT(ntohl(((const struct sockaddr_in *)(const void *)first)->sin_addr.s_addr) >> 24 ==
                  127);
    freeaddrinfo(found);
}

static void check_url(const struct server_address *address)
{
    struct buffer url = BUFFER_EMPTY;
    char *host = NULL, *user = NULL, *query = NULL, *scheme = NULL;
    buffer_format(&url, "%s/ping/abc123", address->base);
    CURLU *parsed = curl_url();
    INVARIANT(parsed && curl_url_set(parsed, CURLUPART_URL, url.data, 0) == CURLUE_OK);
    INVARIANT(curl_url_get(parsed, CURLUPART_HOST, &host, 0) == CURLUE_OK);
    INVARIANT(curl_url_get(parsed, CURLUPART_USER, &user, 0) == CURLUE_NO_USER);
    INVARIANT(curl_url_get(parsed, CURLUPART_QUERY, &query, 0) == CURLUE_NO_QUERY);
    INVARIANT(curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK);
    INVARIANT(strcmp(scheme, address->encrypted ? "https" : "http") == 0);
    check_loopback(address, host);
    curl_free(host);
    curl_free(scheme);
    curl_url_cleanup(parsed);
    buffer_free(&url);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct server_address address, again;
    char error[SERVER_ADDRESS_ERROR_SIZE] = "";
    char *text = memory_text((const char *)data, size);
    if (server_address_parse(text, &address, error)) {
        INVARIANT(error[0]);
    } else {
        check_url(&address);
        INVARIANT(!server_address_parse(address.base, &again, error));
        INVARIANT(strcmp(address.base, again.base) == 0);
    }
    free(text);
    return 0;
}
