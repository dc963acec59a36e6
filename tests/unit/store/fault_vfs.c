/* See fault_vfs.h: what changes a file asks first. */
#include "fault_vfs.h"

#include <stdatomic.h>

#include "shim_vfs.h"

static struct fault armed;
static atomic_bool is_armed;
static atomic_bool has_fired;
static atomic_llong calls_seen;
static disk_cb record;
static void *record_context;
static sqlite3_vfs *below;
static sqlite3_vfs shim;

static int tell(sqlite3_file *file, int code, struct disk_call call)
{
    call.path = own_of(file); /* SQLite keeps it until the file is closed */
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

static const sqlite3_io_methods methods = {SHIM_METHODS, .xWrite = x_write, .xTruncate = x_truncate,
                                           .xSync = x_sync};

static int x_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out_flags)
{
    (void)vfs;
    int code = shim_open(below, name, file, flags, out_flags);
    if (code == SQLITE_OK) {
        shim_take(file, &methods, (void *)(uintptr_t)name);
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
    below = shim_below(&shim, "fault");
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
