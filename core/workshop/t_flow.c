/* Runs of flows in tests: t.flow starts one, t.run looks at one, t.signal and t.cancel tell it
 * something. The clock is the test's: what a run sleeps for or waits for comes with t.advance. Main
 * thread. */
#include "internal.h"

#include "proxenos/flow_call.h"

enum asked_of_run { START_RUN, SIGNAL_RUN, CANCEL_RUN };

struct telling {
    struct unit unit;
    struct world *world;
    enum asked_of_run what;
    struct str plugin, name, key; /* key: or why it is cancelled */
    struct str bytes, actor;
    int64_t run;
};

static enum err telling_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    const struct telling *telling = CONTAINER_OF(unit, struct telling, unit);
    struct flows *flows = telling->world->parts.flows;
    struct flow_start start = {.id = telling->run,
                               .plugin = telling->plugin,
                               .name = telling->name,
                               .key = telling->key,
                               .input = telling->bytes,
                               .actor = telling->actor};
    switch (telling->what) {
    case START_RUN:
        return flow_tx_start(flows, tx, &start, error);
    case SIGNAL_RUN:
        return flow_tx_signal(flows, tx, telling->plugin, telling->run, telling->name,
                              telling->bytes, STR(""), error);
    case CANCEL_RUN:
        return flow_tx_cancel(flows, tx, telling->plugin, telling->run, telling->key, error);
    }
    return OK;
}

static enum err tell(struct test *test, struct telling *telling, struct error *error)
{
    struct world *world = test->world;
    telling->world = world;
    telling->plugin = test->bench->source->name;
    telling->actor = test->role.len > 0 ? test->role : STR("test");
    telling->unit =
        (struct unit){.apply = telling_apply, .scope = world->admin.scope, .request = STR("test")};
    enum err err = store_run(world->parts.store, &telling->unit);
    if (err != OK) {
        *error = telling->unit.error;
        error->next = NULL;
    }
    unit_deinit(&telling->unit);
    return err == OK ? world_settle(world, error) : err;
}

static struct str encoded(struct world *world, const struct value *value)
{
    struct buf out;
    struct value none = value_null();
    buf_init(&out);
    flow_encode(&out, value != NULL ? value : &none);
    struct str bytes = arena_str(&world->arena, buf_str(&out));
    buf_deinit(&out);
    return bytes;
}

/* ---- looking ---- */

static enum err describe(struct test *test, struct reader *reader, int64_t id,
                         struct value *out_map, struct error *error)
{
    struct flow_run run;
    struct value calls = value_null();
    struct arena *arena = &test->world->arena;
    enum err err = flow_run_get(reader, id, arena, &run, error);
    if (err == OK && !str_eq(run.plugin, test->bench->source->name)) {
        return error_set(error, ERR_NOT_FOUND, "the run is of another plugin");
    }
    if (err == OK) {
        err = flow_describe(reader, &run, arena, out_map, error);
    }
    if (err == OK) {
        err = flow_calls_list(reader, id, arena, &calls, error);
        value_put_c(arena, out_map, "calls", calls);
    }
    return err;
}

/* A run that is blocked ends the test: its code, or its bundle, is wrong. */
static enum err blocked(const struct value *run, struct error *error)
{
    const struct value *why = value_get_c(run, "error");
    char code[64], at[160];
    if (!str_is(value_get_text(run, "state", STR("")), "blocked") || why == NULL) {
        return OK;
    }
    (void)snprintf(code, sizeof(code), STR_FORMAT,
                   STR_ARGS(value_get_text(why, "code", STR("lua"))));
    (void)snprintf(at, sizeof(at), STR_FORMAT, STR_ARGS(value_get_text(why, "at", STR(""))));
    enum err err = err_from_code(code);
    return error_at(error, err == ERR_COUNT || err == OK ? ERR_LUA : err, at, NULL,
                    "the run is blocked: " STR_FORMAT,
                    STR_ARGS(value_get_text(why, "detail", STR(""))));
}

static enum err look(struct test *test, int64_t id, struct value *out, struct error *error)
{
    struct reader *reader = NULL;
    enum err err = reader_open(test->world->parts.store, 0, &reader, error);
    if (err == OK) {
        err = describe(test, reader, id, out, error);
    }
    reader_close(reader);
    return err == OK ? blocked(out, error) : err;
}

/* ---- the words ---- */

/* A run's id, or what t.flow and t.run gave. */
static enum err run_arg(const struct value *args, int64_t *out_id, struct error *error)
{
    const struct value *given = t_arg(args, 0);
    const struct value *id =
        given != NULL && given->kind == VALUE_MAP ? value_get_c(given, "id") : given;
    if (id != NULL && id->kind == VALUE_ID) {
        *out_id = id->integer;
        return OK;
    }
    if (id == NULL || id->kind != VALUE_TEXT || id_parse(id->text, out_id) != OK) {
        return error_set(error, ERR_TYPE, "a run is needed here: what t.flow gave, or its id");
    }
    return OK;
}

enum err t_flow(struct test *test, const struct value *args, struct value *out, struct error *error)
{
    struct world *world = test->world;
    const struct value *options = t_arg(args, 2);
    struct telling telling = {.what = START_RUN,
                              .bytes = encoded(world, t_arg(args, 1)),
                              .run = ids_next(store_ids(world->parts.store))};
    enum err err = t_text(args, 0, "the name of a flow", &telling.name, error);
    if (err == OK && options != NULL) {
        telling.key = value_get_text(options, "key", STR(""));
    }
    if (err == OK) {
        err = tell(test, &telling, error);
    }
    return err == OK ? look(test, telling.run, out, error) : err;
}

enum err t_run(struct test *test, const struct value *args, struct value *out, struct error *error)
{
    int64_t id = 0;
    enum err err = run_arg(args, &id, error);
    return err == OK ? look(test, id, out, error) : err;
}

enum err t_signal(struct test *test, const struct value *args, struct value *out,
                  struct error *error)
{
    struct value none = value_bool(true); /* as px.flows.signal has it */
    const struct value *data = t_arg(args, 2);
    struct telling telling = {.what = SIGNAL_RUN,
                              .bytes = encoded(test->world, data != NULL ? data : &none)};
    enum err err = run_arg(args, &telling.run, error);
    if (err == OK) {
        err = t_text(args, 1, "the name of a signal", &telling.name, error);
    }
    if (err == OK) {
        err = tell(test, &telling, error);
    }
    return err == OK ? look(test, telling.run, out, error) : err;
}

enum err t_cancel(struct test *test, const struct value *args, struct value *out,
                  struct error *error)
{
    const struct value *why = t_arg(args, 1);
    struct telling telling = {.what = CANCEL_RUN, .key = STR("")};
    enum err err = run_arg(args, &telling.run, error);
    if (err == OK && why != NULL && why->kind == VALUE_TEXT) {
        telling.key = why->text;
    }
    if (err == OK) {
        err = tell(test, &telling, error);
    }
    return err == OK ? look(test, telling.run, out, error) : err;
}
