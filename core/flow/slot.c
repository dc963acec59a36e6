/* Plugins and slots: which runs have something to do, and how they come to have it. A run that
 * nobody has woken has no slot. Loop thread, but for flows_wake_after. */
#include "internal.h"

/* ---- plugins and slots ---- */

struct flow_plugin *flows_plugin(struct flows *flows, struct str name)
{
    struct flow_plugin *plugin = map_get(&flows->by_name, name);
    if (plugin == NULL) {
        plugin = mem_zalloc(sizeof(*plugin));
        plugin->flows = flows;
        plugin->name = mem_alloc(name.len + 1);
        memcpy(plugin->name, name.at, name.len);
        plugin->name[name.len] = '\0';
        list_init(&plugin->ready);
        list_init(&plugin->calls);
        plugin->calls_next_ms = INT64_MAX;
        list_push(&flows->plugins, &plugin->in_turns);
        (void)map_set(&flows->by_name, name, plugin);
    }
    return plugin;
}

void slot_ready(struct slot *slot)
{
    slot->ready_ms = loop_now_ms(slot->plugin->flows->loop);
    list_push(&slot->plugin->ready, &slot->in_ready);
    slot->plugin->ready_count++;
    flows_pump_soon(slot->plugin->flows);
}

static void stop_delay(struct slot *slot)
{
    if (slot->delayed) {
        timer_deinit(&slot->later);
        slot->delayed = false;
    }
}

static void on_later(struct timer *timer)
{
    struct slot *slot = CONTAINER_OF(timer, struct slot, later);
    stop_delay(slot);
    slot_ready(slot);
}

void slot_ready_in(struct slot *slot, int64_t wait_ms)
{
    slot->delayed = true;
    timer_init(&slot->later, slot->plugin->flows->loop, on_later);
    timer_start(&slot->later, wait_ms);
}

void slot_free(struct slot *slot)
{
    struct flows *flows = slot->plugin->flows;
    stop_delay(slot);
    if (list_node_linked(&slot->in_ready)) {
        list_remove(&slot->in_ready);
        slot->plugin->ready_count--;
    }
    (void)map_remove_int(&flows->slots, slot->run);
    mem_free(slot);
}

void flows_wake(struct flow_plugin *plugin, int64_t run)
{
    struct flows *flows = plugin->flows;
    struct slot *slot = map_get_int(&flows->slots, run);
    if (plugin->runner == NULL) {
        return; /* found again when it runs */
    }
    if (slot != NULL) {
        slot->again = slot->away;
        return;
    }
    slot = mem_zalloc(sizeof(*slot));
    slot->plugin = plugin;
    slot->run = run;
    list_node_init(&slot->in_ready);
    (void)map_set_int(&flows->slots, run, slot);
    slot_ready(slot);
}

bool slot_skips(struct flows *flows, int64_t run, int64_t event_seq)
{
    struct slot *slot = map_get_int(&flows->slots, run);
    if (slot == NULL || !slot->away) {
        return false;
    }
    slot->skipped = slot->skipped == 0 ? event_seq : MIN(slot->skipped, event_seq);
    return true;
}

/* Its turn is back. */
void slot_back(struct slot *slot)
{
    struct flows *flows = slot->plugin->flows;
    slot->away = slot->again = false;
    if (slot->skipped != 0) {
        flows->position = MIN(flows->position, slot->skipped - 1);
        slot->skipped = 0;
    }
}

/* ---- wakes from the writer ---- */

struct waking {
    struct flows *flows;
    struct str plugin;
    int64_t run;
};

static void post_wake(void *context)
{
    const struct waking *waking = context;
    struct flows *flows = waking->flows;
    struct wake *wake = mem_alloc(sizeof(*wake) + waking->plugin.len + 1);
    wake->run = waking->run;
    memcpy(wake->plugin, waking->plugin.at, waking->plugin.len);
    wake->plugin[waking->plugin.len] = '\0';
    (void)pthread_mutex_lock(&flows->lock);
    wake->next = flows->wakes;
    flows->wakes = wake;
    bool post = !flows->wake_posted;
    flows->wake_posted = true;
    (void)pthread_mutex_unlock(&flows->lock);
    if (post) {
        mailbox_post(loop_mailbox(flows->loop), &flows->woken);
    }
}

void flows_wake_after(struct flows *flows, struct tx *tx, struct str plugin, int64_t run)
{
    struct waking *waking = ARENA_NEW(tx_arena(tx), struct waking);
    waking->flows = flows;
    waking->plugin = arena_str(tx_arena(tx), plugin);
    waking->run = run;
    tx_committed(tx, post_wake, waking);
}

static struct wake *take_wakes(struct flows *flows)
{
    (void)pthread_mutex_lock(&flows->lock);
    struct wake *wakes = flows->wakes;
    flows->wakes = NULL;
    flows->wake_posted = false;
    (void)pthread_mutex_unlock(&flows->lock);
    struct wake *in_order = NULL;
    while (wakes != NULL) {
        struct wake *next = wakes->next;
        wakes->next = in_order;
        in_order = wakes;
        wakes = next;
    }
    return in_order;
}

void wakes_deliver(struct message *message)
{
    struct flows *flows = CONTAINER_OF(message, struct flows, woken);
    struct wake *wake = take_wakes(flows);
    while (wake != NULL) {
        struct wake *next = wake->next;
        if (flows->started && !flows->stopping) {
            flows_wake(flows_plugin(flows, str_from(wake->plugin)), wake->run);
        }
        mem_free(wake);
        wake = next;
    }
}

void wakes_drop(struct flows *flows)
{
    for (struct wake *wake = take_wakes(flows); wake != NULL;) {
        struct wake *next = wake->next;
        mem_free(wake);
        wake = next;
    }
}
