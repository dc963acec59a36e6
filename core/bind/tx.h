/* Units of work outside handlers, for the bindings that write (tx.c). Executor, protected. */
#ifndef PROXENOS_BIND_TX_H
#define PROXENOS_BIND_TX_H

#include "internal.h"

/* px.store.tx(fn) */
int store_tx(lua_State *L);
/* Raises where nothing may be written. */
void writes_allowed(lua_State *L, const struct call *call);
/* The unit that a write goes into: the running one, or a new one of this write alone. Raises where
 * neither can be. */
struct work_unit *single_begin(lua_State *L, const char *binding);
/* Is this a unit of one write alone? When the write raises, the next binding drops it. */
bool is_single(const struct call *call);
/* `return single_end(L);` with the result on top of the stack: commits a unit of its own first. */
int single_end(lua_State *L);

#endif
