/*
 * The output of a wrapped job on its way through a helper, which keeps its end. What the job writes
 * comes out unchanged, in order and at once; a reader that is slow, or gone, is so to the job.
 */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <stddef.h>

#include "cli/tail.h"
#include "shared/compiler.h"

struct output {
    int out, err; /* what the job writes to: its standard output and error */
    int control;  /* to the helper */
};

/* 0, or -1 and errno. Standard output and error stay one stream where they are one. */
int output_start(struct output *output) MUST_CHECK;
/* The job has its own copies of out and err. */
void output_started(struct output *output);
/*
 * After the job's end: waits until everything that it wrote has gone through (a moment at most,
 * should nobody read it), copies the last of it to copy, and returns its length. The helper goes on
 * for as long as somebody else holds the job's output open.
 */
size_t output_finish(struct output *output, char copy[static TAIL_MAX]);

#endif
