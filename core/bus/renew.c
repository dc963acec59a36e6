/* Changing a subscription while the service runs: another spec, given-back deliveries, and the end
 * of one that is gone for good. Loop thread, but for bus_tx_forget (writer). */
#include "internal.h"

bool bus_idle(const struct subscription *subscription)
{
    return subscription->away_count == 0 && subscription->saves_away == 0 &&
           subscription->order == NULL &&
           (subscription->schedule == NULL || subscription->schedule->away == 0);
}

void bus_give_back(struct delivery *delivery)
{
    struct flight *flight = (struct flight *)(void *)delivery;
    struct subscription *subscription = delivery->subscription;
    ASSERT(flight->away == DELIVERY_AWAY && subscription->away_count > 0);
    flight->away = DELIVERY_READY;
    subscription->away_count--;
    bus_pump_soon(subscription->bus);
}

/* Up to where the old spec has decided: behind it lies what waits unhandled, or what was not read.
 */
static int64_t decided_to(const struct subscription *subscription)
{
    list_foreach (node, &subscription->window) {
        const struct flight *flight = CONTAINER_OF(node, struct flight, in_window);
        if (!flight->parked) {
            return flight->delivery.entry.seq - 1;
        }
    }
    return subscription->read_to;
}

static enum err on_position(void *context, const struct value *columns, int column_count,
                            struct error *error)
{
    (void)column_count;
    (void)error;
    *(int64_t *)context = columns[0].integer;
    return OK;
}

/* The writer may have moved it further than memory knows: over what was settled above it. */
static enum err read_position(struct subscription *subscription, struct error *error)
{
    struct value binds[] = {value_text(subscription->spec.name)};
    int64_t position = subscription->position;
    enum err err = reader_table(subscription->bus->reader, &bus_tables, BUS_POSITION_GET, binds, 1,
                                on_position, &position, error);
    subscription->position = subscription->read_to = subscription->last_match = position;
    return err;
}

/* What the old spec passed over is over, whatever the new one would say of it. */
static void skip_decided(struct subscription *subscription, int64_t decided)
{
    int64_t stored = subscription->position;
    if (decided <= stored) {
        return;
    }
    subscription->read_to = subscription->last_match = decided;
    subscription_save_position(subscription);
    if (subscription->position != decided) { /* the store is busy: then it is read again */
        subscription->read_to = subscription->last_match = stored;
    }
}

enum err bus_renew(struct subscription *subscription, const struct subscription_spec *spec,
                   struct error *error)
{
    ASSERT(bus_idle(subscription) && str_eq(subscription->spec.name, spec->name));
    struct arena arena;
    struct expr *filter = NULL;
    arena_init(&arena);
    enum err err = subscription_pattern_check(spec, error);
    struct str source = arena_str(&arena, spec->filter);
    if (err == OK && source.len > 0) {
        err = expr_compile(&arena, source, &filter, error);
    }
    if (err != OK) {
        arena_deinit(&arena);
        return err;
    }
    int64_t decided = decided_to(subscription);
    struct arena old_arena = subscription->arena;
    struct subscription_spec old_spec = subscription->spec;
    const struct schedule *old_schedule = subscription->schedule;
    subscription->arena = arena;
    subscription->filter = filter;
    subscription->schedule = NULL;
    subscription_copy_spec(subscription, spec);
    if (spec->cron.len > 0) {
        struct str zone = spec->zone.len > 0 ? spec->zone : STR("UTC");
        bool same = str_eq(old_spec.cron, spec->cron) && str_eq(old_spec.zone, zone);
        err = schedule_renew(subscription, old_schedule, same, error);
    }
    subscription_empty(subscription);
    if (err == OK) {
        err = read_position(subscription, error);
    }
    if (err == OK) {
        err = subscription_load(subscription, error);
    }
    scope_unref(old_spec.scope);
    arena_deinit(&old_arena);
    if (err != OK) {
        subscription->paused |=
            PAUSED_BY_PLUGIN; /* what was settled is not known: rather none than twice */
        return err;
    }
    skip_decided(subscription, decided);
    bus_pump_soon(subscription->bus);
    return OK;
}

enum err bus_tx_forget(struct tx *tx, struct str name, struct error *error)
{
    static const enum bus_statement drops[] = {BUS_SUBSCRIPTION_DROP, BUS_PAUSE_DROP,
                                               BUS_SCHEDULE_DROP,     BUS_DONE_DROP_ALL,
                                               BUS_PARKED_DROP_ALL,   BUS_DEAD_DROP_ALL};
    struct value binds[] = {value_text(name)};
    enum err err = OK;
    for (size_t i = 0; err == OK && i < COUNT_OF(drops); i++) {
        err = tx_table(tx, &bus_tables, (int)drops[i], binds, 1, NULL, NULL, error);
    }
    return err;
}

struct naming {
    struct arena *arena;
    struct value names;
};

static enum err on_name(void *context, const struct value *columns, int column_count,
                        struct error *error)
{
    struct naming *naming = context;
    (void)column_count;
    (void)error;
    value_push(naming->arena, &naming->names,
               value_text(arena_str(naming->arena, columns[0].text)));
    return OK;
}

enum err bus_tx_forget_plugin(struct tx *tx, struct str plugin, struct error *error)
{
    struct naming naming = {.arena = tx_arena(tx), .names = value_list_new()};
    struct value binds[] = {value_text(plugin)};
    enum err err = tx_table(tx, &bus_tables, BUS_PLUGIN_NAMES, binds, 1, on_name, &naming, error);
    for (size_t i = 0; err == OK && i < naming.names.list.count; i++) {
        err = bus_tx_forget(tx, naming.names.list.items[i].text, error);
    }
    if (err == OK) {
        err = tx_table(tx, &bus_tables, BUS_PLUGIN_DELAYED_DROP, binds, 1, NULL, NULL, error);
    }
    return err == OK ? tx_table(tx, &bus_tables, BUS_PLUGIN_DEDUP_DROP, binds, 1, NULL, NULL, error)
                     : err;
}
