/* What commands do to channels, and how an address is asked whether it wants alerts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "shared/compiler.h"
#include "tests/unit/commands_fixture.h"

static struct command channel_command(enum command_kind kind, int64_t account, int64_t channel)
{
    return (struct command){
        .kind = kind, .under_v1 = true, .account = account, .channel_id = channel};
}

static const struct fact_answer *create_channel(int64_t account, enum channel_kind kind,
                                                const char *target, const char *id)
{
    struct command command = channel_command(COMMAND_CHANNEL_CREATE, account, 0);
    command.channel = (struct channel_input){.fields = CHANNEL_NAME | CHANNEL_TARGET,
                                             .kind = kind,
                                             .name = "ops",
                                             .target = target,
                                             .enabled = true};
    return apply(&command, id);
}

static const struct fact_answer *update(int64_t account, int64_t channel,
                                        struct channel_input input, const char *id)
{
    struct command command = channel_command(COMMAND_CHANNEL_UPDATE, account, channel);
    command.channel = input;
    return apply(&command, id);
}

static const struct fact_answer *about(enum command_kind kind, int64_t account, int64_t channel,
                                       const char *id)
{
    struct command command = channel_command(kind, account, channel);
    return apply(&command, id);
}

static const struct fact_answer *verify(int64_t account, int64_t channel,
                                        const uint8_t token[static TOKEN_ID_SIZE], const char *id)
{
    struct command command = channel_command(COMMAND_CHANNEL_VERIFY, account, channel);
    memcpy(command.token_id, token, TOKEN_ID_SIZE);
    return apply(&command, id);
}

/* So many alerts of a kind leave by a channel. */
static size_t alerts_leave(enum alert_type type, int64_t channel)
{
    struct check_writing writing = {0};
    int64_t next_notice = 1, next_outbox = 1;
    checks_collect(checks, now_ms, &next_notice, &next_outbox, &writing);
    size_t count = 0;
    for (size_t i = 0; i < writing.alert_count; i++)
        count += writing.alerts[i].type == type && writing.alerts[i].channel == channel &&
                 (writing.alerts[i].notice || writing.alerts[i].outbox);
    check_writing_free(&writing);
    return count;
}

/* Whether a check of account 2 that fails is told by the channel. */
static bool is_told(int64_t channel)
{
    static int64_t check;
    char id[16];
    snprintf(id, sizeof id, "told%d", (int)++check);
    assert_status(check_creation(2, check, id), 201);
    checks_ping(checks, &(struct ping){.check = check,
                                       .time_ms = now_ms,
                                       .kind = PING_FAIL,
                                       .exit_code = PING_NO_EXIT});
    size_t count = alerts_leave(ALERT_DOWN, channel);
    snprintf(id, sizeof id, "gone%d", (int)check);
    assert_status(about_check(COMMAND_CHECK_DELETE, 2, check, id), 200);
    assert_true(count <= 1);
    return count;
}

static void a_url_is_used_at_once(void **state)
{
    (void)state;
    assert_string_equal(create_channel(2, CHANNEL_WEBHOOK, "https://x.example/", "c1")->body,
                        "{\"channel\":{\"id\":\"ch_003\",\"kind\":\"webhook\",\"name\":\"ops\","
                        "\"target\":\"https://x.example/\",\"enabled\":true,\"verified\":true,"
                        "\"created_at\":1798761630,\"updated_at\":1798761630}}");
    assert_status(create_channel(2, CHANNEL_SLACK, "https://x.example/", "c2"), 201);
    assert_int_equal(core->progress.next_channel, 5);
    assert_int_equal(channels_count(checks, 2), 3);
    assert_true(channels_has(checks, 4, 2));
    assert_int_equal(facts.mail_count, 0);
    assert_string_equal(about(COMMAND_CHANNEL_TEST, 2, 3, "c3")->body, "{\"queued\":true}");
    assert_int_equal(alerts_leave(ALERT_TEST, 3), 1);
    assert_status(about(COMMAND_CHANNEL_TEST, 2, 4, "c4"), 200);
    assert_int_equal(alerts_leave(ALERT_TEST, 4), 1);
    assert_true(is_told(3));
}

static void another_address_is_asked_first(void **state)
{
    (void)state;
    const struct fact_answer *answer = create_channel(2, CHANNEL_EMAIL, "ops@example.com", "c1");
    assert_says(answer, 201, "\"kind\":\"email\",\"name\":\"ops\",\"target\":\"ops@example.com\"");
    assert_says(answer, 201, "\"verified\":false");
    struct mail mail = last_mail();
    assert_int_equal(mail.kind, MAIL_CHANNEL);
    assert_string_equal(mail.to, "ops@example.com");
    assert_int_equal(mail.channel, 3);
    assert_int_equal(mail.expires_ms, NOW_MS + TOKEN_LIFETIME_MS);
    assert_memory_equal(mail.token_id, last_token, TOKEN_ID_SIZE);
    assert_string_equal(facts.tokens[0].purpose, "channel");
    assert_int_equal(facts.mails[0].outbox, 1);
    assert_string_equal(facts.mails[0].subject, "mail.channel");
    assert_error(about(COMMAND_CHANNEL_TEST, 2, 3, "c2"), 409, "not been verified");
    assert_false(is_told(3));
    assert_true(is_told(2));

    uint8_t wrong[TOKEN_ID_SIZE] = {1};
    assert_error(verify(2, 3, wrong, "c3"), 400, "Invalid or expired token");
    assert_error(verify(1, 3, mail.token_id, "c4"), 404, "Channel not found");
    now_ms += 7000;
    assert_says(verify(2, 3, mail.token_id, "c5"), 200, "\"verified\":true,\"created_at\":");
    assert_true(facts_channel(&facts, 3)->verified);
    assert_int_equal(facts_channel(&facts, 3)->updated_ms, now_ms);
    assert_error(verify(2, 3, mail.token_id, "c6"), 400, "Invalid or expired token");
    assert_status(about(COMMAND_CHANNEL_TEST, 2, 3, "c7"), 200);
    assert_int_equal(alerts_leave(ALERT_TEST, 3), 1);
    assert_true(is_told(3));
}

static void the_accounts_own_address_is_not_asked(void **state)
{
    (void)state;
    assert_says(create_channel(2, CHANNEL_EMAIL, "b@example.com", "c1"), 201, "\"verified\":true");
    assert_says(create_channel(1, CHANNEL_EMAIL, "b@example.com", "c2"), 201, "\"verified\":false");
    assert_int_equal(facts.mail_count, 1);
}

static void a_token_is_for_its_address_and_its_time(void **state)
{
    (void)state;
    assert_status(create_channel(2, CHANNEL_EMAIL, "ops@example.com", "c1"), 201);
    struct mail first = last_mail();
    assert_status(create_channel(2, CHANNEL_EMAIL, "dev@example.com", "c2"), 201);
    assert_error(verify(2, 4, first.token_id, "c3"), 400, "This token is for another address");
    now_ms += TOKEN_LIFETIME_MS;
    assert_error(verify(2, 3, first.token_id, "c4"), 400, "Invalid or expired token");
    assert_string_equal(about(COMMAND_CHANNEL_REQUEST_TOKEN, 2, 3, "c5")->body,
                        "{\"message\":\"A token is on its way to this address. It expires in 15 "
                        "minutes.\"}");
    struct mail second = last_mail();
    assert_string_equal(second.to, "ops@example.com");
    assert_int_equal(second.channel, 3);
    assert_status(verify(2, 3, second.token_id, "c6"), 200);
    assert_error(about(COMMAND_CHANNEL_REQUEST_TOKEN, 2, 3, "c7"), 409, "needs no token");
    assert_error(about(COMMAND_CHANNEL_REQUEST_TOKEN, 1, 4, "c8"), 404, "Channel not found");
    /* A token of another purpose is none. */
    assert_status(by_mail(COMMAND_ACCOUNT_REQUEST_ROTATION, "b@example.com", "c9"), 200);
    assert_error(verify(2, 4, last_token, "c10"), 400, "Invalid or expired token");
    assert_status(about(COMMAND_CHANNEL_REQUEST_TOKEN, 2, 4, "c11"), 200);
    assert_refused(by_token(COMMAND_ACCOUNT_ROTATE, last_token, NULL, "c12"), 400,
                   "Invalid or expired token");
}

static void an_address_is_asked_so_often_and_no_more(void **state)
{
    (void)state;
    char id[8];
    for (int i = 0; i < 5; i++) {
        snprintf(id, sizeof id, "c%d", i);
        assert_status(create_channel(i % 2 + 1, CHANNEL_EMAIL, "ops@example.com", id), 201);
    }
    size_t mails = facts.mail_count;
    const struct fact_answer *answer = create_channel(2, CHANNEL_EMAIL, "ops@example.com", "c6");
    assert_error(answer, 429, "Too many requests for this address");
    assert_true(answer->retry_after_s > 0);
    assert_says(answer, 429, "seconds\",\"retry_after\":");
    assert_error(about(COMMAND_CHANNEL_REQUEST_TOKEN, 1, 3, "c7"), 429, "Too many requests");
    const struct channel_input moved = {.fields = CHANNEL_TARGET, .target = "ops@example.com"};
    assert_error(update(2, 2, moved, "c8"), 429, "Too many requests");
    assert_string_equal(facts_channel(&facts, 2)->target, "b@example.com");
    assert_int_equal(facts.mail_count, mails);
    assert_int_equal(channels_count(checks, 1) + channels_count(checks, 2), 7);
}

static void channels_are_limited(void **state)
{
    (void)state;
    char id[8];
    for (int i = 1; i < CHANNELS_MAX; i++) {
        snprintf(id, sizeof id, "c%d", i);
        assert_status(create_channel(1, CHANNEL_WEBHOOK, "https://x.example/", id), 201);
    }
    assert_error(create_channel(1, CHANNEL_WEBHOOK, "https://x.example/", "d1"), 403,
                 "Channel limit reached: an account may have 20 channels");
    assert_string_equal(about(COMMAND_CHANNEL_DELETE, 1, 1, "d2")->body, "{\"deleted\":true}");
    assert_status(create_channel(1, CHANNEL_WEBHOOK, "https://x.example/", "d3"), 201);
}

static void a_channel_changes(void **state)
{
    (void)state;
    assert_status(create_channel(2, CHANNEL_WEBHOOK, "https://x.example/", "c1"), 201);
    now_ms += 9000;
    const struct channel_input off = {
        .fields = CHANNEL_NAME | CHANNEL_ENABLED, .name = "dev", .enabled = false};
    assert_says(update(2, 3, off, "c2"), 200,
                "\"name\":\"dev\",\"target\":\"https://x.example/\",\"enabled\":false,"
                "\"verified\":true,\"created_at\":1798761630,\"updated_at\":1798761639");
    assert_error(about(COMMAND_CHANNEL_TEST, 2, 3, "c3"), 409, "switched off");
    assert_false(is_told(3));
    const struct channel_input on = {.fields = CHANNEL_ENABLED, .enabled = true};
    assert_says(update(2, 3, on, "c4"), 200, "\"name\":\"dev\"");
    assert_true(is_told(3));

    struct channel_input moved = {.fields = CHANNEL_TARGET, .target = "https://y.example/"};
    assert_says(update(2, 3, moved, "c6"), 200, "\"target\":\"https://y.example/\"");
    assert_error(update(2, 2, moved, "c7"), 400, "target: must be an e-mail address");
    moved.target = "ops@example.com";
    assert_error(update(2, 3, moved, "c8"), 400, "target: must be a URL");
    assert_status(about(COMMAND_CHANNEL_TEST, 2, 3, "c9"), 200);
}

static void an_address_that_changes_is_asked_anew(void **state)
{
    (void)state;
    struct channel_input moved = {.fields = CHANNEL_TARGET, .target = "b@example.com"};
    assert_says(update(2, 2, moved, "c1"), 200, "\"verified\":true"); /* it is the same */
    assert_int_equal(facts.mail_count, 0);
    moved.target = "ops@example.com";
    assert_says(update(2, 2, moved, "c2"), 200, "\"verified\":false");
    struct mail mail = last_mail();
    assert_string_equal(mail.to, "ops@example.com");
    assert_int_equal(mail.channel, 2);
    assert_false(is_told(2));
    moved.target = "dev@example.com";
    assert_status(update(2, 2, moved, "c4"), 200);
    assert_error(verify(2, 2, mail.token_id, "c5"), 400, "This token is for another address");
    moved.target = "b@example.com";
    assert_says(update(2, 2, moved, "c6"), 200, "\"verified\":true");
    assert_int_equal(facts.mail_count, 2);
}

static void only_the_owner_reaches_a_channel(void **state)
{
    (void)state;
    static const enum command_kind kinds[] = {COMMAND_CHANNEL_UPDATE, COMMAND_CHANNEL_TEST,
                                              COMMAND_CHANNEL_REQUEST_TOKEN, COMMAND_CHANNEL_VERIFY,
                                              COMMAND_CHANNEL_DELETE};
    for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
        char id[8];
        snprintf(id, sizeof id, "a%zu", i);
        assert_error(about(kinds[i], 1, 2, id), 404, "Channel not found");
        id[0] = 'b';
        assert_error(about(kinds[i], 2, 77, id), 404, "Channel not found");
        id[0] = 'd';
        assert_error(about(kinds[i], 99, 2, id), 401, "Invalid API key");
    }
    assert_error(create_channel(99, CHANNEL_WEBHOOK, "https://x.example/", "c1"), 401,
                 "Invalid API key");
    assert_true(is_told(2));
    assert_status(about(COMMAND_CHANNEL_DELETE, 2, 2, "c2"), 200);
    assert_false(is_told(2));
    assert_false(channels_has(checks, 2, 2));
    assert_error(about(COMMAND_CHANNEL_DELETE, 2, 2, "c3"), 404, "Channel not found");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, commands_set_up, commands_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_url_is_used_at_once),
        TEST(another_address_is_asked_first),
        TEST(the_accounts_own_address_is_not_asked),
        TEST(a_token_is_for_its_address_and_its_time),
        TEST(an_address_is_asked_so_often_and_no_more),
        TEST(channels_are_limited),
        TEST(a_channel_changes),
        TEST(an_address_that_changes_is_asked_anew),
        TEST(only_the_owner_reaches_a_channel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
