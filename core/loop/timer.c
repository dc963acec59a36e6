/* Timers over uv_timer. libuv's handle lives on the heap, since it must outlive its own closing,
 * which is asynchronous; the caller's struct is free as soon as timer_deinit returns. Loop thread.
 *
 * Where env's clock is moved by hand, what is not due yet stands in a list of its own, and whoever
 * moves the clock fires it (loop_clock_moved). */
#include "internal.h"

enum { NS_PER_MS = 1000000 };

struct timer_handle {
    uv_timer_t uv;
    struct timer *owner; /* NULL after deinit */
    bool real;
    struct list_node by_due; /* in loop->stepped */
    int64_t due_ms;          /* monotonic, of env */
};

static void fire(struct timer_handle *handle)
{
    ASSERT(handle->owner != NULL);
    list_remove(&handle->by_due);
    handle->owner->loop->activity += handle->real ? 0 : 1;
    handle->owner->fired(handle->owner);
}

static void on_timer(uv_timer_t *uv)
{
    fire(CONTAINER_OF(uv, struct timer_handle, uv));
}

static void on_closed(uv_handle_t *uv)
{
    mem_free(CONTAINER_OF(uv, struct timer_handle, uv));
}

static void init(struct timer *timer, struct loop *loop, void (*fired)(struct timer *timer),
                 bool real)
{
    struct timer_handle *handle = mem_zalloc(sizeof(*handle));
    handle->owner = timer;
    handle->real = real || !loop->env->stepped;
    list_node_init(&handle->by_due);
    (void)uv_timer_init(&loop->uv, &handle->uv);
    *timer = (struct timer){.fired = fired, .loop = loop, .handle = handle};
}

void timer_init(struct timer *timer, struct loop *loop, void (*fired)(struct timer *timer))
{
    init(timer, loop, fired, false);
}

void timer_init_real(struct timer *timer, struct loop *loop, void (*fired)(struct timer *timer))
{
    init(timer, loop, fired, true);
}

/* uv counts from the time of the turn, which is past after a long one; updating it here would hide
 * that turn from the stall figure. */
static void start_uv(struct timer *timer, uint64_t after_ms)
{
    struct timer_handle *handle = timer->handle;
    uint64_t late_ms = uv_hrtime() / NS_PER_MS - uv_now(&timer->loop->uv);
    (void)uv_timer_start(&handle->uv, on_timer, after_ms + late_ms, 0);
}

static struct timer_handle *handle_of(struct list_node *node)
{
    return CONTAINER_OF(node, struct timer_handle, by_due);
}

static int64_t now_ms(const struct loop *loop)
{
    return loop->env->monotonic_ns(loop->env) / NS_PER_MS;
}

/* Behind all that are due no later: of two for the same moment the one started first fires first.
 */
static void insert(struct loop *loop, struct timer_handle *handle)
{
    struct list_node *before = loop->stepped.head.previous;
    while (before != &loop->stepped.head && handle_of(before)->due_ms > handle->due_ms) {
        before = before->previous;
    }
    handle->by_due.previous = before;
    handle->by_due.next = before->next;
    before->next->previous = &handle->by_due;
    before->next = &handle->by_due;
}

void timer_start(struct timer *timer, int64_t after_ms)
{
    struct timer_handle *handle = timer->handle;
    ASSERT(handle != NULL && loop_is_current(timer->loop));
    after_ms = MAX(after_ms, 0);
    if (handle->real) {
        start_uv(timer, (uint64_t)after_ms);
        return;
    }
    list_remove(&handle->by_due);
    (void)uv_timer_stop(&handle->uv);
    handle->due_ms = now_ms(timer->loop) + after_ms;
    insert(timer->loop, handle);
    if (after_ms == 0) {
        start_uv(timer, 0); /* in the next turn: no clock has to move for it */
    }
}

void timer_stop(struct timer *timer)
{
    struct timer_handle *handle = timer->handle;
    if (handle != NULL) {
        list_remove(&handle->by_due);
        (void)uv_timer_stop(&handle->uv);
    }
}

void timer_deinit(struct timer *timer)
{
    struct timer_handle *handle = timer->handle;
    if (handle == NULL) {
        return;
    }
    timer_stop(timer);
    handle->owner = NULL;
    timer->handle = NULL;
    uv_close((uv_handle_t *)&handle->uv, on_closed);
}

/* ---- a clock moved by hand ---- */

int64_t loop_next_due_ms(const struct loop *loop)
{
    struct list_node *first = list_first(&loop->stepped);
    return first == NULL ? INT64_MAX : handle_of(first)->due_ms;
}

/* The first that is due by then and does not fire by itself in the next turn. */
static struct timer_handle *first_due(const struct loop *loop, int64_t until_ms)
{
    list_foreach (node, &loop->stepped) {
        struct timer_handle *handle = handle_of(node);
        if (handle->due_ms > until_ms) {
            return NULL;
        }
        if (uv_is_active((uv_handle_t *)&handle->uv) == 0) {
            return handle;
        }
    }
    return NULL;
}

void loop_clock_moved(struct loop *loop)
{
    int64_t until_ms = now_ms(loop);
    struct timer_handle *handle = NULL;
    while ((handle = first_due(loop, until_ms)) != NULL) {
        fire(handle);
    }
}
