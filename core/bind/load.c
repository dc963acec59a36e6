/* main.lua runs and registers. The first load decides what there is; a later one, after a kill,
 * must find the same again, since subscriptions and routes were made from the first. Executor. */
#include "internal.h"

struct registering {
    struct call call;
    struct bind_registration list[REGISTRATIONS_MAX];
    int refs[REGISTRATIONS_MAX];
    size_t count;
    void (*ended)(struct bind_host *host, enum err err, const struct error *error,
                  struct str traceback);
};

/* A handler's own name counts too: `pairs` may register the same ones in another order. */
static bool same_registration(const struct bind_registration *a, const struct bind_registration *b)
{
    return a->kind == b->kind && str_eq(a->name, b->name) && str_eq(a->method, b->method) &&
           str_eq(value_get_text(&a->options, "name", STR("")),
                  value_get_text(&b->options, "name", STR("")));
}

/* Several handlers may have one name: the n-th of it stays the n-th. */
static size_t count_before(const struct bind_registration *list, size_t index)
{
    size_t count = 0;
    for (size_t i = 0; i < index; i++) {
        count += same_registration(&list[i], &list[index]) ? 1 : 0;
    }
    return count;
}

static void keep_first(struct bind_host *host, const struct registering *registering)
{
    size_t count = registering->count;
    host->registrations = ARENA_ARRAY(&host->arena, struct bind_registration, count + 1);
    host->refs = ARENA_ARRAY(&host->arena, int, count + 1);
    host->gates = ARENA_ARRAY(&host->arena, struct gate, count + 1);
    host->registration_count = count;
    for (size_t i = 0; i < count; i++) {
        host->registrations[i] = registering->list[i];
        host->registrations[i].host = host;
        host->registrations[i].index = i;
        host->refs[i] = registering->refs[i];
        list_init(&host->gates[i].waiting);
    }
}

/* The reference of the n-th registration of this name in the new load. */
static int find_again(const struct registering *registering, const struct bind_registration *old,
                      size_t nth)
{
    for (size_t i = 0; i < registering->count; i++) {
        if (same_registration(&registering->list[i], old) && nth-- == 0) {
            return registering->refs[i];
        }
    }
    return LUA_NOREF;
}

static void match_again(struct bind_host *host, const struct registering *registering)
{
    for (size_t i = 0; i < host->registration_count; i++) {
        host->refs[i] =
            find_again(registering, &host->registrations[i], count_before(host->registrations, i));
    }
}

static void ended(struct lua_task *task)
{
    struct call *call = CONTAINER_OF(task, struct call, task);
    struct registering *registering = call->registering;
    struct bind_host *host = call->host;
    if (task->err == OK && host->registrations == NULL) {
        keep_first(host, registering);
    } else if (task->err == OK) {
        match_again(host, registering);
    }
    registering->ended(host, task->err, &task->error, task->traceback);
    call_deinit(call);
    mem_free(registering);
}

static int push_main(struct lua_task *task, lua_State *L)
{
    const struct bind_host *host = CONTAINER_OF(task, struct call, task)->host;
    for (size_t i = 0; i < host->file_count; i++) {
        if (str_is(host->files[i].name, host->main)) {
            lua_load_text(L, host->files[i].text, host->main);
            return 0;
        }
    }
    lua_raise_set(L, ERR_MANIFEST, "the plugin has no %s", host->main);
}

enum err load_start(struct bind_host *host,
                    void (*load_ended)(struct bind_host *host, enum err err,
                                       const struct error *error, struct str traceback),
                    struct error *error)
{
    if (host->locales_error.err != OK) {
        *error = host->locales_error;
        return error->err;
    }
    struct registering *registering = mem_zalloc(sizeof(*registering));
    struct call *call = &registering->call;
    call_init(call, host, CALL_LOAD);
    call->registering = registering;
    call->request = STR("load");
    call->task.push = push_main;
    call->task.ended = ended;
    registering->ended = load_ended;
    enum err err = host_scope(host, &call->scope, error);
    if (err == OK) {
        err = lua_task_start(host->lua, &call->task, error);
    }
    if (err != OK) {
        call_deinit(call);
        mem_free(registering);
    }
    return err;
}

/* The same for the same handler after a restart or an upgrade. */
static struct str handler_name(const struct registering *registering,
                               const struct bind_registration *made)
{
    struct arena *arena = &registering->call.host->arena;
    struct str name = value_get_text(&made->options, "name", made->name);
    int same = 1;
    for (size_t i = 0; i < registering->count; i++) {
        const struct bind_registration *one = &registering->list[i];
        same += one->kind == made->kind &&
                        str_eq(value_get_text(&one->options, "name", one->name), name)
                    ? 1
                    : 0;
    }
    return arena_printf(arena, STR_FORMAT "#%d", STR_ARGS(name), same);
}

void host_register(lua_State *L, enum bind_kind kind, struct str name, struct str method,
                   int options_index, int function_index)
{
    struct call *call = call_of(L);
    struct registering *registering = call->registering;
    if (registering == NULL) {
        lua_raise_set(L, ERR_INVALID,
                      "handlers are registered while main.lua loads, not from inside one");
    }
    if (function_index > 0) {
        luaL_checktype(L, function_index, LUA_TFUNCTION);
    }
    if (registering->count == REGISTRATIONS_MAX) {
        lua_raise_set(L, ERR_LIMIT, "a plugin registers at most %d handlers", REGISTRATIONS_MAX);
    }
    struct arena *arena = &call->host->arena;
    struct bind_registration made = {.kind = kind, .options = value_map_new()};
    if (options_index > 0 && !lua_isnoneornil(L, options_index)) {
        luaL_checktype(L, options_index, LUA_TTABLE);
        made.options = arg_value(L, options_index, arena);
    }
    made.name = arena_str(arena, name);
    made.handler = handler_name(registering, &made);
    made.method = arena_str(arena, method);
    int ref = LUA_NOREF;
    if (function_index > 0) {
        lua_pushvalue(L, function_index);
        ref = luaL_ref(L, LUA_REGISTRYINDEX);
    }
    registering->list[registering->count] = made;
    registering->refs[registering->count++] = ref;
}

int bind_register_test(struct lua_State *L)
{
    host_register(L, BIND_TEST, arg_text(L, 1), STR(""), 0, 2);
    return 0;
}
