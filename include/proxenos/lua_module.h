/* Modules of C functions for scripts, declared as constant tables: from one table come the
 * functions in the state, the LuaCATS types in plugins/meta/ and the pages of the reference. Part
 * of the lua module: see lua.h for threads and protected calls. */
#ifndef PROXENOS_LUA_MODULE_H
#define PROXENOS_LUA_MODULE_H

#include "proxenos/base.h"

struct lua_State;

enum lua_binding_flags {
    LUA_BINDING_WAITS = 1,       /* may wait: said in the types and the reference */
    LUA_BINDING_NOT_IN_UNIT = 2, /* refused inside a unit of work */
    LUA_BINDING_LOAD_ONLY = 4,   /* only while main.lua or an automation loads */
};

struct lua_binding {
    const char *name; /* "get" */
    /* The function, or, for a constant, NULL and `push`. */
    int (*call)(struct lua_State *L);
    void (*push)(struct lua_State *L); /* pushes the constant's value, once per state */
    const char *type; /* LuaCATS: "fun(object: string, id: string, opts?: table): table?" */
    const char *doc;  /* one line */
    unsigned flags;
    const char *example; /* a few lines that run as they are; NULL: none */
};

struct lua_module {
    const char *name; /* "px", "px.store", "px.store.kv": parents may be anywhere in the list */
    const char *doc;
    const struct lua_binding *bindings;
    size_t count;
    const char *types; /* further LuaCATS text: classes that the signatures name; may be NULL */
    /* Not NULL: the module can be called like a function, as px.money(…) is. The arguments start at
     * 1, without the module itself. */
    int (*call)(struct lua_State *L);
    const char *call_type; /* LuaCATS of `call` */
    const char *call_doc;
};

/* Protected, in setup: makes the modules and sets each first part of a name ("px") as a global.
 * Modules are read-only proxies: writing to one raises, its metatable is hidden, pairs works. */
void lua_modules_install(struct lua_State *L, const struct lua_module *const *modules,
                         size_t count);
/* Replaces the table at `index` by a read-only proxy of it, as modules are. Protected. */
void lua_freeze(struct lua_State *L, int index);

/* plugins/meta/px.lua for LuaLS: ---@meta with a class per module. */
void lua_bindings_write_types(struct buf *out, const struct lua_module *const *modules,
                              size_t count);
/* A page of the reference in Markdown: a section per module, a row per function. */
void lua_bindings_write_reference(struct buf *out, const struct lua_module *const *modules,
                                  size_t count);

#endif
