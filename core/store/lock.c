/* The lock on the data folder: flock on its file LOCK, which also says who holds it. The kernel
 * drops it with the process, so that nothing stale stays after a crash. Any thread. */
#include "lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

static void holder_text(int fd, char *out, size_t size)
{
    ssize_t got = pread(fd, out, size - 1, 0);
    out[got > 0 ? got : 0] = '\0';
    for (char *c = out; *c != '\0'; c++) {
        if (*c < '0' || *c > '9') {
            *c = '\0';
            break;
        }
    }
}

/* For people only: nobody relies on the number, so that a full disk does not keep us from starting.
 */
static void note_holder(int fd)
{
    char text[32];
    int len = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) == 0) {
        ssize_t put = pwrite(fd, text, (size_t)len, 0);
        (void)put;
    }
}

enum err folder_lock(const char *folder, int *out_fd, struct error *error)
{
    struct buf path;
    buf_init(&path);
    buf_printf(&path, "%s/LOCK", folder);
    enum err err = OK;
    int fd = open(buf_cstr(&path), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        err = error_set(error, ERR_IO, "opening %s: %s", buf_cstr(&path), strerror(errno));
    } else if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        char holder[32];
        holder_text(fd, holder, sizeof holder);
        err = errno == EWOULDBLOCK
                  ? error_set(error, ERR_LOCKED,
                              "%s is open in another process%s%s: stop it, or use its socket",
                              folder, holder[0] != '\0' ? ", number " : "", holder)
                  : error_set(error, ERR_IO, "locking %s: %s", buf_cstr(&path), strerror(errno));
        (void)close(fd);
    } else {
        note_holder(fd);
        *out_fd = fd;
    }
    buf_deinit(&path);
    return err;
}

void folder_unlock(int fd)
{
    if (fd >= 0) {
        (void)close(fd);
    }
}
