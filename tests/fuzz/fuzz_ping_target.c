/* A path that names something is, put together again from what was read of it, the same path. */
#include <stdio.h>
#include <string.h>

#include "gateway/ping_target.h"
#include "shared/ping.h"
#include "tests/fuzz/fuzz.h"

static void write_signal(struct buffer *path, const struct ping_target *target)
{
    static const char *const words[PING_KINDS] = {
        [PING_SUCCESS] = "", [PING_START] = "/start", [PING_FAIL] = "/fail", [PING_LOG] = "/log"};
    if (target->exit_code == PING_NO_EXIT)
        buffer_text(path, words[target->kind]);
    else
        buffer_format(path, "/%d", target->exit_code);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ping_target target;
    if (ping_target_parse((const char *)data, size, &target) != PING_TARGET_OK)
        return 0;
    char name[PUBLIC_ID_SIZE];
    struct buffer path = BUFFER_EMPTY;
    buffer_text(&path, public_id_text(target.slug ? PUBLIC_ID_PING_KEY : PUBLIC_ID_CHECK,
                                      &target.name, name));
    if (target.slug) {
        buffer_text(&path, "/");
        buffer_append(&path, target.slug, target.slug_length);
    }
    write_signal(&path, &target);
    INVARIANT(path.length == size && memcmp(path.data, data, size) == 0);
    INVARIANT(target.exit_code == PING_NO_EXIT ||
              target.kind == (target.exit_code == 0 ? PING_SUCCESS : PING_FAIL));
    buffer_free(&path);
    return 0;
}
