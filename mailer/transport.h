/* What both ways out (SMTP and files) say of a mail that they were given. */
#ifndef MAILER_TRANSPORT_H
#define MAILER_TRANSPORT_H

enum transport_verdict {
    TRANSPORT_ACCEPTED,
    TRANSPORT_LATER, /* it may pass: no connection, 4xx, a time-out, a full disk */
    TRANSPORT_NEVER  /* it will not: 5xx */
};

struct transport_result {
    enum transport_verdict verdict;
    int code;           /* the last SMTP reply, or an errno of the file; 0: none */
    const char *reason; /* a constant, for the log; "" where it was accepted */
};

typedef void transport_done_cb(void *arg, const struct transport_result *result);

#endif
