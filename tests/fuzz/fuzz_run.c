/* A batch of runs that decodes is encoded to the bytes it came from. */
#include <string.h>

#include "shared/run.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct run_batch batch;
    if (run_batch_decode(data, size, &batch))
        return 0;
    struct buffer out = BUFFER_EMPTY;
    char text[RUN_ID_SIZE];
    run_batch_encode(&batch, &out);
    INVARIANT(out.length == size && memcmp(out.data, data, size) == 0);
    for (size_t i = 0; i < batch.count; i++)
        INVARIANT(strncmp(run_id(text, &batch.runs[i]), "msg_", 4) == 0);
    buffer_free(&out);
    return 0;
}
