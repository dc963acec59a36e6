/* Shared inside core/lua: the bodies of engine, executor and host, and what the files ask of each
 * other. */
#ifndef LUA_INTERNAL_H
#define LUA_INTERNAL_H

#include <lauxlib.h>
#include <lua.h>
#include <pthread.h>
#include <stdatomic.h>

#include "proxenos/lua.h"

/* Signals reach a thread under TSan only at its next system call, so that build counts instructions
 * instead (contract 21). */
#if defined(__SANITIZE_THREAD__)
#define LUA_STANDING_HOOK 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define LUA_STANDING_HOOK 1
#endif
#endif
#ifndef LUA_STANDING_HOOK
#define LUA_STANDING_HOOK 0
#endif

enum {
    NS_PER_MS = 1000000,
    LUA_MEMORY_ERRORS_MAX = 8,   /* in a row; then the state is thrown away */
    LUA_CLOSE_DEPTH_MAX = 8,     /* coroutine.close inside __close inside coroutine.close … */
    LUA_C_STACK_MAX = 768 << 10, /* bytes of C stack at which no coroutine is closed any more */
    LUA_LOAD_MAX = 64 << 10,     /* source bytes of `load` */
    LUA_PRINT_MAX = 4096,
};

struct lua_watchdog;

struct lua_executor {
    struct lua_engine *engine;
    int index;
    struct mailbox *mailbox;
    struct thread *thread;
    pthread_t id; /* valid once deadline_ns was ever set */
    void *context;
    const char *stack_base; /* of the thread, nearly */
    struct list ready;      /* hosts with something to run, by by_ready */
    struct list timers;     /* struct lua_timer by by_due, earliest first */
    atomic_bool stopping;
    int hosts;     /* under engine->lock */
    int64_t turns; /* of hosts, so far */
    /* The budget of what runs now. `current` is read by this thread and its signal handler,
     * `deadline_ns` also by the watchdog; 0 while no Lua runs. */
    _Atomic(lua_State *) current;
    atomic_bool due; /* the handler ran: loops in C look at the clock */
    _Atomic int64_t deadline_ns;
    _Atomic(const struct lua_host *) inside; /* whose Lua runs; set with deadline_ns */
    int64_t started_ns, started_running_ns;  /* on the wall, and of the thread's own running */
    int64_t slice_ns, run_ns; /* when the slice ends, when the task is looked at for a kill */
};

struct lua_engine {
    struct lua_engine_options options;
    struct lua_executor executors[LUA_EXECUTORS_MAX];
    struct lua_watchdog *watchdog;
    pthread_mutex_t lock; /* of the host counts */
};

/* Why a coroutine yielded, when it was not the script that asked. */
enum lua_signal { LUA_SIGNAL_NONE, LUA_SIGNAL_WAIT, LUA_SIGNAL_PREEMPT, LUA_SIGNAL_KILL };

struct lua_memory {
    size_t used, peak, cap;
    int errors;              /* ERRMEM seen in a row */
    size_t churn, churn_max; /* bytes allocated in all; 0: no limit */
};

struct lua_host {
    struct lua_engine *engine;
    struct lua_executor *executor;
    char name[64];
    struct lua_host_options options;
    atomic_int state; /* enum lua_host_state */

    /* executor only */
    lua_State *L;
    struct lua_memory memory;
    struct list jobs;   /* struct lua_job by queued */
    struct list tasks;  /* ready struct lua_task by queued */
    struct list living; /* every struct lua_task by living */
    size_t living_count;
    struct list_node by_ready; /* in executor->ready */
    bool job_was_last;         /* jobs and tasks take turns */
    struct lua_task *running;  /* NULL outside Lua */
    enum lua_signal signal;
    int pinned;      /* resumes that a yield cannot cross, nested */
    int close_depth; /* coroutine.close, nested */
    struct error poison;
    struct buf trace;       /* of the kill, of the last failed task */
    struct buf caught;      /* of the last error that xpcall caught */
    lua_Integer object_ids; /* the last one given by lua_push_text_of */

    struct message closing;
    struct mailbox *close_reply;
    void (*closed)(struct lua_host *host);

    /* for lua_host_metrics */
    _Atomic uint64_t run_ns, memory_now, memory_peak, runs, kills, waiting;
};

enum lua_task_state { LUA_TASK_GONE, LUA_TASK_READY, LUA_TASK_RUNNING, LUA_TASK_WAITING };

/* ---- engine.c ---- */

struct lua_executor *lua_engine_pin(struct lua_engine *engine);
void lua_engine_unpin(struct lua_executor *executor);
/* The watchdog must not name this host any more. */
void lua_engine_forget(struct lua_host *host);
/* The host has something to run. */
void lua_executor_ready(struct lua_host *host);
/* Fires what is due; the milliseconds until the next one, -1 when there is none. */
int lua_timers_fire(struct lua_executor *executor);

/* ---- host.c, job.c, task.c ---- */

/* Runs one job or one slice of a task. */
void lua_host_turn(struct lua_host *host);
bool lua_host_has_work(const struct lua_host *host);
/* lua_pcall of `call` on the main state with `context` as light userdata at index 1. Not for code
 * of scripts: no budget runs. */
enum err lua_host_protect(struct lua_host *host, lua_CFunction call, void *context,
                          struct error *error) MUST_CHECK;
/* After anything ran in the state: when it was killed, ends the tasks, closes the state and tells
 * the owner. */
void lua_host_bury(struct lua_host *host);
void lua_host_close_state(struct lua_host *host);
void lua_host_measure(struct lua_host *host);

void lua_task_turn(struct lua_task *task);
/* Ends every living task of the host. */
void lua_tasks_end_all(struct lua_host *host, enum err err, const char *detail);
void lua_jobs_cancel(struct lua_host *host);

/* ---- budget.c ---- */

int64_t lua_real_ns(void);
int64_t lua_running_ns(void); /* processor time of this thread */
/* From here to lua_budget_stop scripts run on `L` in the name of `task`. */
void lua_budget_start(struct lua_host *host, struct lua_task *task, lua_State *L);
void lua_budget_stop(struct lua_host *host);
bool lua_host_poisoned(const struct lua_host *host);
/* The kill: marks the state, keeps the reason and the traceback of `L`. */
void lua_host_poison(struct lua_host *host, lua_State *L, enum err err, const char *sentence);
/* Makes `to` the state that a signal would stop. */
void lua_budget_switch(struct lua_host *host, lua_State *to);
void lua_budget_hook(lua_State *L, lua_Debug *debug);
/* Sets the hook for the next instruction; also from the signal handler. */
void lua_budget_arm(lua_State *L);
/* The hook of a state that runs within its budget: none, or the one that tells lines. */
void lua_budget_disarm(struct lua_host *host, lua_State *L);

/* ---- watchdog.c ---- */

enum err lua_watchdog_new(struct lua_engine *engine, struct lua_watchdog **out_watchdog,
                          struct error *error) MUST_CHECK;
void lua_watchdog_free(struct lua_watchdog *watchdog);
/* Executor: a deadline was set; wakes a watchdog that sleeps. */
void lua_watchdog_kick(struct lua_watchdog *watchdog);
/* On each executor thread at its start: signals find this executor. */
void lua_watchdog_guard(struct lua_executor *executor);

/* ---- memory.c ---- */

/* lua_Alloc with a struct lua_memory. */
void *lua_memory_alloc(void *memory, void *block, size_t old_size, size_t new_size);

/* ---- the sandbox ---- */

/* Builds the globals of a fresh state; protected. */
void lua_sandbox_open(lua_State *L, struct lua_host *host);
/* These push a new table with their functions; sandbox.c freezes it. */
void lua_push_string_library(lua_State *L);
void lua_push_table_library(lua_State *L);
void lua_push_coroutine_library(lua_State *L);
/* string.find, match, gmatch, gsub. */
extern const luaL_Reg lua_match_functions[];
int lua_table_sort(lua_State *L);
/* Globals of ours: pcall, xpcall, tostring, print, setmetatable, rawset, collectgarbage. */
extern const luaL_Reg lua_base_functions[];
int lua_base_load(lua_State *L);
int lua_base_require(lua_State *L);

/* A coroutine that is not the script's to resume or close: a task's own, or one in whose midst the
 * task waits. Kept in the low bit of its extra space, beside the host. */
void lua_thread_hold(lua_State *thread, bool held);
bool lua_thread_held(lua_State *thread);

/* Appends "\n  main.lua:12: in function 'f'" per level; calls nothing, allocates nothing in Lua. */
void lua_trace_write(struct buf *out, lua_State *L);

/* Chunks are read in small blocks, as the parser is quadratic in some texts ("a or a or …"):
 * `pause` is called between the blocks and may raise. */
int lua_load_blocks(lua_State *L, struct str source, const char *chunk_name,
                    void (*pause)(lua_State *L));

/* Takes the garbage collector's word for weak tables away from scripts; see weak.c. */
void lua_weak_open(lua_State *L);

/* True when the table at `index` is a proxy made by lua_freeze. */
bool lua_is_frozen(lua_State *L, int index);

#endif
