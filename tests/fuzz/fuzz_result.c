/* A batch of results, or a question, that decodes is encoded to the bytes it came from. */
#include <string.h>

#include "shared/result.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct result_batch batch;
    if (result_batch_decode(data, size, &batch))
        return 0;
    struct buffer out = BUFFER_EMPTY;
    result_batch_encode(&batch, &out);
    INVARIANT(out.length == size && memcmp(out.data, data, size) == 0);
    buffer_free(&out);
    return 0;
}
