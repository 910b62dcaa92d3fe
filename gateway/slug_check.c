#include "gateway/slug_check.h"

#include <stdio.h>
#include <string.h>

#include "gateway/check_finder.h"
#include "gateway/command_client.h"
#include "gateway/gateway.h"
#include "gateway/identity.h"
#include "gateway/rate_limit.h"
#include "gateway/reply.h"
#include "gateway/request.h"
#include "gateway/stats.h"
#include "shared/clock.h"
#include "shared/json.h"
#include "shared/log.h"

#define IDENTITY_BYTES 16

/* {"check": {"id": "..."}} */
static int read_check(const struct answer *answer, struct public_id *name)
{
    char error[JSON_ERROR_SIZE];
    cJSON *tree = json_parse(answer->body, answer->body_length, error);
    const char *text = json_text(cJSON_GetObjectItemCaseSensitive(tree, "check"), "id");
    int status = text != NULL ? public_id_parse(PUBLIC_ID_CHECK, text, strlen(text), name) : -1;
    cJSON_Delete(tree);
    return status;
}

static void on_answer(struct request *request, const struct answer *answer)
{
    struct wanted_check *wanted = request->state;
    struct public_id name;
    if (answer->status == 409) {
        /* Somebody else made it just now. */
        wanted->may_miss = false;
        check_finder_find(request->gateway->checks, request);
    } else if (answer->status != 201) {
        command_pass_on(request, answer);
    } else if (read_check(answer, &name) == 0) {
        wanted->check = name.id;
        request->resume(request);
    } else {
        LOG_ERROR("an answer about a new check cannot be read",
                  LOG_I64("bytes", answer->body_length));
        reply_error(request, 500, "Internal error");
    }
}

/*
 * Each command is one of its own. (A fixed one of account and slug would be answered, after the
 * check was deleted, with the check that was made first.) An Idempotency-Key does not count here:
 * whoever knows a ping key must not learn what its owner was answered.
 */
static void draw_identity(struct identity *identity)
{
    uint8_t random[IDENTITY_BYTES];
    char hex[HEX_SIZE(IDENTITY_BYTES)];
    secret_random(random, sizeof random);
    int length =
        snprintf(identity->id, sizeof identity->id, "s%s", hex_encode(random, sizeof random, hex));
    INVARIANT(length > 0 && (size_t)length < sizeof identity->id);
    secret_hash(identity->id, (size_t)length, identity->fingerprint);
}

static int check_rate(struct request *request, int64_t account)
{
    uint8_t key[RATE_KEY_SIZE] = {0};
    int retry_after_s;
    memcpy(key, &account, sizeof account);
    if (rate_limit_take(request->gateway->slug_checks, key, clock_monotonic_ms(), &retry_after_s))
        return 0;
    stats_refused(REFUSED_RATE);
    reply_retry(request, 429, retry_after_s, "Too many new checks; try again later");
    return -1;
}

void slug_check_make(struct request *request)
{
    const struct wanted_check *wanted = request->state;
    char slug[CHECK_SLUG_MAX + 1];
    char public_id[PUBLIC_ID_SIZE];
    INVARIANT(wanted->account > 0 && wanted->slug_length < sizeof slug);
    if (check_rate(request, wanted->account) != 0)
        return;
    memcpy(slug, wanted->slug, wanted->slug_length);
    slug[wanted->slug_length] = '\0';
    struct command command = {
        .kind = COMMAND_CHECK_CREATE,
        .public_id = public_id_make(request->gateway->config->secret, PUBLIC_ID_CHECK,
                                    public_id_draw(), public_id),
        .ping_url = request->gateway->ping_url,
        .check = check_input_defaults,
    };
    command.check.fields = CHECK_NAME | CHECK_SLUG;
    command.check.name = slug;
    command.check.slug = slug;
    struct identity identity;
    draw_identity(&identity);
    request->account = wanted->account;
    command_client_send_as(request->gateway->commands, request, &command, &identity, on_answer);
}
