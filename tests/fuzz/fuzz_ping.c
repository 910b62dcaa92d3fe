/* A message of pings that opens is encoded to the bytes it came from. */
#include <string.h>

#include "shared/ping.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ping_batch batch;
    if (ping_batch_open(data, size, &batch))
        return 0;
    struct buffer out = BUFFER_EMPTY;
    ping_batch_begin(&out);
    unsigned count = batch.left;
    while (batch.left > 0) {
        struct ping ping;
        size_t before = out.length;
        ping_batch_next(&batch, &ping);
        ping_batch_add(&out, &ping);
        INVARIANT(out.length == before + ping_bytes(&ping));
    }
    ping_batch_end(&out, count);
    INVARIANT(out.length == size && memcmp(out.data, data, size) == 0);
    buffer_free(&out);
    return 0;
}
