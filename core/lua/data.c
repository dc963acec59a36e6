/* Files of pure data, "return { … }": evaluated in a state of their own, without libraries, without
 * any name, with few instructions and little memory. What counts is the thread's own running, so
 * that on a busy machine a good file is not taken for an endless one. Any thread. */
#include "internal.h"

enum {
    DATA_HOOK_STEPS = 100,
    DATA_TIME_MS = 1000, /* of running; the longest real file takes five */
};

struct data {
    const char *name;
    struct str text;
    struct arena *arena;
    struct value *out_value;
    enum err err; /* of the conversion */
    struct error *error;
    int hooks_left;
    int64_t until_ns;
};

static struct data *data_of(lua_State *L)
{
    struct data *data;
    memcpy(&data, lua_getextraspace(L), sizeof(struct data *));
    return data;
}

static void count_steps(lua_State *L, lua_Debug *debug)
{
    (void)debug;
    if (data_of(L)->hooks_left-- <= 0 || lua_running_ns() > data_of(L)->until_ns) {
        char where[80];
        lua_where(L, where, sizeof(where));
        (void)luaL_error(L, "%s: a data file does not compute: it was stopped", where);
    }
}

static void check_parsing(lua_State *L)
{
    if (lua_running_ns() > data_of(L)->until_ns) {
        (void)luaL_error(L, "%s: the text takes too long to read; it is no data file",
                         data_of(L)->name);
    }
}

/* Protected: loads, runs, converts. */
static int evaluate(lua_State *L)
{
    struct data *data = lua_touserdata(L, 1);
    char chunk[128];
    (void)snprintf(chunk, sizeof(chunk), "@%s", data->name);
    data->until_ns = lua_running_ns() + (int64_t)DATA_TIME_MS * NS_PER_MS;
    if (lua_load_blocks(L, data->text, chunk, check_parsing) != LUA_OK) {
        return lua_error(L);
    }
    lua_newtable(L);
    (void)lua_setupvalue(L, -2, 1); /* _ENV: every global is nil */
    lua_call(L, 0, 1);
    /* From here on the extra space must not look like a host. */
    lua_sethook(L, NULL, 0, 0);
    memset(lua_getextraspace(L), 0, LUA_EXTRASPACE);
    if (lua_type(L, -1) != LUA_TTABLE) {
        return luaL_error(L, "%s: a data file returns a table, not a %s", data->name,
                          luaL_typename(L, -1));
    }
    data->err = lua_to_value(L, -1, data->arena, data->out_value, data->error);
    return 0;
}

/* What Lua said about the file, under the caller's kind. */
static enum err raised(lua_State *L, int status, const struct data *data, enum err kind,
                       struct error *error)
{
    if (status == LUA_ERRMEM) {
        return error_at(error, kind, data->name, NULL, "the file needs more than %d MiB of memory",
                        LUA_DATA_MEMORY_MAX >> 20);
    }
    struct error found;
    (void)lua_error_read(L, -1, &found);
    return error_at(error, kind, found.pointer[0] != '\0' ? found.pointer : data->name, NULL, "%s",
                    found.detail);
}

/* The path of a value that is no data, behind the file's name. */
static enum err not_data(const struct data *data, enum err kind, const struct error *found,
                         struct error *error)
{
    char pointer[sizeof(found->pointer)];
    (void)snprintf(pointer, sizeof(pointer), "%s: %.100s", data->name, found->pointer);
    return error_at(error, kind, found->pointer[0] != '\0' ? pointer : data->name, NULL, "%s",
                    found->detail);
}

enum err lua_read_data(struct arena *arena, const char *name, struct str text, enum err kind,
                       struct value *out_value, struct error *error)
{
    if (text.len > LUA_DATA_TEXT_MAX) {
        return error_at(error, kind, name, NULL, "the file is larger than %d KiB",
                        LUA_DATA_TEXT_MAX >> 10);
    }
    struct lua_memory memory = {.cap = LUA_DATA_MEMORY_MAX, .churn_max = LUA_DATA_CHURN_MAX};
    lua_State *L = lua_newstate(lua_memory_alloc, &memory);
    if (L == NULL) {
        return error_at(error, kind, name, NULL, "out of memory");
    }
    struct error found = {0};
    struct data data = {
        .name = name,
        .text = text,
        .arena = arena,
        .out_value = out_value,
        .error = &found,
        .hooks_left = LUA_DATA_STEPS_MAX / DATA_HOOK_STEPS,
    };
    struct data *self = &data;
    memcpy(lua_getextraspace(L), &self, sizeof(struct data *));
    lua_sethook(L, count_steps, LUA_MASKCOUNT, DATA_HOOK_STEPS);
    lua_pushcfunction(L, evaluate);
    lua_pushlightuserdata(L, &data);
    int status = lua_pcall(L, 1, 0, 0);
    enum err err = data.err;
    if (status != LUA_OK) {
        err = raised(L, status, &data, kind, error);
    } else if (err != OK) {
        err = not_data(&data, kind, &found, error);
    }
    lua_close(L);
    return err;
}
