/* What the commands of a flow share (flow_give.c). Executor, protected.
 *
 * A command is a function of the `flow` object: it enters, checks its arguments, lets the turn be
 * cut before it (flow_is_cut: then `return lua_yieldk(L, 0, 0, again)`, whose `again` calls it
 * anew), and is given. */
#ifndef PROXENOS_BIND_FLOW_GIVE_H
#define PROXENOS_BIND_FLOW_GIVE_H

#include "flow.h"

struct flow_given {
    enum flow_command_kind kind;
    struct str name;
    struct value input;
    int64_t due_ms;
};

/* Where a command may be given: in the flow's own code, on a branch of its own. Raises elsewhere.
 */
struct flow_exec *flow_enter(lua_State *L, const char *command);
bool flow_is_cut(struct flow_exec *exec);
/* `return flow_stop(L, …)`: the turn goes no further; no pcall of the script sees it. */
int flow_stop(lua_State *L, struct flow_exec *exec, enum err err, const struct error *error);
/* False: the turn was stopped, and the branch must yield. */
bool flow_give(lua_State *L, struct flow_exec *exec, const struct flow_given *given,
               struct flow_answer *out_answer);
/* `return flow_wait_for(L, …)`: its branch waits until the answer arrives. */
int flow_wait_for(lua_State *L, struct flow_exec *exec, const struct flow_answer *answer);
int flow_give_and_wait(lua_State *L, struct flow_exec *exec, const struct flow_given *given);
/* The command is over with this value, or this error; either goes through bytes, as a replay would
 * give it. Pushes the value, or raises. */
int flow_answer_with(lua_State *L, struct flow_exec *exec, const struct flow_answer *answer,
                     const struct value *value, const struct error *failed);
/* Errors of ours that pass by themselves: the turn is done again, the flow never sees them. */
bool flow_passes(enum err err);

struct str flow_name_arg(lua_State *L, int index, const char *what);
/* A table whose keys are among `names`. */
struct value flow_options_arg(lua_State *L, int index, struct arena *arena,
                              const char *const *names, size_t count);
/* The instant that lies so much ahead by the run's clock; raises for what is no duration. */
int64_t flow_after(lua_State *L, const struct flow_exec *exec, struct str text);

/* The commands. */
int flow_query_method(lua_State *L);
int flow_step(lua_State *L);
int flow_call(lua_State *L);
int flow_version(lua_State *L);
int flow_continue(lua_State *L);
int flow_compensate(lua_State *L);
int flow_sleep(lua_State *L);
int flow_sleep_until(lua_State *L);
int flow_wait(lua_State *L);
int flow_signal(lua_State *L);
int flow_all(lua_State *L);
int flow_any(lua_State *L);
int flow_child(lua_State *L);
int flow_approve(lua_State *L);

#endif
