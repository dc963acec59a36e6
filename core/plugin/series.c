/* The functions of one kind that an edition registered (px.check, px.save, px.stop …), called one
 * after the other, with a deadline. A call that does not come back in time is left alone: it ends
 * with its state. Loop thread. */
#include "internal.h"

/* On its own heap: it may outlive who asked. */
struct serial {
    struct bind_call call;
    struct timer timer;
    struct message begin;
    struct arena arena;
    struct series *series; /* NULL: given up */
    struct value input;
    size_t position;
    bool away;
};

static void serial_free(struct serial *serial)
{
    timer_deinit(&serial->timer);
    arena_deinit(&serial->arena);
    mem_free(serial);
}

static void finish(struct serial *serial, enum err err, const struct error *error)
{
    struct series *series = serial->series;
    series->err = err;
    series->error = error != NULL ? *error : (struct error){.err = err};
    series->error.next = NULL;
    series->output = value_copy(series->arena, &serial->call.output);
    serial->series = NULL;
    if (!serial->away) {
        serial_free(serial);
    } else {
        timer_stop(&serial->timer);
    }
    series->done(series);
}

static void call_next(struct serial *serial);

static const char *kind_name(enum bind_kind kind)
{
    switch (kind) {
    case BIND_CHECK:
        return "px.check: ";
    case BIND_START:
        return "px.start: ";
    case BIND_STOP:
        return "px.stop: ";
    case BIND_SAVE:
        return "px.save: ";
    case BIND_RESTORE:
        return "px.restore: ";
    case BIND_ON:
    case BIND_SCHEDULE:
    case BIND_BEFORE:
    case BIND_FLOW:
    case BIND_ROUTE:
    case BIND_COMMAND:
    case BIND_EXPORT:
    case BIND_CONFIG:
    case BIND_PAGE:
    case BIND_DOCTOR:
    case BIND_TEST:
    case BIND_KIND_COUNT:
        break;
    }
    return "";
}

static void on_called(struct bind_call *call)
{
    struct serial *serial = CONTAINER_OF(call, struct serial, call);
    serial->away = false;
    if (serial->series == NULL) {
        serial_free(serial);
        return;
    }
    if (call->err != OK) {
        error_prefix(&call->error, "%s", kind_name(serial->series->kind));
        finish(serial, call->err, &call->error);
        return;
    }
    call_next(serial);
}

static void call_now(struct serial *serial, const struct bind_registration *registration)
{
    struct series *series = serial->series;
    series->any = true;
    serial->away = true;
    serial->call = (struct bind_call){.host = series->edition->host,
                                      .registration = registration,
                                      .request = STR("plugin"),
                                      .input = serial->input,
                                      .arena = &serial->arena,
                                      .done = on_called};
    bind_call(&serial->call);
}

static void call_next(struct serial *serial)
{
    struct series *series = serial->series;
    const struct bind_registration *next = NULL;
    if (series->kind != BIND_KIND_COUNT) {
        next = edition_next(series->edition, series->kind, &serial->position);
    }
    if (next != NULL) {
        call_now(serial, next);
    } else {
        finish(serial, OK, NULL);
    }
}

static void on_begin(struct message *message)
{
    struct serial *serial = CONTAINER_OF(message, struct serial, begin);
    timer_start(&serial->timer, serial->series->most_ms);
    if (serial->series->kind == BIND_KIND_COUNT) {
        call_now(serial, NULL);
    } else {
        call_next(serial);
    }
}

static void on_late(struct timer *timer)
{
    struct serial *serial = CONTAINER_OF(timer, struct serial, timer);
    struct error error;
    (void)error_set(&error, ERR_TIMEOUT, "%sit did not answer within %lld ms",
                    kind_name(serial->series->kind), (long long)serial->series->most_ms);
    serial->call.output = value_null();
    finish(serial, ERR_TIMEOUT, &error);
}

void series_run(struct series *series)
{
    struct loop *loop = series->edition->plugin->plugins->options.loop;
    struct serial *serial = mem_zalloc(sizeof(*serial));
    serial->series = series;
    arena_init(&serial->arena);
    timer_init_real(&serial->timer, loop, on_late);
    serial->input =
        series->input == NULL ? value_null() : value_copy(&serial->arena, series->input);
    serial->begin.deliver = on_begin;
    series->any = false;
    mailbox_post(loop_mailbox(loop), &serial->begin);
}
