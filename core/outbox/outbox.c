/* The outbox as a whole: open, start, stop, close. Loop thread. */
#include "internal.h"

#include "proxenos/base_log.h"

enum { SWEEP_EVERY_MS = 3600000, CLOSE_TURN_MS = 10, DAY_MS = 86400000 };

static void on_due(struct timer *timer)
{
    outbox_pump(CONTAINER_OF(timer, struct outbox, due));
}

static void on_wake(struct message *message)
{
    struct outbox *outbox = CONTAINER_OF(message, struct outbox, wake);
    atomic_store(&outbox->woken, false);
    outbox_pump(outbox);
}

void outbox_wake(struct outbox *outbox)
{
    if (!atomic_exchange(&outbox->woken, true)) {
        mailbox_post(loop_mailbox(outbox->loop), &outbox->wake);
    }
}

/* ---- the sweep of old rows ---- */

struct sweep {
    struct unit unit;
    struct outbox *outbox;
};

static enum err apply_sweep(struct unit *unit, struct tx *tx, struct error *error)
{
    (void)unit;
    const struct value before = value_int(tx_now_ms(tx) - (int64_t)OUTBOX_KEPT_DAYS * DAY_MS);
    return tx_table(tx, &outbox_tables, ROW_SWEEP, &before, 1, NULL, NULL, error);
}

static void on_swept(struct unit *unit)
{
    if (unit->err != OK) {
        log_warn("outbox", "old rows were not dropped code=%s", err_code(unit->err));
    }
    unit_deinit(unit);
    mem_free(CONTAINER_OF(unit, struct sweep, unit));
}

static void on_sweep(struct timer *timer)
{
    struct outbox *outbox = CONTAINER_OF(timer, struct outbox, sweep);
    struct sweep *sweep = mem_zalloc(sizeof(*sweep));
    sweep->outbox = outbox;
    sweep->unit = (struct unit){.apply = apply_sweep,
                                .done = on_swept,
                                .reply = loop_mailbox(outbox->loop),
                                .scope = outbox->scope,
                                .request = STR("outbox")};
    if (store_submit(outbox->store, &sweep->unit) != OK) {
        mem_free(sweep);
    }
    timer_start(timer, SWEEP_EVERY_MS);
}

/* ---- open and close ---- */

static enum err copy_options(struct outbox *outbox, const struct outbox_options *options,
                             struct error *error)
{
    struct arena *arena = &outbox->arena;
    outbox->options = *options;
    outbox->options.smtp_url = arena_str(arena, options->smtp_url);
    outbox->options.smtp_user = arena_str(arena, options->smtp_user);
    outbox->options.smtp_password = arena_str(arena, options->smtp_password);
    outbox->options.mail_from = arena_str(arena, options->mail_from);
    if (options->smtp_url.len == 0) {
        return OK;
    }
    if (mailbox_parse(outbox->options.mail_from, &outbox->from_name, &outbox->from, error) != OK) {
        return error_at(error, ERR_CONFIG, "mail_from", NULL,
                        "mail_from belongs to smtp_url and is an address: \"shop@example.com\" or "
                        "\"The shop <shop@example.com>\"");
    }
    return OK;
}

enum err outbox_open(const struct outbox_options *options, struct outbox **out_outbox,
                     struct error *error)
{
    struct outbox *outbox = mem_zalloc(sizeof(*outbox));
    outbox->store = options->store;
    outbox->loop = options->loop;
    arena_init(&outbox->arena);
    map_init(&outbox->flights);
    list_init(&outbox->mails_ready);
    enum err err = copy_options(outbox, options, error);
    if (err == OK) {
        err = store_table_module(options->store, &outbox_tables, error);
    }
    if (err == OK) {
        outbox_erasure_parts(options->store);
        err = reader_open(options->store, 0, &outbox->reader, error);
    }
    if (err != OK) {
        arena_deinit(&outbox->arena);
        map_deinit(&outbox->flights);
        mem_free(outbox);
        return err;
    }
    store_derive_key(outbox->store, STR("outbox"), outbox->key);
    outbox->scope = store_system_scope(outbox->store, SYSTEM_OUTBOX);
    outbox->wake.deliver = on_wake;
    timer_init(&outbox->due, outbox->loop, on_due);
    timer_init_real(&outbox->sweep, outbox->loop, on_sweep);
    egress_init(outbox);
    *out_outbox = outbox;
    return OK;
}

void outbox_start(struct outbox *outbox, struct net *net)
{
    outbox->net = net;
    timer_start(&outbox->sweep, SWEEP_EVERY_MS);
    outbox_pump(outbox);
}

void outbox_stop(struct outbox *outbox)
{
    outbox->stopping = true;
    timer_stop(&outbox->due);
    timer_stop(&outbox->sweep);
    mail_pump(outbox);
}

void outbox_close(struct outbox *outbox)
{
    if (outbox == NULL) {
        return;
    }
    outbox_stop(outbox);
    while (outbox->flight_count > 0 || atomic_load(&outbox->woken) || !egress_idle(outbox)) {
        loop_drain(outbox->loop, CLOSE_TURN_MS);
    }
    egress_deinit(outbox);
    timer_deinit(&outbox->due);
    timer_deinit(&outbox->sweep);
    reader_close(outbox->reader);
    scope_unref(outbox->scope);
    crypto_wipe(outbox->key, sizeof(outbox->key));
    map_deinit(&outbox->flights);
    arena_deinit(&outbox->arena);
    mem_free(outbox);
}
