/*
 * The subject that a message names for its answer. Whoever answers publishes to it, and cnats
 * checks none: "a b" or "*" would do harm.
 */
#ifndef SHARED_REPLY_SUBJECT_H
#define SHARED_REPLY_SUBJECT_H

#include <stdbool.h>
#include <stddef.h>

#define REPLY_SUBJECT_SIZE 128 /* bytes, with the NUL */

/* Whether text is tokens of printable ASCII without wildcards, with dots between them. */
bool reply_subject_valid(const char *text, size_t length);

#endif
