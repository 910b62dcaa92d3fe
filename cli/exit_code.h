/* What cronpulse exits with: the table of --help and README.md. */
#ifndef CLI_EXIT_CODE_H
#define CLI_EXIT_CODE_H

enum exit_code {
    EXIT_DONE = 0,
    EXIT_REFUSED = 1,     /* the server said no */
    EXIT_USAGE = 2,       /* the command line is wrong */
    EXIT_CONFIG = 3,      /* no API key; a file or stream that cannot be read or written */
    EXIT_UNREACHABLE = 4, /* no answer came, or one that says "later" */
    /* What wrap has beside the job's own: as env, timeout and the shells. */
    EXIT_WRAP_FAILED = 125,
    EXIT_NOT_EXECUTABLE = 126,
    EXIT_NOT_FOUND = 127,
    EXIT_SIGNAL = 128, /* plus the number of the signal that ended the job */
};

#endif
