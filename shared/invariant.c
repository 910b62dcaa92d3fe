#include "shared/compiler.h"

#include <stdio.h>
#include <stdlib.h>

void invariant_failed(const char *condition, const char *file, int line)
{
    fprintf(stderr, "invariant failed: %s at %s:%d\n", condition, file, line);
    abort();
}
