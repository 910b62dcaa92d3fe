/* An answer that decodes is encoded to the bytes it came from. */
#include <string.h>

#include "shared/command.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct answer answer;
    if (answer_decode(data, size, &answer))
        return 0;
    struct buffer out = BUFFER_EMPTY;
    answer_encode(&answer, &out);
    INVARIANT(out.length == size && memcmp(out.data, data, size) == 0);
    buffer_free(&out);
    return 0;
}
