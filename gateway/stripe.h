/*
 * Stripe's API, asked without blocking the loop. What may be repeated is repeated within a call's
 * time: reads, and POSTs by their Idempotency-Key, which follows from the request and from what is
 * asked, so that a request that comes again asks for the same.
 */
#ifndef GATEWAY_STRIPE_H
#define GATEWAY_STRIPE_H

#include <uv.h>

#include <cjson/cJSON.h>

#include "shared/buffer.h"
#include "shared/compiler.h"

#define STRIPE_VERSION      "2025-03-31.basil"
#define STRIPE_CALL_MS      20000 /* for one call, with its repetitions */
#define STRIPE_CONNECT_MS   5000
#define STRIPE_ATTEMPTS     3
#define STRIPE_CALLS_MAX    64     /* under way at once; more are refused */
#define STRIPE_ANSWER_BYTES 524288 /* a longer one is none */
#define STRIPE_ERROR_SIZE   160

struct request;
struct stripe;

struct stripe_options {
    uv_loop_t *loop;
    const char *base; /* https://api.stripe.com; http:// on loopback only: the key is sent there */
    const char *secret_key;
};

/* NULL with error where base is no such URL. */
struct stripe *stripe_open(const struct stripe_options *options,
                           char error[static STRIPE_ERROR_SIZE]) MUST_CHECK;
/* Calls under way end without a callback. */
void stripe_close(struct stripe *stripe);

enum stripe_outcome {
    STRIPE_OK,
    STRIPE_NOT_FOUND,
    STRIPE_DECLINED, /* the payment was */
    STRIPE_REFUSED,  /* the request was */
    STRIPE_AWAY,     /* no answer, or one that says to come back: it may have been carried out */
    STRIPE_OUTCOMES
};

/* body is the object of a STRIPE_OK, borrowed for the duration of the call; NULL otherwise. */
typedef void stripe_answer_cb(struct request *request, enum stripe_outcome outcome,
                              const cJSON *body);

/*
 * path begins with /v1/. on_answer comes once, later, unless the client leaves first. A call beyond
 * STRIPE_CALLS_MAX is answered here, with 503.
 */
void stripe_get(struct request *request, const char *path, stripe_answer_cb *on_answer);
/* identity: of the request; form: see form.h, copied. */
void stripe_post(struct request *request, const char *identity, const char *path,
                 const struct buffer *form, stripe_answer_cb *on_answer);

/* Answers a request whose call ended with any outcome but STRIPE_OK. */
void stripe_reply_failure(struct request *request, enum stripe_outcome outcome);

#endif
