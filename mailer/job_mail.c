#include "mailer/job_mail.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "mailer/moment.h"

#define PATH_SIZE  64
#define ERROR_SIZE (RESULT_ERROR_SIZE + 16)

static char *job_path(char text[static PATH_SIZE], const struct mail *mail, const char *below)
{
    snprintf(text, PATH_SIZE, "/jobs/%" PRId64 "%s", mail->job, below);
    return text;
}

/* The failure in a few words. */
static char *error_of(char text[static ERROR_SIZE], const struct mail *mail)
{
    if (mail->error[0] != '\0')
        snprintf(text, ERROR_SIZE, "%s", mail->error);
    else if (mail->code != 0)
        snprintf(text, ERROR_SIZE, "HTTP %d", mail->code);
    else
        snprintf(text, ERROR_SIZE, "no answer");
    return text;
}

static int64_t failures(const struct mail *mail)
{
    return mail->count > 1 ? mail->count : 1;
}

/* A table, so that what matters is found at a glance. */
static void add_facts(struct content *content, const struct mail *mail)
{
    char when[MOMENT_SIZE];
    char error[ERROR_SIZE];
    struct buffer *out = content_add_verbatim(content);
    buffer_format(out, "Job:           %s (id %" PRId64 ")\n", mail->job_name, mail->job);
    buffer_format(out, "Error:         %s\n", error_of(error, mail));
    if (mail->count > 1)
        buffer_format(out, "Failures:      %" PRId64 " since the last mail\n", mail->count);
    buffer_format(out, "Failed on:     %s", moment(when, mail->failed_ms));
    if (mail->since_ms != 0)
        buffer_format(out, "\nFailing since: %s", moment(when, mail->since_ms));
}

static void add_executions(struct content *content, const struct mail *mail, const char *public_url)
{
    char path[PATH_SIZE];
    content_say(content, "To see its executions, and what the webhook answered:");
    content_add_request(content, public_url, "GET", job_path(path, mail, "/executions"), true,
                        NULL);
}

static void add_resume(struct content *content, const struct mail *mail, const char *public_url)
{
    char path[PATH_SIZE];
    content_say(content,
                "No scheduled time of it runs now. Once its webhook is well again, resume it:");
    content_add_request(content, public_url, "PATCH", job_path(path, mail, ""), true,
                        "{\"enabled\":true}");
}

static void add_switch_off(struct content *content, const char *public_url)
{
    content_say(content,
                "To get no more mails about failing jobs of your account, switch them off:");
    content_add_request(content, public_url, "PATCH", "/account", true,
                        "{\"failure_email_enabled\":false}");
}

static void write_failure(const struct mail *mail, const char *public_url, struct content *content)
{
    char error[ERROR_SIZE];
    char when[MOMENT_SIZE];
    int64_t count = failures(mail);
    buffer_format(&content->subject, "Job \"%s\" failed", mail->job_name);
    if (count > 1)
        buffer_format(&content->subject, " %" PRId64 " times", count);
    buffer_format(&content->subject, ": %s", error_of(error, mail));

    if (count > 1)
        content_say(content,
                    "An execution of your CronCoco job failed, and %" PRId64
                    " more since the last mail about it. This is the newest failure:",
                    count - 1);
    else
        content_say(content, "An execution of your CronCoco job failed:");
    add_facts(content, mail);
    content_say(content, "There will be no further attempt at this execution. The job's other "
                         "scheduled times do not depend on it.");
    if (mail->pause_ms != 0)
        content_say(content,
                    "If it has no success until %s, it will be paused. You get a mail before.",
                    moment(when, mail->pause_ms));
    content_say(content, "While it keeps failing, its failures are collected, and the next mail "
                         "says how many there were.");
    add_executions(content, mail, public_url);
    add_switch_off(content, public_url);
}

static void write_warning(const struct mail *mail, const char *public_url, struct content *content)
{
    char path[PATH_SIZE];
    char when[MOMENT_SIZE];
    buffer_format(&content->subject, "Job \"%s\" keeps failing and will be paused", mail->job_name);
    content_say(content, "Your CronCoco job fails and fails, without a single success. This is the "
                         "newest failure:");
    add_facts(content, mail);
    content_say(content,
                "If that does not change, CronCoco will pause the job on %s. One success is "
                "enough to keep it going. To try it now:",
                moment(when, mail->pause_ms));
    content_add_request(content, public_url, "POST", job_path(path, mail, "/run"), true, NULL);
    content_say(content, "If it shall go on in any case:");
    content_add_request(content, public_url, "PATCH", job_path(path, mail, ""), true,
                        "{\"auto_pause\":false}");
    add_executions(content, mail, public_url);
}

static void write_paused(const struct mail *mail, const char *public_url, struct content *content)
{
    buffer_format(&content->subject, "Job \"%s\" was paused, for it kept failing", mail->job_name);
    content_say(content, "CronCoco has paused your job, because it failed for long without a "
                         "single success. This is the newest failure:");
    add_facts(content, mail);
    add_resume(content, mail, public_url);
    add_executions(content, mail, public_url);
}

static void write_gone(const struct mail *mail, const char *public_url, struct content *content)
{
    buffer_format(&content->subject, "Job \"%s\" was paused: its webhook answered 410 Gone",
                  mail->job_name);
    content_say(content, "CronCoco has paused your job, because its webhook answered 410 Gone, by "
                         "which a server says that what is asked for is no longer there and will "
                         "not come back:");
    add_facts(content, mail);
    add_resume(content, mail, public_url);
    add_executions(content, mail, public_url);
}

void job_mail_write(const struct mail *mail, const char *public_url, struct content *content)
{
    if (mail->kind == MAIL_FAILURE)
        write_failure(mail, public_url, content);
    else if (mail->kind == MAIL_PAUSE_WARNING)
        write_warning(mail, public_url, content);
    else if (mail->kind == MAIL_PAUSED)
        write_paused(mail, public_url, content);
    else if (mail->kind == MAIL_GONE)
        write_gone(mail, public_url, content);
    else
        invariant_failed("a mail about a job", __FILE__, __LINE__);
}
