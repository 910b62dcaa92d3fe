/* A channel as the API shows it, on gateways and on the leader alike. */
#ifndef SHARED_CHANNEL_JSON_H
#define SHARED_CHANNEL_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/buffer.h"
#include "shared/check.h"
#include "shared/compiler.h"

#define CHANNEL_ID_SIZE 24 /* with the NUL */

/* Everything is borrowed for the duration of the call. */
struct channel_view {
    int64_t id;
    enum channel_kind kind;
    const char *name;
    const char *target;
    bool enabled, verified;
    int64_t created_s, updated_s;
};

/* Appends the JSON object. */
void channel_json_write(struct buffer *out, const struct channel_view *view);

/* "ch_001" */
char *channel_id_write(int64_t id, char text[static CHANNEL_ID_SIZE]);
/* 0 and the id, or -1 where text is not what channel_id_write writes. */
int channel_id_parse(const char *text, size_t length, int64_t *id) MUST_CHECK;

#endif
