/* A command that decodes is encoded to one that decodes to the same. Byte 0 chooses the subject. */
#include <string.h>

#include "shared/command.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct command command;
    struct command again;
    const char *error = NULL;
    if (size == 0)
        return 0;
    const char *subject = command_subject((enum command_kind)(data[0] % COMMAND_KINDS));
    if (command_decode(subject, data + 1, size - 1, &command, &error)) {
        INVARIANT(error);
        return 0;
    }
    struct buffer first = BUFFER_EMPTY;
    struct buffer second = BUFFER_EMPTY;
    command_encode(&command, &first);
    INVARIANT(!command_decode(subject, first.data, first.length, &again, &error));
    command_encode(&again, &second);
    INVARIANT(first.length == second.length && memcmp(first.data, second.data, first.length) == 0);
    command_release(&command);
    command_release(&again);
    buffer_free(&first);
    buffer_free(&second);
    return 0;
}
