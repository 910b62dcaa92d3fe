/* The parts of an RFC 5322 message that are the same for every mail. */
#ifndef MAILER_MIME_H
#define MAILER_MIME_H

#include <stddef.h>
#include <stdint.h>

#include "shared/buffer.h"

#define MIME_DATE_SIZE 40

/*
 * Text with \n line ends as quoted-printable (RFC 2045) with CRLF line ends: ASCII, lines of 76
 * bytes at most. A sequence "=_" never comes out, so a boundary that holds it cannot clash.
 */
void mime_quoted_printable(struct buffer *out, const char *text, size_t length);

/*
 * "Name: value" and CRLF, with lines of 76 bytes at most where the value has spaces to break at.
 * value is any UTF-8: what is not printable ASCII goes in encoded words (RFC 2047), so it cannot
 * end the header.
 */
void mime_header(struct buffer *out, const char *name, const char *value);

/* "Sun, 22 Nov 2026 12:54:06 +0000"; returns text. */
char *mime_date(char text[static MIME_DATE_SIZE], int64_t time_ms);

#endif
