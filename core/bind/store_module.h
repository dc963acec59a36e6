/* What the bindings of px.store share (mod_store.c, store_read.c, store_write.c, mod_kv.c).
 * Executor, protected. */
#ifndef PROXENOS_BIND_STORE_MODULE_H
#define PROXENOS_BIND_STORE_MODULE_H

#include "tx.h"

/* The object type named by argument 1, readable or writable by who acts. Raises. */
const struct object_type *type_arg(lua_State *L, struct call *call, uint32_t verb);
int64_t id_arg(lua_State *L, int index);
struct value table_arg(lua_State *L, int index, struct arena *arena); /* nil: an empty map */
void push_record(lua_State *L, struct call *call, const struct record *record);
void raise_if(lua_State *L, enum err err, const struct error *error);

int store_get(lua_State *L);
int store_find(lua_State *L);
int store_first(lua_State *L);
int store_count(lua_State *L);
int store_each(lua_State *L);
int store_aggregate(lua_State *L);
int store_history(lua_State *L);
int store_files(lua_State *L);
int store_as_of(lua_State *L);
int store_search(lua_State *L);
int store_create(lua_State *L);
int store_merge(lua_State *L);
int store_changeset(lua_State *L);
int store_update(lua_State *L);
int store_upsert(lua_State *L);
int store_delete(lua_State *L);
int store_link(lua_State *L);
int store_unlink(lua_State *L);

#endif
