/* cronpulse: the command-line client of checks. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/checks.h"
#include "cli/complain.h"
#include "cli/config.h"
#include "cli/help.h"
#include "cli/options.h"
#include "cli/ping.h"
#include "cli/wrap.h"

/* So that nothing that is opened here takes the place of a standard stream that is closed. A
 * wrapped job still finds it closed. */
static void occupy_standard_streams(void)
{
    int descriptor;
    do
        descriptor = open("/dev/null", O_RDWR | O_CLOEXEC);
    while (descriptor >= 0 && descriptor <= STDERR_FILENO);
    if (descriptor > STDERR_FILENO)
        close(descriptor);
}

static enum exit_code run(const struct options *options)
{
    switch (options->command) {
    case COMMAND_PING: return ping_run(options);
    case COMMAND_WRAP: return wrap_run(options);
    case COMMAND_LIST: return checks_list(options);
    case COMMAND_STATUS: return checks_status(options);
    case COMMAND_CONFIG: return config_run(options);
    case COMMAND_VERSION: puts("cronpulse " CRONCOCO_VERSION); return EXIT_DONE;
    default: fputs(help_text(options->topic), stdout); return EXIT_DONE;
    }
}

int main(int argc, char **argv)
{
    struct options options;
    char error[OPTIONS_ERROR_SIZE];
    occupy_standard_streams();
    if (options_parse(argc, argv, &options, error)) {
        complain("%s", error);
        return EXIT_USAGE;
    }
    return (int)run(&options);
}
