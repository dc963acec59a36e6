/* Values and errors between C and Lua, and files of pure Lua data. Part of the lua module: see
 * lua.h for threads and protected calls. */
#ifndef PROXENOS_LUA_VALUE_H
#define PROXENOS_LUA_VALUE_H

#include "proxenos/base_value.h"

struct lua_State;

enum {
    LUA_VALUE_DEPTH_MAX = 32,
    LUA_VALUE_BYTES_MAX = 16 << 20, /* arena bytes that one lua_to_value may take */
    LUA_DATA_TEXT_MAX = 256 << 10,  /* source text of a data file */
    LUA_DATA_MEMORY_MAX = 4 << 20,  /* memory of its evaluation */
    LUA_DATA_CHURN_MAX = 64 << 20,  /* bytes that it may allocate in all, one after the other */
    LUA_DATA_STEPS_MAX = 1000000,   /* VM instructions of its evaluation: about 10 ms */
};

/* How a host shows the typed kinds (VALUE_ID … VALUE_BYTES) to scripts, given by bind. Both run
 * protected and may raise. */
struct lua_convert {
    /* Pushes exactly one Lua value for a typed kind and returns true, or pushes nothing and returns
     * false: then ids, dates and times become their JSON text, bytes a string, decimals their text
     * ("12.50"), money a table { amount, currency }. */
    bool (*push)(struct lua_State *L, const struct value *value);
    /* For userdata and for tables that have a metatable: true with *out_value when it is one of
     * ours. */
    bool (*take)(struct lua_State *L, int index, struct arena *arena, struct value *out_value);
};

/* Pushes `value`. VALUE_NULL is px.null (lua_push_null) in lists and at the top, and in maps unless
 * `null_is_absent`, where the key is then left out (nil to the script). Integers are exact. An
 * empty list is marked, so that it comes back as a list. Raises when the stack or memory is out. */
void lua_push_value(struct lua_State *L, const struct value *value, bool null_is_absent);
/* The value at `index`, copied into arena. nil and px.null → VALUE_NULL; integers → VALUE_INT;
 * floats → VALUE_REAL; UTF-8 strings → VALUE_TEXT; other strings → VALUE_BYTES; tables by raw
 * access: 1 … n → VALUE_LIST, marked as list → VALUE_LIST, all else → VALUE_MAP (whole-number keys
 * first, in their order, as text; then names, sorted by bytes); an empty unmarked table → an empty
 * VALUE_MAP. ERR_TYPE for functions, threads and foreign userdata and for keys that are neither
 * text nor whole numbers, ERR_INVALID for a cycle, ERR_LIMIT past depth or bytes; error->pointer is
 * the path ("fields[2].type"). May raise (converter). */
enum err lua_to_value(struct lua_State *L, int index, struct arena *arena, struct value *out_value,
                      struct error *error) MUST_CHECK;

void lua_push_null(struct lua_State *L); /* px.null: a value of its own, equal to itself alone */
bool lua_is_null(struct lua_State *L, int index); /* px.null itself, not nil */
/* Marks the table at `index` as a list, so that it stays one while empty (px.json.list). It gets a
 * protected metatable. */
void lua_mark_list(struct lua_State *L, int index);
bool lua_is_marked_list(struct lua_State *L, int index);

/* Raises { code, message, detail, field, value, nearest } from *error: code by err_code, message by
 * err_text, field is error->pointer; empty ones are nil. tostring gives "code: detail". */
_Noreturn void lua_raise(struct lua_State *L, const struct error *error);
/* As error_set, then raised. */
_Noreturn void lua_raise_set(struct lua_State *L, enum err err, const char *format, ...)
    PRINTF_LIKE(3, 4);
/* Pushes the table that lua_raise raises (for `return nil, err`). */
void lua_push_error(struct lua_State *L, const struct error *error);
/* What a script raised, read without calling anything: an error table gives its code back, a string
 * is ERR_LUA with that text ("main.lua:12: …" put into error->pointer), out of memory is
 * ERR_MEMORY. Never raises. Returns error->err. */
enum err lua_error_read(struct lua_State *L, int index, struct error *error);

/* A file of pure data ("return { … }": manifest, schema, settings), evaluated in a state of its own
 * with an empty environment: no functions, no libraries; budgets above, counted in instructions so
 * that a slow machine gives the same answer. Any thread. `name` is shown in errors, relative.
 * `kind` is the code of all its errors (ERR_MANIFEST, ERR_SCHEMA, ERR_CONFIG); error->pointer is
 * "plugin.lua:12" or "plugin.lua: can.read[2]". The result is a map or list in arena. */
enum err lua_read_data(struct arena *arena, const char *name, struct str text, enum err kind,
                       struct value *out_value, struct error *error) MUST_CHECK;

#endif
