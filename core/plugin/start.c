/* All plugins' way up at start-up and down at the end, one after the other: the loop's thread
 * waits, with its loop running, while the executors work. */
#include "change.h"

enum { WAIT_TICK_MS = 2, WAIT_MS = 120000 };

/* ---- waiting with the loop running ---- */

struct waiting {
    struct timer timer;
    const bool *done;
    int64_t until_ms;
};

static void on_tick(struct timer *timer)
{
    struct waiting *waiting = CONTAINER_OF(timer, struct waiting, timer);
    if (*waiting->done || loop_real_ms(timer->loop) > waiting->until_ms) {
        loop_stop(timer->loop);
    } else {
        timer_start(timer, WAIT_TICK_MS);
    }
}

bool plugins_wait(struct plugins *plugins, const bool *done, int64_t most_ms)
{
    struct loop *loop = plugins->options.loop;
    struct waiting waiting = {.done = done, .until_ms = loop_real_ms(loop) + most_ms};
    timer_init_real(&waiting.timer, loop, on_tick);
    timer_start(&waiting.timer, 0);
    loop_run(loop);
    timer_deinit(&waiting.timer);
    return *done;
}

const struct bind_registration *plugin_next(const struct plugin *plugin, enum bind_kind kind,
                                            size_t *position)
{
    bool runs = plugin->status == PLUGIN_RUNNING && plugin->edition->started;
    return runs ? edition_next(plugin->edition, kind, position) : NULL;
}

static void on_booted(struct change *change)
{
    *(bool *)change->context = true;
}

void plugin_start(struct plugin *plugin)
{
    bool done = false;
    struct change *change = change_new(plugin->plugins, CHANGE_BOOT, plugin);
    change->ended = on_booted;
    change->context = &done;
    change_queue(change);
    bool ended = plugins_wait(plugin->plugins, &done, WAIT_MS);
    ASSERT(ended);
}

static void end_changes(struct plugins *plugins)
{
    int64_t waited_ms = 0;
    bool never = false;
    changes_cancel(plugins);
    while (!changes_over(plugins) && waited_ms < WAIT_MS) {
        (void)plugins_wait(plugins, &never, WAIT_TICK_MS);
        waited_ms += WAIT_TICK_MS;
    }
    ASSERT(changes_over(plugins));
}

void automations_wait(struct plugins *plugins)
{
    int64_t waited_ms = 0;
    bool never = false;
    while (waited_ms < WAIT_MS &&
           (automations_busy(plugins) || plugins->changes_waiting > 0 || !changes_over(plugins))) {
        (void)plugins_wait(plugins, &never, WAIT_TICK_MS);
        waited_ms += WAIT_TICK_MS;
    }
}

static void stop_one(struct plugin *plugin)
{
    struct edition *edition = plugin->edition;
    edition_leave(edition);
    bind_slot_set(plugin->slot, NULL);
    if (edition->host != NULL && !list_node_linked(&edition->retiring)) {
        edition_retire(edition);
    }
    bool closed = plugin->plugins->all_retired ||
                  plugins_wait(plugin->plugins, &plugin->plugins->all_retired, WAIT_MS);
    ASSERT(closed);
}

void plugins_stop(struct plugins *plugins)
{
    plugins->stopping = true;
    for (size_t i = 0; i < plugins->count; i++) {
        if (plugins->list[i]->edition->host != NULL) {
            bind_host_stopping(plugins->list[i]->edition->host);
        }
    }
    end_changes(plugins);
    while (automations_busy(plugins)) {
        bool never = false;
        (void)plugins_wait(plugins, &never, WAIT_TICK_MS);
    }
    automations_close(plugins);
    shells_close(plugins);
    look_cancel(plugins);
    while (plugins->runners > 0 || look_busy(plugins) || !plugins->all_retired) {
        bool never = false;
        (void)plugins_wait(plugins, &never, WAIT_TICK_MS);
    }
    for (size_t i = plugins->count; i > 0; i--) {
        stop_one(plugins->list[i - 1]);
    }
}
