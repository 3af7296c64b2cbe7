/* A disk on which a database cannot be written for a while.
 *
 * Loaded before everything else (LD_PRELOAD). While there is a file FOLDER/fault, every write to, or sync of,
 * FOLDER/baton.db and FOLDER/baton.db-wal fails as it says: "full" (ENOSPC), "read-only" (EROFS), "sync" (EIO, of syncs
 * only). Each failure adds a byte to FOLDER/fired.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static int fault_of(int file, int syncing) {
    char link[64], path[PATH_MAX], said[16] = "";
    int before = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    errno = before;
    if (length <= 0)
        return 0;
    path[length] = 0;
    char *name = strrchr(path, '/');
    if (name == NULL || (strcmp(name, "/baton.db") != 0 && strcmp(name, "/baton.db-wal") != 0))
        return 0;
    strcpy(name, "/fault");
    int fault = open(path, O_RDONLY);
    errno = before;
    if (fault < 0)
        return 0;
    ssize_t got = read(fault, said, sizeof said - 1);
    close(fault);
    said[got > 0 ? got : 0] = 0;
    int code = strcmp(said, "full") == 0 ? ENOSPC : strcmp(said, "read-only") == 0 ? EROFS : 0;
    if (strcmp(said, "sync") == 0 && syncing)
        code = EIO;
    if (code != 0) {
        strcpy(name, "/fired");
        int fired = open(path, O_WRONLY | O_APPEND | O_CREAT, 0644);
        if (fired >= 0) {
            if (write(fired, "x", 1) < 0)
                code = EIO;
            close(fired);
        }
    }
    errno = before;
    return code;
}

#define REAL(type, name, ...) \
    static type (*real)(__VA_ARGS__); \
    if (real == NULL) \
        real = dlsym(RTLD_NEXT, name);

#define FAIL(file, syncing) \
    int code = fault_of(file, syncing); \
    if (code != 0) { \
        errno = code; \
        return -1; \
    }

ssize_t pwrite(int file, const void *data, size_t size, off_t at) {
    REAL(ssize_t, "pwrite", int, const void *, size_t, off_t)
    FAIL(file, 0)
    return real(file, data, size, at);
}

ssize_t pwrite64(int file, const void *data, size_t size, off64_t at) {
    REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t)
    FAIL(file, 0)
    return real(file, data, size, at);
}

ssize_t write(int file, const void *data, size_t size) {
    REAL(ssize_t, "write", int, const void *, size_t)
    FAIL(file, 0)
    return real(file, data, size);
}

int ftruncate64(int file, off64_t size) {
    REAL(int, "ftruncate64", int, off64_t)
    FAIL(file, 0)
    return real(file, size);
}

int fdatasync(int file) {
    REAL(int, "fdatasync", int)
    FAIL(file, 1)
    return real(file);
}

int fsync(int file) {
    REAL(int, "fsync", int)
    FAIL(file, 1)
    return real(file);
}
