/* The bus: subscriptions, start and stop, and the pump that reads and hands out after each commit.
 * Loop thread. */
#include "proxenos/bus.h"

#include "internal.h"

#include "proxenos/base_log.h"

static void pump(struct bus *bus)
{
    int64_t due = INT64_MAX;
    list_foreach (node, &bus->subscriptions) {
        struct subscription *subscription = CONTAINER_OF(node, struct subscription, in_bus);
        subscription_scan(subscription);
        subscription_dispatch(subscription);
        due = MIN(due, subscription_next_due(subscription));
    }
    if (due != INT64_MAX) {
        timer_start(&bus->due, MAX(1, due - loop_now_ms(bus->loop)));
    }
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
    struct bus *bus = mem_zalloc(sizeof(*bus));
    bus->store = store;
    bus->loop = loop;
    bus->pump.deliver = on_pump;
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
}

static void subscription_free(struct subscription *subscription)
{
    list_foreach (flight, &subscription->window) {
        flight_free(CONTAINER_OF(flight, struct flight, in_window));
    }
    list_foreach (parked, &subscription->parked) {
        parked_free(CONTAINER_OF(parked, struct parked, by_seq));
    }
    list_remove(&subscription->in_bus);
    map_deinit(&subscription->done);
    scope_unref(subscription->spec.scope);
    arena_deinit(&subscription->arena);
    mem_free(subscription);
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
    } while (bus->units_away > 0 || bus->parks_waiting > 0 || bus->pump_posted);
    list_foreach (node, &bus->subscriptions) {
        subscription_free(CONTAINER_OF(node, struct subscription, in_bus));
    }
    timer_deinit(&bus->due);
    reader_close(bus->reader);
    scope_unref(bus->scope);
    mem_free(bus);
}

/* ---- subscribing ---- */

struct subscribe {
    struct unit unit;
    struct subscription *subscription;
    int64_t position;
};

static enum err on_number(void *context, const struct value *columns, int column_count,
                          struct error *error)
{
    (void)column_count;
    (void)error;
    *(int64_t *)context = columns[0].integer;
    return OK;
}

static enum err subscribe_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct subscribe *subscribe = CONTAINER_OF(unit, struct subscribe, unit);
    const struct subscription_spec *spec = &subscribe->subscription->spec;
    struct value binds[] = {
        value_text(spec->name), value_text(spec->plugin), value_text(spec->pattern),
        value_int(spec->from_start ? 0 : store_seq(tx_store(tx))), value_int(tx_now_ms(tx))};
    enum err err =
        tx_table(tx, &bus_tables, BUS_SUBSCRIPTION_MAKE, binds, COUNT_OF(binds), NULL, NULL, error);
    if (err != OK) {
        return err;
    }
    return tx_table(tx, &bus_tables, BUS_SUBSCRIPTION_GET, binds, 1, on_number,
                    &subscribe->position, error);
}

static enum err on_done_seq(void *context, const struct value *columns, int column_count,
                            struct error *error)
{
    (void)column_count;
    (void)error;
    struct subscription *subscription = context;
    subscription->done_rows = true;
    map_set_int(&subscription->done, columns[0].integer, subscription);
    return OK;
}

static enum err on_parked_row(void *context, const struct value *columns, int column_count,
                              struct error *error)
{
    (void)column_count;
    (void)error;
    struct subscription *subscription = context;
    struct parked *parked = parked_add(subscription, columns[0].integer, columns[1].text);
    parked->attempts = (int)columns[2].integer;
    parked->due_ms = columns[3].integer;
    parked->behind = str_is(columns[4].text, "behind");
    parked->held = str_is(columns[4].text, "held");
    if (parked->seq > subscription->position) {
        map_set_int(&subscription->done, parked->seq,
                    subscription); /* not to be read again from the log */
    }
    return OK;
}

enum err subscription_load(struct subscription *subscription, struct error *error)
{
    struct reader *reader = subscription->bus->reader;
    struct value binds[] = {value_text(subscription->spec.name)};
    enum err err = reader_table(reader, &bus_tables, BUS_DONE_LIST, binds, 1, on_done_seq,
                                subscription, error);
    if (err == OK) {
        err = reader_table(reader, &bus_tables, BUS_PARKED_LIST, binds, 1, on_parked_row,
                           subscription, error);
    }
    if (err == OK) {
        err = reader_table(reader, &bus_tables, BUS_DEAD_COUNT, binds, 1, on_number,
                           &subscription->dead_count, error);
    }
    return err;
}

void subscription_copy_spec(struct subscription *subscription, const struct subscription_spec *spec)
{
    struct arena *arena = &subscription->arena;
    subscription->spec = *spec;
    subscription->spec.name = arena_str(arena, spec->name);
    subscription->spec.plugin = arena_str(arena, spec->plugin);
    subscription->spec.pattern = arena_str(arena, spec->pattern);
    subscription->spec.key = arena_str(arena, spec->key);
    subscription->spec.filter = arena_str(arena, spec->filter);
    scope_ref(spec->scope);
}

enum err subscription_pattern_check(const struct subscription_spec *spec, struct error *error)
{
    if (log_pattern_valid(spec->pattern)) {
        return OK;
    }
    return error_set(error, ERR_INVALID,
                     "\"" STR_FORMAT
                     "\" is not an event pattern; write object.verb, object.*, *.verb or "
                     "object.field.state",
                     STR_ARGS(spec->pattern));
}

enum err bus_subscribe(struct bus *bus, const struct subscription_spec *spec,
                       struct subscription **out_subscription, struct error *error)
{
    enum err err = subscription_pattern_check(spec, error);
    if (err != OK) {
        return err;
    }
    struct subscription *subscription = mem_zalloc(sizeof(*subscription));
    subscription->bus = bus;
    arena_init(&subscription->arena);
    list_init(&subscription->window);
    list_init(&subscription->parked);
    list_node_init(&subscription->in_bus);
    map_init(&subscription->done);
    subscription_copy_spec(subscription, spec);
    if (spec->filter.len > 0) {
        err = expr_compile(&subscription->arena, subscription->spec.filter, &subscription->filter,
                           error);
    }
    if (err == OK) {
        struct subscribe subscribe = {
            .unit = {.apply = subscribe_apply, .scope = bus->scope, .request = STR("bus")},
            .subscription = subscription};
        err = store_run(bus->store, &subscribe.unit);
        if (err != OK && error != NULL) {
            *error = subscribe.unit.error;
            error->next = NULL;
        }
        subscription->position = subscription->read_to = subscription->last_match =
            subscribe.position;
        unit_deinit(&subscribe.unit);
    }
    if (err == OK) {
        err = subscription_load(subscription, error);
    }
    if (err != OK) {
        subscription_free(subscription);
        return err;
    }
    list_push(&bus->subscriptions, &subscription->in_bus);
    bus_pump_soon(bus);
    *out_subscription = subscription;
    return OK;
}

void bus_unsubscribe(struct subscription *subscription)
{
    struct bus *bus = subscription->bus;
    bus_pause(subscription);
    while (subscription->away_count > 0 || subscription->saves_away > 0) {
        loop_drain(bus->loop, 10);
    }
    subscription_free(subscription);
}

void bus_pause(struct subscription *subscription)
{
    subscription->paused = true;
}

void bus_resume(struct subscription *subscription)
{
    subscription->paused = false;
    bus_pump_soon(subscription->bus);
}

struct str bus_name(const struct subscription *subscription)
{
    return subscription->spec.name;
}

/* ---- looking at it ---- */

struct value bus_describe(struct bus *bus, struct arena *arena)
{
    struct value rows = value_list_new();
    list_foreach (node, &bus->subscriptions) {
        const struct subscription *subscription = CONTAINER_OF(node, struct subscription, in_bus);
        struct value row = value_map_new();
        value_put_c(arena, &row, "name", value_text(subscription->spec.name));
        value_put_c(arena, &row, "plugin", value_text(subscription->spec.plugin));
        value_put_c(arena, &row, "pattern", value_text(subscription->spec.pattern));
        value_put_c(arena, &row, "position", value_int(subscription->position));
        value_put_c(arena, &row, "lag",
                    value_int(store_seq(bus->store) - subscription->read_to +
                              (int64_t)subscription->window_count));
        value_put_c(arena, &row, "parked", value_int((int64_t)subscription->parked_count));
        value_put_c(arena, &row, "dead", value_int(subscription->dead_count));
        value_put_c(arena, &row, "settled", value_int(subscription->settled_count));
        value_put_c(arena, &row, "paused", value_bool(subscription->paused));
        value_push(arena, &rows, row);
    }
    return rows;
}

int64_t bus_backlog(struct bus *bus)
{
    int64_t backlog = 0;
    list_foreach (node, &bus->subscriptions) {
        const struct subscription *subscription = CONTAINER_OF(node, struct subscription, in_bus);
        backlog +=
            store_seq(bus->store) - subscription->read_to + (int64_t)subscription->window_count;
        list_foreach (row, &subscription->parked) {
            const struct parked *parked = CONTAINER_OF(row, struct parked, by_seq);
            backlog += parked->held ? 0 : 1;
        }
    }
    return backlog;
}

struct letters {
    struct arena *arena;
    struct value rows;
};

static enum err on_letter(void *context, const struct value *columns, int column_count,
                          struct error *error)
{
    (void)column_count;
    (void)error;
    static const char *const names[] = {"id",   "subscription", "seq",       "type", "attempts",
                                        "code", "error",        "traceback", "at"};
    struct letters *letters = context;
    struct value row = value_map_new();
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct value value = value_copy(letters->arena, &columns[i]);
        value = i == 0   ? value_id(columns[i].integer)
                : i == 8 ? value_time(columns[i].integer)
                         : value;
        value_put_c(letters->arena, &row, names[i], value);
    }
    value_push(letters->arena, &letters->rows, row);
    return OK;
}

enum err bus_dead_letters(struct reader *reader, int64_t after, int limit, struct arena *arena,
                          struct value *out_list, struct error *error)
{
    struct letters letters = {.arena = arena, .rows = value_list_new()};
    struct value binds[] = {value_int(after), value_int(limit)};
    enum err err =
        reader_table(reader, &bus_tables, BUS_DEAD_LIST, binds, 2, on_letter, &letters, error);
    if (err == OK) {
        *out_list = letters.rows;
    }
    return err;
}
