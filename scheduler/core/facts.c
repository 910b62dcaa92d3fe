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

void facts_clear(struct facts *facts)
{
    for (size_t i = 0; i < facts->account_count; i++) {
        free(facts->accounts[i].email);
        free(facts->accounts[i].plan);
        free(facts->accounts[i].billing.customer);
        free(facts->accounts[i].billing.subscription);
        free(facts->accounts[i].billing.checkout);
        free(facts->accounts[i].billing.status);
    }
    for (size_t i = 0; i < facts->token_count; i++) {
        free(facts->tokens[i].purpose);
        free(facts->tokens[i].email);
    }
    for (size_t i = 0; i < facts->job_count; i++) {
        struct fact_job *job = &facts->jobs[i];
        char *const owned[] = {job->name,
                               job->webhook_url,
                               job->timezone,
                               job->cron_expression,
                               job->headers,
                               job->payload,
                               job->failure_webhook_url,
                               job->external_id,
                               job->paused_reason};
        for (size_t text = 0; text < ARRAY_LENGTH(owned); text++)
            free(owned[text]);
    }
    for (size_t i = 0; i < facts->answer_count; i++) {
        free(facts->answers[i].id);
        free(facts->answers[i].body);
    }
    for (size_t i = 0; i < facts->mail_count; i++) {
        free(facts->mails[i].subject);
        free(facts->mails[i].message_id);
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

struct fact_answer *facts_answer(const struct facts *facts, const char *id)
{
    for (size_t i = 0; i < facts->answer_count; i++)
        if (strcmp(facts->answers[i].id, id) == 0)
            return &facts->answers[i];
    return NULL;
}
