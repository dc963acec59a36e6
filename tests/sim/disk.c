/* The disk under SQLite: remembers of each file what was written since its last sync, so that the
 * power can be lost between two lives; fails for a while, and kills the process, at planned calls.
 * The other calls are the system's own. */
#include "sim.h"

#include "../unit/store/shim_vfs.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../core/store/driver.h"

enum { SECTOR = 512, REGION_BYTES = 96 << 20, EXIT_KILLED = 42, WRITES_MAX = 200000 };

static struct sim_machine *machine;
static sqlite3_vfs *below;
static sqlite3_vfs shim;

/* One write since the last sync, in sim_file.unsynced: this, the old bytes, the new bytes. A
 * truncate has no new bytes. */
struct unsynced {
    int64_t at, size_before, size_after;
    size_t old_len, new_len;
};

/* ---- which file ---- */

static struct sim_file *find_file(const char *path)
{
    const char *name = path != NULL ? strrchr(path, '/') : NULL;
    if (name == NULL) {
        return NULL;
    }
    for (int i = 0; i < SIM_DISK_FILES; i++) {
        struct sim_file *file = &machine->files[i];
        if (file->name[0] == '\0') {
            (void)snprintf(file->name, sizeof(file->name), "%s", name + 1);
        }
        if (strcmp(file->name, name + 1) == 0) {
            return file;
        }
    }
    return NULL;
}

/* NULL: of no interest. */
static struct sim_file *sim_file_of(sqlite3_file *file)
{
    return own_of(file);
}

/* ---- what each call of the disk passes ---- */

static void trace_bytes(const void *bytes, size_t len)
{
    const unsigned char *at = bytes;
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ at[i]) * 0x100000001b3u;
    }
    machine_trace(machine, hash);
}

/* The fault that this call meets. */
static enum sim_fault next_call(void)
{
    int64_t call = ++machine->disk_calls;
    if (call == machine->kill_at_call) {
        _exit(EXIT_KILLED);
    }
    if (machine->fault == SIM_FAULT_NONE || call < machine->fault_from ||
        call >= machine->fault_until) {
        return SIM_FAULT_NONE;
    }
    return machine->fault;
}

static int given(int code)
{
    machine->faults_given++;
    machine_trace(machine, (uint64_t)code);
    return code;
}

static int fails(bool sync)
{
    switch (next_call()) {
    case SIM_FAULT_NONE:
        break;
    case SIM_FAULT_FULL:
        return sync ? SQLITE_OK : given(SQLITE_FULL);
    case SIM_FAULT_IO:
        return sync ? SQLITE_OK : given(SQLITE_IOERR_WRITE);
    case SIM_FAULT_SYNC:
        return sync ? given(SQLITE_IOERR_FSYNC) : SQLITE_OK;
    }
    return SQLITE_OK;
}

static void remember(sqlite3_file *handle, int64_t at, const void *bytes, size_t len,
                     int64_t size_after)
{
    struct sim_file *file = sim_file_of(handle);
    sqlite3_int64 size = 0;
    if (file == NULL) {
        return;
    }
    (void)real_of(handle)->pMethods->xFileSize(real_of(handle), &size);
    size_t old_len = bytes != NULL ? len : (size_t)MAX(0, size - at);
    if (at + (int64_t)old_len > size) {
        old_len = (size_t)MAX(0, size - at);
    }
    struct unsynced write = {.at = at,
                             .size_before = size,
                             .size_after = MAX(size_after, bytes != NULL ? size : 0),
                             .old_len = old_len,
                             .new_len = bytes != NULL ? len : 0};
    size_t bytes_needed = sizeof(write) + old_len + write.new_len;
    ASSERT(file->used + bytes_needed <= REGION_BYTES);
    char *to = file->unsynced + file->used;
    memcpy(to, &write, sizeof(write));
    (void)real_of(handle)->pMethods->xRead(real_of(handle), to + sizeof(write), (int)old_len, at);
    if (bytes != NULL) {
        memcpy(to + sizeof(write) + old_len, bytes, len);
    }
    file->used += bytes_needed;
}

/* ---- SQLite's methods ---- */

static int x_write(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 at)
{
    int code = fails(false);
    if (code != SQLITE_OK) {
        return code;
    }
    machine_trace(machine, (uint64_t)at);
    trace_bytes(bytes, (size_t)len);
    remember(file, at, bytes, (size_t)len, at + len);
    return real_of(file)->pMethods->xWrite(real_of(file), bytes, len, at);
}

static int x_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    int code = fails(false);
    if (code != SQLITE_OK) {
        return code == SQLITE_FULL ? SQLITE_IOERR_TRUNCATE : code;
    }
    remember(file, size, NULL, 0, size);
    return real_of(file)->pMethods->xTruncate(real_of(file), size);
}

static int x_sync(sqlite3_file *file, int flags)
{
    int code = fails(true);
    if (code != SQLITE_OK) {
        return code;
    }
    code = real_of(file)->pMethods->xSync(real_of(file), flags);
    if (code == SQLITE_OK && sim_file_of(file) != NULL && !machine->lying) {
        sim_file_of(file)->used = 0;
    }
    return code;
}

static const sqlite3_io_methods methods = {SHIM_METHODS, .xWrite = x_write, .xTruncate = x_truncate,
                                           .xSync = x_sync};

static int x_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out_flags)
{
    (void)vfs;
    int code = shim_open(below, name, file, flags, out_flags);
    if (code == SQLITE_OK) {
        shim_take(file, &methods, find_file(name));
    }
    return code;
}

/* SQLite syncs the folder after it has deleted a journal. */
static int x_delete(sqlite3_vfs *vfs, const char *name, int sync_folder)
{
    (void)vfs;
    struct sim_file *file = find_file(name);
    int code = below->xDelete(below, name, sync_folder);
    if (code == SQLITE_OK && file != NULL) {
        file->used = 0;
    }
    return code;
}

static int x_randomness(sqlite3_vfs *vfs, int len, char *out)
{
    (void)vfs;
    for (int i = 0; i < len; i++) {
        out[i] = (char)chance_next(&machine->random);
    }
    return len;
}

static int x_current_time(sqlite3_vfs *vfs, sqlite3_int64 *out_ms)
{
    (void)vfs;
    static const int64_t unix_epoch_ms = INT64_C(24405875) * 8640000;
    *out_ms = machine->wall_ms + unix_epoch_ms;
    return SQLITE_OK;
}

/* While SQLite waits for a reader, nobody else runs: it would wait in vain. */
static int x_sleep(sqlite3_vfs *vfs, int microseconds)
{
    (void)vfs;
    return microseconds;
}

void disk_install(struct sim_machine *of)
{
    machine = of;
    if (below != NULL) {
        return;
    }
    below = shim_below(&shim, "sim");
    shim.xOpen = x_open;
    shim.xDelete = x_delete;
    shim.xRandomness = x_randomness;
    shim.xCurrentTimeInt64 = x_current_time;
    shim.xSleep = x_sleep;
    (void)sqlite3_vfs_register(&shim, 1);
}

/* ---- commits (linked in the place of the store's own call) ---- */

enum err __real_db_commit(struct db *db, struct error *error);
enum err __wrap_db_commit(struct db *db, struct error *error);

enum err __wrap_db_commit(struct db *db, struct error *error)
{
    enum err err = __real_db_commit(db, error);
    static int64_t wal_before;
    int64_t wal_bytes = db_wal_bytes(db);
    bool wrote = wal_bytes != wal_before; /* an empty one is no progress */
    wal_before = wal_bytes;
    bool counts = machine != NULL && machine->serving && err == OK && wrote;
    if (counts && ++machine->commits == machine->kill_at_commit) {
        _exit(EXIT_KILLED); /* on the disk, and nobody was told */
    }
    return err;
}

/* ---- between two lives ---- */

static void put(int fd, const char *bytes, size_t len, int64_t at)
{
    ssize_t written = pwrite(fd, bytes, len, at);
    ASSERT(written == (ssize_t)len);
}

static void set_size(int fd, int64_t size)
{
    int failed = ftruncate(fd, size);
    ASSERT(failed == 0);
}

static void undo(int fd, const char *record)
{
    struct unsynced write;
    memcpy(&write, record, sizeof(write));
    set_size(fd, write.size_before);
    put(fd, record + sizeof(write), write.old_len, write.at);
}

/* Lost, there, or some of its sectors. */
static void redo_perhaps(int fd, const char *record, struct chance *chance)
{
    struct unsynced write;
    memcpy(&write, record, sizeof(write));
    const char *bytes = record + sizeof(write) + write.old_len;
    uint64_t fate = chance_below(chance, 4);
    if (fate == 0) {
        return;
    }
    if (write.new_len == 0) {
        set_size(fd, write.size_after);
        return;
    }
    for (size_t from = 0; from < write.new_len;) {
        size_t left = SECTOR - (size_t)(write.at + (int64_t)from) % SECTOR;
        size_t len = MIN(write.new_len - from, left);
        if (fate < 3 || chance_one_in(chance, 2)) {
            put(fd, bytes + from, len, write.at + (int64_t)from);
        }
        from += len;
    }
}

static size_t records_of(const struct sim_file *file, const char **records)
{
    size_t count = 0;
    for (size_t at = 0; at < file->used;) {
        struct unsynced write;
        ASSERT(count < WRITES_MAX);
        records[count++] = file->unsynced + at;
        memcpy(&write, file->unsynced + at, sizeof(write));
        at += sizeof(write) + write.old_len + write.new_len;
    }
    return count;
}

static void lose_file(struct sim_machine *of, struct sim_file *file, struct chance *chance)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/%s", of->folder, file->name);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        return;
    }
    const char **records = mem_alloc(sizeof(*records) * WRITES_MAX);
    size_t count = records_of(file, records);
    for (size_t i = count; i > 0; i--) {
        undo(fd, records[i - 1]);
    }
    for (size_t i = count; i > 1; i--) { /* in any order */
        size_t other = (size_t)chance_below(chance, i);
        const char *kept = records[i - 1];
        records[i - 1] = records[other];
        records[other] = kept;
    }
    for (size_t i = 0; i < count; i++) {
        redo_perhaps(fd, records[i], chance);
    }
    mem_free(records);
    (void)close(fd);
}

void disk_lose_power(struct sim_machine *of, struct chance *chance)
{
    for (int i = 0; i < SIM_DISK_FILES; i++) {
        char path[128];
        struct sim_file *file = &of->files[i];
        if (file->name[0] != '\0') {
            lose_file(of, file, chance);
            (void)snprintf(path, sizeof(path), "%s/%s-shm", of->folder, file->name);
            (void)unlink(path);
        }
    }
    disk_settle(of);
}

void disk_settle(struct sim_machine *of)
{
    for (int i = 0; i < SIM_DISK_FILES; i++) {
        of->files[i].used = 0;
    }
}
