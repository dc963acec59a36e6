/* The bus: start and stop, and the pump that reads and hands out after each commit.
 * Loop thread. */
#include "proxenos/bus.h"

#include "internal.h"

#include "proxenos/base_log.h"

enum { CLOCK_LOOK_MS = 60000 }; /* wall clocks are set; timers do not notice */

static void wait_until(struct bus *bus, int64_t due_ms)
{
    if (due_ms == INT64_MAX) {
        return;
    }
    int64_t wait_ms = MAX(1, due_ms - loop_now_ms(bus->loop));
    bool stepped = loop_env(bus->loop)->stepped;
    timer_start(&bus->due, stepped ? wait_ms : MIN(wait_ms, CLOCK_LOOK_MS));
}

static void pump(struct bus *bus)
{
    int64_t due = INT64_MAX;
    int64_t now_ms = loop_now_ms(bus->loop);
    delayed_pump(bus, now_ms);
    list_foreach (node, &bus->subscriptions) {
        struct subscription *subscription = CONTAINER_OF(node, struct subscription, in_bus);
        if (subscription->schedule != NULL) {
            schedule_pump(subscription, now_ms);
            due = MIN(due, schedule_next_due(subscription));
        }
        subscription_scan(subscription);
        subscription_dispatch(subscription);
        due = MIN(due, subscription_next_due(subscription));
    }
    wait_until(bus, bus->delayed_away ? due : MIN(due, bus->delayed_due_ms));
}

static void on_pump(struct message *message)
{
    struct bus *bus = CONTAINER_OF(message, struct bus, pump);
    bus->pump_posted = false;
    if (bus->started && !bus->stopping) {
        pump(bus);
    }
}

void bus_pump_soon(struct bus *bus)
{
    if (bus->pump_posted || !bus->started || bus->stopping) {
        return;
    }
    bus->pump_posted = true;
    mailbox_post(loop_mailbox(bus->loop), &bus->pump);
}

static void on_committed(struct store_watch *watch, int64_t seq)
{
    (void)seq;
    struct bus *bus = CONTAINER_OF(watch, struct bus, watch);
    if (bus->started && !bus->stopping) {
        pump(bus);
    }
}

static void on_wake(struct message *message)
{
    struct bus *bus = CONTAINER_OF(message, struct bus, wake);
    atomic_store(&bus->wake_posted, false);
    bus->delayed_unknown = true;
    bus_pump_soon(bus);
}

static void on_due(struct timer *timer)
{
    bus_pump_soon(CONTAINER_OF(timer, struct bus, due));
}

enum err bus_open(struct store *store, struct loop *loop, struct bus **out_bus, struct error *error)
{
    enum err err = store_table_module(store, &bus_tables, error);
    if (err != OK) {
        return err;
    }
    bus_erasure_parts(store);
    struct bus *bus = mem_zalloc(sizeof(*bus));
    bus->store = store;
    bus->loop = loop;
    bus->pump.deliver = on_pump;
    bus->wake.deliver = on_wake;
    bus->delayed_unknown = true;
    bus->delayed_due_ms = INT64_MAX;
    list_init(&bus->subscriptions);
    err = reader_open(store, 0, &bus->reader, error);
    if (err != OK) {
        mem_free(bus);
        return err;
    }
    bus->scope = store_system_scope(store, SYSTEM_BUS);
    timer_init(&bus->due, loop, on_due);
    bus->watch = (struct store_watch){.mailbox = loop_mailbox(loop), .committed = on_committed};
    store_watch(store, &bus->watch);
    *out_bus = bus;
    return OK;
}

void bus_start(struct bus *bus)
{
    bus->started = true;
    bus_pump_soon(bus);
}

void bus_stop(struct bus *bus)
{
    bus->stopping = true;
    timer_stop(&bus->due);
    list_foreach (node, &bus->subscriptions) {
        struct subscription *subscription = CONTAINER_OF(node, struct subscription, in_bus);
        if (subscription->order != NULL && !subscription->order_sent) {
            order_refuse(subscription, ERR_STOPPING);
        }
    }
}

struct subscription *bus_find(struct bus *bus, struct str name)
{
    list_foreach (node, &bus->subscriptions) {
        struct subscription *subscription = CONTAINER_OF(node, struct subscription, in_bus);
        if (str_eq(subscription->spec.name, name)) {
            return subscription;
        }
    }
    return NULL;
}

void bus_close(struct bus *bus)
{
    if (bus == NULL) {
        return;
    }
    bus_stop(bus);
    store_unwatch(bus->store, &bus->watch);
    do {
        loop_drain(bus->loop, 10); /* units' answers and the last word of the watch come there */
    } while (bus->units_away > 0 || bus->parks_waiting > 0 || bus->pump_posted ||
             atomic_load(&bus->wake_posted));
    list_foreach (node, &bus->subscriptions) {
        subscription_free(CONTAINER_OF(node, struct subscription, in_bus));
    }
    timer_deinit(&bus->due);
    reader_close(bus->reader);
    scope_unref(bus->scope);
    mem_free(bus);
}
