#include "mailer/maildir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/memory.h"

/* A file name has 255 bytes at most, and a long address alone would fill them. */
#define ADDRESS_SHOWN_MAX 120
#define FILE_NAME_SIZE    256

struct writing {
    uv_work_t work; /* data: this */
    const char *directory;
    const char *message;
    size_t length;
    transport_done_cb *on_done;
    void *arg;
    int error; /* an errno; 0: written */
    char name[FILE_NAME_SIZE];
};

int maildir_check(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return errno;
    if (!S_ISDIR(status.st_mode))
        return ENOTDIR;
    return access(path, W_OK | X_OK) == 0 ? 0 : errno;
}

/* Letters, digits and a few signs as they are; whatever else could leave the directory as _. */
static void make_name(const struct mail *mail, char name[static FILE_NAME_SIZE])
{
    char time[CLOCK_TEXT_SIZE];
    int length =
        snprintf(name, FILE_NAME_SIZE, "%s-%s-%.*s-%s.eml", clock_format_ms(time, mail->created_ms),
                 mail_kind_name(mail->kind), ADDRESS_SHOWN_MAX, mail->to, mail->id);
    INVARIANT(length > 0 && length < FILE_NAME_SIZE);
    for (char *c = name; *c; c++) {
        bool fine = (*c >= '0' && *c <= '9') || (*c >= 'a' && *c <= 'z') ||
                    (*c >= 'A' && *c <= 'Z') || strchr("@._+-", *c);
        if (!fine)
            *c = '_';
    }
}

static int write_all(int file, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t written = write(file, bytes, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return errno;
        bytes += written;
        length -= (size_t)written;
    }
    return fsync(file) == 0 ? 0 : errno;
}

static int write_file(int directory, const struct writing *writing)
{
    char temporary[FILE_NAME_SIZE + 8];
    snprintf(temporary, sizeof temporary, ".%s", writing->name);
    int file = openat(directory, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0)
        return errno;
    int error = write_all(file, writing->message, writing->length);
    if (close(file) != 0 && error == 0)
        error = errno;
    if (error == 0 && renameat(directory, temporary, directory, writing->name) != 0)
        error = errno;
    if (error != 0)
        unlinkat(directory, temporary, 0);
    else if (fsync(directory) != 0)
        error = errno;
    return error;
}

static void on_work(uv_work_t *work)
{
    struct writing *writing = work->data;
    int directory = open(writing->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) {
        writing->error = errno;
        return;
    }
    writing->error = write_file(directory, writing);
    close(directory);
}

static void on_worked(uv_work_t *work, int status)
{
    struct writing *writing = work->data;
    INVARIANT(status == 0);
    struct transport_result result = {TRANSPORT_ACCEPTED, 0, ""};
    if (writing->error)
        result = (struct transport_result){TRANSPORT_LATER, writing->error, "file not written"};
    transport_done_cb *on_done = writing->on_done;
    void *arg = writing->arg;
    free(writing);
    on_done(arg, &result);
}

void maildir_write(uv_loop_t *loop, const char *path, const struct mail *mail, const char *message,
                   size_t length, transport_done_cb *on_done, void *arg)
{
    struct writing *writing = memory_new(1, sizeof *writing);
    writing->work.data = writing;
    writing->directory = path;
    writing->message = message;
    writing->length = length;
    writing->on_done = on_done;
    writing->arg = arg;
    make_name(mail, writing->name);
    int error = uv_queue_work(loop, &writing->work, on_work, on_worked);
    INVARIANT(error == 0);
}
