/*
 * The header Stripe-Signature of a webhook: "t=<unix seconds>,v1=<hex>[,v1=<hex>...]", where v1 is
 * HMAC-SHA256(secret, "<t>.<body>"). While a secret is being rotated there are several.
 * https://docs.stripe.com/webhooks#verify-manually
 */
#ifndef GATEWAY_STRIPE_SIGNATURE_H
#define GATEWAY_STRIPE_SIGNATURE_H

#include <stddef.h>
#include <stdint.h>

#include "shared/compiler.h"

#define STRIPE_TOLERANCE_S 300

enum stripe_signature {
    STRIPE_SIGNATURE_OK,
    STRIPE_SIGNATURE_MALFORMED, /* or missing */
    STRIPE_SIGNATURE_WRONG,
    STRIPE_SIGNATURE_STALE /* right, and further than STRIPE_TOLERANCE_S from now */
};

/* header: not NUL-terminated; NULL where there is none. */
enum stripe_signature stripe_signature_check(const char *header, size_t header_length,
                                             const char *secret, const void *body, size_t length,
                                             int64_t now_s) MUST_CHECK;

#endif
