#include "mailer/outgoing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "shared/compiler.h"
#include "shared/mail.h"
#include "shared/memory.h"
#include "shared/transfer.h"

#define CONNECT_TIMEOUT_MS  15000L
#define RESPONSE_TIMEOUT_S  60L
#define WHOLE_TIMEOUT_MS    120000L
#define SMTP_PERMANENT_FROM 500
#define SMTP_PERMANENT_TO   599
#define SMTP_LOGIN_FROM     530 /* RFC 4954: 530, 534, 535, 538 */
#define SMTP_LOGIN_TO       538

struct outgoing {
    struct transfers *transfers;
    struct sending *first; /* under way */
    struct outgoing_options options;
};

struct sending {
    struct outgoing *outgoing;
    struct sending *next, *previous;
    CURL *easy;
    struct curl_slist *recipients;
    const char *message;
    size_t length;
    size_t read;
    transport_done_cb *on_done;
    void *arg;
};

struct outgoing *outgoing_open(uv_loop_t *loop, const struct outgoing_options *options)
{
    struct outgoing *outgoing = memory_new(1, sizeof *outgoing);
    outgoing->transfers = transfers_open(loop, 1, 0);
    outgoing->options = *options;
    return outgoing;
}

static void sending_free(struct sending *sending)
{
    curl_easy_cleanup(sending->easy);
    curl_slist_free_all(sending->recipients);
    free(sending);
}

static void sending_unlink(struct sending *sending)
{
    if (sending->previous)
        sending->previous->next = sending->next;
    else
        sending->outgoing->first = sending->next;
    if (sending->next)
        sending->next->previous = sending->previous;
}

void outgoing_close(struct outgoing *outgoing)
{
    transfers_close(outgoing->transfers);
    struct sending *next;
    for (struct sending *sending = outgoing->first; sending; sending = next) {
        next = sending->next;
        sending_free(sending);
    }
    free(outgoing);
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

static void on_transfer_done(void *arg, CURL *easy, CURLcode code)
{
    struct sending *sending = arg;
    long reply = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &reply);
    struct transport_result result = judge(code, reply);
    transport_done_cb *on_done = sending->on_done;
    void *on_done_arg = sending->arg;
    sending_unlink(sending);
    sending_free(sending);
    on_done(on_done_arg, &result);
}

static void set_up(struct sending *sending)
{
    const struct outgoing_options *options = &sending->outgoing->options;
    CURL *easy = sending->easy;
    curl_easy_setopt(easy, CURLOPT_URL, options->url);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
    curl_easy_setopt(easy, CURLOPT_SERVER_RESPONSE_TIMEOUT, RESPONSE_TIMEOUT_S);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, WHOLE_TIMEOUT_MS);
    curl_easy_setopt(easy, CURLOPT_USE_SSL,
                     (long)(options->tls_required ? CURLUSESSL_ALL : CURLUSESSL_NONE));
    if (options->user[0]) {
        curl_easy_setopt(easy, CURLOPT_USERNAME, options->user);
        curl_easy_setopt(easy, CURLOPT_PASSWORD, options->password);
    }
    curl_easy_setopt(easy, CURLOPT_MAIL_FROM, options->sender);
    curl_easy_setopt(easy, CURLOPT_MAIL_RCPT, sending->recipients);
    curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(easy, CURLOPT_READDATA, sending);
    curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)sending->length);
}

void outgoing_send(struct outgoing *outgoing, const char *to, const char *message, size_t length,
                   transport_done_cb *on_done, void *arg)
{
    struct sending *sending = memory_new(1, sizeof *sending);
    char recipient[MAIL_EMAIL_SIZE + 2];
    snprintf(recipient, sizeof recipient, "<%s>", to);
    sending->outgoing = outgoing;
    sending->easy = curl_easy_init();
    sending->recipients = curl_slist_append(NULL, recipient);
    INVARIANT(sending->easy && sending->recipients);
    sending->message = message;
    sending->length = length;
    sending->on_done = on_done;
    sending->arg = arg;
    sending->next = outgoing->first;
    if (sending->next)
        sending->next->previous = sending;
    outgoing->first = sending;
    set_up(sending);
    transfers_start(outgoing->transfers, sending->easy, on_transfer_done, sending);
}
