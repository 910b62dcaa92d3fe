#include "mailer/accepted.h"

#include <stdio.h>
#include <string.h>

void accepted_add(struct accepted *accepted, const char *id)
{
    snprintf(accepted->ids[accepted->next], MAIL_ID_SIZE, "%s", id);
    accepted->next = (accepted->next + 1) % ACCEPTED_MAX;
}

bool accepted_contains(const struct accepted *accepted, const char *id)
{
    for (size_t i = 0; i < ACCEPTED_MAX; i++) {
        if (strcmp(accepted->ids[i], id) == 0)
            return true;
    }
    return false;
}
