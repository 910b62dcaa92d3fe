#include "gateway/etag.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

char *etag_make(const void *bytes, size_t length, char tag[static ETAG_SIZE])
{
    uint8_t hash[HASH_SIZE];
    char hex[HEX_SIZE(ETAG_BYTES)];
    secret_hash(bytes, length, hash);
    snprintf(tag, ETAG_SIZE, "\"%s\"", hex_encode(hash, ETAG_BYTES, hex));
    return tag;
}

bool etag_named(const char *list, size_t length, const char *tag)
{
    return (length == 1 && list[0] == '*') || memmem(list, length, tag, strlen(tag)) != NULL;
}
