/* Subscribing while the service runs: the row is found or made by the writer, the rest follows on
 * the loop. Loop thread. */
#include "internal.h"

enum err bus_spec_check(const struct subscription_spec *spec, struct error *error)
{
    struct arena arena;
    struct expr *filter = NULL;
    arena_init(&arena);
    enum err err = subscription_pattern_check(spec, error);
    if (err == OK && spec->filter.len > 0) {
        err = expr_compile(&arena, spec->filter, &filter, error);
    }
    arena_deinit(&arena);
    return err;
}

static enum err join_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct bus_joining *joining = CONTAINER_OF(unit, struct bus_joining, unit);
    return subscription_row(tx, joining->subscription, &joining->position, error);
}

static void finish(struct bus_joining *joining)
{
    if (joining->err != OK && joining->subscription != NULL) {
        subscription_free(joining->subscription);
        joining->subscription = NULL;
    }
    joining->done(joining);
}

static void join_done(struct unit *unit)
{
    struct bus_joining *joining = CONTAINER_OF(unit, struct bus_joining, unit);
    struct subscription *subscription = joining->subscription;
    subscription->bus->units_away--;
    joining->err = unit->err;
    joining->error = unit->error;
    joining->error.next = NULL;
    unit_deinit(unit);
    if (joining->err == OK) {
        subscription_begin(subscription, joining->position);
        joining->err = subscription_load(subscription, &joining->error);
    }
    if (joining->err == OK) {
        bus_pause(subscription);
        subscription_add(subscription);
    }
    finish(joining);
}

static void on_refused(struct message *message)
{
    finish(CONTAINER_OF(message, struct bus_joining, message));
}

void bus_join(struct bus *bus, const struct subscription_spec *spec, struct bus_joining *joining)
{
    joining->subscription = NULL;
    joining->error = (struct error){.err = OK};
    joining->err = subscription_new(bus, spec, &joining->subscription, &joining->error);
    if (joining->err == OK) {
        joining->unit = (struct unit){.reply = loop_mailbox(bus->loop),
                                      .apply = join_apply,
                                      .done = join_done,
                                      .scope = bus->scope,
                                      .request = STR("bus")};
        joining->err = store_submit(bus->store, &joining->unit);
        bus->units_away += joining->err == OK ? 1 : 0;
    }
    if (joining->err != OK) {
        if (joining->error.err == OK) {
            (void)error_set(&joining->error, joining->err, "%s", err_text(joining->err));
        }
        joining->message.deliver = on_refused;
        mailbox_post(loop_mailbox(bus->loop), &joining->message);
    }
}
