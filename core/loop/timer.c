/* Timers over uv_timer. libuv's handle lives on the heap, since it must outlive its own closing,
 * which is asynchronous; the caller's struct is free as soon as timer_deinit returns. Loop thread.
 */
#include "internal.h"

enum { NS_PER_MS = 1000000 };

struct timer_handle {
    uv_timer_t uv;
    struct timer *owner; /* NULL after deinit */
};

static void on_timer(uv_timer_t *uv)
{
    struct timer_handle *handle = CONTAINER_OF(uv, struct timer_handle, uv);
    ASSERT(handle->owner != NULL);
    handle->owner->fired(handle->owner);
}

static void on_closed(uv_handle_t *uv)
{
    mem_free(CONTAINER_OF(uv, struct timer_handle, uv));
}

void timer_init(struct timer *timer, struct loop *loop, void (*fired)(struct timer *timer))
{
    struct timer_handle *handle = mem_zalloc(sizeof(*handle));
    handle->owner = timer;
    (void)uv_timer_init(&loop->uv, &handle->uv);
    *timer = (struct timer){.fired = fired, .loop = loop, .handle = handle};
}

void timer_start(struct timer *timer, int64_t after_ms)
{
    struct timer_handle *handle = timer->handle;
    ASSERT(handle != NULL && loop_is_current(timer->loop));
    /* uv counts from the time of the turn, which is past after a long one; updating it here would
     * hide that turn from the stall figure. */
    uint64_t late_ms = uv_hrtime() / NS_PER_MS - uv_now(&timer->loop->uv);
    uint64_t due_ms = after_ms > 0 ? (uint64_t)after_ms : 0;
    (void)uv_timer_start(&handle->uv, on_timer, due_ms + late_ms, 0);
}

void timer_stop(struct timer *timer)
{
    struct timer_handle *handle = timer->handle;
    if (handle != NULL) {
        (void)uv_timer_stop(&handle->uv);
    }
}

void timer_deinit(struct timer *timer)
{
    struct timer_handle *handle = timer->handle;
    if (handle == NULL) {
        return;
    }
    handle->owner = NULL;
    timer->handle = NULL;
    uv_close((uv_handle_t *)&handle->uv, on_closed);
}
