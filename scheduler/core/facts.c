#include "scheduler/core/facts.h"

#include <stdlib.h>
#include <string.h>

#include "shared/memory.h"

void fact_set(char **owned, const char *text)
{
    char *copy = text ? memory_text(text, strlen(text)) : NULL;
    free(*owned);
    *owned = copy;
}

static void free_texts(char *const *texts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(texts[i]);
}

#define FREE_TEXTS(...)                                                                            \
    free_texts((char *const[]){__VA_ARGS__}, ARRAY_LENGTH(((char *const[]){__VA_ARGS__})))

/* What is about checks. */
static void clear_checks(struct facts *facts)
{
    for (size_t i = 0; i < facts->check_count; i++) {
        struct fact_check *check = &facts->checks[i];
        FREE_TEXTS(check->public_id, check->name, check->group, check->tags, check->timezone,
                   check->maint_schedule, check->slug, check->cron_expression,
                   check->paused_reason);
    }
    for (size_t i = 0; i < facts->channel_count; i++)
        FREE_TEXTS(facts->channels[i].name, facts->channels[i].target);
    for (size_t i = 0; i < facts->ping_key_count; i++)
        free(facts->ping_keys[i].key);
    facts->check_count = facts->channel_count = 0;
    facts->ping_key_count = facts->check_key_count = 0;
}

void facts_clear(struct facts *facts)
{
    for (size_t i = 0; i < facts->account_count; i++) {
        struct fact_billing *billing = &facts->accounts[i].billing;
        FREE_TEXTS(facts->accounts[i].email, facts->accounts[i].plan, billing->customer,
                   billing->subscription, billing->checkout, billing->status);
    }
    for (size_t i = 0; i < facts->token_count; i++)
        FREE_TEXTS(facts->tokens[i].purpose, facts->tokens[i].email);
    for (size_t i = 0; i < facts->job_count; i++) {
        struct fact_job *job = &facts->jobs[i];
        FREE_TEXTS(job->name, job->webhook_url, job->timezone, job->cron_expression, job->headers,
                   job->payload, job->failure_webhook_url, job->external_id, job->paused_reason);
    }
    clear_checks(facts);
    for (size_t i = 0; i < facts->answer_count; i++)
        FREE_TEXTS(facts->answers[i].id, facts->answers[i].body);
    for (size_t i = 0; i < facts->mail_count; i++) {
        FREE_TEXTS(facts->mails[i].subject, facts->mails[i].message_id);
        buffer_free(&facts->mails[i].payload);
    }
    facts->account_count = facts->token_count = facts->job_count = 0;
    facts->secret_count = facts->slot_count = facts->answer_count = facts->mail_count = 0;
}

void facts_free(struct facts *facts)
{
    facts_clear(facts);
    free(facts->accounts);
    free(facts->tokens);
    free(facts->jobs);
    free(facts->secrets);
    free(facts->checks);
    free(facts->channels);
    free(facts->ping_keys);
    free(facts->check_keys);
    free(facts->slots);
    free(facts->answers);
    free(facts->mails);
    *facts = (struct facts){0};
}

/* Room for one more in an array of elements of size; returns the array, the new element zeroed. */
static void *with_room(void *elements, size_t *count, size_t *room, size_t size)
{
    if (*count == *room) {
        *room = *room ? 2 * *room : 16;
        elements = memory_resize(elements, *room, size);
    }
    memset((char *)elements + *count * size, 0, size);
    (*count)++;
    return elements;
}

#define ADD(facts, noun)                                                                           \
    ((facts)->noun##s = with_room((facts)->noun##s, &(facts)->noun##_count, &(facts)->noun##_room, \
                                  sizeof(*(facts)->noun##s)),                                      \
     &(facts)->noun##s[(facts)->noun##_count - 1])

struct fact_account *facts_add_account(struct facts *facts)
{
    return ADD(facts, account);
}

struct fact_token *facts_add_token(struct facts *facts)
{
    return ADD(facts, token);
}

struct fact_job *facts_add_job(struct facts *facts)
{
    return ADD(facts, job);
}

struct fact_secret *facts_add_secret(struct facts *facts)
{
    return ADD(facts, secret);
}

struct fact_check *facts_add_check(struct facts *facts)
{
    return ADD(facts, check);
}

struct fact_channel *facts_add_channel(struct facts *facts)
{
    return ADD(facts, channel);
}

struct fact_slot *facts_add_slot(struct facts *facts)
{
    return ADD(facts, slot);
}

struct fact_answer *facts_add_answer(struct facts *facts)
{
    return ADD(facts, answer);
}

struct fact_mail *facts_add_mail(struct facts *facts)
{
    return ADD(facts, mail);
}

struct fact_account *facts_account(const struct facts *facts, int64_t id)
{
    for (size_t i = 0; i < facts->account_count; i++)
        if (facts->accounts[i].id == id && facts->accounts[i].change != FACT_DELETED)
            return &facts->accounts[i];
    return NULL;
}

struct fact_account *facts_account_by_email(const struct facts *facts, const char *email)
{
    for (size_t i = 0; i < facts->account_count; i++)
        if (strcmp(facts->accounts[i].email, email) == 0 &&
            facts->accounts[i].change != FACT_DELETED)
            return &facts->accounts[i];
    return NULL;
}

struct fact_token *facts_token(const struct facts *facts, const uint8_t id[static TOKEN_ID_SIZE])
{
    for (size_t i = 0; i < facts->token_count; i++)
        if (memcmp(facts->tokens[i].id, id, TOKEN_ID_SIZE) == 0)
            return &facts->tokens[i];
    return NULL;
}

struct fact_job *facts_job(const struct facts *facts, int64_t id)
{
    for (size_t i = 0; i < facts->job_count; i++)
        if (facts->jobs[i].id == id && facts->jobs[i].change != FACT_DELETED)
            return &facts->jobs[i];
    return NULL;
}

struct fact_job *facts_job_by_external_id(const struct facts *facts, int64_t account,
                                          const char *external_id)
{
    for (size_t i = 0; i < facts->job_count; i++) {
        struct fact_job *job = &facts->jobs[i];
        if (job->account == account && job->change != FACT_DELETED && job->external_id &&
            strcmp(job->external_id, external_id) == 0)
            return job;
    }
    return NULL;
}

struct fact_check *facts_check(const struct facts *facts, int64_t id)
{
    for (size_t i = 0; i < facts->check_count; i++)
        if (facts->checks[i].id == id && facts->checks[i].change != FACT_DELETED)
            return &facts->checks[i];
    return NULL;
}

struct fact_check *facts_check_by_slug(const struct facts *facts, int64_t account, const char *slug)
{
    for (size_t i = 0; i < facts->check_count; i++) {
        struct fact_check *check = &facts->checks[i];
        if (check->account == account && check->change != FACT_DELETED && check->slug &&
            strcmp(check->slug, slug) == 0)
            return check;
    }
    return NULL;
}

struct fact_check *facts_check_of_job(const struct facts *facts, int64_t job)
{
    for (size_t i = 0; i < facts->check_count; i++)
        if (facts->checks[i].job == job && facts->checks[i].change != FACT_DELETED)
            return &facts->checks[i];
    return NULL;
}

struct fact_channel *facts_channel(const struct facts *facts, int64_t id)
{
    for (size_t i = 0; i < facts->channel_count; i++)
        if (facts->channels[i].id == id && facts->channels[i].change != FACT_DELETED)
            return &facts->channels[i];
    return NULL;
}

struct fact_ping_key *facts_ping_key(struct facts *facts, int64_t account)
{
    for (size_t i = 0; i < facts->ping_key_count; i++)
        if (facts->ping_keys[i].account == account)
            return &facts->ping_keys[i];
    struct fact_ping_key *key = ADD(facts, ping_key);
    key->account = account;
    return key;
}

struct fact_check_key *facts_check_key(struct facts *facts, int64_t account)
{
    for (size_t i = 0; i < facts->check_key_count; i++)
        if (facts->check_keys[i].account == account)
            return &facts->check_keys[i];
    struct fact_check_key *key = ADD(facts, check_key);
    key->account = account;
    return key;
}

// NOLINTBEGIN(bugprone-macro-parentheses): the noun makes names
#define DELETE_OF(facts, noun, owner)                                                              \
    for (size_t noun = 0; noun < (facts)->noun##_count; noun++)                                    \
        if ((facts)->noun##s[noun].account == (owner))                                             \
    (facts)->noun##s[noun].change = FACT_DELETED
// NOLINTEND(bugprone-macro-parentheses)

void facts_delete_account(struct facts *facts, struct fact_account *account)
{
    DELETE_OF(facts, job, account->id);
    DELETE_OF(facts, secret, account->id);
    DELETE_OF(facts, check, account->id);
    DELETE_OF(facts, channel, account->id);
    DELETE_OF(facts, ping_key, account->id);
    DELETE_OF(facts, check_key, account->id);
    account->change = FACT_DELETED;
}

struct fact_answer *facts_answer(const struct facts *facts, const char *id)
{
    for (size_t i = 0; i < facts->answer_count; i++)
        if (strcmp(facts->answers[i].id, id) == 0)
            return &facts->answers[i];
    return NULL;
}
