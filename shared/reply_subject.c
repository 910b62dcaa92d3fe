#include "shared/reply_subject.h"

bool reply_subject_valid(const char *text, size_t length)
{
    bool token_empty = true;
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        if (c == '.') {
            if (token_empty)
                return false;
            token_empty = true;
            continue;
        }
        if (c <= ' ' || c > '~' || c == '*' || c == '>')
            return false;
        token_empty = false;
    }
    return !token_empty && length < REPLY_SUBJECT_SIZE;
}
