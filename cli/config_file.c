#include "cli/config_file.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/json.h"

#define FILE_MAX  65536 /* bytes of a configuration that is taken for one */
#define NAME      "/config.json"
#define SERVER    "server"
#define API_KEY   "api_key"
#define OTHERS    (S_IRWXG | S_IRWXO)
#define TEMPORARY "/.config.json.XXXXXX"

#define FAIL(error, ...) (snprintf((error), CONFIG_FILE_ERROR_SIZE, __VA_ARGS__), -1)

int config_file_path(char path[static PATH_MAX], char error[static CONFIG_FILE_ERROR_SIZE])
{
    const char *home = getenv("HOME");
    if (!home || !*home) {
        const struct passwd *user = getpwuid(getuid());
        home = user ? user->pw_dir : NULL;
    }
    if (!home || !*home)
        return FAIL(error, "there is no home directory for the configuration: set HOME");
    int length = snprintf(path, PATH_MAX, "%s/.cronpulse%s", home, NAME);
    return length < PATH_MAX ? 0 : FAIL(error, "the home directory's path is too long");
}

static int take_member(struct config_file *file, const char *name, const char **member)
{
    *member = json_text(file->tree, name);
    return *member || !cJSON_GetObjectItemCaseSensitive(file->tree, name) ? 0 : -1;
}

static int parse(const char *path, const char *bytes, size_t length, struct config_file *file,
                 char error[static CONFIG_FILE_ERROR_SIZE])
{
    char problem[JSON_ERROR_SIZE];
    file->tree = json_parse(bytes, length, problem);
    if (!file->tree)
        return FAIL(error, "%s is not valid JSON (%s): correct it, or remove it", path, problem);
    const char *wrong = NULL;
    if (!cJSON_IsObject(file->tree))
        wrong = "the whole";
    else if (take_member(file, SERVER, &file->server))
        wrong = SERVER;
    else if (take_member(file, API_KEY, &file->api_key))
        wrong = API_KEY;
    if (!wrong)
        return 0;
    cJSON_Delete(file->tree);
    return FAIL(error, "%s: %s is not what it should be: correct the file, or remove it", path,
                wrong);
}

static int read_open(const char *path, int descriptor, struct config_file *file,
                     char error[static CONFIG_FILE_ERROR_SIZE])
{
    struct stat status;
    if (fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode))
        return FAIL(error, "%s is no file", path);
    file->exposed = (status.st_mode & OTHERS) != 0;
    char *bytes = malloc(FILE_MAX);
    ssize_t length = bytes ? read(descriptor, bytes, FILE_MAX) : -1;
    int outcome;
    if (length < 0)
        outcome = FAIL(error, "cannot read %s: %s", path, strerror(errno));
    else if (length == FILE_MAX)
        outcome = FAIL(error, "%s is too large to be a configuration", path);
    else
        outcome = parse(path, bytes, (size_t)length, file, error);
    free(bytes);
    return outcome;
}

int config_file_read(const char *path, struct config_file *file,
                     char error[static CONFIG_FILE_ERROR_SIZE])
{
    *file = (struct config_file){0};
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (descriptor < 0 && (errno == ENOENT || errno == ENOTDIR)) {
        file->tree = cJSON_CreateObject();
        return file->tree ? 0 : FAIL(error, "out of memory");
    }
    if (descriptor < 0)
        return FAIL(error, "cannot read %s: %s", path, strerror(errno));
    int outcome = read_open(path, descriptor, file, error);
    close(descriptor);
    return outcome;
}

void config_file_free(struct config_file *file)
{
    cJSON_Delete(file->tree);
    *file = (struct config_file){0};
}

static int set_member(cJSON *tree, const char *name, const char *value)
{
    if (!value)
        return 0;
    cJSON_DeleteItemFromObjectCaseSensitive(tree, name);
    return !*value || cJSON_AddStringToObject(tree, name, value) ? 0 : -1;
}

static int write_all(int descriptor, const char *text)
{
    size_t left = strlen(text);
    while (left > 0) {
        ssize_t written = write(descriptor, text, left);
        if (written < 0)
            return -1;
        text += written;
        left -= (size_t)written;
    }
    return fsync(descriptor);
}

/* A new file beside the old one takes its place, so a reader sees the one or the other. */
static int replace(const char *folder, const char *path, const char *text)
{
    char temporary[PATH_MAX + sizeof TEMPORARY];
    snprintf(temporary, sizeof temporary, "%s%s", folder, TEMPORARY);
    int descriptor = mkostemp(temporary, O_CLOEXEC);
    if (descriptor < 0)
        return -1;
    int outcome = fchmod(descriptor, S_IRUSR | S_IWUSR) || write_all(descriptor, text);
    outcome |= close(descriptor);
    if (outcome == 0 && rename(temporary, path) == 0)
        return 0;
    int problem = errno;
    unlink(temporary);
    errno = problem;
    return -1;
}

static int make_folder(const char *folder)
{
    if (mkdir(folder, S_IRWXU) != 0 && errno != EEXIST)
        return -1;
    return chmod(folder, S_IRWXU);
}

static int write_tree(const char *path, const cJSON *tree,
                      char error[static CONFIG_FILE_ERROR_SIZE])
{
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%.*s", (int)(strlen(path) - strlen(NAME)), path);
    char *json = cJSON_Print(tree);
    if (!json)
        return FAIL(error, "out of memory");
    struct buffer text = BUFFER_EMPTY;
    buffer_format(&text, "%s\n", json);
    cJSON_free(json);
    int outcome = make_folder(folder) || replace(folder, path, text.data);
    buffer_free(&text);
    return outcome == 0 ? 0 : FAIL(error, "cannot write %s: %s", path, strerror(errno));
}

int config_file_change(const char *path, const char *server, const char *api_key,
                       char error[static CONFIG_FILE_ERROR_SIZE])
{
    struct config_file file;
    if (config_file_read(path, &file, error))
        return -1;
    int outcome = set_member(file.tree, SERVER, server) || set_member(file.tree, API_KEY, api_key)
                      ? FAIL(error, "out of memory")
                      : write_tree(path, file.tree, error);
    config_file_free(&file);
    return outcome;
}
