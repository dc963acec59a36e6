/* Folders watched for changes (inotify, through libuv). Editors write a file in many ways, often in
 * several steps: `changed` comes once, when all has been quiet for a while. Loop thread. */
#include "internal.h"

enum { QUIET_MS = 100 };

/* Outlives its owner's struct: closing is asynchronous. */
struct watch_handle {
    uv_fs_event_t uv;
    struct folder_watch *owner;
};

static void on_closed(uv_handle_t *uv)
{
    mem_free(CONTAINER_OF(uv, struct watch_handle, uv));
}

static void on_quiet(struct timer *timer)
{
    struct folder_watch *watch = CONTAINER_OF(timer, struct folder_watch, quiet);
    watch->changed(watch);
}

static void on_event(uv_fs_event_t *uv, const char *name, int events, int status)
{
    const struct watch_handle *handle = CONTAINER_OF(uv, struct watch_handle, uv);
    (void)name;
    (void)events;
    (void)status;
    timer_start(&handle->owner->quiet, QUIET_MS);
}

enum err folder_watch_start(struct folder_watch *watch, struct loop *loop, const char *folder,
                            struct error *error)
{
    ASSERT(watch->changed != NULL);
    struct watch_handle *handle = mem_zalloc(sizeof(*handle));
    int failed = uv_fs_event_init(&loop->uv, &handle->uv);
    if (failed != 0) {
        mem_free(handle);
        return error_set(error, ERR_IO, "%s cannot be watched: %s", folder, uv_strerror(failed));
    }
    failed = uv_fs_event_start(&handle->uv, on_event, folder, 0);
    if (failed != 0) {
        uv_close((uv_handle_t *)&handle->uv, on_closed);
        return error_set(error, ERR_IO, "%s cannot be watched: %s", folder, uv_strerror(failed));
    }
    handle->owner = watch;
    timer_init_real(&watch->quiet, loop, on_quiet);
    watch->handle = handle;
    return OK;
}

void folder_watch_stop(struct folder_watch *watch)
{
    struct watch_handle *handle = watch->handle;
    if (handle == NULL) {
        return;
    }
    watch->handle = NULL;
    timer_deinit(&watch->quiet);
    (void)uv_fs_event_stop(&handle->uv);
    uv_close((uv_handle_t *)&handle->uv, on_closed);
}
