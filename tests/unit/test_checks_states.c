/*
 * What becomes of a check, as a table: what happens to it, and the flips and alerts that come of
 * it. Each line is played in several ways that must not matter: as it stands, with a new leader
 * after each step, with each step lost once before its commit, and with time evaluated second by
 * second.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "checks_world.h"
#include "shared/compiler.h"

#define CHECK 7

/* A script is steps, separated by "; ": second, a space, and one of
 *   success, start, fail, log (each may have ":rid"), evaluate, pause, resume. */
struct line {
    const char *script, *flips, *alerts;
    const char *cron, *timezone, *maintenance;
    int64_t maint_start, maint_end; /* seconds since the beginning */
    int32_t period_s, grace_s, alert_after, recover_after, reminder_s; /* 0: as world_settings */
    bool lags; /* not by seconds: it depends on when time is evaluated, or takes too long */
};

static const struct line lines[] = {
    /* New: never late, never down. */
    {.script = "100000 evaluate", .flips = "", .alerts = ""},
    {.script = "10 log; 100000 evaluate", .flips = "", .alerts = ""},
    /* Up, late exactly at the expected second, down exactly a grace later. */
    {.script = "0 success", .flips = "0:new>up"},
    {.script = "0 success; 59 evaluate", .flips = "0:new>up"},
    {.script = "0 success; 60 evaluate", .flips = "0:new>up 60:up>late"},
    {.script = "0 success; 119 evaluate", .flips = "0:new>up 60:up>late"},
    {.script = "0 success; 120 evaluate",
     .flips = "0:new>up 60:up>late 120:late>down",
     .alerts = "120:down"},
    {.script = "0 success; 5000 evaluate",
     .flips = "0:new>up 60:up>late 120:late>down",
     .alerts = "5000:down"},
    {.script = "0 success; 61 evaluate; 62 success; 121 evaluate; 122 evaluate",
     .flips = "0:new>up 60:up>late 62:late>up 122:up>late"},
    {.script = "0 success; 300 success",
     .flips = "0:new>up 60:up>late 120:late>down 300:down>up",
     .alerts = "300:down 300:up"},
    {.script = "0 success; 130 evaluate; 300 success",
     .flips = "0:new>up 60:up>late 120:late>down 300:down>up",
     .alerts = "130:down 300:up"},
    {.period_s = 3600,
     .grace_s = 300,
     .script = "0 success; 3599 evaluate; 3600 evaluate; 3899 evaluate; 3900 evaluate",
     .flips = "0:new>up 3600:up>late 3900:late>down",
     .alerts = "3900:down"},
    /* A ping in time moves what is expected; a log does not, and a start does not. */
    {.script = "0 success; 30 success; 89 evaluate; 90 evaluate", .flips = "0:new>up 90:up>late"},
    {.script = "0 success; 30 log; 60 evaluate", .flips = "0:new>up 60:up>late"},
    {.script = "0 success; 30 start; 60 evaluate", .flips = "0:new>up 60:up>late"},
    {.script = "0 success; 65 evaluate; 66 start; 67 log; 100 evaluate; 120 evaluate",
     .flips = "0:new>up 60:up>late 120:late>down",
     .alerts = "120:down"},
    /* Read before its time was evaluated, a ping was not late. */
    {.script = "0 success; 63 success; 122 evaluate", .flips = "0:new>up", .lags = true},
    {.script = "0 success; 126 success; 127 evaluate",
     .flips = "0:new>up 60:up>late 126:late>up",
     .lags = true},
    {.script = "0 success; 128 success",
     .flips = "0:new>up 60:up>late 120:late>down 128:down>up",
     .alerts = "128:down 128:up",
     .lags = true},
    /* Failures. */
    {.script = "0 fail", .flips = "0:new>down", .alerts = "0:down"},
    {.script = "0 success; 10 fail; 20 success",
     .flips = "0:new>up 10:up>down 20:down>up",
     .alerts = "10:down 20:up"},
    {.script = "0 success; 61 evaluate; 70 fail",
     .flips = "0:new>up 60:up>late 70:late>down",
     .alerts = "70:down"},
    {.script = "0 fail; 10 fail; 20 fail; 30 success",
     .flips = "0:new>down 30:down>up",
     .alerts = "0:down 30:up"},
    {.script = "0 fail; 10 success; 69 evaluate; 70 evaluate",
     .flips = "0:new>down 10:down>up 70:up>late",
     .alerts = "0:down 10:up"},
    /* The alert waits for so many failures; the state does not. */
    {.alert_after = 3, .script = "0 fail; 10 fail", .flips = "0:new>down"},
    {.alert_after = 3,
     .script = "0 fail; 10 fail; 20 fail",
     .flips = "0:new>down",
     .alerts = "20:down"},
    {.alert_after = 3,
     .script = "0 fail; 10 fail; 20 success; 30 fail; 40 fail",
     .flips = "0:new>down 20:down>up 30:up>down"},
    {.alert_after = 2,
     .script = "0 success; 120 evaluate; 179 evaluate; 180 evaluate",
     .flips = "0:new>up 60:up>late 120:late>down",
     .alerts = "180:down"},
    {.alert_after = 5,
     .script = "0 success; 100000 evaluate",
     .flips = "0:new>up 60:up>late 120:late>down",
     .alerts = "100000:down"},
    {.alert_after = 4,
     .script = "0 success; 299 evaluate; 300 evaluate",
     .flips = "0:new>up 60:up>late 120:late>down",
     .alerts = "300:down"},
    {.alert_after = 2,
     .script = "0 success; 10 fail; 129 evaluate; 130 evaluate",
     .flips = "0:new>up 10:up>down",
     .alerts = "130:down"},
    {.alert_after = 2,
     .script = "0 success; 120 evaluate; 130 success; 249 evaluate; 250 evaluate",
     .flips = "0:new>up 60:up>late 120:late>down 130:down>up 190:up>late 250:late>down"},
    {.alert_after = 2, .script = "0 fail; 10 success", .flips = "0:new>down 10:down>up"},
    {.alert_after = 100,
     .script = "0 success; 6059 evaluate; 6060 evaluate",
     .flips = "0:new>up 60:up>late 120:late>down",
     .alerts = "6060:down"},
    /* So does the recovery. */
    {.recover_after = 3,
     .script = "0 success; 10 fail; 20 success; 30 success",
     .flips = "0:new>up 10:up>down",
     .alerts = "10:down"},
    {.recover_after = 3,
     .script = "0 success; 10 fail; 20 success; 30 success; 40 success",
     .flips = "0:new>up 10:up>down 40:down>up",
     .alerts = "10:down 40:up"},
    {.recover_after = 3,
     .script = "0 fail; 20 success; 30 success; 40 fail; 50 success; 60 success",
     .flips = "0:new>down",
     .alerts = "0:down"},
    {.recover_after = 2,
     .script = "0 fail; 20 success; 139 evaluate; 145 success; 150 evaluate",
     .flips = "0:new>down 145:down>up",
     .alerts = "0:down 145:up",
     .lags = true},
    {.recover_after = 3,
     .alert_after = 2,
     .script = "0 fail; 20 success; 139 evaluate; 140 evaluate; 199 evaluate; 200 evaluate",
     .flips = "0:new>down",
     .alerts = "200:down"},
    /* A ping that is missed stands between two successes, whoever was told. */
    {.recover_after = 2,
     .script = "0 fail; 20 success; 140 evaluate; 300 success; 310 success",
     .flips = "0:new>down 310:down>up",
     .alerts = "0:down 310:up"},
    {.recover_after = 2,
     .script = "0 fail; 20 success; 139 evaluate; 139 success",
     .flips = "0:new>down 139:down>up",
     .alerts = "0:down 139:up"},
    /* Runs. */
    {.script = "0 start; 59 evaluate; 60 evaluate", .flips = "60:new>down", .alerts = "60:down"},
    {.script = "0 start; 30 success; 60 evaluate; 89 evaluate", .flips = "30:new>up"},
    {.script = "0 start; 30 success; 90 evaluate", .flips = "30:new>up 90:up>late"},
    {.script = "0 success; 40 start; 59 success; 100 evaluate; 119 evaluate",
     .flips = "0:new>up 119:up>late"},
    {.period_s = 600,
     .script = "0 success; 40 start; 99 evaluate; 100 evaluate",
     .flips = "0:new>up 100:up>down",
     .alerts = "100:down"},
    {.period_s = 600,
     .script = "0 success; 40 start; 50 start; 100 evaluate; 109 evaluate; 110 evaluate",
     .flips = "0:new>up 110:up>down",
     .alerts = "110:down"},
    {.period_s = 600,
     .script = "0 success; 40 start:a; 50 start:b; 60 success:b; 100 evaluate",
     .flips = "0:new>up 100:up>down",
     .alerts = "100:down"},
    {.period_s = 600,
     .script = "0 success; 40 start:a; 50 start:b; 60 success:b; 70 success:a; 600 evaluate",
     .flips = "0:new>up"},
    {.period_s = 600,
     .script = "0 success; 40 start:a; 60 success; 100 evaluate",
     .flips = "0:new>up 100:up>down",
     .alerts = "100:down"},
    {.period_s = 600,
     .script = "0 success; 40 start; 60 success:a; 100 evaluate",
     .flips = "0:new>up 100:up>down",
     .alerts = "100:down"},
    {.period_s = 600,
     .script = "0 success; 40 start; 60 fail; 200 evaluate; 300 success; 500 evaluate",
     .flips = "0:new>up 60:up>down 300:down>up",
     .alerts = "60:down 300:up"},
    {.period_s = 600,
     .script = "0 success; 40 start; 150 evaluate; 160 success; 300 evaluate",
     .flips = "0:new>up 100:up>down 160:down>up",
     .alerts = "150:down 160:up"},
    {.period_s = 600,
     .alert_after = 2,
     .script = "0 success; 40 start:a; 45 start:b; 104 evaluate; 105 evaluate",
     .flips = "0:new>up 100:up>down",
     .alerts = "105:down"},
    {.period_s = 600,
     .alert_after = 2,
     .script = "0 success; 40 start:a; 40 start:b; 100 evaluate",
     .flips = "0:new>up 100:up>down",
     .alerts = "100:down"},
    {.alert_after = 2,
     .script = "0 start; 60 evaluate; 119 evaluate; 120 evaluate",
     .flips = "60:new>down",
     .alerts = "120:down"},
    /* Late and missed by its run in the same second. */
    {.script = "0 success; 0 start:a; 60 evaluate",
     .flips = "0:new>up 60:up>late 60:late>down",
     .alerts = "60:down"},
    /* Pauses. */
    {.script = "0 success; 10 pause; 1000 evaluate", .flips = "0:new>up 10:up>paused"},
    {.script = "0 success; 10 pause; 20 fail; 1000 evaluate; 1010 resume; 5000 evaluate",
     .flips = "0:new>up 10:up>paused 1010:paused>new"},
    {.script = "0 success; 10 pause; 20 resume; 30 success; 90 evaluate",
     .flips = "0:new>up 10:up>paused 20:paused>new 30:new>up 90:up>late"},
    {.script = "0 fail; 10 pause; 20 resume; 30 success",
     .flips = "0:new>down 10:down>paused 20:paused>new 30:new>up",
     .alerts = "0:down"},
    {.script = "0 start; 10 pause; 20 resume; 1000 evaluate",
     .flips = "10:new>paused 20:paused>new"},
    {.script = "0 pause; 10 start; 20 resume; 1000 evaluate",
     .flips = "0:new>paused 20:paused>new"},
    {.alert_after = 3,
     .script = "0 fail; 5 fail; 10 pause; 20 resume; 30 fail; 40 fail",
     .flips = "0:new>down 10:down>paused 20:paused>new 30:new>down"},
    /* Cron: the first time behind the last ping. */
    {.cron = "*/5 * * * *",
     .script = "0 success; 299 evaluate; 300 evaluate; 359 evaluate; 360 evaluate",
     .flips = "0:new>up 300:up>late 360:late>down",
     .alerts = "360:down"},
    {.cron = "*/5 * * * *",
     .script = "10 success; 300 evaluate; 301 success; 599 evaluate; 600 evaluate",
     .flips = "10:new>up 300:up>late 301:late>up 600:up>late"},
    {.cron = "*/5 * * * *",
     .script = "299 success; 300 evaluate",
     .flips = "299:new>up 300:up>late"},
    {.cron = "0 3 * * *",
     .timezone = "Europe/Berlin", /* 02:00 UTC in winter */
     .script = "0 success; 7199 evaluate; 7200 evaluate; 7260 evaluate",
     .flips = "0:new>up 7200:up>late 7260:late>down",
     .alerts = "7260:down"},
    {.cron = "*/5 * * * *",
     .alert_after = 2,
     .script = "0 success; 360 evaluate; 659 evaluate; 660 evaluate",
     .flips = "0:new>up 300:up>late 360:late>down",
     .alerts = "660:down"},
    {.cron = "0 0 29 2 *",
     .script = "0 success; 50000000 evaluate",
     .flips = "0:new>up",
     .lags = true},
    /* Maintenance: states go on, alerts wait for its end. */
    {.maint_start = 100,
     .maint_end = 200,
     .script = "0 success; 120 evaluate; 199 evaluate; 200 evaluate",
     .flips = "0:new>up 60:up>late 120:late>down",
     .alerts = "200:down"},
    {.maint_start = 100,
     .maint_end = 200,
     .script = "0 success; 120 evaluate; 150 success; 205 evaluate",
     .flips = "0:new>up 60:up>late 120:late>down 150:down>up"},
    {.maint_start = 120,
     .maint_end = 200,
     .script = "0 success; 120 evaluate; 200 evaluate",
     .flips = "0:new>up 60:up>late 120:late>down",
     .alerts = "200:down"},
    {.maint_start = 20,
     .maint_end = 120,
     .script = "0 success; 120 evaluate",
     .flips = "0:new>up 60:up>late 120:late>down",
     .alerts = "120:down"},
    {.maint_start = 5,
     .maint_end = 10,
     .script = "0 success; 9 fail; 10 evaluate",
     .flips = "0:new>up 9:up>down",
     .alerts = "10:down"},
    {.maint_start = 5,
     .maint_end = 10,
     .script = "0 success; 4 fail; 10 evaluate",
     .flips = "0:new>up 4:up>down",
     .alerts = "4:down"},
    {.maintenance = "thu:00:01-00:03",
     .script = "0 success; 120 evaluate; 179 evaluate; 180 evaluate",
     .flips = "0:new>up 60:up>late 120:late>down",
     .alerts = "180:down"},
    {.maintenance = "daily:00:00-24:00",
     .script = "0 success; 5000000 evaluate",
     .flips = "0:new>up 60:up>late 120:late>down",
     .lags = true},
    {.maintenance = "thu:00:01-00:03",
     .maint_start = 180,
     .maint_end = 240,
     .script = "0 success; 239 evaluate; 240 evaluate",
     .flips = "0:new>up 60:up>late 120:late>down",
     .alerts = "240:down"},
    /* ... also of an end, if the outage was told: nobody is left with half a story. */
    {.period_s = 600,
     .maint_start = 20,
     .maint_end = 60,
     .script = "0 success; 10 fail; 30 success; 59 evaluate; 60 evaluate",
     .flips = "0:new>up 10:up>down 30:down>up",
     .alerts = "10:down 60:up"},
    {.period_s = 600,
     .maint_start = 20,
     .maint_end = 60,
     .script = "0 success; 10 fail; 30 success; 40 fail; 60 evaluate; 70 success",
     .flips = "0:new>up 10:up>down 30:down>up 40:up>down 70:down>up",
     .alerts = "10:down 70:up"},
    /* Reminders. */
    {.reminder_s = 300,
     .script = "0 fail; 299 evaluate; 300 evaluate; 600 evaluate; 610 success; 5000 evaluate",
     .period_s = 31536000,
     .flips = "0:new>down 610:down>up",
     .alerts = "0:down 300:reminder 600:reminder 610:up"},
    {.reminder_s = 300,
     .period_s = 31536000,
     .script = "0 fail; 1000 evaluate; 1199 evaluate; 1200 evaluate",
     .flips = "0:new>down",
     .alerts = "0:down 1000:reminder 1200:reminder",
     .lags = true},
    {.reminder_s = 300,
     .period_s = 31536000,
     .maint_start = 200,
     .maint_end = 420,
     .script = "0 fail; 300 evaluate; 419 evaluate; 420 evaluate; 599 evaluate; 720 evaluate",
     .flips = "0:new>down",
     .alerts = "0:down 420:reminder 720:reminder",
     .lags = true},
    {.reminder_s = 300,
     .alert_after = 2,
     .period_s = 31536000,
     .script = "0 fail; 1000 evaluate",
     .flips = "0:new>down"},
};

/* ---- playing ---- */

enum way { AS_IT_STANDS, RELOADED, LOST_ONCE, BY_SECONDS, WAYS };
static const char *const way_names[] = {"as it stands", "reloaded", "lost once", "by seconds"};

static struct check_settings settings_of(const struct line *line)
{
    struct check_settings settings = world_settings();
    settings.period_s = line->period_s ? line->period_s : settings.period_s;
    settings.grace_s = line->grace_s ? line->grace_s : settings.grace_s;
    settings.alert_after = line->alert_after ? line->alert_after : 1;
    settings.recover_after = line->recover_after ? line->recover_after : 1;
    settings.reminder_s = line->reminder_s;
    settings.cron_expression = line->cron;
    settings.timezone = line->timezone ? line->timezone : "UTC";
    settings.maint_schedule = line->maintenance ? line->maintenance : "";
    settings.maint_start_s = line->maint_end ? WORLD_BEGIN_S + line->maint_start : 0;
    settings.maint_end_s = line->maint_end ? WORLD_BEGIN_S + line->maint_end : 0;
    return settings;
}

static void ping(const char *word, bool sends)
{
    char kind[16];
    const char *colon = strchr(word, ':');
    snprintf(kind, sizeof(kind), "%.*s", (int)(colon ? colon - word : (long)strlen(word)), word);
    int at = 0;
    while (at < PING_KINDS && strcmp(ping_kind_name((enum ping_kind)at), kind) != 0)
        at++;
    if (at == PING_KINDS)
        fail_msg("%s", word);
    if (sends)
        world_send(CHECK, (enum ping_kind)at, world.now_ms, colon ? colon + 1 : NULL);
    world_read(SIZE_MAX);
}

/* again: it happened before, and was lost. */
static void happen(const struct line *line, const char *word, bool again)
{
    struct check_settings settings = settings_of(line);
    settings.paused = strcmp(word, "pause") == 0;
    if (strcmp(word, "evaluate") == 0)
        checks_evaluate(world.checks, world.now_ms / 1000);
    else if (settings.paused || strcmp(word, "resume") == 0)
        world_set(CHECK, &settings);
    else
        ping(word, !again);
}

static void step(const struct line *line, enum way way, long second, const char *word)
{
    for (long at = (world.now_ms / 1000 - WORLD_BEGIN_S) + 1; way == BY_SECONDS && at < second;
         at++)
        world_pass_to(at);
    world_at(second);
    if (way == BY_SECONDS)
        world_pass_to(second);
    happen(line, word, false);
    if (way == LOST_ONCE) {
        world_collect();
        world_die(false);
        world_lead();
        happen(line, word, true);
    }
    world_settle();
    if (way == RELOADED) {
        world_die(true);
        world_lead();
    }
}

/* Of each alert the type: by seconds it comes at its own second, not at that of the next step. */
static const char *types_of(const char *alerts)
{
    static char types[2][256];
    static int which;
    char *text = types[which = !which];
    size_t length = 0;
    for (; *alerts && length < 250; alerts++)
        if (!(*alerts >= '0' && *alerts <= '9') && *alerts != ':')
            text[length++] = *alerts;
    text[length] = '\0';
    return text;
}

static void play(const struct line *line, enum way way)
{
    char script[512];
    snprintf(script, sizeof(script), "%s", line->script);
    world_begin();
    struct check_settings settings = settings_of(line);
    world_add(CHECK, 1, &settings);
    world_settle();
    char *rest = script, *each;
    while ((each = strsep(&rest, ";"))) {
        char *word;
        long second = strtol(each, &word, 10);
        step(line, way, second, word + strspn(word, " "));
    }
    const char *alerts = line->alerts ? line->alerts : "", *told = world_alerts(CHECK);
    bool as_told = way == BY_SECONDS ? strcmp(types_of(told), types_of(alerts)) == 0
                                     : strcmp(told, alerts) == 0;
    if (strcmp(world_flips(CHECK), line->flips) != 0 || !as_told)
        fail_msg("%s: \"%s\"\n  flips \"%s\"\n  want  \"%s\"\n  alerts \"%s\"\n  want   \"%s\"",
                 way_names[way], line->script, world_flips(CHECK), line->flips, world_alerts(CHECK),
                 alerts);
    world_end();
}

static void each_line_comes_to_the_same_in_every_way(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(lines); i++)
        for (int way = 0; way < WAYS; way++)
            if (way != BY_SECONDS || !lines[i].lags)
                play(&lines[i], (enum way)way);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_line_comes_to_the_same_in_every_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
