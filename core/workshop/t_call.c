/* t.as, and what a plugin shows outside: t.call for its routes, t.command. Main thread. */
#include "internal.h"

enum err t_as(struct test *test, const struct value *args, struct value *out, struct error *error)
{
    struct str role;
    enum err err = t_text(args, 0, "the name of a role", &role, error);
    if (err == OK) {
        world_hold_crash(test->world);
        err = world_role(test->world, role, out, error);
        enum err late = world_release_crash(test->world, error);
        err = err == OK ? late : err;
    }
    return err == OK ? world_settle(test->world, error) : err;
}

/* ---- asking the plugin: what it does may wait for the clock ---- */

enum { LOOK_MS = 50 };

struct asking {
    struct message back;
    struct world *world;
    struct world_call *call;
    enum err err;
    struct error error;
    bool done;
};

static void on_answered(struct message *message)
{
    CONTAINER_OF(message, struct asking, back)->done = true;
}

/* A thread of its own; the main thread leaves the world's client and arena alone meanwhile. */
static void ask(void *context)
{
    struct asking *asking = context;
    asking->err = world_call(asking->world, asking->call, &asking->error);
    mailbox_post(asking->world->replies, &asking->back);
}

/* When nothing but the clock can bring the answer, the clock goes on. */
static enum err call_waiting(struct world *world, struct world_call *call, struct error *error)
{
    struct asking asking = {
        .back = {.deliver = on_answered}, .world = world, .call = call, .err = OK};
    struct thread *thread = NULL;
    enum err err = thread_start("ask", ask, &asking, &thread, error);
    if (err != OK) {
        return err;
    }
    enum err late = OK;
    while (!asking.done) {
        (void)mailbox_receive(world->replies, LOOK_MS);
        if (!asking.done && late == OK) {
            late = world_step(world, error);
        }
    }
    thread_join(thread);
    if (asking.err != OK) {
        *error = asking.error;
        return asking.err;
    }
    return late;
}

/* A route or command may commit several times before it answers. */
static enum err call_held(struct world *world, struct world_call *call, struct error *error)
{
    world_hold_crash(world);
    enum err err = call_waiting(world, call, error);
    enum err late = world_release_crash(world, err == OK ? error : NULL);
    return err == OK ? late : err;
}

/* ---- routes ---- */

static enum err add_query(struct world *world, const struct value *query, struct buf *target,
                          struct error *error)
{
    if (query == NULL) {
        return OK;
    }
    if (query->kind != VALUE_MAP) {
        return error_set(error, ERR_TYPE, "query is a table of texts");
    }
    for (size_t i = 0; i < query->map.count; i++) {
        const struct value_entry *entry = &query->map.entries[i];
        struct buf text;
        buf_init(&text);
        if (entry->value.kind == VALUE_TEXT) {
            buf_append_str(&text, entry->value.text);
        } else {
            value_write_api(&text, &entry->value);
        }
        buf_printf(target, "%c" STR_FORMAT "=" STR_FORMAT, i == 0 ? '?' : '&',
                   STR_ARGS(world_encode(world, entry->key)),
                   STR_ARGS(world_encode(world, buf_str(&text))));
        buf_deinit(&text);
    }
    return OK;
}

static enum err knows_options(const struct value *options, struct error *error)
{
    static const char *const known[] = {"json", "body", "query"};
    for (size_t i = 0; options->kind == VALUE_MAP && i < options->map.count; i++) {
        bool found = false;
        for (size_t k = 0; k < COUNT_OF(known); k++) {
            found = found || str_is(options->map.entries[i].key, known[k]);
        }
        if (!found) {
            return error_set(error, ERR_INVALID,
                             "t.call knows json, body and query, not " STR_FORMAT,
                             STR_ARGS(str_sub(options->map.entries[i].key, 0, 60)));
        }
    }
    return options->kind == VALUE_MAP ? OK : error_set(error, ERR_TYPE, "options are a table");
}

static enum err name_route(struct test *test, const struct value *args, const struct value *options,
                           struct world_call *call, struct error *error)
{
    struct world *world = test->world;
    struct str method, path;
    struct buf target;
    enum err err = t_text(args, 0, "a method, such as \"GET\"", &method, error);
    if (err == OK) {
        err = t_text(args, 1, "the path of a route, such as \"/upcoming\"", &path, error);
    }
    if (err == OK && !str_starts(path, STR("/"))) {
        err = error_set(error, ERR_INVALID, "the path of a route begins with /");
    }
    if (err != OK) {
        return err;
    }
    buf_init(&target);
    buf_printf(&target, "/x/" STR_FORMAT STR_FORMAT, STR_ARGS(test->bench->source->name),
               STR_ARGS(path));
    err = add_query(world, value_get_c(options, "query"), &target, error);
    call->method = arena_cstr(&world->arena, method);
    call->target = arena_str(&world->arena, buf_str(&target));
    buf_deinit(&target);
    return err;
}

enum err t_call(struct test *test, const struct value *args, struct value *out, struct error *error)
{
    struct world *world = test->world;
    struct arena *arena = &world->arena;
    struct value none = value_map_new();
    const struct value *options = t_arg(args, 2) == NULL ? &none : t_arg(args, 2);
    struct world_call call = {.role = test->role};
    enum err err = knows_options(options, error);
    if (err == OK) {
        err = name_route(test, args, options, &call, error);
    }
    if (err != OK) {
        return err;
    }
    call.body = value_get_c(options, "json");
    call.raw = value_get_text(options, "body", STR(""));
    err = call_held(world, &call, error);
    if (err != OK && call.status == 0) {
        return err;
    }
    /* A refusal is an answer of the route, too: the test looks at its status. */
    *out = value_map_new();
    value_put_c(arena, out, "status", value_int(call.status));
    value_put_c(arena, out, "text", value_text(call.text));
    if (call.answer.kind != VALUE_NULL) {
        value_put_c(arena, out, "json", call.answer);
    }
    *error = (struct error){.err = OK};
    return world_settle(world, error);
}

/* ---- commands ---- */

/* Of what it printed, the tables. */
static void put_tables(struct arena *arena, const struct value *parts, struct value *out)
{
    struct value tables = value_list_new();
    for (size_t i = 0; parts != NULL && parts->kind == VALUE_LIST && i < parts->list.count; i++) {
        if (value_get_c(&parts->list.items[i], "rows") != NULL) {
            value_push(arena, &tables, parts->list.items[i]);
        }
    }
    value_put_c(arena, out, "tables", tables);
}

enum err t_command(struct test *test, const struct value *args, struct value *out,
                   struct error *error)
{
    struct world *world = test->world;
    struct arena *arena = &world->arena;
    struct str words;
    const struct value *given = t_arg(args, 1);
    struct value body = value_map_new();
    enum err err = t_text(args, 0, "the words of a command", &words, error);
    if (err != OK) {
        return err;
    }
    value_put_c(arena, &body, "words", value_text(words));
    bool list = given != NULL && given->kind == VALUE_LIST;
    value_put_c(arena, &body, list ? "given" : "args", given == NULL ? value_map_new() : *given);
    struct world_call call = {.method = "POST",
                              .target = arena_printf(arena, "/api/v1/commands/" STR_FORMAT,
                                                     STR_ARGS(test->bench->source->name)),
                              .body = &body,
                              .role = test->role};
    err = call_held(world, &call, error);
    if (err != OK) {
        return err;
    }
    *out = value_map_new();
    value_put_c(arena, out, "output", value_text(value_get_text(&call.answer, "output", STR(""))));
    value_put_c(arena, out, "exit_code", value_int(value_get_int(&call.answer, "exit_code", 0)));
    put_tables(arena, value_get_c(&call.answer, "parts"), out);
    return world_settle(world, error);
}
