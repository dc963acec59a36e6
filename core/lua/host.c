/* Hosts: one state per plugin, its queue, its life from empty to closed. */
#include "internal.h"

#include "proxenos/base_log.h"

/*        reset ok           kill
 *  EMPTY ───────▶ RUNNING ───────▶ POISONED
 *    ▲ ◀──────────────┘ reset failed  │ reset: as from EMPTY
 *    └────────────────────────────────┘        any ── close ──▶ CLOSED */

static void host_move(struct lua_host *host, enum lua_host_state state)
{
    ASSERT(atomic_load(&host->state) != LUA_HOST_CLOSED);
    atomic_store(&host->state, (int)state);
}

struct lua_host *lua_host_new(struct lua_engine *engine, const struct lua_host_options *options)
{
    struct lua_host *host = mem_zalloc(sizeof(*host));
    host->engine = engine;
    host->options = *options;
    (void)snprintf(host->name, sizeof(host->name), "%s", options->name);
    host->options.name = host->name;
    struct lua_limits *limits = &host->options.limits;
    limits->memory_bytes =
        limits->memory_bytes > 0 ? limits->memory_bytes : (size_t)LUA_MEMORY_BYTES_DEFAULT;
    limits->slice_ms = limits->slice_ms > 0 ? limits->slice_ms : LUA_SLICE_MS_DEFAULT;
    limits->run_ms = limits->run_ms > 0 ? limits->run_ms : LUA_RUN_MS_DEFAULT;
    list_init(&host->jobs);
    list_init(&host->tasks);
    list_init(&host->living);
    list_node_init(&host->by_ready);
    buf_init(&host->trace);
    buf_init(&host->caught);
    host->executor = lua_engine_pin(engine);
    return host;
}

void lua_host_free(struct lua_host *host)
{
    if (host == NULL) {
        return;
    }
    ASSERT(lua_host_state(host) == LUA_HOST_CLOSED);
    lua_engine_forget(host);
    buf_deinit(&host->trace);
    buf_deinit(&host->caught);
    mem_free(host);
}

/* ---- the state ---- */

enum err lua_host_protect(struct lua_host *host, lua_CFunction call, void *context,
                          struct error *error)
{
    lua_State *L = host->L;
    lua_pushcfunction(L, call);
    lua_pushlightuserdata(L, context);
    if (lua_pcall(L, 1, 0, 0) == LUA_OK) {
        return OK;
    }
    struct error found;
    enum err err = lua_error_read(L, -1, &found);
    lua_pop(L, 1);
    if (error != NULL) {
        *error = found;
    }
    return err;
}

static int open_state(lua_State *L)
{
    struct lua_host *host = lua_touserdata(L, 1);
    lua_settop(L, 0);
    lua_sandbox_open(L, host);
    if (host->options.setup != NULL) {
        host->options.setup(host, L);
    }
    return 0;
}

void lua_host_close_state(struct lua_host *host)
{
    ASSERT(host->running == NULL);
    if (host->L != NULL) {
        lua_close(host->L);
        host->L = NULL;
        ASSERT(host->memory.used == 0);
    }
}

enum err lua_host_reset(struct lua_host *host, struct error *error)
{
    ASSERT(host->running == NULL);
    if (lua_host_state(host) == LUA_HOST_CLOSED) {
        return error_set(error, ERR_STOPPING, "%s is being closed", host->name);
    }
    lua_host_bury(host);
    lua_tasks_end_all(host, ERR_CANCELLED, "the plugin starts afresh");
    lua_host_close_state(host);
    host_move(host, LUA_HOST_EMPTY);
    host->memory = (struct lua_memory){.cap = host->options.limits.memory_bytes};
    host->L = lua_newstate(lua_memory_alloc, &host->memory);
    if (host->L == NULL) {
        return error_set(error, ERR_MEMORY, "%zu bytes do not hold a Lua state", host->memory.cap);
    }
    *(struct lua_host **)lua_getextraspace(host->L) = host;
    lua_budget_disarm(host, host->L);
    enum err err = lua_host_protect(host, open_state, host, error);
    if (err != OK) {
        lua_host_close_state(host);
        error_prefix(error, "%s cannot be set up: ", host->name);
        return err;
    }
    lua_host_measure(host);
    host_move(host, LUA_HOST_RUNNING);
    return OK;
}

void lua_host_bury(struct lua_host *host)
{
    ASSERT(host->running == NULL);
    if (!lua_host_poisoned(host) || host->L == NULL) {
        return;
    }
    struct error why = host->poison;
    lua_tasks_end_all(host, ERR_CANCELLED, "another task of the plugin was stopped by force");
    lua_host_close_state(host);
    lua_host_measure(host);
    if (host->options.killed != NULL) {
        host->options.killed(host, why.err, &why);
    }
}

/* ---- turns ---- */

bool lua_host_has_work(const struct lua_host *host)
{
    return !list_empty(&host->jobs) || !list_empty(&host->tasks);
}

static struct lua_job *next_job(struct lua_host *host)
{
    struct list_node *node = list_pop(&host->jobs);
    return node == NULL ? NULL : CONTAINER_OF(node, struct lua_job, queued);
}

void lua_host_turn(struct lua_host *host)
{
    lua_host_bury(host); /* a start outside a turn may have found the memory full */
    bool job_next = !list_empty(&host->jobs) && (list_empty(&host->tasks) || !host->job_was_last);
    host->job_was_last = job_next;
    if (job_next) {
        struct lua_job *job = next_job(host);
        atomic_fetch_sub(&host->waiting, 1);
        job->run(job);
    } else {
        struct list_node *node = list_pop(&host->tasks);
        if (node != NULL) {
            lua_task_turn(CONTAINER_OF(node, struct lua_task, queued));
        }
    }
    lua_host_bury(host);
}

/* ---- closing ---- */

static void tell_closed(struct message *message)
{
    struct lua_host *host = CONTAINER_OF(message, struct lua_host, closing);
    host->closed(host);
}

static void close_here(struct message *message)
{
    struct lua_host *host = CONTAINER_OF(message, struct lua_host, closing);
    lua_jobs_cancel(host);
    lua_tasks_end_all(host, ERR_CANCELLED, "the plugin is being closed");
    lua_host_close_state(host);
    host_move(host, LUA_HOST_CLOSED);
    list_remove(&host->by_ready);
    lua_host_measure(host);
    lua_engine_unpin(host->executor);
    host->closing.deliver = tell_closed;
    mailbox_post(host->close_reply, &host->closing);
}

void lua_host_close(struct lua_host *host, struct mailbox *reply,
                    void (*closed)(struct lua_host *host))
{
    host->close_reply = reply;
    host->closed = closed;
    host->closing.deliver = close_here;
    mailbox_post(host->executor->mailbox, &host->closing);
}

/* ---- jobs ---- */

static void cancel_job(struct lua_job *job)
{
    struct error error;
    enum err err = error_set(&error, ERR_CANCELLED, "%s is being closed", job->host->name);
    lua_job_finish(job, err, &error);
}

static void job_arrived(struct message *message)
{
    struct lua_job *job = CONTAINER_OF(message, struct lua_job, message);
    if (lua_host_state(job->host) == LUA_HOST_CLOSED) {
        atomic_fetch_sub(&job->host->waiting, 1);
        cancel_job(job);
        return;
    }
    list_push(&job->host->jobs, &job->queued);
    lua_executor_ready(job->host);
}

static void job_returned(struct message *message)
{
    struct lua_job *job = CONTAINER_OF(message, struct lua_job, message);
    job->done(job);
}

void lua_job_post(struct lua_host *host, struct lua_job *job)
{
    ASSERT(job->run != NULL && job->done != NULL && job->reply != NULL);
    job->host = host;
    job->err = OK;
    list_node_init(&job->queued);
    atomic_fetch_add(&host->waiting, 1);
    job->message.deliver = job_arrived;
    mailbox_post(host->executor->mailbox, &job->message);
}

void lua_job_finish(struct lua_job *job, enum err err, const struct error *error)
{
    ASSERT(!list_node_linked(&job->queued));
    job->err = err;
    job->error = error != NULL ? *error : (struct error){.err = err};
    job->message.deliver = job_returned;
    mailbox_post(job->reply, &job->message);
}

void lua_jobs_cancel(struct lua_host *host)
{
    for (struct lua_job *job = next_job(host); job != NULL; job = next_job(host)) {
        atomic_fetch_sub(&host->waiting, 1);
        cancel_job(job);
    }
}

/* ---- what others ask ---- */

struct str lua_host_name(const struct lua_host *host)
{
    return str_from(host->name);
}

void *lua_host_data(const struct lua_host *host)
{
    return host->options.data;
}

const struct lua_limits *lua_host_limits(const struct lua_host *host)
{
    return &host->options.limits;
}

struct env *lua_host_env(const struct lua_host *host)
{
    return host->engine->options.env;
}

enum lua_host_state lua_host_state(const struct lua_host *host)
{
    return (enum lua_host_state)atomic_load(&host->state);
}

struct mailbox *lua_host_mailbox(const struct lua_host *host)
{
    return host->executor->mailbox;
}

void *lua_host_executor_context(const struct lua_host *host)
{
    return host->executor->context;
}

/* The extra space of each thread holds its host; the low bit says that scripts may not resume it.
 */
struct lua_host *lua_host_of(struct lua_State *L)
{
    uintptr_t bits;
    memcpy(&bits, lua_getextraspace(L), sizeof(bits));
    return (struct lua_host *)(bits & ~(uintptr_t)1); // NOLINT(performance-no-int-to-ptr)
}

bool lua_thread_held(lua_State *thread)
{
    uintptr_t bits;
    memcpy(&bits, lua_getextraspace(thread), sizeof(bits));
    return (bits & 1) != 0;
}

void lua_thread_hold(lua_State *thread, bool held)
{
    uintptr_t bits = (uintptr_t)lua_host_of(thread) | (held ? 1 : 0);
    memcpy(lua_getextraspace(thread), &bits, sizeof(bits));
}

struct lua_task *lua_task_of(struct lua_State *L)
{
    return lua_host_of(L)->running;
}

void lua_host_measure(struct lua_host *host)
{
    atomic_store_explicit(&host->memory_now, host->memory.used, memory_order_relaxed);
    atomic_store_explicit(&host->memory_peak, host->memory.peak, memory_order_relaxed);
}

void lua_host_metrics(const struct lua_host *host, struct lua_metrics *out_metrics)
{
    *out_metrics = (struct lua_metrics){
        .run_ns = atomic_load(&host->run_ns),
        .memory_bytes = atomic_load(&host->memory_now),
        .memory_peak_bytes = atomic_load(&host->memory_peak),
        .runs = atomic_load(&host->runs),
        .kills = atomic_load(&host->kills),
        .waiting = atomic_load(&host->waiting),
    };
}
