/*
 * What the check lets through leads to no blocked address, as libcurl and getaddrinfo read it; and
 * what it refuses, it refuses with words.
 */
#include <netdb.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "shared/memory.h"
#include "shared/url.h"
#include "tests/fuzz/fuzz.h"

static struct guard *guard_with(const char *allow)
{
    struct guard *guard;
    char error[GUARD_ERROR_SIZE];
    INVARIANT(!guard_create(allow, &guard, error));
    return guard;
}

/* Where the host is an address, in whatever spelling, the guard allows it. */
static void check_host(char *host, const struct guard *guard)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    size_t length = strlen(host);
    if (host[0] == '[') {
        host[length - 1] = '\0';
        host++;
    } else if (host[length - 1] == '.') {
        host[length - 1] = '\0';
    }
    if (getaddrinfo(host, "80", &hints, &found) == 0) {
        for (const struct addrinfo *at = found; at; at = at->ai_next)
            INVARIANT(guard_allows(guard, at->ai_addr));
        freeaddrinfo(found);
    }
}

static void check_allowed(const char *text, const struct guard *guard)
{
    CURLU *parsed = curl_url();
    char *host = NULL;
    char *user = NULL;
    char *scheme = NULL;
    INVARIANT(parsed && curl_url_set(parsed, CURLUPART_URL, text, 0) == CURLUE_OK);
    INVARIANT(curl_url_get(parsed, CURLUPART_HOST, &host, 0) == CURLUE_OK);
    INVARIANT(curl_url_get(parsed, CURLUPART_USER, &user, 0) == CURLUE_NO_USER);
    INVARIANT(curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK);
    INVARIANT(strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);
    check_host(host, guard);
    curl_free(host);
    curl_free(scheme);
    curl_url_cleanup(parsed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct guard *strict;
    static struct guard *open;
    char error[URL_ERROR_SIZE] = "";
    if (!strict) {
        strict = guard_with("");
        open = guard_with("0.0.0.0/0, ::/0");
    }
    bool refused = url_check((const char *)data, size, strict, error);
    INVARIANT(!refused || error[0]);
    if (!refused) {
        char *text = memory_text((const char *)data, size);
        INVARIANT(!url_check((const char *)data, size, open, error));
        check_allowed(text, strict);
        free(text);
    }

    struct cidr_set *set;
    char *text = memory_text((const char *)data, size);
    if (!cidr_set_parse(text, &set, error))
        cidr_set_free(set);
    free(text);
    return 0;
}
