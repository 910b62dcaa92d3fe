#include "gateway/identity.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "gateway/request.h"
#include "shared/buffer.h"

#define SCOPE_BYTES 16 /* of the hash of an e-mail address or token */

static bool is_idempotency_key(h2o_iovec_t key)
{
    if (key.len == 0 || key.len > IDENTITY_KEY_MAX)
        return false;
    for (size_t i = 0; i < key.len; i++)
        if (key.base[i] < 0x20 || key.base[i] > 0x7e)
            return false;
    return true;
}

static void find_fingerprint(struct identity *identity, const struct request *request)
{
    struct buffer text = BUFFER_EMPTY;
    buffer_append(&text, request->method.base, request->method.len);
    buffer_text(&text, "\n");
    buffer_append(&text, request->path.base, request->path.len);
    buffer_text(&text, "\n");
    buffer_append(&text, request->h2o->entity.base, request->h2o->entity.len);
    secret_hash(text.data, text.length, identity->fingerprint);
    buffer_free(&text);
}

int identity_find(struct identity *identity, const struct request *request, const char *scope)
{
    find_fingerprint(identity, request);
    h2o_iovec_t key = request_header(request, "idempotency-key");
    if (key.base == NULL) {
        uint8_t random[SCOPE_BYTES];
        char hex[HEX_SIZE(SCOPE_BYTES)];
        secret_random(random, sizeof random);
        snprintf(identity->id, sizeof identity->id, "r%s", hex_encode(random, sizeof random, hex));
        return 0;
    }
    if (!is_idempotency_key(key))
        return -1;
    if (scope == NULL) {
        snprintf(identity->id, sizeof identity->id, "a%lld:%.*s", (long long)request->account,
                 (int)key.len, key.base);
        return 0;
    }
    uint8_t hash[HASH_SIZE];
    char hex[HEX_SIZE(SCOPE_BYTES)];
    secret_hash(scope, strlen(scope), hash);
    snprintf(identity->id, sizeof identity->id, "e%s:%.*s", hex_encode(hash, SCOPE_BYTES, hex),
             (int)key.len, key.base);
    return 0;
}
