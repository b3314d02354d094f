/* file.c - see file.h. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static const char *look_at(int fd, struct stat *out)
{
    if (fd < 0 || fstat(fd, out) != 0)
        return strerrordesc_np(errno);
    errno = 0;
    if (S_ISFIFO(out->st_mode))
        return "is no regular file but a pipe, whose writer would be waited for";
    return S_ISREG(out->st_mode) ? NULL : "is no regular file";
}

int file_open(const char *path, struct stat *out, const char **why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    *why = look_at(fd, out);
    if (*why == NULL || fd < 0)
        return fd;
    int error = errno;
    (void)close(fd);
    errno = error;
    return -1;
}

bool file_is_pipe(const char *path)
{
    struct stat file;
    return stat(path, &file) == 0 && S_ISFIFO(file.st_mode);
}
