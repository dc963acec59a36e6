/* What operators do to subscriptions and dead letters: each is one unit, with an entry in the log
 * that says who and why; what is in memory follows when it has been committed. Subscriptions of
 * plugins that do not run are rows alone. Loop thread, but for `apply`. */
#include "internal.h"

#include "proxenos/base_log.h"

/* ---- the writer's side ---- */

static enum err on_position(void *context, const struct value *columns, int column_count,
                            struct error *error)
{
    (void)column_count;
    (void)error;
    *(int64_t *)context = columns[0].integer;
    return OK;
}

static enum err find_row(struct bus_order *order, struct tx *tx, struct error *error)
{
    struct value binds[] = {value_text(order->subscription)};
    order->position = -1;
    enum err err =
        tx_table(tx, &bus_tables, BUS_POSITION_GET, binds, 1, on_position, &order->position, error);
    if (err == OK && order->position < 0) {
        return error_set(error, ERR_NOT_FOUND, "there is no subscription \"" STR_FORMAT "\"",
                         STR_ARGS(str_sub(order->subscription, 0, 200)));
    }
    return err;
}

static struct value told(const struct bus_order *order, struct tx *tx)
{
    struct value data = value_map_new();
    value_put_c(tx_arena(tx), &data, "subscription", value_text(order->subscription));
    if (order->why.len > 0) {
        value_put_c(tx_arena(tx), &data, "why", value_text(order->why));
    }
    return data;
}

static enum err apply_pause(struct bus_order *order, struct tx *tx, struct error *error)
{
    struct value binds[] = {value_text(order->subscription), value_text(tx_scope(tx)->actor),
                            value_text(order->why), value_int(tx_now_ms(tx))};
    struct value data = told(order, tx);
    enum err err =
        tx_table(tx, &bus_tables, BUS_PAUSE_PUT, binds, COUNT_OF(binds), NULL, NULL, error);
    return err == OK ? tx_emit(tx, STR("bus.subscription_paused"), &data, error) : err;
}

static enum err apply_resume(struct bus_order *order, struct tx *tx, struct error *error)
{
    struct value binds[] = {value_text(order->subscription)};
    struct value data = told(order, tx);
    enum err err = tx_table(tx, &bus_tables, BUS_PAUSE_DROP, binds, 1, NULL, NULL, error);
    if (err == OK && tx_changes(tx) == 0) {
        return error_set(error, ERR_CONFLICT,
                         "nobody has paused it; one whose plugin is suspended "
                         "goes on with its plugin");
    }
    return err == OK ? tx_emit(tx, STR("bus.subscription_resumed"), &data, error) : err;
}

/* Runs one of the deletes from a seq on; how many rows went. */
static enum err forget_from(const struct bus_order *order, struct tx *tx,
                            enum bus_statement statement, int64_t *out_rows, struct error *error)
{
    struct value binds[] = {value_text(order->subscription), value_int(order->from)};
    enum err err = tx_table(tx, &bus_tables, (int)statement, binds, 2, NULL, NULL, error);
    *out_rows = err == OK ? tx_changes(tx) : 0;
    return err;
}

static enum err apply_replay(struct bus_order *order, struct tx *tx, struct error *error)
{
    int64_t behind = MIN(order->position, order->from - 1);
    struct value binds[] = {value_text(order->subscription), value_int(behind)};
    enum err err = tx_table(tx, &bus_tables, BUS_POSITION_BACK, binds, 2, NULL, NULL, error);
    if (err == OK) {
        err = forget_from(order, tx, BUS_DONE_FORGET, &order->done_rows, error);
    }
    if (err == OK) {
        err = forget_from(order, tx, BUS_PARKED_FORGET, &order->parked_rows, error);
    }
    if (err == OK) {
        err = forget_from(order, tx, BUS_DEAD_FORGET, &order->dead_rows, error);
    }
    if (err != OK) {
        return err;
    }
    struct arena *arena = tx_arena(tx);
    struct value data = told(order, tx);
    value_put_c(arena, &data, "from", value_int(order->from));
    value_put_c(arena, &data, "position_before", value_int(order->position));
    value_put_c(arena, &data, "parked_forgotten", value_int(order->parked_rows));
    value_put_c(arena, &data, "dead_forgotten", value_int(order->dead_rows));
    order->position = behind;
    return tx_emit(tx, STR("bus.subscription_replayed"), &data, error);
}

/* subscription, seq, type, key */
static enum err on_letter(void *context, const struct value *columns, int column_count,
                          struct error *error)
{
    (void)column_count;
    (void)error;
    struct bus_order *order = context;
    order->subscription = arena_str(&order->unit.arena, columns[0].text);
    order->seq = columns[1].integer;
    order->key = arena_str(&order->unit.arena, columns[3].text);
    return OK;
}

static enum err park_again(const struct bus_order *order, struct tx *tx, struct error *error)
{
    struct value binds[] = {value_text(order->subscription),
                            value_int(order->seq),
                            value_text(order->key),
                            value_int(0),
                            value_int(tx_now_ms(tx)),
                            value_text(STR("retry")),
                            value_null(),
                            value_null()};
    return tx_table(tx, &bus_tables, BUS_PARK, binds, COUNT_OF(binds), NULL, NULL, error);
}

static enum err apply_letter(struct bus_order *order, struct tx *tx, struct error *error)
{
    bool again = order->kind == BUS_ORDER_DEAD_REPLAY;
    struct value id = value_int(order->dead_letter);
    order->seq = 0;
    struct value find[] = {id, value_text(bus_seen_compartments(tx_arena(tx), tx_scope(tx)))};
    enum err err = tx_table(tx, &bus_tables, BUS_DEAD_FIND, find, 2, on_letter, order, error);
    if (err == OK && order->seq == 0) {
        char text[ID_TEXT_LEN + 1];
        id_format(order->dead_letter, text);
        return error_set(error, ERR_NOT_FOUND, "there is no dead letter %s", text);
    }
    if (err == OK) {
        err = tx_table(tx, &bus_tables, BUS_DEAD_DROP, &id, 1, NULL, NULL, error);
    }
    struct value parked[] = {value_text(order->subscription), value_int(order->seq)};
    if (err == OK) {
        err = again ? park_again(order, tx, error)
                    : tx_table(tx, &bus_tables, BUS_PARKED_DROP, parked, 2, NULL, NULL, error);
    }
    if (err != OK) {
        return err;
    }
    struct value data = told(order, tx);
    value_put_c(tx_arena(tx), &data, "dead_letter", value_id(order->dead_letter));
    value_put_c(tx_arena(tx), &data, "seq", value_int(order->seq));
    return tx_emit(tx, again ? STR("bus.dead_letter_replayed") : STR("bus.dead_letter_dropped"),
                   &data, error);
}

static bool of_letter(const struct bus_order *order)
{
    return order->kind == BUS_ORDER_DEAD_REPLAY || order->kind == BUS_ORDER_DEAD_DROP;
}

static enum err apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct bus_order *order = CONTAINER_OF(unit, struct bus_order, unit);
    enum err err = of_letter(order) ? OK : find_row(order, tx, error);
    if (err != OK) {
        return err;
    }
    switch (order->kind) {
    case BUS_ORDER_PAUSE:
        return apply_pause(order, tx, error);
    case BUS_ORDER_RESUME:
        return apply_resume(order, tx, error);
    case BUS_ORDER_REPLAY:
        return apply_replay(order, tx, error);
    case BUS_ORDER_RUN:
        return schedule_tx_due(tx, order->subscription, tx_now_ms(tx), order->why, error);
    case BUS_ORDER_DEAD_REPLAY:
    case BUS_ORDER_DEAD_DROP:
        break;
    }
    return apply_letter(order, tx, error);
}

/* ---- what is in memory follows ---- */

static void follow(struct bus_order *order, struct subscription *subscription)
{
    switch (order->kind) {
    case BUS_ORDER_PAUSE:
        subscription->paused |= PAUSED_BY_ORDER;
        pause_set(&subscription->pause, order->scope->actor, order->why,
                  loop_now_ms(order->bus->loop));
        break;
    case BUS_ORDER_RESUME:
        subscription->paused &= ~(unsigned)PAUSED_BY_ORDER;
        subscription->pause = (struct pause){0};
        break;
    case BUS_ORDER_REPLAY:
        subscription_rewind(subscription, order->position);
        break;
    case BUS_ORDER_RUN:
        subscription->schedule->scan_to =
            MAX(subscription->schedule->scan_to, order->unit.last_seq);
        order->bus->runs_made++;
        break;
    case BUS_ORDER_DEAD_REPLAY:
        subscription->dead_count--;
        parked_again(subscription, order->seq, order->key);
        break;
    case BUS_ORDER_DEAD_DROP:
        subscription->dead_count--;
        forget_parked(subscription, order->seq);
        break;
    }
    bus_pump_soon(order->bus);
}

static void done(struct unit *unit)
{
    struct bus_order *order = CONTAINER_OF(unit, struct bus_order, unit);
    struct bus *bus = order->bus;
    struct subscription *subscription = bus_find(bus, order->subscription);
    order->err = unit->err;
    order->error = unit->error;
    order->error.next = NULL;
    if (subscription != NULL && subscription->order == order) {
        subscription->order = NULL;
    }
    if (order->kind == BUS_ORDER_RUN) {
        ASSERT(subscription != NULL); /* the run under way kept it here */
        subscription->schedule->away--;
    }
    if (order->err == OK && subscription != NULL) {
        follow(order, subscription);
    }
    bus->units_away--;
    if (of_letter(order)) {
        order->subscription = STR(""); /* it lay in the unit's arena */
    }
    unit_deinit(unit);
    order->done(order);
}

static enum err submit(struct bus_order *order)
{
    struct bus *bus = order->bus;
    order->unit = (struct unit){.reply = loop_mailbox(bus->loop),
                                .apply = apply,
                                .done = done,
                                .scope = order->scope,
                                .request = order->request};
    enum err err = store_submit(bus->store, &order->unit);
    bus->units_away += err == OK ? 1 : 0;
    return err;
}

void order_refuse(struct subscription *subscription, enum err err)
{
    struct bus_order *order = subscription->order;
    subscription->order = NULL;
    order->err = error_set(&order->error, err, "%s", err_text(err));
    order->done(order);
}

/* The order that waited for deliveries to end. */
void order_proceed(struct subscription *subscription)
{
    if (subscription->away_count > 0 || subscription->saves_away > 0 || subscription->order_sent) {
        return;
    }
    enum err err = submit(subscription->order);
    subscription->order_sent = err == OK;
    if (err != OK) {
        order_refuse(subscription, err);
    }
}

/* ---- from a time to a position ---- */

static enum err on_time(void *context, const struct log_entry *entry, struct error *error)
{
    (void)error;
    *(int64_t *)context = entry->at_ms;
    return OK;
}

/* The first entry at or after this time; entries are in the order of time, save where the clock was
 * set back. About twenty reads of one row. */
static enum err first_since(struct bus *bus, int64_t at_ms, int64_t *out_seq, struct error *error)
{
    int64_t low = 1;
    int64_t high = store_seq(bus->store) + 1;
    enum err err = OK;
    while (err == OK && low < high) {
        int64_t middle = low + (high - low) / 2;
        int64_t found_ms = at_ms;
        int64_t last = 0;
        struct log_query query = {.after = middle - 1, .limit = 1, .look_max = 1};
        err = reader_log(bus->reader, bus->scope, &query, on_time, &found_ms, &last, error);
        low = found_ms < at_ms ? middle + 1 : low;
        high = found_ms < at_ms ? high : middle;
    }
    *out_seq = low;
    return err;
}

static enum err check_replay(struct bus_order *order, struct error *error)
{
    struct bus *bus = order->bus;
    order->from = order->seq;
    if (order->seq == 0 && order->at_ms == 0) {
        return error_set(error, ERR_INVALID, "say from where: a seq, or a time");
    }
    enum err err = order->seq == 0 ? first_since(bus, order->at_ms, &order->from, error) : OK;
    if (err == OK && (order->from < 1 || order->from > store_seq(bus->store))) {
        return error_set(error, ERR_INVALID, "the log ends at %lld: there is nothing to replay",
                         (long long)store_seq(bus->store));
    }
    return err;
}

/* A run needs somebody who runs it. */
static enum err give_run(struct bus_order *order, struct error *error)
{
    struct subscription *subscription = bus_find(order->bus, order->subscription);
    if (subscription == NULL || subscription->schedule == NULL) {
        return error_set(error, ERR_NOT_FOUND,
                         "no plugin that runs has a schedule \"" STR_FORMAT "\"",
                         STR_ARGS(str_sub(order->subscription, 0, 200)));
    }
    if (subscription->paused != 0) {
        return error_set(error, ERR_CONFLICT, "it is paused; resume it first");
    }
    enum err err = submit(order);
    subscription->schedule->away += err == OK ? 1 : 0;
    return err == OK ? OK : error_set(error, err, "%s", err_text(err));
}

static enum err submit_now(struct bus_order *order, struct error *error)
{
    enum err err = submit(order);
    return err == OK ? OK : error_set(error, err, "%s", err_text(err));
}

enum err bus_order(struct bus *bus, struct bus_order *order, struct error *error)
{
    order->bus = bus;
    if (order->why.len > BUS_WHY_MAX) {
        return error_set(error, ERR_LIMIT, "why: at most %d bytes", BUS_WHY_MAX);
    }
    if (bus->stopping) {
        return error_set(error, ERR_STOPPING, "%s", err_text(ERR_STOPPING));
    }
    if (order->kind == BUS_ORDER_RUN) {
        return give_run(order, error);
    }
    if (order->kind != BUS_ORDER_REPLAY) {
        return submit_now(order, error);
    }
    enum err err = check_replay(order, error);
    struct subscription *subscription = bus_find(bus, order->subscription);
    if (err == OK && subscription == NULL) {
        return submit_now(order, error);
    }
    if (err == OK && subscription->order != NULL) {
        return error_set(error, ERR_BUSY, "another replay is under way");
    }
    if (err == OK) {
        subscription->order = order;
        subscription->order_sent = false;
        bus_pump_soon(bus);
    }
    return err;
}

/* ---- the bus's own pause ---- */

static void own_done(struct bus_order *order)
{
    if (order->err != OK) {
        log_error("bus", "a pause could not be stored error=\"%s\"", order->error.detail);
    }
    mem_free(order);
}

void order_pause_full(struct subscription *subscription)
{
    struct bus *bus = subscription->bus;
    struct error error = {0};
    struct bus_order *order = mem_zalloc(sizeof(*order));
    log_error("bus", "paused subscription=%s parked=%zu", subscription->spec.name.at,
              subscription->parked_count);
    subscription->paused |= PAUSED_BY_ORDER;
    *order = (struct bus_order){.kind = BUS_ORDER_PAUSE,
                                .subscription = subscription->spec.name,
                                .why = STR("too many events are parked"),
                                .scope = bus->scope,
                                .request = STR("bus"),
                                .done = own_done};
    if (bus_order(bus, order, &error) != OK) {
        own_done(order);
    }
}
