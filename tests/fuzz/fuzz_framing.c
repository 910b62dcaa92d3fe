/* The check of a head reads no byte beyond it, and cannot be talked out of a Content-Length. */
#include <string.h>

#include "gateway/framing.h"
#include "shared/buffer.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data;
    enum framing framing = framing_check(bytes, size, true);
    INVARIANT((framing == FRAMING_OK) == (framing_text(framing)[0] == '\0'));
    (void)framing_check(bytes, size, false);

    /* The same head behind two lengths and a coding is never sound. */
    struct buffer head = BUFFER_EMPTY;
    buffer_text(&head, "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n");
    buffer_append(&head, data, size);
    INVARIANT(framing_check(head.data, head.length, true) != FRAMING_OK);
    buffer_free(&head);
    return 0;
}
