/* Lua 5.4 as an engine: one sandboxed state per plugin (a host), pinned to one of a few executor
 * threads; jobs and tasks run there under budgets of time and memory that no script can swallow.
 * This module knows no domain and no `px`: bind brings the functions, plugin the files.
 *
 * Threads: "executor" below means the thread the host is pinned to. Whatever touches a lua_State
 * runs there and in a protected call: inside `setup`, `push`, `take`, a binding or a continuation,
 * where a Lua error (out of memory, a kill) may jump out at any API call. So hold nothing there
 * that only a normal return frees: use the task's own struct, an arena in it, or a userdata.
 *
 * lua.h of Lua itself has its home in core/lua, core/bind and core/plugin; this header needs it
 * not: lua_CFunction, lua_KFunction and lua_KContext are written out. */
#ifndef PROXENOS_LUA_H
#define PROXENOS_LUA_H

#include "proxenos/base.h"
#include "proxenos/loop.h"
#include "proxenos/lua_module.h"
#include "proxenos/lua_value.h"

struct lua_State;
struct lua_engine;
struct lua_host;

enum {
    LUA_EXECUTORS_MAX = 8,
    LUA_TASKS_MAX = 1024,     /* living tasks of one host */
    LUA_SOURCE_MAX = 1 << 20, /* bytes of one chunk's source text */
    LUA_TRACEBACK_MAX = 4096, /* bytes */
    LUA_MEMORY_BYTES_DEFAULT = 32 << 20,
    LUA_SLICE_MS_DEFAULT = 20,
    LUA_RUN_MS_DEFAULT = 2000,
};

/* ---- the engine: executors and the watchdog ---- */

struct lua_engine_options {
    int executors; /* 1 … LUA_EXECUTORS_MAX */
    /* On each executor thread at its start and end; the result of `open` is that executor's
     * context, as bind's read connection is. `open` may be NULL. */
    void *(*open)(void *context, int executor);
    void (*close)(void *executor_context);
    void *context;
    struct env *env; /* seeds math.random and drives lua_timer; budgets are always real time */
    /* Not NULL: told each line that any script runs, before it does; executor, inside Lua: it must
     * not touch the state. Costs a call per line: for the coverage of tests. */
    void (*line)(void *context, struct lua_host *host, const char *chunk, int line);
    void *line_context;
};

/* Starts the threads. Engines of one process share a real-time signal. */
enum err lua_engine_new(const struct lua_engine_options *options, struct lua_engine **out_engine,
                        struct error *error) MUST_CHECK;
/* Joins the threads. All hosts must be freed before. NULL is fine. */
void lua_engine_free(struct lua_engine *engine);
/* Any thread: executors look at their timers again (after a simulated clock was moved). */
void lua_engine_wake(struct lua_engine *engine);

/* Asks all executors what they are about. Caller-owned until `done`, which runs on the thread of
 * `reply`. */
struct lua_probe {
    struct mailbox *reply;
    void (*done)(struct lua_probe *probe);
    /* Turns of hosts so far: the same in two looks means that no Lua ran between them. */
    int64_t turns;
    bool idle;           /* nothing waits to be run */
    int64_t next_due_ns; /* of the timers, by env's monotonic clock; INT64_MAX: none */
    /* engine's own */
    struct message message;
    struct lua_engine *engine;
    int at;
};
void lua_engine_probe(struct lua_engine *engine, struct lua_probe *probe); /* any thread */

/* ---- hosts ---- */

struct lua_limits {
    size_t memory_bytes; /* hard cap of the state; 0 means the default, as below */
    int slice_ms;        /* running longer without a pause yields to the other tasks */
    int run_ms; /* running longer in all is a kill: processor time of the thread, waiting not
                   counted; or ten times that on the wall, where the machine or the disk is slow */
};

enum lua_found { LUA_FOUND_NOTHING, LUA_FOUND_CHUNK, LUA_FOUND_VALUE };

struct lua_host_options {
    const char *name; /* for logs and errors: the plugin's name; copied */
    struct lua_limits limits;
    /* Executor, protected: installs modules and globals into a fresh state (lua_modules_install).
     */
    void (*setup)(struct lua_host *host, struct lua_State *L);
    /* Executor, protected: `require name`. Pushes one value and says what it is: a chunk from
     * lua_load_text (it is run once, its result cached) or the module itself; or pushes nothing.
     * NULL: require finds nothing. */
    enum lua_found (*resolve)(struct lua_host *host, struct lua_State *L, struct str name);
    /* Executor: a line of `print`, at most 4 KiB, no newline at its end. NULL: base's log. */
    void (*print)(struct lua_host *host, struct str line);
    /* Executor, after the tasks of a killed state have ended: ERR_BUDGET or ERR_MEMORY and where.
     * The owner counts, and posts a job that resets the host. May be NULL. */
    void (*killed)(struct lua_host *host, enum err err, const struct error *error);
    const struct lua_convert *convert; /* typed kinds (lua_value.h); NULL: as text */
    bool allow_load;                   /* `load` for text of at most 64 KiB; else it is absent */
    void *data;                        /* the owner's: lua_host_data */
};

enum lua_host_state {
    LUA_HOST_EMPTY,    /* no lua_State yet */
    LUA_HOST_RUNNING,  /* tasks may start */
    LUA_HOST_POISONED, /* killed: tasks are refused until lua_host_reset */
    LUA_HOST_CLOSED,
};

/* Any thread. Pins the host to the executor with the fewest hosts. Makes no lua_State: a job calls
 * lua_host_reset. */
struct lua_host *lua_host_new(struct lua_engine *engine, const struct lua_host_options *options);
/* Any thread, once. Jobs that wait are finished with ERR_CANCELLED, tasks end so too, the state is
 * closed; then `closed` runs on the thread of `reply` and must lua_host_free the host. No job may
 * be posted after this call. */
void lua_host_close(struct lua_host *host, struct mailbox *reply,
                    void (*closed)(struct lua_host *host));
void lua_host_free(struct lua_host *host);

/* Executor, only in a job's `run`: ends all tasks (ERR_CANCELLED), throws the old state away and
 * makes a fresh sandbox with `setup`. ERR_MEMORY or ERR_LUA when setup failed: the host is then
 * LUA_HOST_EMPTY. */
enum err lua_host_reset(struct lua_host *host, struct error *error) MUST_CHECK;

struct str lua_host_name(const struct lua_host *host);                 /* any thread */
void *lua_host_data(const struct lua_host *host);                      /* any thread */
const struct lua_limits *lua_host_limits(const struct lua_host *host); /* any thread; no zeros */
struct env *lua_host_env(const struct lua_host *host);           /* any thread: the engine's */
enum lua_host_state lua_host_state(const struct lua_host *host); /* any thread */
/* Any thread: the executor's mailbox, for replies to requests that bindings sent. */
struct mailbox *lua_host_mailbox(const struct lua_host *host);
/* What `open` made for the host's executor. Executor only. */
void *lua_host_executor_context(const struct lua_host *host);
/* The host of a running state, also inside coroutines. Executor only. */
struct lua_host *lua_host_of(struct lua_State *L);

struct lua_metrics {
    uint64_t run_ns; /* processor time inside the state */
    uint64_t memory_bytes, memory_peak_bytes;
    uint64_t runs; /* tasks started */
    uint64_t kills;
    uint64_t waiting; /* jobs posted and not yet run */
};
void lua_host_metrics(const struct lua_host *host,
                      struct lua_metrics *out_metrics); /* any thread */

/* ---- jobs: work sent to a host's executor ---- */

/* Caller-owned; belongs to the engine from lua_job_post until `done`. Hosts of one executor take
 * turns; jobs of one host run in the order they were posted. */
struct lua_job {
    struct message message; /* engine's own */
    struct list_node queued;
    struct lua_host *host;
    struct mailbox *reply; /* where `done` runs */
    /* Executor; plain C, outside any Lua call: it starts tasks, resets the host, wakes a wait. It
     * or what it started must call lua_job_finish exactly once. Also called for a poisoned host:
     * lua_task_start tells. */
    void (*run)(struct lua_job *job);
    /* On the thread of `reply`, exactly once; `err` and `error` as given to lua_job_finish. */
    void (*done)(struct lua_job *job);
    enum err err;
    struct error error;
};

/* Any thread. Never fails. `run` is not called when the host closes first: then err is
 * ERR_CANCELLED in `done`. */
void lua_job_post(struct lua_host *host, struct lua_job *job);
/* Executor. Sends the job back; it must not be touched afterwards. error may be NULL. */
void lua_job_finish(struct lua_job *job, enum err err, const struct error *error);

/* ---- tasks: one call of a Lua function, as a coroutine that may wait ---- */

/* Caller-owned, usually embedded in a job or a unit; zeroed, then the first part filled in.
 * Executor only. Order of calls: push, (Lua runs), take when it returned, ended always and last. */
struct lua_task {
    /* Protected, in the task's coroutine and within its budget: pushes the function and its
     * arguments (lua_rawgeti of a reference, lua_load_text …), returns the number of arguments. */
    int (*push)(struct lua_task *task, struct lua_State *L);
    /* Protected, the same: the results are at the indexes first … first + count - 1. It may raise.
     * NULL: results are dropped. */
    void (*take)(struct lua_task *task, struct lua_State *L, int first, int count);
    /* Plain C, the coroutine is gone. task->err: OK, ERR_LUA and other codes raised by the script
     * or by bindings, ERR_MEMORY, ERR_BUDGET (killed), ERR_CANCELLED. The task may be reused or
     * freed.
     */
    void (*ended)(struct lua_task *task);
    int run_ms; /* 0: the host's */
    /* Whose time it uses beside its own: the task that started it and outlives it. NULL: none. */
    struct lua_task *payer;
    /* No forced yields to other tasks while true, as a unit needs that holds the executor's
     * snapshot; run_ms holds all the same. May be changed while the task runs. */
    bool whole;
    /* Objects without a name of their own show no number in texts ("table"): what a flow prints
     * must be the same in every replay. */
    bool pure;
    /* Not NULL: waiting is refused with this sentence ("a unit of work cannot wait: …"). May be
     * changed while the task runs. */
    const char *no_wait;

    enum err err; /* the outcome, valid in `ended` */
    struct error error;
    struct str traceback; /* valid in `ended` only; empty when OK; at most LUA_TRACEBACK_MAX */
    int64_t run_ns;       /* processor time inside Lua so far */

    /* engine's own */
    struct lua_host *host;
    struct lua_State *L;
    struct lua_wait *wait;
    struct list_node living, queued;
    int thread_ref, state;
};

/* Executor, in a job's `run`, in `ended`, or in a message delivered there. The task runs in one of
 * the host's next turns, which ready tasks (in their order) and jobs take by turns. ERR_BUSY past
 * LUA_TASKS_MAX, ERR_SUSPENDED when the host is poisoned, empty or closed, ERR_MEMORY; then `ended`
 * is not called. */
enum err lua_task_start(struct lua_host *host, struct lua_task *task,
                        struct error *error) MUST_CHECK;
/* Executor, not from inside the task itself. Ends a waiting or ready task: its wait is cancelled,
 * its to-be-closed variables are closed, `ended` comes before this returns. Nothing for a task that
 * is not living. */
void lua_task_cancel(struct lua_task *task, enum err err, const char *detail);
/* The task that runs now in this state, also from inside a user's coroutine; NULL in setup. */
struct lua_task *lua_task_of(struct lua_State *L);

/* ---- waiting: a binding that lets other tasks run until its answer is there ---- */

/* Embedded in the binding's heap-allocated request. */
struct lua_wait {
    struct lua_task *task; /* NULL once `after` runs or it is cancelled */
    /* Executor, plain C: the task is gone, `after` will not run. When `answered`, free the request
     * here; else it is still out: free it when its answer comes, or here if none will. */
    void (*cancelled)(struct lua_wait *wait);
    bool answered; /* lua_wait_done was called */
};

/* First thing in a binding that waits: raises ERR_YIELD with a sentence that names the binding and
 * says what to do, where waiting is impossible (sort comparator, gsub callback, metamethod called
 * from C, task->no_wait). */
void lua_wait_check(struct lua_State *L, const char *binding);
/* Last thing: `return lua_wait_start(L, &request->wait, (intptr_t)request, after);`. `after` runs
 * protected when lua_wait_done was called; it pushes the results and returns their number. Works
 * inside users' coroutines too: the whole task waits. */
int lua_wait_start(struct lua_State *L, struct lua_wait *wait, intptr_t context,
                   int (*after)(struct lua_State *L, int status, intptr_t context));
/* Executor (in a delivered message or a timer): the task goes on in its host's next turn. Nothing
 * when the wait was cancelled. Not before lua_wait_start returned. */
void lua_wait_done(struct lua_wait *wait);

/* A timer on the executor, by the engine's env. Caller-owned; zeroed, then `fired` set. Executor
 * only. */
struct lua_timer {
    void (*fired)(struct lua_timer *timer);
    struct list_node by_due;
    int64_t due_ns;
    struct lua_host *host;
};
void lua_timer_start(struct lua_host *host, struct lua_timer *timer, int64_t after_ms);
void lua_timer_stop(struct lua_timer *timer); /* fine when not running */

/* ---- inside bindings ---- */

/* For loops in C that scripts can make long: call it in each turn. Raises the kill when the task's
 * time is over; otherwise it costs a nanosecond or two. */
void lua_budget_check(struct lua_State *L);
/* Each binding that catches errors of scripts (lua_pcall, lua_pcallk) calls this first with the
 * status it caught, unless that is LUA_OK or LUA_YIELD: it counts memory errors, and a kill goes on
 * from here, so that no script can swallow it. */
void lua_catch(struct lua_State *L, int status);
/* Pushes a compiled chunk: text only, at most LUA_SOURCE_MAX; `chunk_name` as shown in errors,
 * relative ("main.lua"). Raises ERR_LUA for a syntax error. */
void lua_load_text(struct lua_State *L, struct str source, const char *chunk_name);
/* Pushes "find", "match" or "gsub" of the string library in the way that px.text has it: characters
 * are code points, classes know all letters. For valid UTF-8 alone. Positions of find are bytes
 * still; those of captures are code points. */
void lua_push_text_match(struct lua_State *L, const char *name);
/* Makes the table at `index` weak: mode "k", "v" or "kv". It gets a metatable if it has none, which
 * is then hidden from scripts. The word "__mode" has no effect, neither in scripts nor in C:
 * scripts have no weak tables (core/lua/weak.c says why). */
void lua_make_weak(struct lua_State *L, int index, const char *mode);
/* The place that called the running binding, "main.lua:12"; empty when there is none. */
void lua_where(struct lua_State *L, char *out, size_t out_size);
/* Pushes a table of globals for code that must do the same each time: `pairs` and `next` in the
 * order of the keys, no clock, no addresses, math.random as given; the libraries of the state. */
void lua_push_pure_globals(struct lua_State *L, int (*random)(struct lua_State *L));
/* Pushes a coroutine for C to run parts of a task in, and resumes it as lua_resume does, with the
 * task's budget on it; a kill goes on from here. Bindings may yield to the caller. The task must be
 * `whole`. */
struct lua_State *lua_branch_new(struct lua_State *L);
int lua_branch_resume(struct lua_State *L, struct lua_State *branch, int arguments, int *out_count);
/* As Lua's tostring, but never an address: a text in which an object without __tostring or __name
 * is its type and a number that is its own ("table: 7"). Pushes it. May call __tostring. */
struct str lua_push_text_of(struct lua_State *L, int index);

#endif
