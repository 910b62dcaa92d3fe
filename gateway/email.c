#include "gateway/email.h"

#include <stdbool.h>
#include <string.h>

#define LOCAL_MAX 64 /* RFC 5321, 4.5.3.1 */
#define LABEL_MAX 63

static bool is_alphanumeric(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
}

/* RFC 5322, 3.2.3: a dot-atom. */
static bool local_is_valid(const char *local, size_t length)
{
    if (length == 0 || length > LOCAL_MAX || local[0] == '.' || local[length - 1] == '.')
        return false;
    for (size_t i = 0; i < length; i++) {
        if (local[i] == '.' && local[i + 1] == '.')
            return false;
        if (!is_alphanumeric(local[i]) && strchr("!#$%&'*+-/=?^_`{|}~.", local[i]) == NULL)
            return false;
    }
    return true;
}

static bool label_is_valid(const char *label, size_t length)
{
    if (length == 0 || length > LABEL_MAX || label[0] == '-' || label[length - 1] == '-')
        return false;
    for (size_t i = 0; i < length; i++)
        if (!is_alphanumeric(label[i]) && label[i] != '-')
            return false;
    return true;
}

static bool domain_is_valid(const char *domain)
{
    unsigned labels = 0;
    for (;;) {
        size_t length = strcspn(domain, ".");
        if (!label_is_valid(domain, length))
            return false;
        labels++;
        if (domain[length] == '\0')
            return labels >= 2;
        domain += length + 1;
    }
}

int email_normalize(const char *text, char out[static MAIL_EMAIL_SIZE])
{
    size_t length = strlen(text);
    if (length >= MAIL_EMAIL_SIZE)
        return -1;
    char lower[MAIL_EMAIL_SIZE] = "";
    for (size_t i = 0; i <= length; i++)
        lower[i] = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] - 'A' + 'a') : text[i];
    const char *at = strchr(lower, '@');
    if (at == NULL || !local_is_valid(lower, (size_t)(at - lower)) || !domain_is_valid(at + 1))
        return -1;
    memcpy(out, lower, length + 1);
    return 0;
}
