/*
 * Nothing here stands between the job and its work: it is started first, pings are sent by a helper
 * beside it, and whatever goes wrong with them is only told.
 */
#include "cli/wrap.h"

#include <errno.h>
#include <string.h>

#include "cli/complain.h"
#include "cli/exit_code.h"
#include "cli/job.h"
#include "cli/output.h"
#include "cli/reporter.h"
#include "cli/settings.h"

struct wrap {
    const struct options *options;
    struct settings settings;
    struct signals signals;
    struct output output;
    bool logs; /* output is there */
    struct reporter reporter;
    bool reports; /* reporter is there */
};

static void warn(const struct wrap *wrap, const char *what, const char *problem)
{
    if (!wrap->options->quiet)
        complain("%s: %s", what, problem);
}

static void start_output(struct wrap *wrap)
{
    wrap->output = (struct output){-1, -1, -1};
    wrap->logs = wrap->options->log && output_start(&wrap->output) == 0;
    if (wrap->options->log && !wrap->logs)
        warn(wrap, "the output cannot be sent", strerror(errno));
}

static void start_reporter(struct wrap *wrap, bool configured)
{
    const struct report report = {.server = &wrap->settings.server,
                                  .check = wrap->options->check,
                                  .create = wrap->options->create,
                                  .codes = wrap->options->codes};
    wrap->reports = configured && reporter_start(&wrap->reporter, &report) == 0;
    if (configured && !wrap->reports)
        warn(wrap, "no pings are sent", strerror(errno));
}

static void finish(struct wrap *wrap, int exit_code)
{
    static char log[TAIL_MAX];
    size_t length = wrap->logs ? output_finish(&wrap->output, log) : 0;
    if (wrap->reports)
        reporter_finish(&wrap->reporter, &wrap->signals, exit_code, log, length,
                        wrap->options->quiet);
}

int wrap_run(const struct options *options)
{
    static struct wrap wrap;
    char error[SETTINGS_ERROR_SIZE];
    wrap.options = options;
    bool configured = settings_load(&wrap.settings, error) == 0;
    signals_hold(&wrap.signals);
    start_output(&wrap);
    pid_t job = job_start(options->job, &wrap.signals, wrap.output.out, wrap.output.err);
    if (job < 0) {
        complain("no process can be made for '%s': %s", options->job[0], strerror(errno));
        return EXIT_WRAP_FAILED;
    }
    if (wrap.logs)
        output_started(&wrap.output);
    start_reporter(&wrap, configured);
    int exit_code = job_wait(job, &wrap.signals);
    finish(&wrap, exit_code);
    if (!configured)
        warn(&wrap, "no pings were sent", error);
    return exit_code;
}
