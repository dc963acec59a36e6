/* How a delivery ends. Settled: inside the handler's own unit, which makes the effect happen
 * exactly once. Failed: parked with backoff, or a dead letter. Behind: parked untried, since an
 * earlier one of its key failed. */
#include "internal.h"

#include "proxenos/base_log.h"

enum { RETRY_TIMES = 8, RETRY_FIRST_MS = 1000, RETRY_MAX_MS = 600000 };

/* ---- inside the unit (writer thread): reads only what does not change while the delivery is away
 * ---- */

static enum err on_position(void *context, const struct value *columns, int column_count,
                            struct error *error)
{
    (void)column_count;
    (void)error;
    *(int64_t *)context = columns[0].integer;
    return OK;
}

/* Later ones that were over before: the position moves over them, too. */
static enum err move_over_done(struct tx *tx, struct str name, int64_t position,
                               struct error *error)
{
    for (;;) {
        int64_t next = 0;
        struct value binds[] = {value_text(name), value_int(position)};
        enum err err =
            tx_table(tx, &bus_tables, BUS_DONE_NEXT, binds, 2, on_position, &next, error);
        if (err != OK || next == 0) {
            return err;
        }
        position = next;
        binds[1] = value_int(position);
        err = tx_table(tx, &bus_tables, BUS_POSITION_SET, binds, 2, NULL, NULL, error);
        if (err == OK) {
            err = tx_table(tx, &bus_tables, BUS_DONE_DROP, binds, 2, NULL, NULL, error);
        }
        if (err != OK) {
            return err;
        }
    }
}

/* Marks the seq as over: moves the position when nothing lies between, else notes it above.
 * ERR_CONFLICT when it is over already. */
static enum err mark_over(struct tx *tx, const struct flight *flight, struct error *error)
{
    struct str name = flight->delivery.subscription->spec.name;
    int64_t seq = flight->delivery.entry.seq;
    struct subscription *subscription = flight->delivery.subscription;
    struct value binds[] = {value_text(name), value_int(seq), value_int(flight->previous)};
    enum err err = tx_table(tx, &bus_tables, BUS_POSITION_MOVE, binds, 3, NULL, NULL, error);
    if (err == OK && tx_changes(tx) == 1) {
        return subscription->done_rows ? move_over_done(tx, name, seq, error) : OK;
    }
    int64_t position = -1;
    if (err == OK) {
        err = tx_table(tx, &bus_tables, BUS_POSITION_GET, binds, 1, on_position, &position, error);
    }
    if (err == OK && (position < 0 || position >= seq)) {
        return error_set(error, ERR_CONFLICT, "this event was settled before");
    }
    if (err == OK) {
        subscription->done_rows = true;
        err = tx_table(tx, &bus_tables, BUS_DONE_ADD, binds, 3, NULL, NULL, error);
    }
    if (err == OK && tx_changes(tx) != 1) {
        return error_set(error, ERR_CONFLICT, "this event was settled before");
    }
    return err;
}

static enum err drop_parked(struct tx *tx, const struct flight *flight, struct error *error)
{
    struct value binds[] = {value_text(flight->delivery.subscription->spec.name),
                            value_int(flight->delivery.entry.seq)};
    enum err err = tx_table(tx, &bus_tables, BUS_PARKED_DROP, binds, 2, NULL, NULL, error);
    if (err == OK && tx_changes(tx) != 1) {
        return error_set(error, ERR_CONFLICT, "this event was settled before");
    }
    return err;
}

enum err bus_tx_settle(struct tx *tx, const struct delivery *delivery, struct error *error)
{
    const struct flight *flight = (const struct flight *)(const void *)delivery;
    const struct subscription *subscription = delivery->subscription;
    enum err err = flight->parked ? drop_parked(tx, flight, error) : mark_over(tx, flight, error);
    return err == OK && subscription->schedule != NULL
               ? schedule_tx_ran(tx, subscription->spec.name, error)
               : err;
}

/* ---- on the loop ---- */

struct parked *parked_add(struct subscription *subscription, int64_t seq, struct str key)
{
    struct parked *parked = mem_zalloc(sizeof(*parked));
    parked->seq = seq;
    parked->key = mem_alloc(key.len + 1);
    memcpy(parked->key, key.at, key.len);
    parked->key[key.len] = '\0';
    /* In seq order: nearly always at the end. */
    struct list_node *behind = subscription->parked.head.previous;
    while (behind != &subscription->parked.head &&
           CONTAINER_OF(behind, struct parked, by_seq)->seq > seq) {
        behind = behind->previous;
    }
    parked->by_seq = (struct list_node){.previous = behind, .next = behind->next};
    behind->next->previous = &parked->by_seq;
    behind->next = &parked->by_seq;
    subscription->parked_count++;
    (void)map_set_int(&subscription->parked_seqs, seq, parked);
    struct str kept = str_from(parked->key);
    const struct parked *first = map_get(&subscription->parked_first, kept);
    if (kept.len > 0 && (first == NULL || first->seq > seq)) {
        (void)map_set(&subscription->parked_first, kept, parked);
    }
    return parked;
}

static struct parked *find_parked(struct subscription *subscription, int64_t seq)
{
    return map_get_int(&subscription->parked_seqs, seq);
}

/* The next of its key becomes the first one. */
static void leave_key(struct subscription *subscription, const struct parked *parked)
{
    struct str key = str_from(parked->key);
    if (key.len == 0 || map_get(&subscription->parked_first, key) != parked) {
        return;
    }
    for (struct list_node *node = parked->by_seq.next; node != &subscription->parked.head;
         node = node->next) {
        struct parked *next = CONTAINER_OF(node, struct parked, by_seq);
        if (strcmp(next->key, parked->key) == 0) {
            (void)map_set(&subscription->parked_first, key, next);
            return;
        }
    }
    (void)map_remove(&subscription->parked_first, key);
}

static void parked_free(struct parked *parked)
{
    list_remove(&parked->by_seq);
    mem_free(parked->key);
    mem_free(parked);
}

void forget_parked(struct subscription *subscription, int64_t seq)
{
    struct parked *parked = find_parked(subscription, seq);
    if (parked != NULL) {
        leave_key(subscription, parked);
        (void)map_remove_int(&subscription->parked_seqs, seq);
        parked_free(parked);
        subscription->parked_count--;
    }
}

void parked_clear(struct subscription *subscription)
{
    list_foreach (node, &subscription->parked) {
        parked_free(CONTAINER_OF(node, struct parked, by_seq));
    }
    map_deinit(&subscription->parked_seqs);
    map_deinit(&subscription->parked_first);
    map_init(&subscription->parked_seqs);
    map_init(&subscription->parked_first);
    subscription->parked_count = 0;
}

void parked_again(struct subscription *subscription, int64_t seq, struct str key)
{
    struct parked *parked = find_parked(subscription, seq);
    if (parked == NULL) {
        parked = parked_add(subscription, seq, key);
    }
    parked->attempts = 0;
    parked->due_ms = 0;
    parked->held = parked->behind = parked->taken = false;
}

static void take_out(struct flight *flight)
{
    struct subscription *subscription = flight->delivery.subscription;
    ASSERT(subscription->window_count > 0 && subscription->away_count > 0);
    subscription->window_count--;
    subscription->away_count--;
    subscription->window_bytes -= flight->delivery.entry.payload.len;
    bool oldest = flight->in_window.previous == &subscription->window.head;
    if (oldest && !flight->parked) {
        subscription->position = MAX(subscription->position, flight->delivery.entry.seq);
    }
    flight_free(flight);
    bus_pump_soon(subscription->bus);
}

void bus_settled(struct delivery *delivery)
{
    struct flight *flight = (struct flight *)(void *)delivery;
    struct subscription *subscription = delivery->subscription;
    if (flight->parked) {
        forget_parked(subscription, delivery->entry.seq);
    }
    subscription->settled_count++;
    take_out(flight);
}

/* ---- parking, as a unit of the bus's own ---- */

struct park {
    struct unit unit;
    struct flight *flight;
    enum fate { PARK_RETRY, PARK_BEHIND, PARK_DEAD, PARK_HELD } fate;
    int attempts;
    int64_t due_ms, dead_id;
    struct error error;
    char traceback[TRACEBACK_STORED_MAX];
    struct timer again; /* when the unit itself could not be stored */
};

static struct value known_text(const char *text)
{
    return value_text(str_from(text));
}

static enum err write_dead(const struct park *park, struct tx *tx, struct error *error)
{
    const struct delivery *delivery = &park->flight->delivery;
    struct value binds[] = {value_int(park->dead_id),
                            value_text(delivery->subscription->spec.name),
                            value_int(delivery->entry.seq),
                            value_text(delivery->entry.type),
                            value_int(park->attempts),
                            known_text(err_code(park->error.err)),
                            known_text(park->error.detail),
                            known_text(park->traceback),
                            value_int(tx_now_ms(tx)),
                            value_text(delivery->key),
                            value_text(delivery->entry.compartment)};
    enum err err =
        tx_table(tx, &bus_tables, BUS_DEAD_ADD, binds, COUNT_OF(binds), NULL, NULL, error);
    if (err != OK) {
        return err;
    }
    /* Dead letters are in the log (contract 2): who answers for them sees them by subscribing, too.
     */
    struct arena *arena = tx_arena(tx);
    struct value data = value_map_new();
    value_put_c(arena, &data, "dead_letter", value_id(park->dead_id));
    value_put_c(arena, &data, "subscription", value_text(delivery->subscription->spec.name));
    value_put_c(arena, &data, "event", value_text(delivery->entry.type));
    value_put_c(arena, &data, "attempts", value_int(park->attempts));
    value_put_c(arena, &data, "code", known_text(err_code(park->error.err)));
    value_put_c(arena, &data, "error", known_text(park->error.detail));
    return tx_emit_in(tx, delivery->entry.compartment, STR("bus.dead_lettered"), &data, error);
}

static enum err write_parked(const struct park *park, struct tx *tx, struct error *error)
{
    static const char *const states[] = {
        [PARK_RETRY] = "retry", [PARK_BEHIND] = "behind", [PARK_HELD] = "held"};
    const struct delivery *delivery = &park->flight->delivery;
    struct value binds[] = {value_text(delivery->subscription->spec.name),
                            value_int(delivery->entry.seq),
                            value_text(delivery->key),
                            value_int(park->attempts),
                            value_int(park->due_ms),
                            known_text(states[park->fate]),
                            known_text(err_code(park->error.err)),
                            known_text(park->error.detail)};
    return tx_table(tx, &bus_tables, BUS_PARK, binds, COUNT_OF(binds), NULL, NULL, error);
}

static enum err park_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct park *park = CONTAINER_OF(unit, struct park, unit);
    const struct subscription *subscription = park->flight->delivery.subscription;
    enum err err = park->flight->parked ? OK : mark_over(tx, park->flight, error);
    if (err == OK && subscription->schedule != NULL && park->fate != PARK_BEHIND) {
        err = schedule_tx_failed(tx, subscription->spec.name, &park->error, error);
    }
    if (err == OK && (park->fate == PARK_DEAD || park->fate == PARK_HELD)) {
        err = write_dead(park, tx, error);
    }
    if (err == OK && park->fate != PARK_DEAD) {
        return write_parked(park, tx, error);
    }
    return err == OK && park->flight->parked ? drop_parked(tx, park->flight, error) : err;
}

static void submit_park(struct park *park);

static void on_try_again(struct timer *timer)
{
    struct park *park = CONTAINER_OF(timer, struct park, again);
    timer_deinit(&park->again);
    park->flight->delivery.subscription->bus->parks_waiting--;
    submit_park(park);
}

/* A full disk or queue must not lose the failure: it is stored when there is room again. */
static void store_later(struct park *park)
{
    enum { AGAIN_MS = 500 };
    struct bus *bus = park->flight->delivery.subscription->bus;
    bus->parks_waiting++;
    timer_init(&park->again, bus->loop, on_try_again);
    timer_start(&park->again, AGAIN_MS);
}

static void remember_parked(struct park *park)
{
    struct delivery *delivery = &park->flight->delivery;
    struct subscription *subscription = delivery->subscription;
    struct parked *parked = find_parked(subscription, delivery->entry.seq);
    bool one_more = parked == NULL;
    if (one_more) {
        parked = parked_add(subscription, delivery->entry.seq, delivery->key);
    }
    parked->taken = false;
    parked->attempts = park->attempts;
    parked->due_ms = park->due_ms;
    parked->behind = park->fate == PARK_BEHIND;
    parked->held = park->fate == PARK_HELD;
    /* Once, as it happens: whoever resumes it has the parked ones tried before more are read. */
    if (one_more && subscription->parked_count == BUS_PARKED_MAX + 1) {
        order_pause_full(subscription);
    }
}

static void park_done(struct unit *unit)
{
    struct park *park = CONTAINER_OF(unit, struct park, unit);
    struct flight *flight = park->flight;
    struct subscription *subscription = flight->delivery.subscription;
    struct bus *bus = subscription->bus;
    enum err err = unit->err;
    bus->units_away--;
    unit_deinit(unit);
    if (err != OK && err != ERR_CONFLICT && !bus->stopping) {
        store_later(park);
        return;
    }
    if (err == OK && park->fate != PARK_DEAD) {
        remember_parked(park);
    } else if (err == OK) {
        subscription->dead_count++;
        forget_parked(subscription, flight->delivery.entry.seq);
    }
    mem_free(park);
    take_out(flight);
}

static void submit_park(struct park *park)
{
    struct bus *bus = park->flight->delivery.subscription->bus;
    /* A dead letter's entry names no cause: the chain of causes may be what it died of. */
    bool dead = park->fate == PARK_DEAD || park->fate == PARK_HELD;
    park->unit = (struct unit){.reply = loop_mailbox(bus->loop),
                               .apply = park_apply,
                               .done = park_done,
                               .scope = bus->scope,
                               .request = STR("bus"),
                               .cause = dead ? 0 : park->flight->delivery.entry.seq};
    if (store_submit(bus->store, &park->unit) == OK) {
        bus->units_away++;
        return;
    }
    if (bus->stopping) {
        struct flight *flight = park->flight;
        mem_free(park); /* it is delivered again after the next start */
        take_out(flight);
        return;
    }
    store_later(park);
}

/* Doubling from first_ms, cut at max_ms, spread by ±20 % that the event and the attempt decide. */
static int64_t backoff_ms(const struct subscription *subscription, int64_t seq, int attempt)
{
    const struct bus_retry *retry = &subscription->spec.retry;
    int64_t first = retry->first_ms > 0 ? retry->first_ms : RETRY_FIRST_MS;
    int64_t most = retry->max_ms > 0 ? retry->max_ms : RETRY_MAX_MS;
    int64_t wait = first;
    for (int i = 1; i < attempt && wait < most; i++) {
        wait *= 2;
    }
    wait = MIN(wait, most);
    uint64_t mixed =
        ((uint64_t)seq * 0x9e3779b97f4a7c15u) ^ ((uint64_t)attempt * 0xbf58476d1ce4e5b9u);
    int64_t share = (int64_t)((mixed >> 32) % 401) - 200; /* -200 … 200 per mille */
    return wait + wait * share / 1000;
}

static struct park *park_new(struct delivery *delivery, enum fate fate)
{
    struct park *park = mem_zalloc(sizeof(*park));
    park->flight = (struct flight *)(void *)delivery;
    park->flight->away = DELIVERY_STORING;
    park->fate = fate;
    return park;
}

static void fail(struct delivery *delivery, const struct error *error, struct str traceback,
                 bool dead, int64_t due_ms)
{
    struct subscription *subscription = delivery->subscription;
    struct bus *bus = subscription->bus;
    enum fate fate = !dead ? PARK_RETRY : subscription->spec.hold_when_dead ? PARK_HELD : PARK_DEAD;
    struct park *park = park_new(delivery, fate);
    park->attempts = delivery->attempt;
    park->error = *error;
    park->error.next = NULL;
    park->due_ms = due_ms;
    park->dead_id = ids_next(store_ids(bus->store));
    snprintf(park->traceback, sizeof(park->traceback), STR_FORMAT, STR_ARGS(traceback));
    log_warn("bus",
             "an event failed subscription=%s seq=%lld attempt=%d now=%s code=%s error=\"%s\"",
             subscription->spec.name.at, (long long)delivery->entry.seq, delivery->attempt,
             dead ? "dead" : "parked", err_code(error->err), error->detail);
    submit_park(park);
}

void bus_failed(struct delivery *delivery, const struct error *error, struct str traceback)
{
    struct subscription *subscription = delivery->subscription;
    int times = subscription->spec.retry.times > 0 ? subscription->spec.retry.times : RETRY_TIMES;
    bool dead = delivery->attempt > times || error->err == ERR_LOOP;
    int64_t due_ms = loop_now_ms(subscription->bus->loop) +
                     backoff_ms(subscription, delivery->entry.seq, delivery->attempt);
    fail(delivery, error, traceback, dead, due_ms);
}

void bus_failed_at(struct delivery *delivery, const struct error *error, struct str traceback,
                   int64_t due_ms)
{
    fail(delivery, error, traceback, due_ms < 0, due_ms);
}

void bus_behind(struct delivery *delivery)
{
    const struct flight *flight = (const struct flight *)(const void *)delivery;
    struct park *park = park_new(delivery, PARK_BEHIND);
    /* A parked one that was not tried keeps its count. */
    park->attempts = flight->parked ? delivery->attempt - 1 : 0;
    park->error.err = OK;
    submit_park(park);
}

/* ---- the position, when nothing matched for long ---- */

struct save {
    struct unit unit;
    struct subscription *subscription;
    int64_t position;
};

static enum err save_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct save *save = CONTAINER_OF(unit, struct save, unit);
    struct value binds[] = {value_text(save->subscription->spec.name), value_int(save->position)};
    enum err err = tx_table(tx, &bus_tables, BUS_POSITION_SET, binds, 2, NULL, NULL, error);
    return err == OK ? tx_table(tx, &bus_tables, BUS_DONE_DROP, binds, 2, NULL, NULL, error) : err;
}

static void save_done(struct unit *unit)
{
    struct save *save = CONTAINER_OF(unit, struct save, unit);
    save->subscription->bus->units_away--;
    save->subscription->saves_away--;
    bus_pump_soon(save->subscription->bus);
    unit_deinit(unit);
    mem_free(save);
}

/* Only when the window is empty: then all up to read_to is over. */
void subscription_save_position(struct subscription *subscription)
{
    struct bus *bus = subscription->bus;
    ASSERT(subscription->window_count == 0);
    struct save *save = mem_zalloc(sizeof(*save));
    save->subscription = subscription;
    save->position = subscription->read_to;
    save->unit = (struct unit){.reply = loop_mailbox(bus->loop),
                               .apply = save_apply,
                               .done = save_done,
                               .scope = bus->scope,
                               .request = STR("bus")};
    if (store_submit(bus->store, &save->unit) != OK) {
        mem_free(save); /* the next long stretch tries again */
        return;
    }
    bus->units_away++;
    subscription->saves_away++;
    subscription->position = save->position;
}
