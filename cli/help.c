#include "cli/help.h"

static const char general[] =
    "Tells CronPulse that a cron job ran, and shows what it knows of your checks.\n"
    "\n"
    "usage:\n"
    "  cronpulse ping ID [--start|--fail]   send a ping\n"
    "  cronpulse wrap ID -- command...      run a command, with a ping before and after\n"
    "  cronpulse list [--tag T] [--group G] list your checks\n"
    "  cronpulse status ID                  show one check\n"
    "  cronpulse config [--api-key K] [--server URL]\n"
    "                                       show or change the configuration\n"
    "  cronpulse --version\n"
    "\n"
    "'cronpulse COMMAND --help' says more of each.\n"
    "\n"
    "environment:\n"
    "  CRONPULSE_API_KEY  the API key        (before the configuration file)\n"
    "  CRONPULSE_SERVER   the server's URL   (before the configuration file)\n"
    "  SSL_CERT_FILE      certificate authorities to trust, as PEM\n"
    "  http_proxy, https_proxy, no_proxy\n"
    "                     as for curl\n"
    "  NO_COLOR           no colours\n"
    "\n"
    "exit codes:\n"
    "  0  done\n"
    "  1  the server said no (no such check, a wrong key, a plan without the API)\n"
    "  2  the command line is wrong\n"
    "  3  no API key; or a file or stream that cannot be read or written\n"
    "  4  the server could not be reached, or is busy; tried again for a while\n"
    "wrap ends with the command's own code: see 'cronpulse wrap --help'.\n";

static const char ping[] =
    "usage: cronpulse ping ID [options]\n"
    "\n"
    "Sends a ping: the job ran successfully. ID is the check's id, the last part of its ping URL,\n"
    "or a ping key and a slug: KEY/SLUG. Prints nothing, unless on a terminal.\n"
    "\n"
    "  --start          the job begins: marks it as running\n"
    "  --fail           the job failed: alerts at once\n"
    "  --exit-code N    the job ended with this code (0-255): a success where it is 0\n"
    "  --log            only a note in the history\n"
    "  --message TEXT   text that is kept with the ping, of which the last 10 KB count;\n"
    "                   '-': standard input\n"
    "  --rid RID        names the run, so that runs that overlap are told apart: the same RID\n"
    "                   with --start and at the end\n"
    "  --create         with KEY/SLUG: make the check if there is none\n"
    "  --json           print the outcome as JSON\n"
    "\n"
    "in a crontab:\n"
    "  */5 * * * * cronpulse ping abc123\n";

static const char wrap[] =
    "usage: cronpulse wrap ID [options] -- command...\n"
    "\n"
    "Sends /start, runs the command, then sends a success ping where it exits with 0, or a fail\n"
    "ping, which alerts at once. Its exit code, signals and standard streams are what they would\n"
    "be without wrap. It runs at once and undisturbed, also while the server cannot be reached:\n"
    "then wrap tries for up to half a minute after its end, and says so on standard error.\n"
    "\n"
    "  --log            send the last 10 KB of its output with the last ping; the output still "
    "goes\n"
    "                   where it went, but through a pipe, so the command sees no terminal\n"
    "  --exit-code      report the exit code itself (/ping/ID/3) and not only /fail\n"
    "  --quiet          no warnings about pings that could not be sent\n"
    "  --create         with KEY/SLUG as ID: make the check if there is none\n"
    "\n"
    "exit codes: the command's own; 128+N where signal N ended it; 127: it was not found;\n"
    "126: it cannot be executed; 125: no process could be made for it; 2: the command line is "
    "wrong\n"
    "\n"
    "  cronpulse wrap ID -- ./backup.sh\n"
    "  cronpulse wrap ID -- pg_dump mydb > /tmp/backup.sql\n"
    "  cronpulse wrap ID -- sh -c 'pg_dump mydb | gzip > /tmp/backup.sql.gz'\n"
    "\n"
    "in a crontab:\n"
    "  0 2 * * * cronpulse wrap abc123 -- ./nightly-backup.sh\n";

static const char list[] =
    "usage: cronpulse list [options]\n"
    "\n"
    "Lists your checks, the newest first. Needs an API key: see 'cronpulse config --help'.\n"
    "\n"
    "  --tag TAG        only those with this tag\n"
    "  --group GROUP    only those of this group\n"
    "  --json           print the server's answer, without the checks that are not wanted\n"
    "  --allow-http     send the API key unencrypted to a server that is not this machine\n";

static const char status[] =
    "usage: cronpulse status ID [options]\n"
    "\n"
    "Shows one check. Needs an API key: see 'cronpulse config --help'.\n"
    "\n"
    "  --json           print the server's answer\n"
    "  --allow-http     send the API key unencrypted to a server that is not this machine\n";

static const char config[] =
    "usage: cronpulse config [options]\n"
    "\n"
    "Without options: shows the configuration and where it comes from.\n"
    "\n"
    "  --api-key KEY    save the API key (from Dashboard, Settings); '-': read it from standard\n"
    "                   input, so that no list of processes shows it; '': forget it\n"
    "  --server URL     use this server; '': https://cron-pulse.com again\n"
    "  --json           show the configuration as JSON\n"
    "\n"
    "It is kept in ~/.cronpulse/config.json, which only you can read.\n";

const char *help_text(enum command topic)
{
    static const char *const texts[COMMANDS + 1] = {
        [COMMAND_PING] = ping,     [COMMAND_WRAP] = wrap,     [COMMAND_LIST] = list,
        [COMMAND_STATUS] = status, [COMMAND_CONFIG] = config, [COMMAND_VERSION] = general,
        [COMMAND_HELP] = general,  [COMMANDS] = general,
    };
    INVARIANT(topic <= COMMANDS);
    return texts[topic];
}
