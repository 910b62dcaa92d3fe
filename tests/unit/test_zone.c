#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shared/zone.h"
#include "shared/zone_file.h"
#include "tests/unit/sample.h"

#define DIRECTORY   "/usr/share/zoneinfo"
#define DAY_S       INT64_C(86400)
#define LAST_S      INT64_C(4133894400) /* 2100-12-31T00:00Z */
#define SLIM_LAST_S INT64_C(3155760000) /* 2070-01-01T00:00Z */
#define NAMES_MAX   800
#define CHANGE_MAX  4

static uint16_t found(const char *name)
{
    uint16_t zone = zone_find(name, strlen(name));
    if (zone == ZONE_NONE)
        fail_msg("%s is unknown", name);
    return zone;
}

static int64_t minute_of(const char *text)
{
    struct tm tm = {0};
    const char *end = strptime(text, "%Y-%m-%d %H:%M", &tm);
    assert_true(end && *end == '\0');
    return timegm(&tm) / 60;
}

static void test_names(void **state)
{
    (void)state;
    static const char *const known[] = {"Europe/Berlin", "America/Argentina/Buenos_Aires",
                                        "Etc/GMT+5",     "Etc/GMT-14",
                                        "Asia/Kolkata",  "America/Port-au-Prince",
                                        "GMT",           "EST5EDT",
                                        "US/Eastern",    "Antarctica/Troll"};
    static const char *const unknown[] = {"",
                                          "Mars/Olympus",
                                          "europe/berlin",
                                          "Europe",
                                          "Europe/",
                                          "/Europe/Berlin",
                                          "Europe//Berlin",
                                          "Europe/Berlin/",
                                          "../zoneinfo/UTC",
                                          "Europe/../UTC",
                                          "./UTC",
                                          "EST5EDT4",
                                          "EST5EDT,M3.2.0,M11.1.0",
                                          "CET-1CEST",
                                          "+02:00",
                                          "+02",
                                          "Z",
                                          ":UTC",
                                          "localtime",
                                          "posixrules",
                                          "Factory",
                                          "posix/Europe/Berlin",
                                          "right/Europe/Berlin",
                                          "posix",
                                          "zone.tab",
                                          "tzdata.zi",
                                          "leapseconds",
                                          "Europe/Berlin ",
                                          "Europe/B\xc3\xa4rlin"};
    for (size_t i = 0; i < ARRAY_LENGTH(known); i++) {
        uint16_t zone = found(known[i]);
        assert_true(zone != ZONE_UTC);
        assert_string_equal(zone_name(zone), known[i]);
        assert_int_equal(found(known[i]), zone);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(unknown); i++) {
        if (zone_find(unknown[i], strlen(unknown[i])) != ZONE_NONE)
            fail_msg("\"%s\" is taken for a zone", unknown[i]);
    }
    assert_int_equal(zone_find("UTC\0x", 5), ZONE_NONE);
    assert_int_equal(zone_find("UTC\0", 4), ZONE_NONE);
    assert_int_equal(zone_find("Europe/Berlin", 12), ZONE_NONE);
    char long_name[100];
    memset(long_name, 'A', sizeof long_name);
    assert_int_equal(zone_find(long_name, sizeof long_name), ZONE_NONE);
    char *exact = sample_exact("Europe/Berlin", 13);
    assert_int_equal(zone_find(exact, 13), found("Europe/Berlin"));
    free(exact);
}

static void test_utc(void **state)
{
    (void)state;
    assert_int_equal(found("UTC"), ZONE_UTC);
    assert_int_equal(found("utc"), ZONE_UTC);
    assert_string_equal(zone_name(ZONE_UTC), "UTC");
    assert_int_equal(zone_local(ZONE_UTC, -17), -17);
    const struct zone_span *span = zone_span_at(found("Etc/UTC"), 0);
    assert_true(span->from == ZONE_BEGIN && span->to == ZONE_END && span->offset == 0);
}

/* By the almanac: offsets in minutes. */
static const struct {
    const char *zone;
    const char *at;
    int offset;
} offsets[] = {
    {"Europe/Berlin", "2026-03-29 00:59", 60},
    {"Europe/Berlin", "2026-03-29 01:00", 120},
    {"Europe/Berlin", "2026-10-25 00:59", 120},
    {"Europe/Berlin", "2026-10-25 01:00", 60},
    {"Europe/Berlin", "1970-07-01 00:00", 60}, /* no summer time then */
    {"America/New_York", "2060-03-14 06:59", -300},
    {"America/New_York", "2060-03-14 07:00", -240},
    {"America/New_York", "2060-11-07 05:59", -240},
    {"America/New_York", "2060-11-07 06:00", -300},
    {"Europe/Dublin", "2026-07-01 00:00", 60}, /* whose winter time is the one that is "DST" */
    {"Europe/Dublin", "2060-01-01 00:00", 0},
    {"Europe/Dublin", "2060-07-01 00:00", 60},
    {"Australia/Lord_Howe", "2026-01-01 00:00", 660},
    {"Australia/Lord_Howe", "2026-07-01 00:00", 630},
    {"Australia/Lord_Howe", "2090-07-01 00:00", 630},
    {"Asia/Kathmandu", "2026-01-01 00:00", 345},
    {"Asia/Kathmandu", "1985-12-31 18:29", 330},
    {"Asia/Kathmandu", "1985-12-31 18:30", 345},
    {"Africa/Casablanca", "2026-02-15 01:59", 60},
    {"Africa/Casablanca", "2026-02-15 02:00", 0}, /* Ramadan */
    {"America/Sao_Paulo", "2019-01-01 00:00", -120},
    {"America/Sao_Paulo", "2026-01-01 00:00", -180},
    {"Pacific/Apia", "2011-12-30 09:59", -600},
    {"Pacific/Apia", "2011-12-30 10:00", 840},
    {"Antarctica/Troll", "2026-07-01 00:00", 120},
    {"Antarctica/Troll", "2026-01-01 00:00", 0},
    {"Africa/Monrovia", "1972-01-07 00:44", -45}, /* -00:44:30 */
    {"Africa/Monrovia", "1972-01-07 00:45", 0},
    {"Asia/Gaza", "2080-01-01 00:00", 120},
    {"Etc/GMT+5", "2026-01-01 00:00", -300},
    {"America/New_York", "1900-07-01 00:00", -300},
    {"America/New_York", "9000-07-01 00:00", -300},
};

static void test_offsets(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(offsets); i++) {
        int64_t minute = minute_of(offsets[i].at);
        int64_t offset = zone_local(found(offsets[i].zone), minute) - minute;
        if (offset != offsets[i].offset)
            fail_msg("%s at %s: %lld", offsets[i].zone, offsets[i].at, (long long)offset);
    }
}

static void test_spans(void **state)
{
    (void)state;
    uint16_t berlin = found("Europe/Berlin");
    const struct zone_span *summer = zone_span_at(berlin, minute_of("2026-05-01 00:00"));
    assert_int_equal(summer->from, minute_of("2026-03-29 01:00"));
    assert_int_equal(summer->to, minute_of("2026-10-25 01:00"));
    assert_int_equal(summer->seen, minute_of("2026-03-29 02:00"));
    const struct zone_span *winter = zone_span_at(berlin, summer->to);
    assert_int_equal(winter->seen, minute_of("2026-10-25 03:00"));
    const struct zone_span *apia =
        zone_span_at(found("Pacific/Apia"), minute_of("2011-12-30 10:00"));
    assert_int_equal(apia->from + apia->offset - apia->seen, 1440);
}

/* Spans follow each other without a hole, and what was seen never becomes less. */
static void test_spans_follow(void **state)
{
    (void)state;
    static const char *const names[] = {"Europe/Berlin",     "America/New_York", "Asia/Gaza",
                                        "Africa/Casablanca", "Africa/Monrovia",  "Pacific/Apia",
                                        "Pacific/Kwajalein", "Africa/El_Aaiun",  "Etc/GMT+5"};
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        uint16_t zone = found(names[i]);
        const struct zone_span *span = zone_span_at(zone, ZONE_BEGIN);
        assert_true(span->from == ZONE_BEGIN);
        while (span->to != ZONE_END) {
            const struct zone_span *next = zone_span_at(zone, span->to);
            assert_true(zone_span_at(zone, span->to - 1) == span);
            assert_true(zone_span_at(zone, span->from) == span);
            assert_true(next->from == span->to && next->from < next->to);
            assert_true(next->offset != span->offset);
            assert_true(next->seen >= span->seen && next->seen >= span->to + span->offset);
            span = next;
        }
        assert_true(zone_span_at(zone, ZONE_END - 1) == span);
    }
}

static size_t read_names(char names[static NAMES_MAX][ZONE_NAME_MAX + 1])
{
    char line[1000];
    size_t count = 0;
    FILE *file = fopen(DIRECTORY "/tzdata.zi", "re");
    assert_non_null(file);
    while (fgets(line, sizeof line, file)) {
        if ((sscanf(line, "Z %64s", names[count]) == 1 ||
             sscanf(line, "L %*s %64s", names[count]) == 1) &&
            strcmp(names[count], "Factory") != 0)
            assert_true(++count < NAMES_MAX);
    }
    fclose(file);
    assert_true(count > 400);
    return count;
}

static void check_offset(const char *name, int64_t at_s, int32_t offset_s)
{
    time_t seconds = (time_t)at_s;
    struct tm tm;
    localtime_r(&seconds, &tm);
    if (tm.tm_gmtoff != offset_s)
        fail_msg("%s at %lld: %d, libc says %ld", name, (long long)at_s, offset_s, tm.tm_gmtoff);
}

/* Every zone there is, against the C library: around each change, and every 20 days. */
static void test_against_libc(void **state)
{
    (void)state;
    static char names[NAMES_MAX][ZONE_NAME_MAX + 1];
    size_t names_count = read_names(names);
    for (size_t i = 0; i < names_count; i++) {
        struct zone_change *changes;
        size_t count;
        char path[200];
        (void)found(names[i]);
        snprintf(path, sizeof path, DIRECTORY "/%.64s", names[i]);
        assert_int_equal(zone_file_read(path, &changes, &count), 0);
        snprintf(path, sizeof path, ":%.64s", names[i]);
        setenv("TZ", path, 1);
        tzset();
        assert_int_equal(changes[0].at_s, 0);
        size_t at = 0;
        for (int64_t at_s = 0; at_s < LAST_S; at_s += 20 * DAY_S) {
            while (at + 1 < count && changes[at + 1].at_s <= at_s)
                at++;
            check_offset(names[i], at_s, changes[at].offset_s);
        }
        for (size_t j = 1; j < count; j++) {
            assert_true(changes[j].at_s > changes[j - 1].at_s);
            assert_true(changes[j].offset_s != changes[j - 1].offset_s);
            check_offset(names[i], changes[j].at_s - 1, changes[j - 1].offset_s);
            check_offset(names[i], changes[j].at_s, changes[j].offset_s);
        }
        free(changes);
    }
    unsetenv("TZ");
    tzset();
}

static int remove_one(const char *path, const struct stat *stat, int type, struct FTW *walk)
{
    (void)stat;
    (void)type;
    (void)walk;
    return remove(path);
}

/*
 * Files that leave to the footer what it can say, say the same. Until 2070: the zic of Debian 12
 * forgets later summers of Gaza there.
 */
static void test_slim_files(void **state)
{
    (void)state;
    static char names[NAMES_MAX][ZONE_NAME_MAX + 1];
    size_t names_count = read_names(names);
    char directory[] = "/tmp/croncoco-zones-XXXXXX";
    assert_non_null(mkdtemp(directory));
    pid_t child = fork();
    if (child == 0) {
        execl("/usr/sbin/zic", "zic", "-b", "slim", "-d", directory, DIRECTORY "/tzdata.zi",
              (char *)NULL);
        _exit(127);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    for (size_t i = 0; i < names_count; i++) {
        struct zone_change *fat;
        struct zone_change *slim;
        size_t fat_count;
        size_t slim_count;
        char path[200];
        snprintf(path, sizeof path, DIRECTORY "/%.64s", names[i]);
        assert_int_equal(zone_file_read(path, &fat, &fat_count), 0);
        snprintf(path, sizeof path, "%s/%.64s", directory, names[i]);
        assert_int_equal(zone_file_read(path, &slim, &slim_count), 0);
        bool same = true;
        for (size_t j = 0; same && j < fat_count && fat[j].at_s < SLIM_LAST_S; j++)
            same = j < slim_count && fat[j].at_s == slim[j].at_s &&
                   fat[j].offset_s == slim[j].offset_s;
        if (!same)
            fail_msg("%s: %zu changes, slim %zu", names[i], fat_count, slim_count);
        free(fat);
        free(slim);
    }
    nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* What a file of version 2 with no times and this footer says. */
static int parse_footer(const char *footer, struct zone_change **changes, size_t *count)
{
    static const uint8_t header[44] = {'T', 'Z', 'i', 'f', '2'};
    uint8_t bytes[400] = {0};
    size_t length = sizeof header;
    memcpy(bytes, header, sizeof header);
    memcpy(bytes + length, header, sizeof header);
    bytes[length + 39] = 1; /* types */
    bytes[length + 43] = 4; /* letters */
    length += sizeof header + 6 + 4;
    length += (size_t)snprintf((char *)bytes + length, sizeof bytes - length, "\n%s", footer);
    uint8_t *exact = sample_exact(bytes, length);
    int status = zone_file_parse(exact, length, changes, count);
    free(exact);
    return status;
}

/* Rules that no zone of today has. */
static void test_footers(void **state)
{
    (void)state;
    static const struct {
        const char *footer;
        size_t count; /* 0: refused */
        struct zone_change changes[CHANGE_MAX];
    } footers[] = {
        {"\n", 1, {{0, 0}}},
        {"ABC-1\n", 1, {{0, 3600}}},
        {"<+0330>-3:30:15\n", 1, {{0, 12615}}},
        /* 1 March and 31 October, the 60th and 304th day where no leap day counts. */
        {"ABC0DEF,J60/0,J304/1\n", 263, {{0, 0}, {5097600, 3600}, {26179200, 0}}},
        /* The same days but in leap years, which 1972 is the first of. */
        {"ABC0DEF,59/0,303/1\n", 263, {{0, 0}, {5097600, 3600}, {26179200, 0}}},
        /* Summer time all year; it ends with the last year. */
        {"EST5EDT,0/0,J365/25\n", 2, {{0, -14400}, {4133998800, -18000}}},
        /* On the southern half 1970 begins in summer. */
        {"ABC0DEF,M10.1.0,M4.1.0/3\n", 263, {{0, 3600}, {8128800, 0}, {23853600, 3600}}},
        {"", 0, {{0}}},
        {"ABC", 0, {{0}}},
        {"ABC\n", 0, {{0}}},
        {"ABC0", 0, {{0}}},
        {"ABC99\n", 0, {{0}}},
        {"ABC0DEF\n", 0, {{0}}},
        {"ABC0DEF,M3.2.0\n", 0, {{0}}},
        {"ABC0DEF,M13.2.0,M4.1.0\n", 0, {{0}}},
        {"ABC0DEF,M3.6.0,M4.1.0\n", 0, {{0}}},
        {"ABC0DEF,M3.1.7,M4.1.0\n", 0, {{0}}},
        {"ABC0DEF,J0,J304/1\n", 0, {{0}}},
        {"ABC0DEF,366,J304/1\n", 0, {{0}}},
        {"ABC0DEF,M3.2.0/168,M4.1.0\n", 0, {{0}}},
        {"<ABC0\n", 0, {{0}}},
        {"ABC0:60\n", 0, {{0}}},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(footers); i++) {
        struct zone_change *changes = NULL;
        size_t count = 0;
        int status = parse_footer(footers[i].footer, &changes, &count);
        bool as_expected =
            status == (footers[i].count ? 0 : -1) && (status || count == footers[i].count);
        for (size_t j = 0; as_expected && j < count && j < CHANGE_MAX - 1; j++)
            as_expected = changes[j].at_s == footers[i].changes[j].at_s &&
                          changes[j].offset_s == footers[i].changes[j].offset_s;
        if (!as_expected) {
            for (size_t j = 0; j < count && j < CHANGE_MAX; j++)
                print_message("%lld %d\n", (long long)changes[j].at_s, changes[j].offset_s);
            fail_msg("\"%s\": %d, %zu changes", footers[i].footer, status, count);
        }
        free(changes);
    }
}

/* Every start of a file, and files with bytes changed: refused or not, nothing is read past them.
 */
static void test_damaged_files(void **state)
{
    (void)state;
    struct sample sample = sample_begin("damaged files");
    static uint8_t bytes[ZONE_FILE_MAX];
    FILE *file = fopen(DIRECTORY "/America/New_York", "re");
    assert_non_null(file);
    size_t length = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    assert_true(length > 500);
    struct zone_change *changes;
    size_t count;
    for (size_t cut = 0; cut < length; cut++) {
        uint8_t *exact = sample_exact(bytes, cut);
        assert_int_equal(zone_file_parse(exact, cut, &changes, &count), -1);
        free(exact);
    }
    for (int i = 0; i < 20000; i++) {
        uint8_t *exact = sample_exact(bytes, length);
        for (uint64_t hits = 1 + sample_below(&sample, 4); hits > 0; hits--)
            exact[sample_below(&sample, sample_below(&sample, 2) ? 200 : length)] =
                (uint8_t)sample_next(&sample);
        if (zone_file_parse(exact, length, &changes, &count) == 0) {
            for (size_t j = 1; j < count; j++)
                assert_true(changes[j].at_s > changes[j - 1].at_s);
            free(changes);
        }
        free(exact);
    }
    assert_int_equal(zone_file_read(DIRECTORY "/zone.tab", &changes, &count), -1);
    assert_int_equal(zone_file_read(DIRECTORY, &changes, &count), -1);
    assert_int_equal(zone_file_read(DIRECTORY "/right/Europe/Berlin", &changes, &count), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),         cmocka_unit_test(test_utc),
        cmocka_unit_test(test_offsets),       cmocka_unit_test(test_spans),
        cmocka_unit_test(test_spans_follow),  cmocka_unit_test(test_against_libc),
        cmocka_unit_test(test_slim_files),    cmocka_unit_test(test_footers),
        cmocka_unit_test(test_damaged_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
