/* Rows that are being sent: found when due, sent by their kind, their end noted in a unit of its
 * own together with the event about it. Loop thread.
 *
 *   waiting ─▶ (in flight) ─▶ sent
 *      ▲            ├───────▶ refused: a plugin, or the address
 *      └── again ◀──┴───────▶ failed: for good, or too often
 */
#include "internal.h"

#include "proxenos/base_log.h"

enum {
    FLIGHTS_MAX = 32,
    WRITE_AGAIN_MS = 1000,
    WAIT_MAX_MS = 86400000,
    WHY_MAX = 300,
};

/* As mail servers expect it: soon, for grey-listing, then ever more seldom; 76 hours in all. */
static const int64_t waits_ms[] = {5000,     60000,    300000,   1800000,  7200000,
                                   14400000, 36000000, 50400000, 72000000, 86400000};

/* ---- the end of a try ---- */

static void free_flight(struct flight *flight)
{
    struct outbox *outbox = flight->outbox;
    (void)map_remove_int(&outbox->flights, flight->id);
    outbox->flight_count--;
    outbox->mails_away -= flight->away ? 1 : 0;
    timer_deinit(&flight->again);
    net_request_deinit(&flight->request);
    buf_deinit(&flight->message);
    arena_deinit(&flight->arena);
    mem_free(flight);
}

/* The address stays out of the log, which is kept for ever. */
static struct value event_data(struct arena *arena, const struct flight *flight)
{
    static const char *const parts[] = {"template", "related", "message_id"};
    struct value data = value_map_new();
    value_put_c(arena, &data, "id", value_id(flight->id));
    value_put_c(arena, &data, "plugin", value_text(flight->plugin));
    value_put_c(arena, &data, "status", value_int(flight->status));
    for (size_t i = 0; flight->kind == OUTBOX_MAIL && i < COUNT_OF(parts); i++) {
        struct str text = value_get_text(&flight->payload, parts[i], STR(""));
        if (text.len > 0) {
            value_put_c(arena, &data, parts[i], value_text(text));
        }
    }
    if (flight->kind == OUTBOX_FETCH) {
        value_put_c(arena, &data, "host", value_text(flight->target));
    }
    if (flight->err != OK) {
        value_put_c(arena, &data, "code", value_text(str_from(err_code(flight->err))));
    }
    return data;
}

static enum err emit_end(const struct flight *flight, struct tx *tx, struct error *error)
{
    struct value data = event_data(tx_arena(tx), flight);
    bool sent = flight->err == OK;
    struct str type = flight->kind == OUTBOX_MAIL ? (sent ? STR("mail.sent") : STR("mail.failed"))
                                                  : (sent ? STR("net.sent") : STR("net.failed"));
    return tx_emit(tx, type, &data, error);
}

static enum err apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct flight *flight = CONTAINER_OF(unit, struct flight, unit);
    const struct value binds[] = {
        value_int(flight->id),
        value_text(str_from(flight->state)),
        value_int(flight->attempts),
        value_int(flight->due_ms),
        value_int(tx_now_ms(tx)),
        value_int(flight->status),
        value_text(str_from(flight->err == OK ? "" : err_code(flight->err))),
        value_text(flight->why)};
    enum err err = tx_table(tx, &outbox_tables, ROW_SET, binds, COUNT_OF(binds), NULL, NULL, error);
    if (err == OK && flight->refuse_address) {
        err = refused_add(tx, flight->target, flight->status, flight->why, error);
    }
    bool over = strcmp(flight->state, "waiting") != 0;
    return err == OK && over ? emit_end(flight, tx, error) : err;
}

static void write_end(struct flight *flight);

/* The row must learn of its end, or it would be sent again. */
static void on_again(struct timer *timer)
{
    write_end(CONTAINER_OF(timer, struct flight, again));
}

static void written(struct flight *flight, enum err err, const char *detail)
{
    struct outbox *outbox = flight->outbox;
    if (err != OK && !outbox->stopping) {
        log_warn("outbox",
                 "the end of a sending could not be noted and is tried again code=%s "
                 "error=\"%s\"",
                 err_code(err), detail);
        timer_start(&flight->again, WRITE_AGAIN_MS);
        return;
    }
    free_flight(flight);
    mail_pump(outbox);
    outbox_pump(outbox);
}

static void on_written(struct unit *unit)
{
    struct flight *flight = CONTAINER_OF(unit, struct flight, unit);
    enum err err = unit->err;
    struct error error = unit->error;
    unit_deinit(unit);
    written(flight, err, error.detail);
}

static void write_end(struct flight *flight)
{
    struct outbox *outbox = flight->outbox;
    flight->unit = (struct unit){.apply = apply,
                                 .done = on_written,
                                 .reply = loop_mailbox(outbox->loop),
                                 .scope = outbox->scope,
                                 .request = STR("outbox"),
                                 .cause = flight->cause};
    enum err err = store_submit(outbox->store, &flight->unit);
    if (err != OK) {
        written(flight, err, err_text(err));
    }
}

void flight_end(struct flight *flight, const char *state, enum err err, const char *why)
{
    flight->state = state;
    flight->err = err;
    flight->why = arena_str(&flight->arena, str_sub(str_from(why), 0, WHY_MAX));
    write_end(flight);
}

void flight_again(struct flight *flight, enum err err, const char *why, int64_t wait_ms)
{
    struct outbox *outbox = flight->outbox;
    struct env *env = store_env(outbox->store);
    uint32_t drawn = 0;
    if (err == ERR_STOPPING || err == ERR_CANCELLED) {
        free_flight(flight); /* it waits as it did, for the next start */
        return;
    }
    if (flight->attempts >= flight->tries) {
        flight_end(flight, "failed", err, why);
        return;
    }
    size_t step = MIN((size_t)MAX(flight->attempts - 1, 0), COUNT_OF(waits_ms) - 1);
    env->random(env, &drawn, sizeof(drawn));
    int64_t jitter = (int64_t)(drawn % (uint64_t)(waits_ms[step] / 5));
    int64_t wait = MIN(MAX(waits_ms[step] + jitter, wait_ms), WAIT_MAX_MS);
    flight->due_ms = loop_now_ms(outbox->loop) + wait;
    flight_end(flight, "waiting", err, why);
}

/* ---- finding what is due ---- */

static enum err on_due_row(void *context, const struct value *columns, int column_count,
                           struct error *error)
{
    (void)column_count;
    struct list *found = context;
    struct flight *flight = mem_zalloc(sizeof(*flight));
    struct arena *arena = &flight->arena;
    (void)error;
    arena_init(arena);
    flight->id = columns[0].integer;
    flight->plugin = arena_str(arena, columns[1].text);
    flight->key = arena_str(arena, columns[2].text);
    flight->cause = columns[3].integer;
    flight->tries = (int)columns[4].integer;
    flight->attempts = (int)columns[5].integer + 1;
    flight->target = arena_str(arena, columns[6].text);
    flight->why = arena_str(arena, columns[7].text); /* the sealed payload, until it is opened */
    list_node_init(&flight->unit.queued);
    list_push(found, &flight->unit.queued);
    return OK;
}

static void begin(struct outbox *outbox, struct flight *flight, enum outbox_kind kind)
{
    struct error error = {0};
    struct str sealed = flight->why;
    flight->outbox = outbox;
    flight->kind = kind;
    flight->why = STR("");
    buf_init(&flight->message);
    timer_init(&flight->again, outbox->loop, on_again);
    (void)map_set_int(&outbox->flights, flight->id, flight);
    outbox->flight_count++;
    enum err err =
        payload_open(outbox, flight->id, sealed, &flight->arena, &flight->payload, &error);
    if (err != OK) {
        flight_end(flight, "failed", err, error.detail);
    } else if (kind == OUTBOX_MAIL) {
        mail_send(flight);
    } else {
        fetch_send(flight);
    }
}

/* Rows of one kind; those in flight are due too, so that many more are asked for. */
static void take_due(struct outbox *outbox, enum outbox_kind kind)
{
    struct list found;
    struct error error = {0};
    struct list_node *node = NULL;
    list_init(&found);
    const struct value binds[] = {value_text(str_from(kind_name(kind))),
                                  value_int(loop_now_ms(outbox->loop)),
                                  value_int(FLIGHTS_MAX + outbox->flight_count)};
    if (reader_table(outbox->reader, &outbox_tables, ROW_DUE, binds, 3, on_due_row, &found,
                     &error) != OK) {
        log_warn("outbox", "the outbox cannot be read code=%s error=\"%s\"", err_code(error.err),
                 error.detail);
    }
    while ((node = list_pop(&found)) != NULL) {
        struct flight *flight =
            CONTAINER_OF(CONTAINER_OF(node, struct unit, queued), struct flight, unit);
        if (outbox->flight_count >= FLIGHTS_MAX ||
            map_get_int(&outbox->flights, flight->id) != NULL) {
            arena_deinit(&flight->arena);
            mem_free(flight);
        } else {
            begin(outbox, flight, kind);
        }
    }
}

static enum err on_next(void *context, const struct value *columns, int column_count,
                        struct error *error)
{
    (void)column_count;
    (void)error;
    *(int64_t *)context = columns[0].integer;
    return OK;
}

static int64_t next_due(struct outbox *outbox, enum outbox_kind kind)
{
    int64_t due_ms = INT64_MAX;
    const struct value binds[] = {value_text(str_from(kind_name(kind))),
                                  value_int(loop_now_ms(outbox->loop))};
    enum err err =
        reader_table(outbox->reader, &outbox_tables, ROW_NEXT, binds, 2, on_next, &due_ms, NULL);
    return err == OK ? due_ms : INT64_MAX;
}

void outbox_pump(struct outbox *outbox)
{
    int64_t due_ms = INT64_MAX;
    if (outbox->stopping || outbox->net == NULL) {
        return;
    }
    bool mail = outbox->options.smtp_url.len > 0;
    if (mail) {
        take_due(outbox, OUTBOX_MAIL);
        due_ms = next_due(outbox, OUTBOX_MAIL);
    }
    take_due(outbox, OUTBOX_FETCH);
    due_ms = MIN(due_ms, next_due(outbox, OUTBOX_FETCH));
    if (due_ms != INT64_MAX) {
        timer_start(&outbox->due, MAX(1, due_ms - loop_now_ms(outbox->loop)));
    }
}
