/*
 * The headers by which a receiver knows that a delivery is ours.
 *
 *   webhook-signature      Standard Webhooks: HMAC-SHA256 over "<id>.<timestamp>.<payload>", one
 *                          signature for each key that is valid
 *   X-CronPulse-Signature  of alerts: HMAC-SHA256 over the payload alone, in hexadecimal, with the
 *                          whole text of the newest secret ("whsec_...") for a key
 */
#ifndef DISPATCHER_SIGNATURE_H
#define DISPATCHER_SIGNATURE_H

#include <stddef.h>
#include <stdint.h>

#include "shared/secret.h"

#define SIGNING_KEYS_MAX 2 /* the current one, and the one before it for a while */
/* "webhook-signature: v1,<44 characters> v1,<44 characters>" and the NUL. */
#define SIGNATURE_HEADER_SIZE (19 + SIGNING_KEYS_MAX * 48)
/* "X-CronPulse-Signature: <64 digits>" and the NUL. */
#define ALERT_SIGNATURE_HEADER_SIZE (23 + HEX_SIZE(HASH_SIZE))

struct signing_key {
    uint8_t key[HASH_SIZE];
    int64_t expires_ms; /* INT64_MAX: the current one */
};

/* What is signed: bytes borrowed. */
struct signed_message {
    const char *id;
    int64_t timestamp_s;
    const char *payload;
    size_t payload_bytes;
};

/* Each writes its header's line, or "" where no key is valid at now_ms; returns its length. */
size_t signature_write(char text[static SIGNATURE_HEADER_SIZE], const struct signing_key *keys,
                       size_t count, int64_t now_ms, const struct signed_message *message);
/* keys: the newest first. */
size_t alert_signature_write(char text[static ALERT_SIGNATURE_HEADER_SIZE],
                             const struct signing_key *keys, size_t count, int64_t now_ms,
                             const struct signed_message *message);

#endif
