#include "mailer/outgoing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "shared/compiler.h"
#include "shared/mail.h"
#include "shared/memory.h"

#define CONNECT_TIMEOUT_MS  15000L
#define RESPONSE_TIMEOUT_S  60L
#define WHOLE_TIMEOUT_MS    120000L
#define SMTP_PERMANENT_FROM 500
#define SMTP_PERMANENT_TO   599
#define SMTP_LOGIN_FROM     530 /* RFC 4954: 530, 534, 535, 538 */
#define SMTP_LOGIN_TO       538

struct sending {
    uv_work_t work; /* data: this */
    const struct outgoing *outgoing;
    const char *to;
    const char *message;
    size_t length;
    size_t read;
    CURLcode code; /* written on the pool's thread, read when it is done */
    long reply;
    transport_done_cb *on_done;
    void *arg;
};

void outgoing_prepare(void)
{
    CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
    INVARIANT(code == CURLE_OK);
}

static size_t on_read(char *bytes, size_t size, size_t count, void *arg)
{
    struct sending *sending = arg;
    size_t left = sending->length - sending->read;
    size_t length = size * count < left ? size * count : left;
    memcpy(bytes, sending->message + sending->read, length);
    sending->read += length;
    return length;
}

static void set_up(CURL *easy, struct sending *sending, struct curl_slist *recipients)
{
    const struct outgoing *outgoing = sending->outgoing;
    curl_easy_setopt(easy, CURLOPT_URL, outgoing->url);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
    curl_easy_setopt(easy, CURLOPT_SERVER_RESPONSE_TIMEOUT, RESPONSE_TIMEOUT_S);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, WHOLE_TIMEOUT_MS);
    curl_easy_setopt(easy, CURLOPT_USE_SSL,
                     (long)(outgoing->tls_required ? CURLUSESSL_ALL : CURLUSESSL_NONE));
    if (outgoing->user[0]) {
        curl_easy_setopt(easy, CURLOPT_USERNAME, outgoing->user);
        curl_easy_setopt(easy, CURLOPT_PASSWORD, outgoing->password);
    }
    curl_easy_setopt(easy, CURLOPT_MAIL_FROM, outgoing->sender);
    curl_easy_setopt(easy, CURLOPT_MAIL_RCPT, recipients);
    curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(easy, CURLOPT_READDATA, sending);
    curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)sending->length);
}

/* On a thread of the pool. */
static void on_work(uv_work_t *work)
{
    struct sending *sending = work->data;
    char recipient[MAIL_EMAIL_SIZE + 2];
    snprintf(recipient, sizeof recipient, "<%s>", sending->to);
    struct curl_slist *recipients = curl_slist_append(NULL, recipient);
    CURL *easy = curl_easy_init();
    INVARIANT(easy && recipients);
    set_up(easy, sending, recipients);
    sending->code = curl_easy_perform(easy);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &sending->reply);
    curl_easy_cleanup(easy);
    curl_slist_free_all(recipients);
}

static bool is_permanent(long reply)
{
    bool about_login = reply >= SMTP_LOGIN_FROM && reply <= SMTP_LOGIN_TO;
    return reply >= SMTP_PERMANENT_FROM && reply <= SMTP_PERMANENT_TO && !about_login;
}

/*
 * A 5xx is final only where it answers this mail (its sender, recipient or content): a login that
 * is missing or refused, or a server that serves nobody today, is the operator's matter, and mails
 * wait for that.
 */
static struct transport_result judge(CURLcode code, long reply)
{
    struct transport_result result = {TRANSPORT_LATER, (int)reply, curl_easy_strerror(code)};
    switch (code) {
    case CURLE_OK:
        result.verdict = TRANSPORT_ACCEPTED;
        result.reason = "";
        break;
    case CURLE_SEND_ERROR:
    case CURLE_WEIRD_SERVER_REPLY:
        if (is_permanent(reply))
            result.verdict = TRANSPORT_NEVER;
        break;
    default: break;
    }
    return result;
}

static void on_worked(uv_work_t *work, int status)
{
    struct sending *sending = work->data;
    INVARIANT(status == 0);
    struct transport_result result = judge(sending->code, sending->reply);
    transport_done_cb *on_done = sending->on_done;
    void *arg = sending->arg;
    free(sending);
    on_done(arg, &result);
}

void outgoing_send(uv_loop_t *loop, const struct outgoing *outgoing, const char *to,
                   const char *message, size_t length, transport_done_cb *on_done, void *arg)
{
    struct sending *sending = memory_new(1, sizeof *sending);
    sending->work.data = sending;
    sending->outgoing = outgoing;
    sending->to = to;
    sending->message = message;
    sending->length = length;
    sending->on_done = on_done;
    sending->arg = arg;
    int error = uv_queue_work(loop, &sending->work, on_work, on_worked);
    INVARIANT(error == 0);
}
