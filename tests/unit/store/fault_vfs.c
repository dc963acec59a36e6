/* See fault_vfs.h. Each file of ours is SQLite's own file behind a table of methods that ask first.
 */
#include "fault_vfs.h"

#include <sqlite3.h>
#include <stdatomic.h>
#include <string.h>

static struct fault armed;
static atomic_bool is_armed;
static atomic_bool has_fired;
static atomic_llong calls_seen;
static disk_cb record;
static void *record_context;
static sqlite3_vfs *below;
static sqlite3_vfs shim;

struct fault_file {
    sqlite3_file base;
    const char *path; /* SQLite keeps it until the file is closed; its own file follows */
};

static sqlite3_file *real_of(sqlite3_file *file)
{
    return (sqlite3_file *)(void *)((struct fault_file *)(void *)file + 1);
}

static int tell(sqlite3_file *file, int code, struct disk_call call)
{
    call.path = ((struct fault_file *)(void *)file)->path;
    if (record != NULL && code == SQLITE_OK && call.path != NULL) {
        record(record_context, &call);
    }
    return code;
}

static bool fires(int call)
{
    if (!atomic_load(&is_armed) || (armed.calls & call) == 0) {
        return false;
    }
    int64_t number = atomic_fetch_add(&calls_seen, 1) + 1;
    bool fire = armed.for_ever ? number >= armed.nth : number == armed.nth;
    if (fire) {
        atomic_store(&has_fired, true);
    }
    return fire;
}

static int x_close(sqlite3_file *file)
{
    return real_of(file)->pMethods->xClose(real_of(file));
}

static int x_read(sqlite3_file *file, void *into, int len, sqlite3_int64 at)
{
    return real_of(file)->pMethods->xRead(real_of(file), into, len, at);
}

static int x_write(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 at)
{
    sqlite3_file *real = real_of(file);
    if (!fires(FAULT_CHANGES)) {
        return tell(
            file, real->pMethods->xWrite(real, bytes, len, at),
            (struct disk_call){.kind = DISK_WRITE, .at = at, .bytes = bytes, .len = (size_t)len});
    }
    switch (armed.kind) {
    case FAULT_NO_SPACE:
        return SQLITE_FULL;
    case FAULT_SHORT_WRITE:
        (void)real->pMethods->xWrite(real, bytes, len / 2, at);
        return SQLITE_FULL;
    case FAULT_IO:
        break;
    }
    return SQLITE_IOERR_WRITE;
}

static int x_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    sqlite3_file *real = real_of(file);
    if (fires(FAULT_CHANGES)) {
        return SQLITE_IOERR_TRUNCATE;
    }
    return tell(file, real->pMethods->xTruncate(real, size),
                (struct disk_call){.kind = DISK_TRUNCATE, .at = size});
}

static int x_sync(sqlite3_file *file, int flags)
{
    sqlite3_file *real = real_of(file);
    if (fires(FAULT_SYNCS)) {
        return SQLITE_IOERR_FSYNC;
    }
    return tell(file, real->pMethods->xSync(real, flags), (struct disk_call){.kind = DISK_SYNC});
}

static int x_file_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return real_of(file)->pMethods->xFileSize(real_of(file), size);
}

static int x_lock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xLock(real_of(file), level);
}

static int x_unlock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int x_check_lock(sqlite3_file *file, int *held)
{
    return real_of(file)->pMethods->xCheckReservedLock(real_of(file), held);
}

static int x_control(sqlite3_file *file, int what, void *argument)
{
    return real_of(file)->pMethods->xFileControl(real_of(file), what, argument);
}

static int x_sector_size(sqlite3_file *file)
{
    return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int x_characteristics(sqlite3_file *file)
{
    return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static int x_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **map)
{
    return real_of(file)->pMethods->xShmMap(real_of(file), page, size, extend, map);
}

static int x_shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
    return real_of(file)->pMethods->xShmLock(real_of(file), offset, count, flags);
}

static void x_shm_barrier(sqlite3_file *file)
{
    real_of(file)->pMethods->xShmBarrier(real_of(file));
}

static int x_shm_unmap(sqlite3_file *file, int also_delete)
{
    return real_of(file)->pMethods->xShmUnmap(real_of(file), also_delete);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2, /* no mmap: every access is seen */
    .xClose = x_close,
    .xRead = x_read,
    .xWrite = x_write,
    .xTruncate = x_truncate,
    .xSync = x_sync,
    .xFileSize = x_file_size,
    .xLock = x_lock,
    .xUnlock = x_unlock,
    .xCheckReservedLock = x_check_lock,
    .xFileControl = x_control,
    .xSectorSize = x_sector_size,
    .xDeviceCharacteristics = x_characteristics,
    .xShmMap = x_shm_map,
    .xShmLock = x_shm_lock,
    .xShmBarrier = x_shm_barrier,
    .xShmUnmap = x_shm_unmap,
};

static int x_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out_flags)
{
    (void)vfs;
    struct fault_file *ours = (struct fault_file *)(void *)file;
    memset(ours, 0, sizeof *ours);
    int code = below->xOpen(below, name, real_of(file), flags, out_flags);
    if (code == SQLITE_OK && real_of(file)->pMethods != NULL) {
        file->pMethods = &methods;
        ours->path = name;
    }
    return code;
}

static int x_delete(sqlite3_vfs *vfs, const char *name, int sync_folder)
{
    (void)vfs;
    int code = below->xDelete(below, name, sync_folder);
    if (record != NULL && code == SQLITE_OK) {
        record(record_context, &(struct disk_call){.kind = DISK_DELETE, .path = name});
    }
    return code;
}

void fault_vfs_install(void)
{
    if (below != NULL) {
        return;
    }
    below = sqlite3_vfs_find(NULL);
    shim = *below;
    shim.pNext = NULL;
    shim.zName = "fault";
    shim.szOsFile = (int)sizeof(struct fault_file) + below->szOsFile;
    shim.xOpen = x_open;
    shim.xDelete = x_delete;
    (void)sqlite3_vfs_register(&shim, 1);
}

void fault_record(disk_cb told, void *context)
{
    record_context = context;
    record = told;
}

void fault_arm(const struct fault *fault)
{
    atomic_store(&is_armed, false);
    armed = *fault;
    atomic_store(&calls_seen, 0);
    atomic_store(&has_fired, false);
    atomic_store(&is_armed, true);
}

bool fault_disarm(void)
{
    atomic_store(&is_armed, false);
    return atomic_load(&has_fired);
}
