/* Text is no name, unless it is the one that its numbers make. */
#include <string.h>

#include "shared/public_id.h"
#include "tests/fuzz/fuzz.h"

#define SECRET "0123456789abcdef0123456789abcdef"

static void check_name(enum public_id_kind kind, const char *data, size_t size)
{
    char text[PUBLIC_ID_SIZE];
    struct public_id name;
    struct public_id made;
    int64_t id = 0;
    enum public_id_verdict verdict = public_id_open(SECRET, kind, data, size, &id);
    if (public_id_parse(kind, data, size, &name)) {
        INVARIANT(verdict == PUBLIC_ID_MALFORMED && id == 0);
        return;
    }
    INVARIANT(id > 0 && id == name.id);
    public_id_text(kind, &name, text);
    INVARIANT(strlen(text) == size && memcmp(text, data, size) == 0);
    public_id_make(SECRET, kind, id, text);
    INVARIANT(strlen(text) == size);
    INVARIANT(!public_id_parse(kind, text, size, &made) && made.id == id);
    bool same = memcmp(text, data, size) == 0;
    INVARIANT(same == (made.mac == name.mac));
    INVARIANT(same == (verdict == PUBLIC_ID_OURS));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_name(PUBLIC_ID_CHECK, (const char *)data, size);
    check_name(PUBLIC_ID_PING_KEY, (const char *)data, size);
    return 0;
}
