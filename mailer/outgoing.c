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
#define SMTP_LOGGED_IN      "235"

struct sending {
    uv_work_t work; /* data: this */
    const struct outgoing *outgoing;
    const char *to;
    const char *message;
    size_t length;
    size_t read;
    bool logged_in; /* this and what follows: written on the pool's thread, read when it is done */
    CURLcode code;
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

/* A line of the server's. */
static size_t on_reply(char *bytes, size_t size, size_t count, void *arg)
{
    struct sending *sending = arg;
    if (size * count >= strlen(SMTP_LOGGED_IN) &&
        memcmp(bytes, SMTP_LOGGED_IN, strlen(SMTP_LOGGED_IN)) == 0)
        sending->logged_in = true;
    return size * count;
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
    /* A directory of the system's certificates would be trusted besides the file. */
    curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    if (outgoing->ca_file[0])
        curl_easy_setopt(easy, CURLOPT_CAINFO, outgoing->ca_file);
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
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_reply);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, sending);
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

/* What an operator can do something about is said in the words of the configuration. */
static const char *reason_of(CURLcode code)
{
    switch (code) {
    case CURLE_OK: return "";
    case CURLE_USE_SSL_FAILED: return "the server does not change to TLS";
    case CURLE_PEER_FAILED_VERIFICATION:
        return "the server's certificate is not trusted (SMTP_CA_FILE) or not for SMTP_URL's host";
    case CURLE_SSL_CACERT_BADFILE:
        return "the trusted CAs (SMTP_CA_FILE) cannot be read, or are none";
    case CURLE_LOGIN_DENIED: return "login refused (SMTP_USER, SMTP_PASSWORD)";
    default: return curl_easy_strerror(code);
    }
}

/*
 * A 5xx is final only where it answers this mail (its sender, recipient or content): a login that
 * is missing or refused, or a server that serves nobody today, is the operator's matter, and mails
 * wait for that. libcurl goes on without the login where a server does not ask for it: what such a
 * server refuses it may take from who has logged in.
 */
static bool is_final(const struct sending *sending)
{
    if (sending->reply < SMTP_PERMANENT_FROM || sending->reply > SMTP_PERMANENT_TO)
        return false;
    if (sending->reply >= SMTP_LOGIN_FROM && sending->reply <= SMTP_LOGIN_TO)
        return false;
    if (sending->outgoing->user[0] && !sending->logged_in)
        return false;
    /* The second is a refusal of the content, or comes in place of a greeting: nothing was read. */
    return sending->code == CURLE_SEND_ERROR ||
           (sending->code == CURLE_WEIRD_SERVER_REPLY && sending->read > 0);
}

static struct transport_result judge(const struct sending *sending)
{
    struct transport_result result = {TRANSPORT_LATER, (int)sending->reply,
                                      reason_of(sending->code)};
    if (sending->code == CURLE_OK)
        result.verdict = TRANSPORT_ACCEPTED;
    else if (is_final(sending))
        result.verdict = TRANSPORT_NEVER;
    return result;
}

static void on_worked(uv_work_t *work, int status)
{
    struct sending *sending = work->data;
    INVARIANT(status == 0);
    struct transport_result result = judge(sending);
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
