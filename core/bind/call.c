/* Calls from the loop into a plugin: routes, commands, hooks, check, start, stop, and the loading
 * itself. What is shared by all tasks of bind is at the top. */
#include "flow.h"
#include "stream.h"
#include "usage.h"

#include "proxenos/base_log.h"

/* ---- every running task ---- */

void call_init(struct call *call, struct bind_host *host, enum call_kind kind)
{
    *call = (struct call){.host = host, .kind = kind};
    arena_init(&call->scratch);
}

void call_deinit(struct call *call)
{
    actor_leave_all(call);
    arena_deinit(&call->scratch);
    mem_free(call->unborn);
}

struct call *call_of(lua_State *L)
{
    struct lua_task *task = lua_task_of(L);
    if (task == NULL) {
        lua_raise_set(L, ERR_INVALID, "px can only be used inside a handler or while loading");
    }
    return CONTAINER_OF(task, struct call, task);
}

int64_t call_now_ms(lua_State *L)
{
    const struct call *call = call_of(L);
    struct env *env = lua_host_env(call->host->lua);
    return call->flow != NULL ? flow_now_ms(call->flow) : env->now_ms(env);
}

struct call *call_enter(lua_State *L)
{
    struct call *call = call_of(L);
    tx_drop_single(call);
    arena_reset(&call->scratch);
    return call;
}

struct str arg_text(lua_State *L, int index)
{
    struct str text;
    text.at = luaL_checklstring(L, index, &text.len);
    return text;
}

struct str arg_text_or(lua_State *L, int index, struct str otherwise)
{
    return lua_isnoneornil(L, index) ? otherwise : arg_text(L, index);
}

struct value arg_value(lua_State *L, int index, struct arena *arena)
{
    struct value value = value_null();
    struct error error = {0};
    if (lua_to_value(L, index, arena, &value, &error) != OK) {
        lua_raise(L, &error);
    }
    return value;
}

static const char pcall_key;

void keep_pcall(lua_State *L)
{
    lua_getglobal(L, "pcall");
    lua_rawsetp(L, LUA_REGISTRYINDEX, &pcall_key);
}

void push_pcall(lua_State *L)
{
    (void)lua_rawgetp(L, LUA_REGISTRYINDEX, &pcall_key);
}

/* ---- calls from the loop ---- */

struct sent {
    struct lua_job job;
    struct deferred deferred;
    struct call call;
    struct bind_call *request;
    struct bind_host *host;
    const struct scope *scope; /* user ∩ can; held; NULL: none was made */
    struct load load;
    struct buf output;
    int drafts_ref; /* of a hook: the list of tables */
};

static struct sent *sent_of(struct lua_task *task)
{
    return CONTAINER_OF(CONTAINER_OF(task, struct call, task), struct sent, call);
}

static void sent_done(struct lua_job *job)
{
    struct sent *sent = CONTAINER_OF(job, struct sent, job);
    struct bind_call *request = sent->request;
    request->err = job->err;
    request->error = job->error;
    if (sent->scope != NULL) {
        scope_unref(sent->scope);
    }
    atomic_fetch_sub(&sent->host->busy, 1);
    mem_free(sent);
    request->done(request);
}

static void finish(struct sent *sent, enum err err, const struct error *error)
{
    buf_deinit(&sent->output);
    call_deinit(&sent->call);
    lua_job_finish(&sent->job, err, error);
}

static enum call_kind call_kind_of(enum bind_kind kind)
{
    switch (kind) {
    case BIND_BEFORE:
        return CALL_HOOK;
    case BIND_CHECK:
    case BIND_DOCTOR:
        return CALL_CHECK;
    case BIND_ON:
    case BIND_SCHEDULE:
    case BIND_ROUTE:
    case BIND_COMMAND:
    case BIND_START:
    case BIND_STOP:
    case BIND_EXPORT:
    case BIND_CONFIG:
    case BIND_PAGE:
    case BIND_TEST:
    case BIND_SAVE:
    case BIND_RESTORE:
    case BIND_FLOW:
    case BIND_KIND_COUNT:
        break;
    }
    return CALL_PLAIN;
}

/* ---- what the function is given, what it gives back ---- */

static int push_arguments(lua_State *L, const struct value *list)
{
    for (size_t i = 0; i < list->list.count; i++) {
        lua_push_value(L, &list->list.items[i], true);
    }
    return (int)list->list.count;
}

static int push(struct lua_task *task, lua_State *L)
{
    struct sent *sent = sent_of(task);
    const struct bind_call *request = sent->request;
    if (request->registration == NULL) {
        return chunk_push(L, &sent->call, request);
    }
    int ref = sent->host->refs[request->registration->index];
    if (lua_rawgeti(L, LUA_REGISTRYINDEX, ref) != LUA_TFUNCTION) {
        lua_raise_set(L, ERR_LUA, "main.lua did not register " STR_FORMAT " again",
                      STR_ARGS(request->registration->name));
    }
    switch (request->registration->kind) {
    case BIND_START:
    case BIND_STOP:
    case BIND_SAVE:
    case BIND_DOCTOR:
        return 0;
    case BIND_COMMAND:
        lua_push_value(L, &request->input, true);
        command_push_output(L, request);
        return 2;
    case BIND_BEFORE:
        lua_push_value(L, &request->input, true);
        lua_pushvalue(L, -1);
        sent->drafts_ref = luaL_ref(L, LUA_REGISTRYINDEX);
        return 1;
    case BIND_EXPORT:
    case BIND_RESTORE:
        return push_arguments(L, &request->input);
    case BIND_TEST:
        lua_getglobal(L, "t");
        return 1;
    case BIND_CONFIG:
    case BIND_PAGE:
    case BIND_ON:
    case BIND_SCHEDULE:
    case BIND_ROUTE:
    case BIND_CHECK:
    case BIND_FLOW:
    case BIND_KIND_COUNT:
        break;
    }
    lua_push_value(L, &request->input, true);
    return 1;
}

static void take(struct lua_task *task, lua_State *L, int first, int count)
{
    struct sent *sent = sent_of(task);
    struct bind_call *request = sent->request;
    if (request->registration == NULL) {
        chunk_take(L, &sent->call, request, first, count);
        return;
    }
    if (request->registration->kind == BIND_BEFORE) {
        (void)lua_rawgeti(L, LUA_REGISTRYINDEX, sent->drafts_ref);
        request->output = arg_value(L, lua_gettop(L), request->arena);
        lua_pop(L, 1);
    } else if (request->registration->kind == BIND_EXPORT) {
        request->output = value_list_new();
        for (int i = 0; i < count; i++) {
            value_push(request->arena, &request->output, arg_value(L, first + i, request->arena));
        }
    } else if (count > 0 && request->arena != NULL) {
        request->output = arg_value(L, first, request->arena);
    }
}

static void ended(struct lua_task *task)
{
    struct sent *sent = sent_of(task);
    struct bind_call *request = sent->request;
    usage_end(&sent->call);
    tx_run_free(&sent->call);
    sent->host->printing = NULL;
    stream_drop(sent->call.stream);
    if (task->err == ERR_BUDGET || task->err == ERR_MEMORY) {
        struct env *env = lua_host_env(sent->host->lua);
        sent->host->kill_cause = (uint64_t)env->monotonic_ns(env);
    }
    (void)snprintf(request->traceback, sizeof(request->traceback), STR_FORMAT,
                   STR_ARGS(task->traceback));
    if (sent->call.output != NULL && request->arena != NULL) {
        request->text = arena_str(request->arena, buf_str(&sent->output));
        command_flush(&sent->call, request);
    }
    finish(sent, task->err, &task->error);
}

/* ---- run ---- */

static enum err choose_scope(struct sent *sent, struct error *error)
{
    const struct bind_call *request = sent->request;
    struct bind_host *host = sent->host;
    enum err err = host_scope(host, &sent->call.scope, error);
    if (err != OK) {
        return err;
    }
    if (sent->call.scope == NULL) {
        return OK; /* no store: nobody acts on anything */
    }
    if (request->scope != NULL) {
        sent->scope =
            auth_intersect(host->bind->options.auth, request->scope, &host->rights, error);
        sent->call.scope = sent->scope;
        return sent->scope != NULL ? OK : error->err;
    }
    if (request->anonymous) {
        sent->call.scope = NULL;
        return OK;
    }
    /* Held apart from the host, whose own may be remade while this runs. */
    sent->scope = sent->call.scope;
    scope_ref(sent->scope);
    return OK;
}

static void run_now(struct sent *sent)
{
    struct error error = {0};
    struct call *call = &sent->call;
    call->request = sent->request->request;
    call->task.push = push;
    call->task.take = take;
    call->task.ended = ended;
    call->task.run_ms = sent->request->run_ms;
    const struct bind_registration *registration = sent->request->registration;
    if (registration == NULL) {
        call->output = sent->host->printing = &sent->output;
    } else if (registration->kind == BIND_COMMAND) {
        call->output = &sent->output;
        call->command = sent->request;
    }
    call->purpose = sent->request->purpose;
    if (registration != NULL && registration->kind == BIND_DOCTOR) {
        call->task.no_wait = "px.doctor only looks at what is there";
    }
    if (sent->request->piece != NULL) {
        call->stream_target = sent->request;
    }
    usage_begin(call);
    enum err err = choose_scope(sent, &error);
    if (err == OK) {
        err = lua_task_start(sent->host->lua, &call->task, &error);
    }
    if (err != OK) {
        sent->host->printing = NULL;
        finish(sent, err, &error);
    }
}

static void run_deferred(struct deferred *deferred, enum err err, const struct error *error)
{
    struct sent *sent = CONTAINER_OF(deferred, struct sent, deferred);
    if (err != OK) {
        finish(sent, err, error);
        return;
    }
    run_now(sent);
}

static void loaded(struct load *load, enum err err, const struct error *error, struct str traceback)
{
    struct sent *sent = CONTAINER_OF(load, struct sent, load);
    (void)snprintf(sent->request->traceback, sizeof(sent->request->traceback), STR_FORMAT,
                   STR_ARGS(traceback));
    finish(sent, err, error);
}

static void run(struct lua_job *job)
{
    struct sent *sent = CONTAINER_OF(job, struct sent, job);
    const struct bind_registration *registration = sent->request->registration;
    bool loads = registration == NULL && sent->request->source.at == NULL;
    call_init(&sent->call, sent->host,
              loads                  ? CALL_LOAD
              : registration == NULL ? CALL_PLAIN
                                     : call_kind_of(registration->kind));
    if (loads) {
        sent->load.done = loaded;
        host_load(sent->host, &sent->load);
    } else if (host_is_ready(sent->host, &sent->deferred)) {
        run_now(sent);
    }
}

void bind_call(struct bind_call *request)
{
    struct sent *sent = mem_zalloc(sizeof(*sent));
    sent->request = request;
    sent->host = request->host;
    buf_init(&sent->output);
    sent->deferred.run = run_deferred;
    sent->job.run = run;
    sent->job.done = sent_done;
    sent->job.reply =
        request->reply != NULL ? request->reply : loop_mailbox(request->host->bind->options.loop);
    request->output = value_null();
    request->text = STR("");
    request->parts = value_list_new();
    request->traceback[0] = '\0';
    atomic_fetch_add(&request->host->busy, 1);
    lua_job_post(request->host->lua, &sent->job);
}
