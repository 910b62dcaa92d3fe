#include "cli/settings.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define HOME "/tmp/cronpulse-home-XXXXXX"

static char home[sizeof HOME];
static char folder[sizeof home + 32];
static char path[sizeof home + 32];

static int make_home(void **state)
{
    (void)state;
    memcpy(home, HOME, sizeof HOME);
    assert_non_null(mkdtemp(home));
    snprintf(folder, sizeof folder, "%s/.cronpulse", home);
    snprintf(path, sizeof path, "%s/.cronpulse/config.json", home);
    setenv("HOME", home, 1);
    unsetenv(SETTINGS_SERVER);
    unsetenv(SETTINGS_API_KEY);
    return 0;
}

static int remove_home(void **state)
{
    (void)state;
    unlink(path);
    rmdir(path);
    rmdir(folder);
    return rmdir(home); /* fails where something was left behind */
}

static void write_file(const char *text, mode_t mode)
{
    mkdir(folder, 0755);
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);
    assert_true(file >= 0);
    assert_int_equal(fchmod(file, mode), 0);
    assert_int_equal(write(file, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(close(file), 0);
}

static struct settings loaded(void)
{
    struct settings settings;
    char error[SETTINGS_ERROR_SIZE] = "";
    if (settings_load(&settings, error))
        fail_msg("%s", error);
    return settings;
}

static mode_t mode_of(const char *name)
{
    struct stat status;
    assert_int_equal(stat(name, &status), 0);
    return status.st_mode & 07777;
}

static void change(const char *server, const char *api_key)
{
    char error[CONFIG_FILE_ERROR_SIZE] = "";
    if (config_file_change(path, server, api_key, error))
        fail_msg("%s", error);
}

static void without_anything_the_defaults_hold(void **state)
{
    (void)state;
    struct settings settings = loaded();
    assert_string_equal(settings.server.base, SERVER_ADDRESS_DEFAULT);
    assert_int_equal(settings.server_origin, ORIGIN_DEFAULT);
    assert_string_equal(settings.api_key, "");
    assert_string_equal(settings.path, path);
    assert_int_equal(access(folder, F_OK), -1); /* reading makes nothing */
}

static void the_environment_goes_before_the_file(void **state)
{
    (void)state;
    change("https://file.example.com", "cpk_file");
    struct settings settings = loaded();
    assert_string_equal(settings.server.base, "https://file.example.com");
    assert_int_equal(settings.server_origin, ORIGIN_FILE);
    assert_string_equal(settings.api_key, "cpk_file");
    assert_int_equal(settings.api_key_origin, ORIGIN_FILE);

    setenv(SETTINGS_SERVER, "http://localhost:1", 1);
    setenv(SETTINGS_API_KEY, "", 1); /* as if it were not set */
    settings = loaded();
    assert_string_equal(settings.server.base, "http://localhost:1");
    assert_int_equal(settings.server_origin, ORIGIN_ENVIRONMENT);
    assert_string_equal(settings.api_key, "cpk_file");

    setenv(SETTINGS_API_KEY, "cpk_environment", 1);
    settings = loaded();
    assert_string_equal(settings.api_key, "cpk_environment");
    assert_int_equal(settings.api_key_origin, ORIGIN_ENVIRONMENT);
}

static void only_its_owner_may_read_what_is_written(void **state)
{
    (void)state;
    mode_t before = umask(0);
    change("https://a.example.com", NULL);
    assert_int_equal(mode_of(folder), 0700);
    assert_int_equal(mode_of(path), 0600);
    assert_false(loaded().exposed);

    assert_int_equal(chmod(folder, 0755), 0);
    assert_int_equal(chmod(path, 0644), 0);
    assert_true(loaded().exposed);
    change(NULL, "cpk_x");
    assert_int_equal(mode_of(folder), 0700);
    assert_int_equal(mode_of(path), 0600);
    umask(before);
}

static void a_change_leaves_the_rest_alone(void **state)
{
    (void)state;
    write_file("{\"api_key\":\"cpk_x\",\"theirs\":{\"a\":[1]}}", 0600);
    change("https://a.example.com", NULL);
    struct settings settings = loaded();
    assert_string_equal(settings.server.base, "https://a.example.com");
    assert_string_equal(settings.api_key, "cpk_x");
    change("", "");
    settings = loaded();
    assert_int_equal(settings.server_origin, ORIGIN_DEFAULT);
    assert_string_equal(settings.api_key, "");

    struct config_file file;
    char error[CONFIG_FILE_ERROR_SIZE];
    assert_int_equal(config_file_read(path, &file, error), 0);
    assert_non_null(cJSON_GetObjectItemCaseSensitive(file.tree, "theirs"));
    config_file_free(&file);
}

static void broken_files_are_told_and_kept(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "{",
                                        "[]",
                                        "{\"server\":1}",
                                        "{\"api_key\":null}",
                                        "{\"server\":\"nowhere\"}",
                                        "{\"api_key\":\"with space\"}",
                                        "{} x"};
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        struct settings settings;
        char error[SETTINGS_ERROR_SIZE] = "";
        write_file(texts[i], 0600);
        assert_int_equal(settings_load(&settings, error), -1);
        assert_non_null(strstr(error, path));
    }
    write_file("{", 0600);
    char error[CONFIG_FILE_ERROR_SIZE];
    assert_int_equal(config_file_change(path, NULL, "cpk_x", error), -1);
    char kept[8] = "";
    int file = open(path, O_RDONLY);
    assert_int_equal(read(file, kept, sizeof kept), 1);
    close(file);
}

static void what_is_no_file_is_refused(void **state)
{
    (void)state;
    struct settings settings;
    char error[SETTINGS_ERROR_SIZE] = "";
    assert_int_equal(mkdir(folder, 0700), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(settings_load(&settings, error), -1);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0); /* and nothing waits for a writer */
    assert_int_equal(settings_load(&settings, error), -1);
}

static void a_failed_write_is_told(void **state)
{
    (void)state;
    char error[CONFIG_FILE_ERROR_SIZE] = "";
    int file = open(folder, O_WRONLY | O_CREAT, 0600); /* a file where the folder should be */
    assert_true(file >= 0);
    close(file);
    assert_int_equal(config_file_change(path, "https://a.example.com", NULL, error), -1);
    assert_non_null(strstr(error, "cannot write"));
    assert_int_equal(unlink(folder), 0); /* and remove_home finds nothing else */
    assert_int_equal(mkdir(folder, 0700), 0);
}

static void keys_are_masked(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"cpk_0123456789abcdef", "cpk_****cdef"},
        {"coco_0123456789abcdef", "coco_****cdef"},
        {"0123456789abcdef", "****cdef"},
        {"a-long-prefix_0123456789", "****6789"},
        {"short", "****"},
        {"cpk_0123456789a", "****"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        char masked[API_KEY_MAX + 1];
        settings_mask(rows[i][0], masked);
        assert_string_equal(masked, rows[i][1]);
    }
}

static void keys_that_fit_into_a_header_are_valid(void **state)
{
    (void)state;
    char key[API_KEY_MAX + 2];
    memset(key, 'k', sizeof key);
    key[API_KEY_MAX + 1] = '\0';
    assert_false(settings_api_key_valid(key));
    key[API_KEY_MAX] = '\0';
    assert_true(settings_api_key_valid(key));
    assert_true(settings_api_key_valid("cpk_your_key_here"));
    assert_false(settings_api_key_valid(""));
    assert_false(settings_api_key_valid("a b"));
    assert_false(settings_api_key_valid("a\r\nX: y"));
    assert_false(settings_api_key_valid("k\xc3\xa4"));
}

#define IN_A_HOME(test) cmocka_unit_test_setup_teardown(test, make_home, remove_home)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_HOME(without_anything_the_defaults_hold),
        IN_A_HOME(the_environment_goes_before_the_file),
        IN_A_HOME(only_its_owner_may_read_what_is_written),
        IN_A_HOME(a_change_leaves_the_rest_alone),
        IN_A_HOME(broken_files_are_told_and_kept),
        IN_A_HOME(what_is_no_file_is_refused),
        IN_A_HOME(a_failed_write_is_told),
        cmocka_unit_test(keys_are_masked),
        cmocka_unit_test(keys_that_fit_into_a_header_are_valid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
