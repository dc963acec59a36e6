/* What can be seen of the bus: subscriptions, backlog. Loop thread. */
#include "internal.h"

#include "proxenos/base_log.h"

/* Log entries that are not over: not read yet, in the window, or parked for later. */
static int64_t backlog_of(const struct subscription *subscription)
{
    int64_t backlog = subscription_lag(subscription);
    list_foreach (node, &subscription->parked) {
        const struct parked *parked = CONTAINER_OF(node, struct parked, by_seq);
        backlog += parked->held || parked->taken ? 0 : 1;
    }
    return backlog;
}

int64_t subscription_lag(const struct subscription *subscription)
{
    return store_seq(subscription->bus->store) - subscription->read_to +
           (int64_t)subscription->window_count;
}

/* Runs and delayed events that are on their way into the log, or should be. */
static int64_t coming(struct bus *bus)
{
    int64_t now_ms = loop_now_ms(bus->loop);
    bool looks = bus->delayed_unknown || atomic_load(&bus->wake_posted);
    int64_t count = looks || bus->delayed_away || bus->delayed_due_ms <= now_ms ? 1 : 0;
    list_foreach (node, &bus->subscriptions) {
        const struct subscription *subscription = CONTAINER_OF(node, struct subscription, in_bus);
        const struct schedule *schedule = subscription->schedule;
        if (schedule != NULL) {
            count += schedule->away + (schedule_next_due(subscription) <= now_ms ? 1 : 0);
        }
    }
    return count;
}

int64_t bus_backlog(struct bus *bus)
{
    int64_t backlog = bus->started ? coming(bus) : 0;
    list_foreach (node, &bus->subscriptions) {
        backlog += backlog_of(CONTAINER_OF(node, struct subscription, in_bus));
    }
    return backlog;
}

static void put_pause(struct arena *arena, struct value *row, const struct pause *pause)
{
    if (pause->at_ms == 0) {
        return;
    }
    value_put_c(arena, row, "paused_by", value_text(arena_str(arena, str_from(pause->by))));
    value_put_c(arena, row, "paused_why", value_text(arena_str(arena, str_from(pause->why))));
    value_put_c(arena, row, "paused_at", value_time(pause->at_ms));
}

static struct value describe(const struct subscription *subscription, struct arena *arena)
{
    const struct subscription_spec *spec = &subscription->spec;
    struct value row = value_map_new();
    value_put_c(arena, &row, "name", value_text(arena_str(arena, spec->name)));
    value_put_c(arena, &row, "plugin", value_text(arena_str(arena, spec->plugin)));
    value_put_c(arena, &row, "pattern", value_text(arena_str(arena, spec->pattern)));
    value_put_c(arena, &row, "position", value_int(subscription->position));
    value_put_c(arena, &row, "lag", value_int(subscription_lag(subscription)));
    value_put_c(arena, &row, "backlog", value_int(backlog_of(subscription)));
    value_put_c(arena, &row, "in_memory", value_int((int64_t)subscription->window_count));
    value_put_c(arena, &row, "parked", value_int((int64_t)subscription->parked_count));
    value_put_c(arena, &row, "dead", value_int(subscription->dead_count));
    value_put_c(arena, &row, "settled", value_int(subscription->settled_count));
    value_put_c(arena, &row, "paused", value_bool(subscription->paused != 0));
    put_pause(arena, &row, &subscription->pause);
    value_put_c(arena, &row, "live", value_bool(true));
    return row;
}

/* ---- those of plugins that do not run ---- */

struct stored {
    struct bus *bus;
    struct arena *arena;
    struct value *rows;
};

/* name, plugin, pattern, position, parked, dead, paused by, why, at */
static enum err on_stored(void *context, const struct value *columns, int column_count,
                          struct error *error)
{
    (void)column_count;
    (void)error;
    static const char *const names[] = {"name", "plugin", "pattern", "position", "parked", "dead"};
    struct stored *stored = context;
    struct arena *arena = stored->arena;
    if (bus_find(stored->bus, columns[0].text) != NULL) {
        return OK;
    }
    struct value row = value_map_new();
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        value_put_c(arena, &row, names[i], value_copy(arena, &columns[i]));
    }
    bool paused = columns[8].kind == VALUE_INT;
    value_put_c(arena, &row, "paused", value_bool(paused));
    if (paused) {
        value_put_c(arena, &row, "paused_by", value_copy(arena, &columns[6]));
        value_put_c(arena, &row, "paused_why", value_copy(arena, &columns[7]));
        value_put_c(arena, &row, "paused_at", value_time(columns[8].integer));
    }
    value_put_c(arena, &row, "live", value_bool(false));
    value_push(arena, stored->rows, row);
    return OK;
}

static void add_stored(struct bus *bus, struct str name, struct arena *arena, struct value *rows)
{
    struct stored stored = {.bus = bus, .arena = arena, .rows = rows};
    struct value binds[] = {value_text(name)};
    struct error error = {0};
    if (reader_table(bus->reader, &bus_tables, BUS_STORED_LIST, binds, 1, on_stored, &stored,
                     &error) != OK) {
        log_error("bus", "subscriptions cannot be read error=\"%s\"", error.detail);
    }
}

struct value bus_describe(struct bus *bus, struct arena *arena)
{
    struct value rows = value_list_new();
    list_foreach (node, &bus->subscriptions) {
        value_push(arena, &rows, describe(CONTAINER_OF(node, struct subscription, in_bus), arena));
    }
    add_stored(bus, STR(""), arena, &rows);
    return rows;
}

struct value bus_describe_one(struct bus *bus, struct str name, struct arena *arena)
{
    const struct subscription *subscription = bus_find(bus, name);
    if (subscription != NULL) {
        return describe(subscription, arena);
    }
    struct value rows = value_list_new();
    if (name.len > 0) {
        add_stored(bus, name, arena, &rows);
    }
    return rows.list.count > 0 ? rows.list.items[0] : value_null();
}
