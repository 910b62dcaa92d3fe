#include "mailer/check_mail.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "mailer/moment.h"

#define PATH_SIZE 64

static char *check_path(char text[static PATH_SIZE], const struct mail *mail, const char *below)
{
    snprintf(text, PATH_SIZE, "/api/v1/checks/%s%s", mail->checks[0].id, below);
    return text;
}

/* ---- a table, so that what matters is found at a glance ---- */

static void add_last_ping(struct buffer *out, const struct mail *mail,
                          const struct mail_check *check)
{
    char when[MOMENT_SIZE], ago[SPAN_SIZE];
    if (check->last_ping_ms)
        buffer_format(out, "%s, %s before", moment(when, check->last_ping_ms),
                      span(ago, mail->at_ms - check->last_ping_ms));
    else
        buffer_text(out, "never");
}

static void add_expectation(struct buffer *out, const struct mail *mail)
{
    char period[SPAN_SIZE], grace[SPAN_SIZE];
    buffer_text(out, "\nExpected:   ");
    if (mail->schedule[0] != '\0')
        buffer_format(out, "at the times of %s", mail->schedule);
    else
        buffer_format(out, "every %s", span(period, mail->period_s * INT64_C(1000)));
    buffer_format(out, ", with a grace of %s", span(grace, mail->grace_s * INT64_C(1000)));
}

static struct buffer *add_facts(struct content *content, const struct mail *mail)
{
    const struct mail_check *check = &mail->checks[0];
    struct buffer *out = content_add_verbatim(content);
    buffer_format(out, "Check:      %s (id %s)\nLast ping:  ", check->name, check->id);
    add_last_ping(out, mail, check);
    if (mail->period_s > 0)
        add_expectation(out, mail);
    return out;
}

static void add_since(struct buffer *out, const struct mail *mail)
{
    char when[MOMENT_SIZE], lasts[SPAN_SIZE];
    if (!mail->since_ms)
        return;
    buffer_format(out, "\nDown since: %s", moment(when, mail->since_ms));
    if (mail->at_ms > mail->since_ms)
        buffer_format(out, ", for %s", span(lasts, mail->at_ms - mail->since_ms));
}

static void add_list(struct content *content, const struct mail *mail)
{
    struct buffer *out = content_add_verbatim(content);
    for (size_t i = 0; i < mail->named; i++) {
        const struct mail_check *check = &mail->checks[i];
        buffer_format(out, "%s%s (id %s)\n    Last ping: ", i ? "\n" : "", check->name, check->id);
        add_last_ping(out, mail, check);
    }
    if (mail->count > (int64_t)mail->named)
        buffer_format(out, "\nand %" PRId64 " more", mail->count - (int64_t)mail->named);
}

/* ---- what to do ---- */

static void add_ping(struct content *content, const struct mail *mail, const char *public_url)
{
    char path[PATH_SIZE];
    content_say(content, "See whether the job behind it has run, and whether it could reach "
                         "CronCoco. The pings that came, the newest first:");
    content_add_request(content, public_url, "GET", check_path(path, mail, "/pings"), true, NULL);
    content_say(content, "The next success brings it up again. If the job has done its work and "
                         "only the ping was lost, send it by hand:");
    snprintf(path, sizeof path, "/ping/%s", mail->checks[0].id);
    content_add_request(content, public_url, "GET", path, false, NULL);
}

static void add_pause(struct content *content, const struct mail *mail, const char *public_url)
{
    char path[PATH_SIZE];
    content_say(content, "If the job is not to run for a while, pause the check:");
    content_add_request(content, public_url, "POST", check_path(path, mail, "/pause"), true, NULL);
}

static void add_switch_off(struct content *content, const struct mail *mail, const char *public_url)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "/api/v1/channels/ch_%03" PRId64, mail->channel);
    content_say(content, "To get no more alerts at this address, switch its channel off:");
    content_add_request(content, public_url, "PATCH", path, true, "{\"enabled\":false}");
}

/* ---- the mails ---- */

static const char *what_happened(const struct mail *mail)
{
    if (strcmp(mail->reason, "missed") == 0)
        return "No ping of your check came in time, so it is down:";
    if (strcmp(mail->reason, "failed") == 0)
        return "The job behind your check reported a failure, so the check is down:";
    if (strcmp(mail->reason, "not finished") == 0)
        return "The job behind your check said that it had started, and not that it had finished, "
               "so the check is down:";
    return "Your check is down:";
}

static void write_down(const struct mail *mail, const char *public_url, struct content *content)
{
    buffer_format(&content->subject, "[down] %s", mail->checks[0].name);
    content_say(content, "%s", what_happened(mail));
    add_since(add_facts(content, mail), mail);
    add_ping(content, mail, public_url);
    add_pause(content, mail, public_url);
}

static void write_several_down(const struct mail *mail, const char *public_url,
                               struct content *content)
{
    buffer_format(&content->subject, "[down] %" PRId64 " checks: %s and %" PRId64 " more",
                  mail->count, mail->checks[0].name, mail->count - 1);
    content_say(content,
                "%" PRId64 " of your checks went down at about the same time. They may have a "
                "cause in common: a machine, a network, a release.",
                mail->count);
    add_list(content, mail);
    content_say(content, "How all your checks are now:");
    content_add_request(content, public_url, "GET", "/api/v1/checks", true, NULL);
}

static void write_reminder(const struct mail *mail, const char *public_url, struct content *content)
{
    char lasts[SPAN_SIZE];
    buffer_format(&content->subject, "[still down] %s", mail->checks[0].name);
    if (mail->since_ms)
        buffer_format(&content->subject, ", for %s", span(lasts, mail->at_ms - mail->since_ms));
    content_say(content, "Your check is still down:");
    add_since(add_facts(content, mail), mail);
    add_ping(content, mail, public_url);
    add_pause(content, mail, public_url);
}

static void write_up(const struct mail *mail, struct content *content)
{
    char when[MOMENT_SIZE], lasted[SPAN_SIZE];
    buffer_format(&content->subject, "[up] %s", mail->checks[0].name);
    content_say(content, "Your check is up again:");
    struct buffer *out = add_facts(content, mail);
    if (mail->since_ms)
        buffer_format(out, "\nWas down:   since %s, for %s", moment(when, mail->since_ms),
                      span(lasted, mail->at_ms - mail->since_ms));
    buffer_format(out, "\nUp since:   %s", moment(when, mail->at_ms));
}

static void write_test(struct content *content)
{
    buffer_text(&content->subject, "[test] Alerts of CronCoco reach this address");
    content_say(content, "This is a test notification from CronCoco: somebody of your account "
                         "tried this channel. Alerts about your checks come to this address.");
}

void check_mail_write(const struct mail *mail, const char *public_url, struct content *content)
{
    if (mail->kind == MAIL_CHECK_TEST)
        write_test(content);
    else if (mail->kind == MAIL_CHECK_UP)
        write_up(mail, content);
    else if (mail->kind == MAIL_CHECK_REMINDER)
        write_reminder(mail, public_url, content);
    else if (mail->kind == MAIL_CHECK_DOWN && mail->count > 1)
        write_several_down(mail, public_url, content);
    else if (mail->kind == MAIL_CHECK_DOWN)
        write_down(mail, public_url, content);
    else
        invariant_failed("a mail about checks", __FILE__, __LINE__);
    add_switch_off(content, mail, public_url);
}
