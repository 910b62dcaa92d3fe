/* The scheduler: leads or stands by; also the commands of its operator. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scheduler/leader.h"
#include "scheduler/migrate.h"
#include "scheduler/operator.h"
#include "scheduler/stats.h"
#include "shared/service.h"

static int usage(const char *problem)
{
    fprintf(stderr,
            "%s\n"
            "usage: scheduler                        lead, or stand by\n"
            "       scheduler migrate                bring the schema up to date (DATABASE_URL)\n"
            "       scheduler set-plan EMAIL PLAN    move an account to a plan (NATS_URL)\n"
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
    return usage("unknown command");
}
