#include "dispatcher/destination.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "shared/compiler.h"

static curl_socket_t on_open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct destination *destination = arg;
    if (purpose != CURLSOCKTYPE_IPCXN || !guard_allows(destination->guard, &address->addr)) {
        destination->blocked++;
        return CURL_SOCKET_BAD;
    }
    destination->allowed++;
    return socket(address->family, address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
                  address->protocol);
}

static bool text_allowed(const struct guard *guard, const char *text)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
        return guard_allows(guard, (const struct sockaddr *)&v4);
    return inet_pton(AF_INET6, text, &v6.sin6_addr) == 1 &&
           guard_allows(guard, (const struct sockaddr *)&v6);
}

static int on_request(void *arg, char *remote_address, char *local_address, int remote_port,
                      int local_port)
{
    (void)local_address;
    (void)remote_port;
    (void)local_port;
    struct destination *destination = arg;
    if (!text_allowed(destination->guard, remote_address)) {
        destination->allowed = 0;
        destination->blocked++;
        return CURL_PREREQFUNC_ABORT;
    }
    long sent_bytes = 0;
    curl_easy_getinfo(destination->easy, CURLINFO_REQUEST_SIZE, &sent_bytes);
    if (destination->connected) {
        if (sent_bytes > destination->sent_bytes) {
            destination->sent_once = true;
            return CURL_PREREQFUNC_ABORT;
        }
        return CURL_PREREQFUNC_OK;
    }
    destination->connected = true;
    destination->sent_bytes = sent_bytes;
    if (destination->on_connected)
        destination->on_connected(destination->arg);
    return CURL_PREREQFUNC_OK;
}

void destination_attach(struct destination *destination, CURL *easy, const struct guard *guard)
{
    memset(destination, 0, sizeof(*destination));
    destination->easy = easy;
    destination->guard = guard;
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, destination);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_request);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, destination);
}

void destination_begin(struct destination *destination, void (*on_connected)(void *arg), void *arg)
{
    destination->on_connected = on_connected;
    destination->arg = arg;
    destination->allowed = 0;
    destination->blocked = 0;
    destination->connected = false;
    destination->sent_once = false;
    destination->sent_bytes = 0;
}

bool destination_blocked(const struct destination *destination)
{
    return destination->blocked > 0 && destination->allowed == 0;
}
