/* Attempts of outside calls: a task that makes the run's coroutine again from its journal, takes
 * the function of flow:call out of it, lets all else go and runs that function, which may wait.
 * Nothing that it does to the flow's variables is seen by the run: its result is.
 *
 *   loop: flow_attempt_start ─▶ executor: run gone through, function, result ─▶ loop: done
 *
 * Loop and executor as each part says; protected inside the task. */
#include "flow.h"

#include "proxenos/base_log.h"

struct attempt {
    struct lua_job job;
    struct lua_job drop_job;
    struct deferred deferred;
    struct call call;
    struct bind_host *host;
    const struct scope *scope; /* held apart from the host, whose own may be remade meanwhile */
    struct flow_call *flow_call;
    struct flow_exec exec; /* while the run is gone through */
    struct flow_call_policy policy;
    struct lua_timer timeout, heartbeat;
    struct buf result;
    int sent; /* requests and mails so far, for their keys */
    enum flow_call_end end;
    bool begun;  /* the function runs */
    bool living; /* its task does */
    bool dropped;
    bool job_back, dropping, drop_back;
};

/* ---- the loop's side ---- */

static void attempt_over(struct attempt *attempt)
{
    if (!attempt->job_back || (attempt->dropping && !attempt->drop_back)) {
        return;
    }
    if (attempt->scope != NULL) {
        scope_unref(attempt->scope);
    }
    atomic_fetch_sub(&attempt->host->busy, 1);
    flow_call_done(attempt->flow_call, attempt->end, buf_str(&attempt->result),
                   attempt->end == FLOW_CALL_FAILED ? &attempt->job.error : NULL);
    buf_deinit(&attempt->result);
    mem_free(attempt);
}

static void job_done(struct lua_job *job)
{
    struct attempt *attempt = CONTAINER_OF(job, struct attempt, job);
    if (job->err != OK) {
        attempt->end = FLOW_CALL_FAILED;
        job->error.err = job->err;
    }
    attempt->job_back = true;
    attempt_over(attempt);
}

static void drop_done(struct lua_job *job)
{
    struct attempt *attempt = CONTAINER_OF(job, struct attempt, drop_job);
    attempt->drop_back = true;
    attempt_over(attempt);
}

/* ---- the executor's side ---- */

static struct attempt *attempt_of_task(struct lua_task *task)
{
    return CONTAINER_OF(CONTAINER_OF(task, struct call, task), struct attempt, call);
}

/* The run's coroutine, its pages and the connection are needed no more. */
static void leave_run(struct attempt *attempt)
{
    struct flow_exec *exec = &attempt->exec;
    attempt->call.flow = NULL;
    if (exec->reader != NULL) {
        executor_reader_give(host_executor(attempt->host), exec->reader);
        exec->reader = NULL;
    }
    flow_look_free(exec->turn);
    exec->turn = NULL;
    exec->replay = NULL;
}

static void finish(struct attempt *attempt, enum err err, const struct error *error)
{
    lua_timer_stop(&attempt->timeout);
    lua_timer_stop(&attempt->heartbeat);
    leave_run(attempt);
    attempt->living = false;
    call_deinit(&attempt->call);
    lua_job_finish(&attempt->job, err, error);
}

static void on_timeout(struct lua_timer *timer)
{
    struct attempt *attempt = CONTAINER_OF(timer, struct attempt, timeout);
    char detail[120];
    (void)snprintf(detail, sizeof(detail), "the call took longer than %lld ms",
                   (long long)attempt->policy.timeout_ms);
    lua_task_cancel(&attempt->call.task, ERR_TIMEOUT, detail);
}

static void on_silence(struct lua_timer *timer)
{
    struct attempt *attempt = CONTAINER_OF(timer, struct attempt, heartbeat);
    char detail[120];
    (void)snprintf(detail, sizeof(detail), "the call gave no heartbeat for %lld ms",
                   (long long)attempt->policy.heartbeat_ms);
    lua_task_cancel(&attempt->call.task, ERR_TIMEOUT, detail);
}

static void await_heartbeat(struct attempt *attempt)
{
    if (attempt->policy.heartbeat_ms > 0) {
        lua_timer_stop(&attempt->heartbeat);
        lua_timer_start(attempt->host->lua, &attempt->heartbeat, attempt->policy.heartbeat_ms);
    }
}

/* ---- what the function is given ---- */

struct str flow_attempt_key(struct call *call, struct arena *arena)
{
    struct attempt *attempt = call->attempt;
    const char *key = flow_call_key_of(attempt->flow_call);
    attempt->sent++;
    return attempt->sent == 1 ? str_from(key) : arena_printf(arena, "%s-%d", key, attempt->sent);
}

/* call:heartbeat(details) */
static int give_heartbeat(lua_State *L)
{
    struct call *call = call_enter(L);
    struct attempt *attempt = call->attempt;
    struct buf bytes;
    if (attempt == NULL || !attempt->begun) {
        lua_raise_set(L, ERR_INVALID, "the call has ended");
    }
    struct value details = lua_isnoneornil(L, 2) ? value_null() : arg_value(L, 2, &call->scratch);
    buf_init(&bytes);
    flow_encode(&bytes, &details);
    bool fits = bytes.len <= FLOW_PAYLOAD_INLINE_MAX;
    if (fits) {
        await_heartbeat(attempt);
        flow_call_beat(attempt->flow_call, details.kind == VALUE_NULL ? STR("") : buf_str(&bytes));
    }
    buf_deinit(&bytes);
    if (!fits) {
        lua_raise_set(L, ERR_LIMIT, "a heartbeat carries at most %d KiB",
                      FLOW_PAYLOAD_INLINE_MAX >> 10);
    }
    return 0;
}

static void push_object(lua_State *L, struct attempt *attempt)
{
    struct str bytes = flow_call_details(attempt->flow_call);
    struct value details = value_null();
    lua_createtable(L, 0, 4);
    lua_pushstring(L, flow_call_key_of(attempt->flow_call));
    lua_setfield(L, -2, "key");
    lua_pushinteger(L, flow_call_attempt(attempt->flow_call));
    lua_setfield(L, -2, "attempt");
    lua_pushcfunction(L, give_heartbeat);
    lua_setfield(L, -2, "heartbeat");
    if (bytes.len > 0 && flow_decode(&attempt->call.scratch, bytes, &details, NULL) == OK) {
        lua_push_value(L, &details, true);
        lua_setfield(L, -2, "details");
    }
}

/* ---- the task ---- */

static struct branch *branch_of(const struct attempt *attempt)
{
    int64_t seq = flow_call_seq(attempt->flow_call);
    list_foreach (node, &attempt->exec.waiting) {
        struct branch *branch = CONTAINER_OF(node, struct branch, in_waiting);
        if (branch->seq == seq && branch->function != 0) {
            return branch;
        }
    }
    return NULL;
}

static enum err find_function(struct attempt *attempt, lua_State *L, struct error *error)
{
    struct flow_exec *exec = &attempt->exec;
    enum err err = flow_go_back(exec, L, error);
    if (err == OK && exec->stop != FLOW_GOES_ON) {
        *error = exec->error;
        err = exec->err;
    }
    if (err != OK) {
        return err;
    }
    const struct branch *branch = branch_of(attempt);
    if (branch == NULL) {
        return error_set(error, ERR_DIVERGED,
                         "command %lld was an outside call that waits; the code does not get there",
                         (long long)flow_call_seq(attempt->flow_call));
    }
    struct value options = value_null();
    (void)lua_rawgeti(L, 1, branch->function);
    lua_replace(L, 1); /* the coroutines go, what the function closes over stays */
    lua_settop(L, 1);
    err = flow_turn_value(exec->turn, exec->reader, &branch->command->input, &options, error);
    return err == OK ? flow_call_policy_read(&options, &attempt->policy, error) : err;
}

static int function_over(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    return lua_gettop(L);
}

static int drive(lua_State *L)
{
    struct attempt *attempt = attempt_of_task(lua_task_of(L));
    struct error error = {0};
    lua_settop(L, 0);
    lua_newtable(L);
    attempt->exec.home = L;
    enum err err = find_function(attempt, L, &error);
    if (err != OK) {
        error.err = err;
        lua_raise(L, &error);
    }
    leave_run(attempt);
    attempt->call.task.whole = false;
    attempt->call.task.no_wait = NULL;
    attempt->begun = true;
    flow_call_begun(attempt->flow_call, &attempt->policy);
    lua_timer_start(attempt->host->lua, &attempt->timeout, attempt->policy.timeout_ms);
    await_heartbeat(attempt);
    push_object(L, attempt);
    lua_callk(L, 1, 1, 0, function_over);
    return function_over(L, LUA_OK, 0);
}

static int push(struct lua_task *task, lua_State *L)
{
    (void)task;
    lua_pushcfunction(L, drive);
    return 0;
}

static void take(struct lua_task *task, lua_State *L, int first, int count)
{
    struct attempt *attempt = attempt_of_task(task);
    struct error error = {0};
    struct value value = value_null();
    arena_reset(&attempt->call.scratch);
    if (count > 0 && lua_to_value(L, first, &attempt->call.scratch, &value, &error) != OK) {
        error_prefix(&error, "what the call returned: ");
        lua_raise(L, &error);
    }
    flow_encode(&attempt->result, &value);
    if (attempt->result.len > FLOW_PAYLOAD_MAX) {
        lua_raise_set(L, ERR_LIMIT,
                      "what the call returned takes %zu KiB; what a flow keeps holds at most %d "
                      "MiB: store it as a record or file and return its id",
                      attempt->result.len >> 10, FLOW_PAYLOAD_MAX >> 20);
    }
}

static void ended(struct lua_task *task)
{
    struct attempt *attempt = attempt_of_task(task);
    tx_run_free(&attempt->call);
    if (task->err == ERR_BUDGET || task->err == ERR_MEMORY) {
        attempt->host->kill_cause = (uint64_t)flow_call_run(attempt->flow_call);
    }
    finish(attempt, task->err, &task->error);
}

/* ---- run ---- */

static enum err prepare(struct attempt *attempt, struct error *error)
{
    struct flow_exec *exec = &attempt->exec;
    struct call *call = &attempt->call;
    struct env *env = lua_host_env(attempt->host->lua);
    enum err err = host_scope(attempt->host, &call->scope, error);
    if (err == OK) {
        attempt->scope = call->scope;
        scope_ref(attempt->scope);
        err = executor_reader_take(host_executor(attempt->host), &exec->reader, error);
    }
    if (err == OK) {
        err = flow_call_load(attempt->flow_call, exec->reader, &exec->turn, error);
    }
    if (err != OK || exec->turn == NULL) {
        attempt->end = FLOW_CALL_UNWANTED;
        return err;
    }
    char id[ID_TEXT_LEN + 1];
    id_format(flow_call_run(attempt->flow_call), id);
    (void)snprintf(exec->request, sizeof(exec->request), "flow:%s", id);
    exec->host = attempt->host;
    exec->replay = flow_turn_replay(exec->turn);
    exec->started_ns = env->monotonic_ns(env);
    list_init(&exec->ready);
    list_init(&exec->waiting);
    list_init(&exec->undo);
    call->request = str_from(exec->request);
    call->flow = exec;
    call->attempt = attempt;
    call->task =
        (struct lua_task){.push = push, .take = take, .ended = ended, .whole = true, .pure = true};
    call->task.no_wait = "the run is gone through: nothing waits here";
    return OK;
}

static void run_now(struct attempt *attempt)
{
    struct error error = {0};
    call_init(&attempt->call, attempt->host, CALL_PLAIN);
    enum err err = attempt->dropped
                       ? error_set(&error, ERR_CANCELLED, "nobody waits for the call any more")
                       : prepare(attempt, &error);
    if (err == OK && attempt->exec.turn != NULL) {
        attempt->living = true;
        err = lua_task_start(attempt->host->lua, &attempt->call.task, &error);
        err = err == ERR_SUSPENDED ? ERR_CANCELLED : err; /* it is being made anew */
    }
    if (err != OK || attempt->exec.turn == NULL) {
        finish(attempt, err, &error);
    }
}

static void run_deferred(struct deferred *deferred, enum err err, const struct error *error)
{
    struct attempt *attempt = CONTAINER_OF(deferred, struct attempt, deferred);
    if (err != OK) {
        lua_job_finish(&attempt->job, err, error);
        return;
    }
    run_now(attempt);
}

static void run(struct lua_job *job)
{
    struct attempt *attempt = CONTAINER_OF(job, struct attempt, job);
    if (host_is_ready(attempt->host, &attempt->deferred)) {
        run_now(attempt);
    }
}

static void drop_run(struct lua_job *job)
{
    struct attempt *attempt = CONTAINER_OF(job, struct attempt, drop_job);
    attempt->dropped = true;
    if (attempt->living) {
        lua_task_cancel(&attempt->call.task, ERR_CANCELLED, "nobody waits for the call any more");
    }
    lua_job_finish(job, OK, NULL);
}

/* ---- the runner ---- */

void flow_attempt_start(struct flow_call *call, void *context)
{
    struct bind_host *host = context;
    struct attempt *attempt = mem_zalloc(sizeof(*attempt));
    struct mailbox *reply = loop_mailbox(host->bind->options.loop);
    attempt->host = host;
    attempt->flow_call = call;
    buf_init(&attempt->result);
    attempt->timeout.fired = on_timeout;
    attempt->heartbeat.fired = on_silence;
    attempt->deferred.run = run_deferred;
    attempt->job = (struct lua_job){.run = run, .done = job_done, .reply = reply};
    attempt->drop_job = (struct lua_job){.run = drop_run, .done = drop_done, .reply = reply};
    flow_call_hold(call, attempt);
    atomic_fetch_add(&host->busy, 1);
    lua_job_post(host->lua, &attempt->job);
}

void flow_attempt_drop(struct flow_call *call, void *context)
{
    struct bind_host *host = context;
    struct attempt *attempt = flow_call_held(call);
    if (!attempt->job_back) {
        attempt->dropping = true;
        lua_job_post(host->lua, &attempt->drop_job);
    }
}
