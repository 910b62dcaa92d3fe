/* Whatever a server answers, what is shown of it is UTF-8 without control characters. */
#include <stdlib.h>
#include <string.h>

#include "cli/check_table.h"
#include "shared/json.h"
#include "tests/fuzz/fuzz.h"

#define NOW       1707700180
#define VIEWS_MAX 64

static void check_shown(struct buffer *out)
{
    INVARIANT(out->length > 0 && json_utf8_valid(out->data, out->length));
    for (size_t i = 0; i < out->length; i++)
        INVARIANT((unsigned char)out->data[i] >= ' ' || out->data[i] == '\n');
    INVARIANT(!memchr(out->data, 0x7f, out->length));
    buffer_clear(out);
}

static void check_page_of(const cJSON *check, const char *ping_url, struct buffer *out)
{
    struct check_view view;
    check_view_read(check, &view);
    check_page(out, &view, ping_url ? ping_url : "", NOW, false);
    check_shown(out);
    check_view_has_tag(&view, view.name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char error[JSON_ERROR_SIZE];
    struct check_view views[VIEWS_MAX];
    struct buffer out = BUFFER_EMPTY;
    size_t count = 0;
    cJSON *tree = json_parse((const char *)data, size, error);
    if (!tree)
        return 0;
    const cJSON *check;
    cJSON_ArrayForEach(check, cJSON_GetObjectItemCaseSensitive(tree, "checks"))
    {
        if (count < VIEWS_MAX)
            check_view_read(check, &views[count++]);
        check_page_of(check, json_text(tree, "ping_url"), &out);
    }
    check_table(&out, views, count, NOW, false);
    check_shown(&out);
    buffer_free(&out);
    cJSON_Delete(tree);
    return 0;
}
