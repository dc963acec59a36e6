/* Shared between the files that run flows: a turn on its executor, its branches, the environment of
 * flow code. Executor, protected, unless said otherwise.
 *
 * A turn is one task. In it flow_drive.c runs the branches of the run as coroutines, first through
 * the old pages, then through the live one; the commands (mod_flow.c) ask the replay and either
 * have their answer at once or yield until it arrives. */
#ifndef PROXENOS_BIND_FLOW_H
#define PROXENOS_BIND_FLOW_H

#include "internal.h"
#include "proxenos/flow_call.h"

enum {
    FLOW_BRANCHES_MAX = 1000, /* of one all or any */
    FLOW_TURN_MS = 250,       /* a live turn that took so long is cut at its next command */
    FLOW_QUERIES_MAX = 32,    /* of one flow */
    FLOW_BUNDLE_OF_HOST = -2, /* instead of a bundle's id: the files of the host itself */
    FLOW_BUNDLES_KEPT = 16,   /* environments of one state; then all are made anew */
};

struct join;

/* A coroutine of the run: the flow's own function, or one of all's or any's. */
struct branch {
    struct list_node in_ready;   /* of exec->ready */
    struct list_node in_waiting; /* of exec->waiting, while `seq` is not 0 */
    lua_State *thread;
    int arguments; /* pushed, for its first resume */
    int64_t seq;   /* the command that it waits for; 0: none */
    bool cut;      /* it waits for the next turn to give its command */
    int function;  /* of the outside call that it waits for, beside the branches; 0: none */
    const struct flow_command *command;
    const struct flow_result *result; /* what it is woken with */
    struct join *join;                /* it is part of; NULL: the run's own */
    struct join *inner;               /* it waits for */
    struct join *joined;              /* waited for, until its results are taken */
    size_t index;                     /* in its join */
    bool over, failed;                /* results, or the error, lie on its thread */
};

struct join {
    struct branch *parent;
    struct branch **branches;
    const struct value *keys; /* under which its branches were given */
    size_t count, left;
    size_t dropped; /* how far branch_drop came */
    bool any;
    struct branch *decided; /* ended it: the first of any, the failed one */
};

/* flow:compensate. */
struct flow_undo {
    struct list_node in_order;
    int anchor; /* of the function, beside the branches */
};

/* A run that is only gone through, and what it is asked then. */
struct flow_look {
    struct str query; /* empty: nothing */
    const struct value *input;
    struct arena *arena;
    struct value output;
};

/* What a script hands to the turn besides waiting; the turn then goes no further. */
enum flow_stop { FLOW_GOES_ON, FLOW_STOPPED, FLOW_AGAIN };

struct flow_exec {
    struct lua_job job;
    struct deferred deferred;
    struct call call;
    struct bind_host *host;
    struct flow_turn *turn;
    struct flow_replay *replay;
    struct reader *reader;
    struct overlay overlay;
    struct work_unit work;
    bool overlay_there, sent, job_back, unit_back;
    char request[16 + ID_TEXT_LEN];

    struct list ready, waiting; /* struct branch */
    struct branch *main, *current;
    lua_State *home; /* the task's own coroutine */
    bool in_step, idle;
    int64_t started_ns;
    struct list undo; /* struct flow_undo.in_order: newest first */
    bool undoing;     /* the flow itself has failed: what it asked for is undone */
    struct error why; /* it failed */
    struct flow_version {
        struct flow_version *next;
        struct str name;
        bool newer;
    } * versions;
    struct flow_question {
        struct flow_question *next;
        struct str name;
        int anchor; /* of the function, beside the branches */
    } * questions;
    int question_count;
    struct flow_look *look; /* NULL: the turn is to go on */
    bool answering;         /* a query's function runs */

    enum flow_stop stop;
    enum err err; /* how the turn goes back, when no unit was sent */
    struct error error;
};

/* flow_drive.c: the function of the task. */
int flow_drive(lua_State *L);
/* flow_drive.c: goes through what is old, and when that went well does the rest. */
int flow_drive_then(lua_State *L,
                    enum err (*then)(struct flow_exec *exec, lua_State *L, struct error *error));
/* flow_query.c: the same of a run that is only looked at. */
int flow_look_drive(lua_State *L);
/* flow_drive.c: makes the exec ready to go through the run of a look. */
void flow_exec_look(struct flow_exec *exec, struct bind_host *host, struct flow_turn *turn,
                    int64_t now_ns);
/* Goes through the old pages; the table that anchors the branches is at 1. When it went well,
 * exec->stop may have been set on the way: then exec->err says why. */
enum err flow_go_back(struct flow_exec *exec, lua_State *L, struct error *error) MUST_CHECK;
/* Keeps the function on top beside the branches, as long as the turn goes on; pops it. */
int flow_anchor(struct flow_exec *exec, lua_State *L);
struct branch *branch_new(struct flow_exec *exec, lua_State *L, struct join *join, size_t index);
void branch_make_ready(struct flow_exec *exec, struct branch *branch);
/* All that the branch waits for is dropped, with its inner branches. */
void branch_drop(struct flow_exec *exec, struct branch *branch);
/* The join is over; its parent goes on. */
void join_end(struct flow_exec *exec, struct join *join, struct branch *decided);
/* The turn goes no further: it is given back with this error. No script can catch it: the branch
 * must yield behind it. */
void flow_stop_with(struct flow_exec *exec, enum err err, const struct error *error);

/* flow_attempt.c: what a runner is given for outside calls (flow_runner_spec). */
void flow_attempt_start(struct flow_call *call, void *context);
void flow_attempt_drop(struct flow_call *call, void *context);
/* The key of what the function of flow:call sends next: its own, then with a number. In arena. */
struct str flow_attempt_key(struct call *call, struct arena *arena);

/* flow_env.c: pushes the flow's function of the run's bundle; false with the error set. */
bool flow_env_push(lua_State *L, struct flow_exec *exec, struct error *error);

/* mod_flow.c: pushes the `flow` of the run. */
void flow_push_object(lua_State *L);
void flow_object_setup(lua_State *L);
/* The turn that runs in this state; raises outside of one. */
struct flow_exec *flow_exec_of(lua_State *L);
/* Pushes what a command ended with, or raises it. */
int flow_push_result(lua_State *L, struct flow_exec *exec, const struct flow_command *command,
                     const struct flow_result *result);
struct error flow_error_of(const struct value *map);
/* What the run's clock says in this turn. */
int64_t flow_now_ms(const struct flow_exec *exec);
/* math.random and flow:random. */
int flow_random(lua_State *L);
/* px.flows.query (flow_query.c). */
int flows_query(lua_State *L);

#endif
