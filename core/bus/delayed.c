/* Events of plugins: appended at once, or kept as rows until their time, when the bus appends the
 * entry and drops the row in one unit; and words that keep one from being said twice. Loop thread,
 * but for bus_tx_emit and the `apply` (writer), and bus_wake (any). */
#include "internal.h"

#include "proxenos/base_json.h"
#include "proxenos/base_log.h"

enum { DELAYED_AT_ONCE_MAX = 64, AGAIN_MS = 500 };

const struct str event_key_name = STR_INIT("_key");

/* ---- emitting: the writer, inside the plugin's unit ---- */

static enum err check(const struct bus_emit *emit, struct error *error)
{
    if (emit->key.len > BUS_EMIT_KEY_MAX || emit->dedup.len > BUS_EMIT_KEY_MAX) {
        return error_set(error, ERR_LIMIT, "key and dedup have at most %d bytes", BUS_EMIT_KEY_MAX);
    }
    if (emit->key.len > 0 && emit->data->kind != VALUE_MAP) {
        return error_set(error, ERR_INVALID, "an event with a key has a table of fields as data");
    }
    if (emit->delay_ms != 0 &&
        (emit->delay_ms < BUS_DELAY_MIN_MS || emit->delay_ms > BUS_DELAY_MAX_MS)) {
        return error_set(error, ERR_RANGE, "a delay is one second to five years");
    }
    return OK;
}

/* *out_new: nobody has said the word within the window. */
static enum err say_word(struct tx *tx, const struct bus_emit *emit, bool *out_new,
                         struct error *error)
{
    int64_t now_ms = tx_now_ms(tx);
    struct value old = value_int(now_ms - BUS_DEDUP_MS);
    struct value binds[] = {value_text(emit->plugin), value_text(emit->dedup), value_int(now_ms)};
    enum err err = tx_table(tx, &bus_tables, BUS_DEDUP_SWEEP, &old, 1, NULL, NULL, error);
    if (err == OK) {
        err = tx_table(tx, &bus_tables, BUS_DEDUP_PUT, binds, 3, NULL, NULL, error);
    }
    *out_new = err == OK && tx_changes(tx) == 1;
    return err;
}

static enum err keep(struct tx *tx, const struct bus_emit *emit, const struct value *data,
                     struct error *error)
{
    struct str compartment;
    enum err err = tx_cause_compartment(tx, &compartment, error);
    if (err != OK) {
        return err;
    }
    struct buf text;
    buf_init(&text);
    json_encode(&text, data);
    const struct scope *scope = tx_scope(tx);
    struct value binds[] = {value_int(ids_next(store_ids(tx_store(tx)))),
                            value_int(tx_now_ms(tx) + emit->delay_ms),
                            value_text(emit->plugin),
                            value_text(emit->type),
                            value_text(buf_str(&text)),
                            value_text(scope->actor),
                            value_text(scope->via),
                            value_text(compartment)};
    err = tx_table(tx, &bus_tables, BUS_DELAYED_ADD, binds, COUNT_OF(binds), NULL, NULL, error);
    buf_deinit(&text);
    return err;
}

enum err bus_tx_emit(struct tx *tx, const struct bus_emit *emit, struct error *error)
{
    bool said = true;
    enum err err = check(emit, error);
    if (err == OK && emit->dedup.len > 0) {
        err = say_word(tx, emit, &said, error);
    }
    if (err != OK || !said) {
        return err;
    }
    struct value data = *emit->data;
    if (emit->key.len > 0) {
        data = value_copy(tx_arena(tx), emit->data);
        value_put(tx_arena(tx), &data, event_key_name, value_text(emit->key));
    }
    return emit->delay_ms > 0 ? keep(tx, emit, &data, error)
                              : tx_emit(tx, emit->type, &data, error);
}

/* ---- when their time comes ---- */

struct kept {
    int64_t id;
    struct str type, data, actor, via, compartment;
};

struct emission {
    struct unit unit;
    struct bus *bus;
    int64_t until_ms;
    struct tx *tx;
    struct kept rows[DELAYED_AT_ONCE_MAX];
    size_t count;
};

static enum err on_kept(void *context, const struct value *columns, int column_count,
                        struct error *error)
{
    (void)column_count;
    (void)error;
    struct emission *emission = context;
    struct arena *arena = tx_arena(emission->tx);
    emission->rows[emission->count++] =
        (struct kept){.id = columns[0].integer,
                      .type = arena_str(arena, columns[1].text),
                      .data = arena_str(arena, columns[2].text),
                      .actor = arena_str(arena, columns[3].text),
                      .via = arena_str(arena, columns[4].text),
                      .compartment = arena_str(arena, columns[5].text)};
    return OK;
}

/* In the name of who asked for it. */
static enum err emit_one(struct emission *emission, const struct kept *row, struct error *error)
{
    struct tx *tx = emission->tx;
    struct value id = value_int(row->id);
    struct value data = value_null();
    struct scope scope = *emission->bus->scope;
    scope.actor = row->actor;
    scope.via = row->via;
    enum err err = tx_table(tx, &bus_tables, BUS_DELAYED_DROP, &id, 1, NULL, NULL, error);
    if (err == OK) {
        err = json_decode(tx_arena(tx), row->data, &data, error);
    }
    if (err == OK) {
        tx_as(tx, &scope);
        err = tx_emit_in(tx, row->compartment, row->type, &data, error);
        tx_as(tx, NULL);
    }
    return err;
}

static enum err emission_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct emission *emission = CONTAINER_OF(unit, struct emission, unit);
    struct value binds[] = {value_int(emission->until_ms), value_int(DELAYED_AT_ONCE_MAX)};
    emission->tx = tx;
    emission->count = 0;
    enum err err = tx_table(tx, &bus_tables, BUS_DELAYED_DUE, binds, 2, on_kept, emission, error);
    for (size_t i = 0; err == OK && i < emission->count; i++) {
        err = emit_one(emission, &emission->rows[i], error);
    }
    return err;
}

static void emission_done(struct unit *unit)
{
    struct emission *emission = CONTAINER_OF(unit, struct emission, unit);
    struct bus *bus = emission->bus;
    bus->units_away--;
    bus->delayed_away = false;
    if (unit->err == OK) {
        bus->delayed_made += (int64_t)emission->count;
        bus->delayed_unknown = true;
    } else {
        log_error("bus", "delayed events wait error=\"%s\"", unit->error.detail);
        bus->delayed_due_ms = loop_now_ms(bus->loop) + AGAIN_MS;
    }
    unit_deinit(unit);
    mem_free(emission);
    bus_pump_soon(bus);
}

static enum err on_first(void *context, const struct value *columns, int column_count,
                         struct error *error)
{
    (void)column_count;
    (void)error;
    *(int64_t *)context = columns[0].integer;
    return OK;
}

static void look(struct bus *bus, int64_t now_ms)
{
    struct error error = {0};
    bus->delayed_due_ms = INT64_MAX;
    bus->delayed_unknown = false;
    if (reader_table(bus->reader, &bus_tables, BUS_DELAYED_FIRST, NULL, 0, on_first,
                     &bus->delayed_due_ms, &error) != OK) {
        log_error("bus", "delayed events cannot be read error=\"%s\"", error.detail);
        bus->delayed_due_ms = now_ms + AGAIN_MS;
        bus->delayed_unknown = true;
    }
}

void delayed_pump(struct bus *bus, int64_t now_ms)
{
    if (bus->delayed_away) {
        return;
    }
    if (bus->delayed_unknown) {
        look(bus, now_ms);
    }
    if (bus->delayed_due_ms > now_ms) {
        return;
    }
    struct emission *emission = mem_zalloc(sizeof(*emission));
    emission->bus = bus;
    emission->until_ms = now_ms;
    emission->unit = (struct unit){.reply = loop_mailbox(bus->loop),
                                   .apply = emission_apply,
                                   .done = emission_done,
                                   .scope = bus->scope,
                                   .request = STR("delayed")};
    if (store_submit(bus->store, &emission->unit) != OK) {
        bus->delayed_due_ms = now_ms + AGAIN_MS;
        mem_free(emission);
        return;
    }
    bus->units_away++;
    bus->delayed_away = true;
}

void bus_wake(struct bus *bus)
{
    if (!atomic_exchange(&bus->wake_posted, true)) {
        mailbox_post(loop_mailbox(bus->loop), &bus->wake);
    }
}
