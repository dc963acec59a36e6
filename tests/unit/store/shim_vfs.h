/* What a VFS over SQLite's own passes through: each file is SQLite's own file behind a table of
 * methods. Whoever includes this (fault_vfs.c, the simulator's disk.c) takes the table, puts its
 * own calls in the place of some, and opens files with it. */
#ifndef TESTS_STORE_SHIM_VFS_H
#define TESTS_STORE_SHIM_VFS_H

#include <sqlite3.h>

struct shim_file {
    sqlite3_file base;
    void *own; /* of who included this; SQLite's own file follows */
};

static sqlite3_file *real_of(sqlite3_file *file)
{
    return (sqlite3_file *)(void *)((struct shim_file *)(void *)file + 1);
}

static void *own_of(sqlite3_file *file)
{
    return ((struct shim_file *)(void *)file)->own;
}

static int shim_close(sqlite3_file *file)
{
    return real_of(file)->pMethods->xClose(real_of(file));
}

static int shim_read(sqlite3_file *file, void *into, int len, sqlite3_int64 at)
{
    return real_of(file)->pMethods->xRead(real_of(file), into, len, at);
}

static int shim_file_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return real_of(file)->pMethods->xFileSize(real_of(file), size);
}

static int shim_lock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xLock(real_of(file), level);
}

static int shim_unlock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int shim_check_lock(sqlite3_file *file, int *held)
{
    return real_of(file)->pMethods->xCheckReservedLock(real_of(file), held);
}

static int shim_control(sqlite3_file *file, int what, void *argument)
{
    return real_of(file)->pMethods->xFileControl(real_of(file), what, argument);
}

static int shim_sector_size(sqlite3_file *file)
{
    return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int shim_characteristics(sqlite3_file *file)
{
    return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static int shim_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **map)
{
    return real_of(file)->pMethods->xShmMap(real_of(file), page, size, extend, map);
}

static int shim_shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
    return real_of(file)->pMethods->xShmLock(real_of(file), offset, count, flags);
}

static void shim_shm_barrier(sqlite3_file *file)
{
    real_of(file)->pMethods->xShmBarrier(real_of(file));
}

static int shim_shm_unmap(sqlite3_file *file, int also_delete)
{
    return real_of(file)->pMethods->xShmUnmap(real_of(file), also_delete);
}

/* The initializers of a table whose xWrite, xTruncate and xSync are to be named beside it. */
#define SHIM_METHODS                                                                               \
    .iVersion = 2, /* no mmap: every access is seen */                                             \
        .xClose = shim_close, .xRead = shim_read, .xFileSize = shim_file_size, .xLock = shim_lock, \
    .xUnlock = shim_unlock, .xCheckReservedLock = shim_check_lock, .xFileControl = shim_control,   \
    .xSectorSize = shim_sector_size, .xDeviceCharacteristics = shim_characteristics,               \
    .xShmMap = shim_shm_map, .xShmLock = shim_shm_lock, .xShmBarrier = shim_shm_barrier,           \
    .xShmUnmap = shim_shm_unmap

/* Opens by the VFS below; a file that is open has these methods. */
static int shim_open(sqlite3_vfs *below, const char *name, sqlite3_file *file, int flags,
                     int *out_flags)
{
    *(struct shim_file *)(void *)file = (struct shim_file){.own = NULL};
    return below->xOpen(below, name, real_of(file), flags, out_flags);
}

static void shim_take(sqlite3_file *file, const sqlite3_io_methods *methods, void *own)
{
    if (real_of(file)->pMethods != NULL) {
        file->pMethods = methods;
        ((struct shim_file *)(void *)file)->own = own;
    }
}

/* `shim` becomes a copy of the default one with files of ours. */
static sqlite3_vfs *shim_below(sqlite3_vfs *shim, const char *name)
{
    sqlite3_vfs *below = sqlite3_vfs_find(NULL);
    *shim = *below;
    shim->pNext = NULL;
    shim->zName = name;
    shim->szOsFile = (int)sizeof(struct shim_file) + below->szOsFile;
    return below;
}

#endif
