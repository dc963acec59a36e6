/* Values out of Lua: copied into an arena by raw access, bounded in depth and size, cycles named.
 * Executor thread, protected. */
#include "internal.h"

#include "proxenos/base_text.h"

struct take {
    lua_State *L;
    struct arena *arena;
    struct error *error;
    size_t bytes_max;                       /* arena->used_bytes may reach this */
    const void *above[LUA_VALUE_DEPTH_MAX]; /* the tables that this one is in */
    int depth;
    char path[sizeof(((struct error *)0)->pointer)];
    size_t path_len;
};

static enum err take_any(struct take *take, int index, struct value *out_value);

/* ---- the path for errors ---- */

/* Both keep the terminating NUL; what does not fit is cut. */
static size_t path_enter_name(struct take *take, struct str name)
{
    size_t before = take->path_len;
    int wrote = snprintf(take->path + before, sizeof(take->path) - before, "%s" STR_FORMAT,
                         before > 0 ? "." : "", STR_ARGS(str_sub(name, 0, 100)));
    take->path_len = MIN(before + (size_t)wrote, sizeof(take->path) - 1);
    return before;
}

static size_t path_enter_item(struct take *take, size_t number)
{
    size_t before = take->path_len;
    int wrote = snprintf(take->path + before, sizeof(take->path) - before, "[%zu]", number);
    take->path_len = MIN(before + (size_t)wrote, sizeof(take->path) - 1);
    return before;
}

static void path_leave(struct take *take, size_t before)
{
    take->path_len = before;
    take->path[before] = '\0';
}

/* ---- tables ---- */

static enum err no_room(struct take *take, size_t count, size_t each)
{
    size_t bytes;
    if (size_mul(count, each, &bytes) && size_add(bytes, take->arena->used_bytes, &bytes) &&
        bytes <= take->bytes_max) {
        return OK;
    }
    return error_at(take->error, ERR_LIMIT, take->path, NULL, "the value is larger than %d MiB",
                    LUA_VALUE_BYTES_MAX >> 20);
}

/* Counts the entries; *out_list is true when the keys are 1 … n. */
static size_t count_entries(lua_State *L, int index, bool *out_list)
{
    lua_Unsigned length = lua_rawlen(L, index);
    size_t count = 0;
    bool list = true;
    lua_pushnil(L);
    while (lua_next(L, index) != 0) {
        lua_pop(L, 1);
        count++;
        list = list && lua_isinteger(L, -1) && (lua_Unsigned)lua_tointeger(L, -1) - 1 < length;
    }
    *out_list = list && count == length && count > 0;
    return count;
}

static enum err take_list(struct take *take, int index, size_t count, struct value *out_value)
{
    enum err err = no_room(take, count, sizeof(struct value));
    if (err != OK) {
        return err;
    }
    struct value *items = ARENA_ARRAY(take->arena, struct value, count);
    for (size_t i = 0; i < count && err == OK; i++) {
        size_t before = path_enter_item(take, i + 1);
        (void)lua_rawgeti(take->L, index, (lua_Integer)i + 1);
        err = take_any(take, lua_gettop(take->L), &items[i]);
        lua_pop(take->L, 1);
        path_leave(take, before);
    }
    *out_value = (struct value){.kind = VALUE_LIST, .list = {items, count}};
    return err;
}

/* An entry on its way into order: whole numbers first. */
struct taken {
    bool whole;
    int64_t number;
    struct value_entry entry;
};

static int compare_taken(const void *left, const void *right)
{
    const struct taken *a = left;
    const struct taken *b = right;
    if (a->whole != b->whole) {
        return a->whole ? -1 : 1;
    }
    if (a->whole) {
        return (a->number > b->number) - (a->number < b->number);
    }
    return str_cmp(a->entry.key, b->entry.key);
}

/* The key below the value on the top of the stack. */
static enum err take_key(struct take *take, struct taken *taken)
{
    lua_State *L = take->L;
    if (lua_isinteger(L, -2)) {
        taken->whole = true;
        taken->number = lua_tointeger(L, -2);
        taken->entry.key = arena_printf(take->arena, "%lld", (long long)taken->number);
        return OK;
    }
    if (lua_type(L, -2) != LUA_TSTRING) {
        return error_at(take->error, ERR_TYPE, take->path, NULL,
                        "a key is a %s; keys are text or whole numbers", luaL_typename(L, -2));
    }
    struct str key;
    key.at = lua_tolstring(L, -2, &key.len);
    if (!utf8_valid(key)) {
        return error_at(take->error, ERR_UTF8, take->path, NULL, "a key is not valid UTF-8");
    }
    enum err err = no_room(take, key.len, 1);
    if (err == OK) {
        taken->entry.key = arena_str(take->arena, key);
    }
    return err;
}

/* A whole number and a name may give the same text. */
static enum err check_unique(struct take *take, const struct taken *all, size_t count)
{
    size_t whole = 0;
    while (whole < count && all[whole].whole) {
        whole++;
    }
    if (whole == 0 || whole == count) {
        return OK;
    }
    struct map texts;
    map_init(&texts);
    enum err err = OK;
    for (size_t i = 0; i < whole; i++) {
        (void)map_set(&texts, all[i].entry.key, take);
    }
    for (size_t i = whole; i < count && err == OK; i++) {
        if (map_get(&texts, all[i].entry.key) != NULL) {
            err = error_at(take->error, ERR_INVALID, take->path, NULL,
                           "the key " STR_FORMAT " is there as a number and as text",
                           STR_ARGS(all[i].entry.key));
        }
    }
    map_deinit(&texts);
    return err;
}

static enum err take_map(struct take *take, int index, size_t count, struct value *out_value)
{
    lua_State *L = take->L;
    enum err err = no_room(take, count, sizeof(struct taken) + sizeof(struct value_entry));
    if (err != OK) {
        return err;
    }
    struct taken *all = ARENA_ARRAY(take->arena, struct taken, count);
    size_t at = 0;
    int top = lua_gettop(L);
    lua_pushnil(L);
    while (err == OK && lua_next(L, index) != 0) {
        struct taken *taken = &all[at++];
        err = take_key(take, taken);
        if (err == OK) {
            size_t before = path_enter_name(take, taken->entry.key);
            err = take_any(take, lua_gettop(L), &taken->entry.value);
            path_leave(take, before);
        }
        lua_pop(L, 1);
    }
    lua_settop(L, top);
    if (err != OK) {
        return err;
    }
    ASSERT(at == count);
    qsort(all, count, sizeof(*all), compare_taken);
    err = check_unique(take, all, count);
    struct value_entry *entries = ARENA_ARRAY(take->arena, struct value_entry, count);
    for (size_t i = 0; i < count; i++) {
        entries[i] = all[i].entry;
    }
    *out_value = (struct value){.kind = VALUE_MAP, .map = {entries, count}};
    return err;
}

/* Recursion is bounded: depth by LUA_VALUE_DEPTH_MAX, and a table inside itself is refused. */
static enum err take_table(struct take *take, int index, struct value *out_value)
{
    const void *self = lua_topointer(take->L, index);
    for (int i = 0; i < take->depth; i++) {
        if (take->above[i] == self) {
            return error_at(take->error, ERR_INVALID, take->path, NULL,
                            "the table contains itself");
        }
    }
    if (take->depth == LUA_VALUE_DEPTH_MAX) {
        return error_at(take->error, ERR_LIMIT, take->path, NULL,
                        "the value is nested deeper than %d levels", LUA_VALUE_DEPTH_MAX);
    }
    take->above[take->depth++] = self;
    bool list;
    size_t count = count_entries(take->L, index, &list);
    bool marked = count == 0 && lua_is_marked_list(take->L, index);
    enum err err = list || marked ? take_list(take, index, count, out_value)
                                  : take_map(take, index, count, out_value);
    take->depth--;
    return err;
}

/* ---- the rest ---- */

static enum err take_text(struct take *take, int index, struct value *out_value)
{
    struct str text;
    text.at = lua_tolstring(take->L, index, &text.len);
    enum err err = no_room(take, text.len, 1);
    if (err != OK) {
        return err;
    }
    *out_value = value_text(arena_str(take->arena, text));
    if (!utf8_valid(text)) {
        out_value->kind = VALUE_BYTES;
    }
    return OK;
}

/* Userdata and tables with a metatable may be one of bind's kinds. */
static bool take_converted(struct take *take, int index, struct value *out_value)
{
    struct lua_host *host = lua_host_of(take->L);
    if (host == NULL || host->options.convert == NULL || host->options.convert->take == NULL) {
        return false;
    }
    if (!lua_getmetatable(take->L, index)) {
        return false;
    }
    lua_pop(take->L, 1);
    return host->options.convert->take(take->L, index, take->arena, out_value);
}

static enum err take_any(struct take *take, int index, struct value *out_value)
{
    lua_State *L = take->L;
    int type = lua_type(L, index);
    if (!lua_checkstack(L, 8)) {
        return error_at(take->error, ERR_LIMIT, take->path, NULL, "Lua's stack is full");
    }
    switch (type) {
    case LUA_TNIL:
        *out_value = value_null();
        return OK;
    case LUA_TBOOLEAN:
        *out_value = value_bool(lua_toboolean(L, index));
        return OK;
    case LUA_TNUMBER:
        *out_value = lua_isinteger(L, index) ? value_int(lua_tointeger(L, index))
                                             : value_real(lua_tonumber(L, index));
        return OK;
    case LUA_TSTRING:
        return take_text(take, index, out_value);
    case LUA_TTABLE:
        return take_converted(take, index, out_value) ? OK : take_table(take, index, out_value);
    default:
        break;
    }
    if (lua_is_null(L, index)) {
        *out_value = value_null();
        return OK;
    }
    if (type == LUA_TUSERDATA && take_converted(take, index, out_value)) {
        return OK;
    }
    return error_at(take->error, ERR_TYPE, take->path, NULL, "a %s is not data",
                    lua_typename(L, type));
}

enum err lua_to_value(struct lua_State *L, int index, struct arena *arena, struct value *out_value,
                      struct error *error)
{
    struct take take = {
        .L = L,
        .arena = arena,
        .error = error,
        .bytes_max = arena->used_bytes + LUA_VALUE_BYTES_MAX,
    };
    struct value value = value_null();
    enum err err = take_any(&take, lua_absindex(L, index), &value);
    if (err == OK) {
        *out_value = value;
    }
    return err;
}
