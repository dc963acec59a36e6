/* Signals as calls on the loop thread. The watches live as long as the loop and do not keep it
 * running. Loop thread. */
#include "internal.h"

struct signal_watch {
    uv_signal_t uv;
    struct list_node node; /* in loop->signals */
    int number;
    void (*fired)(void *context);
    void *context;
};

static void on_signal(uv_signal_t *uv, int number)
{
    struct signal_watch *watch = CONTAINER_OF(uv, struct signal_watch, uv);
    ASSERT(watch->number == number);
    watch->fired(watch->context);
}

static void on_closed(uv_handle_t *uv)
{
    mem_free(CONTAINER_OF(uv, struct signal_watch, uv));
}

enum err loop_on_signal(struct loop *loop, int signal_number, void (*fired)(void *context),
                        void *context, struct error *error)
{
    list_foreach (node, &loop->signals) {
        if (CONTAINER_OF(node, struct signal_watch, node)->number == signal_number) {
            return error_set(error, ERR_CONFLICT, "signal %d is already watched", signal_number);
        }
    }
    struct signal_watch *watch = mem_zalloc(sizeof(*watch));
    watch->number = signal_number;
    watch->fired = fired;
    watch->context = context;
    int failed = uv_signal_init(&loop->uv, &watch->uv);
    if (failed != 0) {
        mem_free(watch);
        return error_set(error, ERR_IO, "signal %d: %s", signal_number, uv_strerror(failed));
    }
    failed = uv_signal_start(&watch->uv, on_signal, signal_number);
    if (failed != 0) {
        uv_close((uv_handle_t *)&watch->uv, on_closed);
        return error_set(error, ERR_INVALID, "signal %d: %s", signal_number, uv_strerror(failed));
    }
    uv_unref((uv_handle_t *)&watch->uv);
    list_push(&loop->signals, &watch->node);
    return OK;
}

void signals_close(struct loop *loop)
{
    struct list_node *node;
    while ((node = list_pop(&loop->signals)) != NULL) {
        struct signal_watch *watch = CONTAINER_OF(node, struct signal_watch, node);
        uv_close((uv_handle_t *)&watch->uv, on_closed);
    }
}
