#include "gateway/ping_target.h"

#include <stdbool.h>
#include <string.h>

#include "shared/check_input.h"
#include "shared/ping.h"

#define EXIT_MAX    255
#define EXIT_DIGITS 3

/* What is left of a path; next is NULL behind its last segment. */
struct segments {
    const char *next;
    size_t left;
};

struct segment {
    const char *text;
    size_t length;
};

static struct segment take(struct segments *segments)
{
    struct segment segment = {segments->next, segments->left};
    const char *slash = memchr(segments->next, '/', segments->left);
    if (slash == NULL) {
        segments->next = NULL;
        segments->left = 0;
        return segment;
    }
    segment.length = (size_t)(slash - segment.text);
    segments->next = slash + 1;
    segments->left -= segment.length + 1;
    return segment;
}

static bool is(struct segment segment, const char *text)
{
    return segment.length == strlen(text) && memcmp(segment.text, text, segment.length) == 0;
}

/* Decimal, without leading zeros; -1: none. */
static int exit_code_of(struct segment segment)
{
    if (segment.length == 0 || segment.length > EXIT_DIGITS ||
        (segment.text[0] == '0' && segment.length > 1))
        return -1;
    int value = 0;
    for (size_t i = 0; i < segment.length; i++) {
        if (segment.text[i] < '0' || segment.text[i] > '9')
            return -1;
        value = value * 10 + (segment.text[i] - '0');
    }
    return value <= EXIT_MAX ? value : -1;
}

static enum ping_target_verdict read_signal(struct segment segment, struct ping_target *target)
{
    static const struct {
        const char *word;
        enum ping_kind kind;
    } words[] = {{"start", PING_START}, {"fail", PING_FAIL}, {"log", PING_LOG}};
    for (size_t i = 0; i < ARRAY_LENGTH(words); i++) {
        if (is(segment, words[i].word)) {
            target->kind = words[i].kind;
            return PING_TARGET_OK;
        }
    }
    int code = exit_code_of(segment);
    if (code < 0)
        return PING_TARGET_NO_SIGNAL;
    target->exit_code = (int16_t)code;
    target->kind = code == 0 ? PING_SUCCESS : PING_FAIL;
    return PING_TARGET_OK;
}

static enum ping_target_verdict read_name(struct segments *segments, struct ping_target *target)
{
    struct segment name = take(segments);
    if (public_id_parse(PUBLIC_ID_CHECK, name.text, name.length, &target->name) == 0)
        return PING_TARGET_OK;
    if (public_id_parse(PUBLIC_ID_PING_KEY, name.text, name.length, &target->name) != 0)
        return PING_TARGET_NO_CHECK;
    if (segments->next == NULL)
        return PING_TARGET_NO_SLUG;
    struct segment slug = take(segments);
    target->slug = slug.text;
    target->slug_length = slug.length;
    return check_slug_valid(slug.text, slug.length) ? PING_TARGET_OK : PING_TARGET_NO_SLUG;
}

enum ping_target_verdict ping_target_parse(const char *path, size_t length,
                                           struct ping_target *target)
{
    struct segments segments = {path, length};
    *target = (struct ping_target){.kind = PING_SUCCESS, .exit_code = PING_NO_EXIT};
    enum ping_target_verdict verdict = read_name(&segments, target);
    if (verdict != PING_TARGET_OK)
        return verdict;
    if (segments.next == NULL)
        return PING_TARGET_OK;
    struct segment signal = take(&segments);
    return segments.next == NULL ? read_signal(signal, target) : PING_TARGET_NO_SIGNAL;
}
