/*
 * Mails as .eml files in a directory (MAIL_DIR), for development and tests. A file appears whole:
 * it is written under a temporary name, synced, and renamed. Names sort by time:
 * <time>-<kind>-<address>-<id>.eml.
 */
#ifndef MAILER_MAILDIR_H
#define MAILER_MAILDIR_H

#include <stddef.h>
#include <uv.h>

#include "mailer/transport.h"
#include "shared/compiler.h"
#include "shared/mail.h"

/* 0 where path is a directory that this process may write to, or an errno. */
int maildir_check(const char *path) MUST_CHECK;

/*
 * Writes on a thread of libuv's pool; path and message are borrowed until on_done. A second write
 * of the same mail replaces the first one's file.
 */
void maildir_write(uv_loop_t *loop, const char *path, const struct mail *mail, const char *message,
                   size_t length, transport_done_cb *on_done, void *arg);

#endif
