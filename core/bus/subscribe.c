/* A subscription comes to life and leaves: its row is found again or made, what was settled, parked
 * and paused is read back. Loop thread, blocking shortly: start-up or a lane's time. */
#include "internal.h"

#include "proxenos/base_log.h"

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

enum err subscription_row(struct tx *tx, struct subscription *subscription, int64_t *out_position,
                          struct error *error)
{
    const struct subscription_spec *spec = &subscription->spec;
    struct value binds[] = {
        value_text(spec->name), value_text(spec->plugin), value_text(spec->pattern),
        value_int(spec->from_start ? 0 : store_seq(tx_store(tx))), value_int(tx_now_ms(tx))};
    enum err err =
        tx_table(tx, &bus_tables, BUS_SUBSCRIPTION_MAKE, binds, COUNT_OF(binds), NULL, NULL, error);
    if (err != OK) {
        return err;
    }
    err = tx_table(tx, &bus_tables, BUS_SUBSCRIPTION_GET, binds, 1, on_number, out_position, error);
    return err == OK && subscription->schedule != NULL ? schedule_tx_make(subscription, tx, error)
                                                       : err;
}

static enum err subscribe_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct subscribe *subscribe = CONTAINER_OF(unit, struct subscribe, unit);
    return subscription_row(tx, subscribe->subscription, &subscribe->position, error);
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

/* by, why, at */
static enum err on_pause(void *context, const struct value *columns, int column_count,
                         struct error *error)
{
    (void)column_count;
    (void)error;
    struct subscription *subscription = context;
    subscription->paused |= PAUSED_BY_ORDER;
    pause_set(&subscription->pause, columns[0].text, columns[1].text, columns[2].integer);
    return OK;
}

void pause_set(struct pause *pause, struct str by, struct str why, int64_t at_ms)
{
    pause->at_ms = at_ms;
    snprintf(pause->by, sizeof(pause->by), STR_FORMAT, STR_ARGS(by));
    snprintf(pause->why, sizeof(pause->why), STR_FORMAT, STR_ARGS(why));
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
    if (err == OK) {
        err = reader_table(reader, &bus_tables, BUS_PAUSE_GET, binds, 1, on_pause, subscription,
                           error);
    }
    return err;
}

void subscription_empty(struct subscription *subscription)
{
    list_foreach (flight, &subscription->window) {
        flight_free(CONTAINER_OF(flight, struct flight, in_window));
    }
    parked_clear(subscription);
    map_deinit(&subscription->done);
    map_init(&subscription->done);
    subscription->window_count = subscription->window_bytes = 0;
}

void subscription_rewind(struct subscription *subscription, int64_t position)
{
    struct error error = {0};
    ASSERT(subscription->away_count == 0);
    subscription_empty(subscription);
    subscription->position = subscription->read_to = subscription->last_match = position;
    subscription->done_rows = false;
    if (subscription->schedule != NULL) {
        subscription->schedule->scan_to = store_seq(subscription->bus->store);
    }
    if (subscription_load(subscription, &error) != OK) {
        /* Without its rows it would deliver again what is settled; the next start reads them. */
        log_error("bus", "paused until the next start subscription=%s error=\"%s\"",
                  subscription->spec.name.at, error.detail);
        subscription->paused |= PAUSED_BY_PLUGIN;
    }
}

void subscription_free(struct subscription *subscription)
{
    subscription_empty(subscription);
    list_remove(&subscription->in_bus);
    map_deinit(&subscription->done);
    map_deinit(&subscription->parked_seqs);
    map_deinit(&subscription->parked_first);
    scope_unref(subscription->spec.scope);
    arena_deinit(&subscription->arena);
    mem_free(subscription);
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
    subscription->spec.cron = arena_str(arena, spec->cron);
    subscription->spec.zone = arena_str(arena, spec->zone);
    if (spec->cron.len > 0) {
        subscription->spec.pattern = STR(BUS_SCHEDULE_DUE);
        subscription->spec.key = subscription->spec.filter = STR("");
        subscription->spec.concurrency = 1;
        subscription->spec.from_start = false;
    }
    scope_ref(spec->scope);
}

enum err subscription_pattern_check(const struct subscription_spec *spec, struct error *error)
{
    if (spec->cron.len > 0) {
        return schedule_check(spec, error);
    }
    if (log_pattern_valid(spec->pattern)) {
        return OK;
    }
    return error_set(error, ERR_INVALID,
                     "\"" STR_FORMAT
                     "\" is not an event pattern; write object.verb, object.*, *.verb or "
                     "object.field.state",
                     STR_ARGS(spec->pattern));
}

enum err subscription_new(struct bus *bus, const struct subscription_spec *spec,
                          struct subscription **out_subscription, struct error *error)
{
    enum err err = subscription_pattern_check(spec, error);
    if (err != OK) {
        return err;
    }
    if (bus_find(bus, spec->name) != NULL) {
        return error_set(error, ERR_CONFLICT, "there is a subscription \"" STR_FORMAT "\" already",
                         STR_ARGS(spec->name));
    }
    struct subscription *subscription = mem_zalloc(sizeof(*subscription));
    subscription->bus = bus;
    arena_init(&subscription->arena);
    list_init(&subscription->window);
    list_init(&subscription->parked);
    list_node_init(&subscription->in_bus);
    map_init(&subscription->done);
    map_init(&subscription->parked_seqs);
    map_init(&subscription->parked_first);
    subscription_copy_spec(subscription, spec);
    if (spec->cron.len > 0) {
        err = schedule_new(subscription, error);
    } else if (spec->filter.len > 0) {
        err = expr_compile(&subscription->arena, subscription->spec.filter, &subscription->filter,
                           error);
    }
    if (err != OK) {
        subscription_free(subscription);
        return err;
    }
    *out_subscription = subscription;
    return OK;
}

void subscription_begin(struct subscription *subscription, int64_t position)
{
    ASSERT(subscription != NULL);
    subscription->position = subscription->read_to = subscription->last_match = position;
}

void subscription_add(struct subscription *subscription)
{
    list_push(&subscription->bus->subscriptions, &subscription->in_bus);
    bus_pump_soon(subscription->bus);
}

enum err bus_subscribe(struct bus *bus, const struct subscription_spec *spec,
                       struct subscription **out_subscription, struct error *error)
{
    struct subscription *subscription = NULL;
    enum err err = subscription_new(bus, spec, &subscription, error);
    if (err != OK) {
        return err;
    }
    struct subscribe subscribe = {
        .unit = {.apply = subscribe_apply, .scope = bus->scope, .request = STR("bus")},
        .subscription = subscription};
    err = store_run(bus->store, &subscribe.unit);
    if (err != OK && error != NULL) {
        *error = subscribe.unit.error;
        error->next = NULL;
    }
    subscription_begin(subscription, subscribe.position);
    unit_deinit(&subscribe.unit);
    if (err == OK) {
        err = subscription_load(subscription, error);
    }
    if (err != OK) {
        subscription_free(subscription);
        return err;
    }
    subscription_add(subscription);
    *out_subscription = subscription;
    return OK;
}

void bus_unsubscribe(struct subscription *subscription)
{
    struct bus *bus = subscription->bus;
    bus_pause(subscription);
    if (subscription->order != NULL && !subscription->order_sent) {
        order_refuse(subscription, ERR_STOPPING);
    }
    while (subscription->away_count > 0 || subscription->saves_away > 0 ||
           subscription->order != NULL ||
           (subscription->schedule != NULL && subscription->schedule->away > 0)) {
        loop_drain(bus->loop, 10);
    }
    subscription_free(subscription);
}

void bus_pause(struct subscription *subscription)
{
    subscription->paused |= PAUSED_BY_PLUGIN;
}

void bus_resume(struct subscription *subscription)
{
    subscription->paused &= ~(unsigned)PAUSED_BY_PLUGIN;
    bus_pump_soon(subscription->bus);
}

struct str bus_name(const struct subscription *subscription)
{
    return subscription->spec.name;
}
