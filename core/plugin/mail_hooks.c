/* px.before("mail.send", …): plugins that may refuse are shown a mail before each try to send it,
 * one after the other; the first that refuses decides. They change nothing of it. Loop thread. */
#include "internal.h"

struct asking {
    struct bind_call call;
    struct plugins *plugins;
    struct outbox_hook *hook; /* NULL: given up, the answer is not wanted any more */
    struct timer timer;
    struct arena arena;
    size_t plugin_index, position;
    uint64_t swaps; /* while it is the same, the two above mean the same */
    bool away;
};

static const struct bind_registration *hook_of(const struct edition *edition, size_t *position)
{
    const struct bind_registration *one = NULL;
    while (edition->started && (one = edition_next(edition, BIND_BEFORE, position)) != NULL) {
        if (str_is(one->name, "mail.send")) {
            return one;
        }
    }
    return NULL;
}

static const struct bind_registration *next_hook(struct asking *asking)
{
    const struct plugins *plugins = asking->plugins;
    if (asking->swaps != plugins->swaps) { /* a plugin was renewed: all are asked again */
        asking->swaps = plugins->swaps;
        asking->plugin_index = asking->position = 0;
    }
    for (; asking->plugin_index < plugins->count; asking->plugin_index++, asking->position = 0) {
        const struct bind_registration *one =
            hook_of(plugins->list[asking->plugin_index]->edition, &asking->position);
        if (one != NULL) {
            return one;
        }
    }
    return NULL;
}

static void free_asking(struct asking *asking)
{
    timer_deinit(&asking->timer);
    arena_deinit(&asking->arena);
    mem_free(asking);
}

/* Tells the caller; frees when the executor has nothing of it any more. */
static void settle(struct asking *asking, enum err err)
{
    struct outbox_hook *hook = asking->hook;
    asking->hook = NULL;
    hook->err = err;
    if (asking->away) {
        timer_stop(&asking->timer);
    } else {
        free_asking(asking);
    }
    hook->done(hook);
}

static void on_late(struct timer *timer)
{
    struct asking *asking = CONTAINER_OF(timer, struct asking, timer);
    (void)error_set(&asking->hook->error, ERR_HOOK_UNAVAILABLE,
                    "plugin " STR_FORMAT " must see this mail first and did not answer within %d "
                    "ms",
                    STR_ARGS(bind_host_name(asking->call.host)), HOOK_QUEUE_MS);
    settle(asking, ERR_HOOK_UNAVAILABLE);
}

static void ask_next(struct asking *asking);

static void on_called(struct bind_call *call)
{
    struct asking *asking = CONTAINER_OF(call, struct asking, call);
    asking->away = false;
    if (asking->hook == NULL) {
        free_asking(asking);
        return;
    }
    timer_stop(&asking->timer);
    if (call->err == OK) {
        ask_next(asking);
        return;
    }
    asking->hook->error = call->error;
    asking->hook->error.next = NULL;
    if (call->err != ERR_REFUSED) {
        (void)error_set(&asking->hook->error, ERR_HOOK_UNAVAILABLE,
                        "plugin " STR_FORMAT " must see this mail first and failed: %.300s",
                        STR_ARGS(bind_host_name(call->host)), call->error.detail);
    }
    settle(asking, call->err == ERR_REFUSED ? ERR_REFUSED : ERR_HOOK_UNAVAILABLE);
}

static void ask_next(struct asking *asking)
{
    const struct bind_registration *next = next_hook(asking);
    if (next == NULL) {
        settle(asking, OK);
        return;
    }
    struct value mails = value_list_new();
    value_push(&asking->arena, &mails, value_copy(&asking->arena, &asking->hook->mail));
    asking->call = (struct bind_call){.host = next->host,
                                      .registration = next,
                                      .request = STR("mail"),
                                      .input = mails,
                                      .run_ms = HOOK_RUN_MS,
                                      .arena = &asking->arena,
                                      .done = on_called};
    asking->away = true;
    timer_start(&asking->timer, HOOK_QUEUE_MS);
    bind_call(&asking->call);
}

/* `done` must not come before plugins_before_mail returns. */
static void on_begin(struct timer *timer)
{
    struct asking *asking = CONTAINER_OF(timer, struct asking, timer);
    timer_deinit(timer);
    timer_init(timer, asking->plugins->options.loop, on_late);
    ask_next(asking);
}

void plugins_before_mail(struct plugins *plugins, struct outbox_hook *hook)
{
    struct asking *asking = mem_zalloc(sizeof(*asking));
    asking->plugins = plugins;
    asking->hook = hook;
    asking->swaps = plugins->swaps;
    arena_init(&asking->arena);
    hook->error = (struct error){.err = OK};
    timer_init(&asking->timer, plugins->options.loop, on_begin);
    timer_start(&asking->timer, 0);
}
