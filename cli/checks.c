#include "cli/checks.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/api.h"
#include "cli/check_table.h"
#include "cli/complain.h"
#include "cli/terminal.h"
#include "shared/clock.h"
#include "shared/json.h"
#include "shared/memory.h"

static int64_t now_s(void)
{
    return clock_now_ms() / 1000;
}

/* Everything is written by now, or it is no success. */
static enum exit_code print(const char *text)
{
    if (fputs(text, stdout) >= 0 && fflush(stdout) == 0)
        return EXIT_DONE;
    complain("cannot write to standard output");
    return EXIT_CONFIG;
}

static enum exit_code print_json(const cJSON *tree)
{
    char *json = cJSON_Print(tree);
    INVARIANT(json);
    struct buffer text = BUFFER_EMPTY;
    buffer_format(&text, "%s\n", json);
    cJSON_free(json);
    enum exit_code code = print(text.data);
    buffer_free(&text);
    return code;
}

static enum exit_code misunderstood(const char *member)
{
    complain("the server's answer has no '%s': is that a CronPulse server?", member);
    return EXIT_REFUSED;
}

static bool is_wanted(const struct options *options, const struct check_view *view)
{
    return (!options->tag || check_view_has_tag(view, options->tag)) &&
           (!options->group || strcmp(view->group, options->group) == 0);
}

/* Removes from the array what is not wanted, in one pass; the server does not filter. */
static void filter(const struct options *options, cJSON *checks)
{
    cJSON *check = checks->child;
    while (check) {
        cJSON *next = check->next;
        struct check_view view;
        check_view_read(check, &view);
        if (!is_wanted(options, &view))
            cJSON_Delete(cJSON_DetachItemViaPointer(checks, check));
        check = next;
    }
}

static enum exit_code print_table(const struct options *options, const cJSON *checks)
{
    if (!checks->child)
        return print(options->tag || options->group ? "No check matches.\n" : "No checks yet.\n");
    size_t count = 0;
    const cJSON *check;
    cJSON_ArrayForEach(check, checks) count++;
    struct check_view *views = memory_new(count, sizeof *views);
    size_t at = 0;
    cJSON_ArrayForEach(check, checks) check_view_read(check, &views[at++]);
    struct buffer text = BUFFER_EMPTY;
    check_table(&text, views, count, now_s(), terminal_colours());
    enum exit_code code = print(text.data);
    buffer_free(&text);
    free(views);
    return code;
}

enum exit_code checks_list(const struct options *options)
{
    cJSON *tree;
    enum exit_code code = api_get(options, "/checks", &tree);
    if (code != EXIT_DONE)
        return code;
    cJSON *checks = cJSON_GetObjectItemCaseSensitive(tree, "checks");
    setlocale(LC_CTYPE, "");
    if (!cJSON_IsArray(checks)) {
        code = misunderstood("checks");
    } else {
        filter(options, checks);
        code = options->json ? print_json(tree) : print_table(options, checks);
    }
    cJSON_Delete(tree);
    return code;
}

static enum exit_code print_page(const cJSON *tree, const cJSON *check)
{
    struct check_view view;
    struct buffer text = BUFFER_EMPTY;
    const char *ping_url = json_text(tree, "ping_url");
    check_view_read(check, &view);
    check_page(&text, &view, ping_url ? ping_url : "", now_s(), terminal_colours());
    enum exit_code code = print(text.data);
    buffer_free(&text);
    return code;
}

enum exit_code checks_status(const struct options *options)
{
    struct buffer path = BUFFER_EMPTY;
    buffer_format(&path, "/checks/%s", options->check);
    cJSON *tree;
    enum exit_code code = api_get(options, path.data, &tree);
    buffer_free(&path);
    if (code != EXIT_DONE)
        return code;
    const cJSON *check = cJSON_GetObjectItemCaseSensitive(tree, "check");
    if (!cJSON_IsObject(check))
        code = misunderstood("check");
    else
        code = options->json ? print_json(tree) : print_page(tree, check);
    cJSON_Delete(tree);
    return code;
}
