/* Rules of px.clock read from what a script gives. Executor, protected: all of it may raise. */
#ifndef PROXENOS_BIND_CLOCK_RULE_H
#define PROXENOS_BIND_CLOCK_RULE_H

#include "internal.h"

#include "proxenos/base_calendar.h"

/* A name or a definition; Monday to Friday when it is left out. In the call's scratch. */
const struct calendar *clock_calendar_arg(lua_State *L, struct call *call, int index);
struct deadline_rule clock_rule_of(lua_State *L, struct call *call, const struct value *spec);
enum deadline_unit clock_unit_of(lua_State *L, const struct value *spec);
int64_t clock_count_of(lua_State *L, const struct value *spec, const char *field);
_Noreturn void clock_raise_range(lua_State *L);

#endif
