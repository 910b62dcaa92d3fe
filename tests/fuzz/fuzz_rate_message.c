/* An announcement of requests that decodes is encoded to the bytes it came from. */
#include <string.h>

#include "gateway/rate_message.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rate_message message;
    if (rate_message_decode(data, size, &message))
        return 0;
    struct buffer out = BUFFER_EMPTY;
    rate_message_encode(&message, &out);
    INVARIANT(out.length == size && memcmp(out.data, data, size) == 0);
    buffer_free(&out);
    return 0;
}
