/* A folder that is only looked at: what verification reads when no service is running, and must
 * read even when the store would refuse to open it. Any thread. */
#include "internal.h"

#include <errno.h>
#include <unistd.h>

#include "lock.h"
#include "proxenos/store_log.h"
#include "sidecar.h"

static char *path_in(const char *folder, const char *name)
{
    struct buf path;
    buf_init(&path);
    buf_printf(&path, "%s/%s", folder, name);
    return buf_steal(&path);
}

enum err store_look(struct env *env, const char *folder, struct store **out_store,
                    struct error *error)
{
    struct store *store = mem_zalloc(sizeof(*store));
    store->env = env;
    store->lock_fd = -1;
    store->folder = mem_dup(folder, strlen(folder) + 1);
    store->database = path_in(folder, "proxenos.db");
    char *lock = path_in(folder, "LOCK");
    enum err err = OK;
    if (access(store->database, F_OK) != 0) {
        err = error_set(error, ERR_NOT_FOUND, "%s: %s", store->database, strerror(errno));
    } else if (access(lock, F_OK) == 0) {
        /* A backup has no lock, and shall not get one. */
        err = folder_lock(folder, &store->lock_fd, error);
    }
    mem_free(lock);
    if (err != OK) {
        store_look_end(store);
        return err;
    }
    *out_store = store;
    return OK;
}

void store_look_end(struct store *store)
{
    if (store == NULL) {
        return;
    }
    ASSERT(store->writer == NULL);
    folder_unlock(store->lock_fd);
    mem_free(store->folder);
    mem_free(store->database);
    mem_free(store);
}

enum err reader_kept_marks(struct reader *reader, struct log_mark *out_log,
                           struct log_mark *out_access, struct error *error)
{
    struct log_head log = {0};
    struct log_head access_log = {0};
    char *path = path_in(reader->store->folder, "audit/head");
    enum err err = sidecar_read(path, &log, &access_log, error);
    mem_free(path);
    if (err != OK) {
        return err;
    }
    *out_log = (struct log_mark){.seq = log.seq};
    *out_access = (struct log_mark){.seq = access_log.seq};
    memcpy(out_log->chain, log.chain, sizeof(out_log->chain));
    memcpy(out_access->chain, access_log.chain, sizeof(out_access->chain));
    return OK;
}
