#include "scheduler/core/check_declaration.h"

#include <string.h>

struct check_input check_declared(const struct fact_check *fact)
{
    struct check_input declared = {.name = fact->name,
                                   .period_s = fact->period_s,
                                   .cron_expression = fact->cron_expression,
                                   .timezone = fact->timezone,
                                   .grace_s = fact->grace_s,
                                   .tags = fact->tags,
                                   .group = fact->group,
                                   .slug = fact->slug,
                                   .maint_start_s = fact->maint_start_s,
                                   .maint_end_s = fact->maint_end_s,
                                   .maint_schedule = fact->maint_schedule,
                                   .alert_after = fact->alert_after,
                                   .recover_after = fact->recover_after,
                                   .reminder_s = fact->reminder_s,
                                   .parent_count = fact->parent_count,
                                   .all_channels = fact->all_channels,
                                   .channel_count = fact->channel_count};
    memcpy(declared.parents, fact->parents, sizeof(declared.parents));
    memcpy(declared.channels, fact->channels, sizeof(declared.channels));
    return declared;
}

static void declare_schedule(struct check_input *declared, const struct check_input *input)
{
    if (input->fields & (CHECK_PERIOD | CHECK_CRON))
        declared->cron_expression = input->fields & CHECK_CRON ? input->cron_expression : NULL;
    if (input->fields & CHECK_PERIOD)
        declared->period_s = input->period_s;
    if (input->fields & CHECK_TIMEZONE)
        declared->timezone = input->timezone;
    if (input->fields & CHECK_GRACE)
        declared->grace_s = input->grace_s;
    if (input->fields & CHECK_MAINT_START)
        declared->maint_start_s = input->maint_start_s;
    if (input->fields & CHECK_MAINT_END)
        declared->maint_end_s = input->maint_end_s;
    if (input->fields & CHECK_MAINT_SCHEDULE)
        declared->maint_schedule = input->maint_schedule;
}

static void declare_alerts(struct check_input *declared, const struct check_input *input)
{
    if (input->fields & CHECK_ALERT_AFTER)
        declared->alert_after = input->alert_after;
    if (input->fields & CHECK_RECOVER_AFTER)
        declared->recover_after = input->recover_after;
    if (input->fields & CHECK_REMINDER)
        declared->reminder_s = input->reminder_s;
    if (input->fields & CHECK_PARENTS) {
        memcpy(declared->parents, input->parents, sizeof(declared->parents));
        declared->parent_count = input->parent_count;
    }
    if (input->fields & CHECK_CHANNELS) {
        declared->all_channels = input->all_channels;
        memcpy(declared->channels, input->channels, sizeof(declared->channels));
        declared->channel_count = input->channel_count;
    }
}

void check_declare(struct check_input *declared, const struct check_input *input)
{
    if (input->fields & CHECK_NAME)
        declared->name = input->name;
    if (input->fields & CHECK_TAGS)
        declared->tags = input->tags;
    if (input->fields & CHECK_GROUP)
        declared->group = input->group;
    if (input->fields & CHECK_SLUG)
        declared->slug = input->slug;
    declare_schedule(declared, input);
    declare_alerts(declared, input);
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

void check_take_declaration(struct fact_check *fact, const struct check_input *declared,
                            int64_t now_ms)
{
    /* First: what is declared may be borrowed from the facts that change here. */
    struct check_settings settings = check_settings_declared(declared);
    int32_t period_s = check_period_s(&settings, now_ms / 1000);
    fact->period_s = period_s < CHECK_SECONDS_MAX ? period_s : CHECK_SECONDS_MAX;
    fact->renamed |= !same_text(fact->slug, declared->slug);
    fact_set(&fact->name, declared->name);
    fact_set(&fact->cron_expression, declared->cron_expression);
    fact_set(&fact->timezone, declared->timezone);
    fact_set(&fact->tags, declared->tags);
    fact_set(&fact->group, declared->group);
    fact_set(&fact->slug, declared->slug);
    fact_set(&fact->maint_schedule, declared->maint_schedule);
    fact->grace_s = declared->grace_s;
    fact->maint_start_s = declared->maint_start_s;
    fact->maint_end_s = declared->maint_end_s;
    fact->alert_after = declared->alert_after;
    fact->recover_after = declared->recover_after;
    fact->reminder_s = declared->reminder_s;
    memcpy(fact->parents, declared->parents, sizeof(fact->parents));
    fact->parent_count = declared->parent_count;
    fact->all_channels = declared->all_channels;
    memcpy(fact->channels, declared->channels, sizeof(fact->channels));
    fact->channel_count = declared->channel_count;
}

struct check_settings check_settings_declared(const struct check_input *declared)
{
    return (struct check_settings){.period_s = declared->period_s,
                                   .cron_expression = declared->cron_expression,
                                   .timezone = declared->timezone,
                                   .grace_s = declared->grace_s,
                                   .maint_start_s = declared->maint_start_s,
                                   .maint_end_s = declared->maint_end_s,
                                   .maint_schedule = declared->maint_schedule,
                                   .alert_after = declared->alert_after,
                                   .recover_after = declared->recover_after,
                                   .reminder_s = declared->reminder_s,
                                   .parents = declared->parents,
                                   .parent_count = declared->parent_count,
                                   .channels = declared->all_channels ? NULL : declared->channels,
                                   .channel_count = declared->channel_count};
}

struct check_settings check_settings_of(const struct fact_check *fact)
{
    return (struct check_settings){.period_s = fact->period_s,
                                   .cron_expression = fact->cron_expression,
                                   .timezone = fact->timezone,
                                   .grace_s = fact->grace_s,
                                   .maint_start_s = fact->maint_start_s,
                                   .maint_end_s = fact->maint_end_s,
                                   .maint_schedule = fact->maint_schedule,
                                   .alert_after = fact->alert_after,
                                   .recover_after = fact->recover_after,
                                   .reminder_s = fact->reminder_s,
                                   .parents = fact->parents,
                                   .parent_count = fact->parent_count,
                                   .channels = fact->all_channels ? NULL : fact->channels,
                                   .channel_count = fact->channel_count,
                                   .job = fact->job,
                                   .paused = fact->paused,
                                   .created_ms = fact->created_ms};
}
