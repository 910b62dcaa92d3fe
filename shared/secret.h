/*
 * Tokens and API keys.
 *
 * No secret is stored and none travels through NATS. The leader invents a random token id; the
 * mailer and the gateway, who share CRONCOCO_SECRET, make from it
 *   token = base62(id | HMAC-SHA256(secret, "token" | purpose | id))
 *   key   = "coco_" + base62(HMAC-SHA256(secret, "key" | id))
 *   key   = "cpk_" + base62(HMAC-SHA256(secret, "check-key" | id))     of the checks API alone
 * so a gateway can tell a forged token by itself, hands only the id and the key's SHA-256 to the
 * leader, and can give the same answer to a repeated request. Webhook secrets are made alike.
 */
#ifndef SHARED_SECRET_H
#define SHARED_SECRET_H

#include <stddef.h>
#include <stdint.h>

#include "shared/compiler.h"

#define TOKEN_ID_SIZE       16
#define HASH_SIZE           32
#define TOKEN_TEXT_SIZE     80 /* with the NUL */
#define API_KEY_SIZE        64 /* with the NUL */
#define WEBHOOK_SECRET_SIZE 64 /* with the NUL */
#define HEX_SIZE(n)         (2 * (n) + 1)

/* From the kernel; aborts where it gives none. */
void secret_random(void *bytes, size_t length);

void secret_hash(const void *bytes, size_t length, uint8_t hash[static HASH_SIZE]);
/* HMAC-SHA256(secret, bytes). */
void secret_mac(const char *secret, const void *bytes, size_t length,
                uint8_t hash[static HASH_SIZE]);

/* purpose: "verify", "rotate", "delete". */
char *token_make(const char *secret, const char *purpose, const uint8_t id[static TOKEN_ID_SIZE],
                 char text[static TOKEN_TEXT_SIZE]);
/* 0 and the id where text is a token of that purpose; -1 otherwise. Constant time in the secret
 * part. */
int token_open(const char *secret, const char *purpose, const char *text, size_t length,
               uint8_t id[static TOKEN_ID_SIZE]) MUST_CHECK;

#define API_KEY_PREFIX   "coco_"
#define CHECK_KEY_PREFIX "cpk_"
char *api_key_make(const char *secret, const uint8_t token_id[static TOKEN_ID_SIZE],
                   char text[static API_KEY_SIZE]);
/* Of an id that a gateway drew. */
char *check_key_make(const char *secret, const uint8_t id[static TOKEN_ID_SIZE],
                     char text[static API_KEY_SIZE]);

/*
 * What the deliveries of an account are signed with (Standard Webhooks). signing_secret is
 * WEBHOOK_SIGNING_SECRET, which gateways and dispatchers share; it makes from an id
 *   key    = HMAC-SHA256(signing_secret, "webhook-secret" | id)
 *   secret = "whsec_" + base64(key)
 * The secret is what the user gets, the key is what its HMAC takes.
 */
void webhook_secret_key(const char *signing_secret, const uint8_t id[static TOKEN_ID_SIZE],
                        uint8_t key[static HASH_SIZE]);
char *webhook_secret_text(const uint8_t key[static HASH_SIZE],
                          char text[static WEBHOOK_SECRET_SIZE]);
char *webhook_secret(const char *signing_secret, const uint8_t id[static TOKEN_ID_SIZE],
                     char text[static WEBHOOK_SECRET_SIZE]);

char *hex_encode(const void *bytes, size_t length, char *text);
/* 0, or -1 where text is not 2 * length hex digits. */
int hex_decode(const char *text, size_t text_length, void *bytes, size_t length) MUST_CHECK;

#endif
