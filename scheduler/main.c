/* The scheduler: leads or stands by; also the commands of its operator. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scheduler/leader.h"
#include "scheduler/migrate.h"
#include "scheduler/operator.h"
#include "scheduler/operator_replay.h"
#include "scheduler/stats.h"
#include "shared/service.h"

static int usage(const char *problem)
{
    fprintf(stderr,
            "%s\n"
            "usage: scheduler                        lead, or stand by\n"
            "       scheduler migrate                bring the schema up to date (DATABASE_URL)\n"
            "       scheduler set-plan EMAIL PLAN    move an account to a plan (NATS_URL)\n"
            "       scheduler replay --from TIME --to TIME [--name NAME]\n"
            "                                        run the slots of a window again (NATS_URL)\n"
            "       scheduler --help                 its environment variables\n",
            problem);
    return SERVICE_EXIT_CONFIG;
}

static const char *environment(const char *name, const char *otherwise)
{
    const char *value = getenv(name);
    return value && *value ? value : otherwise;
}

static void on_stop(void *arg)
{
    leader_stop(arg);
}

static int serve(int argc, char **argv)
{
    struct service *service = service_open("scheduler", CONFIG_SCHEDULER, argc, argv);
    stats_register();
    struct leader *leader = leader_open(service);
    service_on_stop(service, on_stop, leader);
    return service_run(service);
}

static int replay(int argc, char **argv)
{
    const char *from = NULL, *to = NULL, *name = NULL;
    const struct {
        const char *option;
        const char **value;
    } options[] = {{"--from", &from}, {"--to", &to}, {"--name", &name}};
    for (int i = 2; i < argc; i += 2) {
        size_t option = 0;
        while (option < ARRAY_LENGTH(options) && strcmp(argv[i], options[option].option) != 0)
            option++;
        if (option == ARRAY_LENGTH(options) || i + 1 == argc)
            return usage("replay: --from, --to and --name, each with a value");
        *options[option].value = argv[i + 1];
    }
    return operator_replay(environment("NATS_URL", "nats://127.0.0.1:4222"), from, to, name);
}

int main(int argc, char **argv)
{
    if (argc < 2 || argv[1][0] == '-')
        return serve(argc, argv);
    if (strcmp(argv[1], "migrate") == 0)
        return argc == 2 ? migrate_run(environment("DATABASE_URL", ""))
                         : usage("migrate: no more arguments");
    if (strcmp(argv[1], "set-plan") == 0)
        return argc == 4 ? operator_set_plan(environment("NATS_URL", "nats://127.0.0.1:4222"),
                                             argv[2], argv[3])
                         : usage("set-plan: EMAIL and PLAN are needed");
    if (strcmp(argv[1], "replay") == 0)
        return replay(argc, argv);
    return usage("unknown command");
}
