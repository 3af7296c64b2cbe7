/* What a power cut leaves of a database: only what was synced.
 *
 * Loaded before everything else (LD_PRELOAD) into a process that writes FOLDER/baton.db and FOLDER/baton.db-wal. Right
 * after each sync of one of them, the file as it then is becomes NAME.durable; what is written later is in the file, and
 * not in that. A kernel may have written more than it was asked to, so this is the most that a disk may have lost.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int is_ours(const char *path) {
    const char *name = strrchr(path, '/');
    return name != NULL && (strcmp(name, "/baton.db") == 0 || strcmp(name, "/baton.db-wal") == 0);
}

static void keep(int file) {
    char link[64], path[PATH_MAX], kept[PATH_MAX + 16], partial[PATH_MAX + 32], page[65536];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0)
        return;
    path[length] = 0;
    if (!is_ours(path))
        return;
    snprintf(kept, sizeof kept, "%s.durable", path);
    snprintf(partial, sizeof partial, "%s.partial", kept);
    int copy = open(partial, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (copy < 0)
        return;
    off_t at = 0;
    ssize_t got;
    while ((got = pread(file, page, sizeof page, at)) > 0) {
        if (write(copy, page, got) != got)
            break;
        at += got;
    }
    close(copy);
    rename(partial, kept); /* whole or not at all, whenever the process is killed */
}

int fdatasync(int file) {
    static int (*real)(int);
    if (real == NULL)
        real = dlsym(RTLD_NEXT, "fdatasync");
    int result = real(file);
    if (result == 0)
        keep(file);
    return result;
}

int fsync(int file) {
    static int (*real)(int);
    if (real == NULL)
        real = dlsym(RTLD_NEXT, "fsync");
    int result = real(file);
    if (result == 0)
        keep(file);
    return result;
}
