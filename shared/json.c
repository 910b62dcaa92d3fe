#include "shared/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/memory.h"

/*
 * cJSON takes more than JSON ("01", a byte order mark, control characters as space, broken UTF-8)
 * and cuts strings at \u0000, so what comes in is first read by the scanner below, which follows
 * RFC 8259 to the letter; cJSON then only builds the tree. Positions in errors count bytes from 0.
 */
struct scan {
    const unsigned char *start;
    const unsigned char *at;
    const unsigned char *end;
    const unsigned char *fault; /* where error applies */
    const char *error;
};

#define REPLACEMENT     "\xef\xbf\xbd" /* U+FFFD */
#define JSON_NUMBER_MAX 63             /* bytes; cJSON reads no longer ones */
#define JSON_NAME_SHOWN 40             /* bytes of a member's name in an error */

/* Bytes of the character at text, by RFC 3629 (Unicode 15, table 3-7); 0 where it is broken. */
static size_t utf8_size(const unsigned char *text, size_t left)
{
    unsigned char lead = text[0];
    if (lead < 0x80)
        return 1;
    if (lead < 0xc2 || lead > 0xf4)
        return 0;
    size_t size = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (left < size)
        return 0;
    unsigned char low = 0x80;
    unsigned char high = 0xbf;
    if (lead == 0xe0)
        low = 0xa0;
    else if (lead == 0xed)
        high = 0x9f;
    else if (lead == 0xf0)
        low = 0x90;
    else if (lead == 0xf4)
        high = 0x8f;
    if (text[1] < low || text[1] > high)
        return 0;
    for (size_t i = 2; i < size; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    }
    return size;
}

bool json_utf8_valid(const char *bytes, size_t length)
{
    const unsigned char *at = (const unsigned char *)bytes;
    while (length > 0) {
        size_t size = utf8_size(at, length);
        if (!size)
            return false;
        at += size;
        length -= size;
    }
    return true;
}

static int scan_fail(struct scan *scan, const unsigned char *at, const char *error)
{
    scan->fault = at;
    scan->error = error;
    return -1;
}

static void scan_space(struct scan *scan)
{
    while (scan->at < scan->end &&
           (*scan->at == ' ' || *scan->at == '\t' || *scan->at == '\n' || *scan->at == '\r'))
        scan->at++;
}

static int hex4(const unsigned char *at, unsigned *value)
{
    *value = 0;
    for (int i = 0; i < 4; i++) {
        unsigned char c = at[i];
        unsigned digit;
        if (c >= '0' && c <= '9')
            digit = c - (unsigned)'0';
        else if (c >= 'a' && c <= 'f')
            digit = c - (unsigned)'a' + 10;
        else if (c >= 'A' && c <= 'F')
            digit = c - (unsigned)'A' + 10;
        else
            return -1;
        *value = *value << 4 | digit;
    }
    return 0;
}

/* Behind a backslash. */
static int scan_escape(struct scan *scan)
{
    const unsigned char *from = scan->at - 1;
    size_t left = (size_t)(scan->end - scan->at);
    if (left == 0)
        return scan_fail(scan, from, "the text ends inside a string");
    unsigned char c = *scan->at;
    if (c != 'u') {
        if (!strchr("\"\\/bfnrt", c) || c == '\0')
            return scan_fail(scan, from, "unknown escape");
        scan->at++;
        return 0;
    }
    unsigned unit;
    if (left < 5 || hex4(scan->at + 1, &unit))
        return scan_fail(scan, from, "\\u wants four hex digits");
    if (unit == 0)
        return scan_fail(scan, from, "\\u0000 is not allowed");
    if (unit >= 0xdc00 && unit <= 0xdfff)
        return scan_fail(scan, from, "half of a surrogate pair");
    scan->at += 5;
    if (unit < 0xd800 || unit > 0xdbff)
        return 0;
    unsigned low;
    if (left < 11 || scan->at[0] != '\\' || scan->at[1] != 'u' || hex4(scan->at + 2, &low) ||
        low < 0xdc00 || low > 0xdfff)
        return scan_fail(scan, from, "half of a surrogate pair");
    scan->at += 6;
    return 0;
}

/* At the opening quote. */
static int scan_string(struct scan *scan)
{
    const unsigned char *opened = scan->at++;
    while (scan->at < scan->end) {
        unsigned char c = *scan->at;
        if (c == '"') {
            scan->at++;
            return 0;
        }
        if (c == '\\') {
            scan->at++;
            if (scan_escape(scan))
                return -1;
        } else if (c < 0x20) {
            return scan_fail(scan, scan->at, "control character in a string");
        } else {
            size_t size = utf8_size(scan->at, (size_t)(scan->end - scan->at));
            if (!size)
                return scan_fail(scan, scan->at, "not UTF-8");
            scan->at += size;
        }
    }
    return scan_fail(scan, opened, "a string that does not end");
}

static size_t scan_digits(struct scan *scan)
{
    const unsigned char *from = scan->at;
    while (scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9')
        scan->at++;
    return (size_t)(scan->at - from);
}

static int scan_number(struct scan *scan)
{
    const unsigned char *from = scan->at;
    if (*scan->at == '-')
        scan->at++;
    bool zero = scan->at < scan->end && *scan->at == '0';
    size_t digits = scan_digits(scan);
    bool valid = digits == 1 || (digits > 1 && !zero);
    if (valid && scan->at < scan->end && *scan->at == '.') {
        scan->at++;
        valid = scan_digits(scan) > 0;
    }
    if (valid && scan->at < scan->end && (*scan->at == 'e' || *scan->at == 'E')) {
        scan->at++;
        if (scan->at < scan->end && (*scan->at == '+' || *scan->at == '-'))
            scan->at++;
        valid = scan_digits(scan) > 0;
    }
    if (!valid)
        return scan_fail(scan, from, "not a number");
    if (scan->at - from > JSON_NUMBER_MAX)
        return scan_fail(scan, from, "a number of more than 63 characters");
    return 0;
}

static int scan_word(struct scan *scan, const char *word)
{
    size_t length = strlen(word);
    if ((size_t)(scan->end - scan->at) < length || memcmp(scan->at, word, length) != 0)
        return scan_fail(scan, scan->at, "expected a value");
    scan->at += length;
    return 0;
}

/* A value that is neither object nor array. */
static int scan_scalar(struct scan *scan)
{
    if (scan->at == scan->end)
        return scan_fail(scan, scan->at, "expected a value");
    switch (*scan->at) {
    case '"': return scan_string(scan);
    case 't': return scan_word(scan, "true");
    case 'f': return scan_word(scan, "false");
    case 'n': return scan_word(scan, "null");
    default:
        if (*scan->at == '-' || (*scan->at >= '0' && *scan->at <= '9'))
            return scan_number(scan);
        return scan_fail(scan, scan->at, "expected a value");
    }
}

/* The name of a member, its colon, and the space around. */
static int scan_name(struct scan *scan)
{
    scan_space(scan);
    if (scan->at == scan->end || *scan->at != '"')
        return scan_fail(scan, scan->at, "expected the name of a member in quotes");
    if (scan_string(scan))
        return -1;
    scan_space(scan);
    if (scan->at == scan->end || *scan->at != ':')
        return scan_fail(scan, scan->at, "expected ':'");
    scan->at++;
    return 0;
}

/* One value with all that it contains; without recursion, for the depth is the user's choice. */
static int scan_value(struct scan *scan)
{
    bool in_object[JSON_DEPTH_MAX];
    size_t depth = 0;
    for (;;) {
        scan_space(scan);
        bool opens = scan->at < scan->end && (*scan->at == '{' || *scan->at == '[');
        if (opens) {
            if (depth == JSON_DEPTH_MAX)
                return scan_fail(scan, scan->at, "nested too deeply");
            bool object = *scan->at == '{';
            in_object[depth++] = object;
            scan->at++;
            scan_space(scan);
            bool closes = scan->at < scan->end && *scan->at == (object ? '}' : ']');
            if (!closes) {
                if (object && scan_name(scan))
                    return -1;
                continue;
            }
        } else if (scan_scalar(scan)) {
            return -1;
        }
        /* Behind a value, or at the end of an empty container. */
        for (;;) {
            if (depth == 0)
                return 0;
            scan_space(scan);
            if (scan->at == scan->end)
                return scan_fail(scan, scan->at, "the text ends too early");
            bool object = in_object[depth - 1];
            unsigned char c = *scan->at;
            if (c == (object ? '}' : ']')) {
                scan->at++;
                depth--;
                continue;
            }
            if (c != ',')
                return scan_fail(scan, scan->at,
                                 object ? "expected ',' or '}'" : "expected ',' or ']'");
            scan->at++;
            if (object && scan_name(scan))
                return -1;
            break;
        }
    }
}

static int name_compare(const void *left, const void *right)
{
    const char *const *a = left;
    const char *const *b = right;
    return strcmp(*a, *b);
}

/* Sorted, not compared each with each: 64 KiB hold ten thousand members. */
static int check_members(const cJSON *object, char error[static JSON_ERROR_SIZE])
{
    size_t count = (size_t)cJSON_GetArraySize(object);
    if (count < 2)
        return 0;
    const char **names = memory_new(count, sizeof *names);
    size_t filled = 0;
    const cJSON *member;
    cJSON_ArrayForEach(member, object)
    {
        names[filled++] = member->string;
    }
    qsort(names, count, sizeof *names, name_compare);
    int status = 0;
    for (size_t i = 1; i < count && !status; i++) {
        if (strcmp(names[i - 1], names[i]) != 0)
            continue;
        size_t shown = strlen(names[i]);
        if (shown > JSON_NAME_SHOWN) {
            shown = JSON_NAME_SHOWN;
            while (((unsigned char)names[i][shown] & 0xc0) == 0x80)
                shown--;
        }
        snprintf(error, JSON_ERROR_SIZE, "invalid JSON: member \"%.*s\" appears more than once",
                 (int)shown, names[i]);
        status = -1;
    }
    free(names);
    return status;
}

cJSON *json_parse(const char *bytes, size_t length, char error[static JSON_ERROR_SIZE])
{
    const unsigned char *start = (const unsigned char *)(length ? bytes : "");
    struct scan scan = {.start = start, .at = start, .end = start + length};
    int status = scan_value(&scan);
    if (!status) {
        scan_space(&scan);
        if (scan.at != scan.end)
            status = scan_fail(&scan, scan.at, "something follows the value");
    }
    if (status) {
        snprintf(error, JSON_ERROR_SIZE, "invalid JSON at byte %zu: %s",
                 (size_t)(scan.fault - scan.start), scan.error);
        return NULL;
    }
    const char *parsed = NULL;
    cJSON *tree = cJSON_ParseWithLengthOpts(bytes, length, &parsed, 0);
    if (!tree) {
        snprintf(error, JSON_ERROR_SIZE, "invalid JSON at byte %zu",
                 parsed ? (size_t)(parsed - bytes) : 0);
        return NULL;
    }
    if (cJSON_IsObject(tree) && check_members(tree, error)) {
        cJSON_Delete(tree);
        return NULL;
    }
    return tree;
}

static size_t utf8_write(unsigned code, char out[static 4])
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xc0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xe0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3f));
        out[2] = (char)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3f));
    out[2] = (char)(0x80 | (code >> 6 & 0x3f));
    out[3] = (char)(0x80 | (code & 0x3f));
    return 4;
}

/* One character of a string that was scanned, unescaped; *at moves behind it. */
static size_t unescape(const unsigned char **at, char out[static 4])
{
    const unsigned char *from = *at;
    if (*from != '\\') {
        *at = from + 1;
        out[0] = (char)*from;
        return 1;
    }
    *at = from + 2;
    switch (from[1]) {
    case 'b': out[0] = '\b'; return 1;
    case 'f': out[0] = '\f'; return 1;
    case 'n': out[0] = '\n'; return 1;
    case 'r': out[0] = '\r'; return 1;
    case 't': out[0] = '\t'; return 1;
    case 'u': break;
    default: out[0] = (char)from[1]; return 1;
    }
    unsigned unit;
    unsigned low;
    INVARIANT(!hex4(from + 2, &unit));
    *at = from + 6;
    if (unit < 0xd800 || unit > 0xdbff)
        return utf8_write(unit, out);
    INVARIANT(!hex4(from + 8, &low));
    *at = from + 12;
    return utf8_write(0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00), out);
}

/* Whether the string between its quotes, unescaped, is name. */
static bool string_is(const unsigned char *at, const unsigned char *end, const char *name)
{
    size_t left = strlen(name);
    while (at < end) {
        char character[4];
        size_t size = unescape(&at, character);
        if (size > left || memcmp(character, name, size) != 0)
            return false;
        name += size;
        left -= size;
    }
    return left == 0;
}

int json_member_span(const char *bytes, size_t length, const char *name, const char **start,
                     size_t *span)
{
    const unsigned char *from = (const unsigned char *)bytes;
    struct scan scan = {.start = from, .at = from, .end = from + length};
    scan_space(&scan);
    if (scan.at == scan.end || *scan.at != '{')
        return -1;
    do {
        scan.at++;
        scan_space(&scan);
        const unsigned char *quoted = scan.at;
        if (scan.at == scan.end || *scan.at != '"' || scan_string(&scan))
            return -1;
        bool found = string_is(quoted + 1, scan.at - 1, name);
        scan_space(&scan);
        if (scan.at == scan.end || *scan.at != ':')
            return -1;
        scan.at++;
        scan_space(&scan);
        const unsigned char *value = scan.at;
        if (scan_value(&scan))
            return -1;
        if (found) {
            *start = (const char *)value;
            *span = (size_t)(scan.at - value);
            return 0;
        }
        scan_space(&scan);
    } while (scan.at < scan.end && *scan.at == ',');
    return -1;
}

void json_write_string(struct buffer *out, const char *text, size_t length)
{
    static const char digits[] = "0123456789abcdef";
    static const char shorts[0x20] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    buffer_append(out, "\"", 1);
    size_t written = 0;
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        buffer_append(out, text + written, i - written);
        written = i + 1;
        if (c >= 0x20)
            buffer_append(out, (char[]){'\\', (char)c}, 2);
        else if (shorts[c])
            buffer_append(out, (char[]){'\\', shorts[c]}, 2);
        else
            buffer_append(out, (char[]){'\\', 'u', '0', '0', digits[c >> 4], digits[c & 15]}, 6);
    }
    buffer_append(out, text + written, length - written);
    buffer_append(out, "\"", 1);
}

void json_write_bytes(struct buffer *out, const char *bytes, size_t length)
{
    struct buffer text = BUFFER_EMPTY;
    for (size_t at = 0; at < length;) {
        size_t size = utf8_size((const unsigned char *)bytes + at, length - at);
        if (size)
            buffer_append(&text, bytes + at, size);
        else
            buffer_text(&text, REPLACEMENT);
        at += size ? size : 1;
    }
    json_write_string(out, text.data ? text.data : "", text.length);
    buffer_free(&text);
}

int json_integer(const cJSON *object, const char *name, int64_t least, int64_t most, int64_t *value)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    if (!cJSON_IsNumber(item) || !(fabs(item->valuedouble) <= JSON_INTEGER_MAX) ||
        item->valuedouble != trunc(item->valuedouble))
        return -1;
    int64_t integer = (int64_t)item->valuedouble;
    if (integer < least || integer > most)
        return -1;
    *value = integer;
    return 0;
}

const char *json_text(const cJSON *object, const char *name)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
}
