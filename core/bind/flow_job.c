/* Turns of flows on the plugin's executor: each is a job that reads the run, goes through it in one
 * task, and hands the unit of its steps and its page to the writer.
 *
 *   loop: run_turns ─▶ executor: load, task ─▶ writer: unit ─▶ loop: flow_turn_done
 *
 * The job and the unit both come back to the loop; the turn is over when all is back. */
#include "flow.h"
#include "proxenos/flow_limit.h"
#include "usage.h"

#include "proxenos/base_log.h"

/* ---- the loop's side ---- */

static void turn_over(struct flow_exec *exec)
{
    if (!exec->job_back || (exec->sent && !exec->unit_back)) {
        return;
    }
    if (exec->overlay_there) {
        overlay_deinit(&exec->overlay);
    }
    atomic_fetch_sub(&exec->host->busy, 1);
    struct flow_turn *turn = exec->turn;
    enum err err = exec->err;
    struct error error = exec->error;
    mem_free(exec);
    flow_turn_done(turn, err, &error);
}

static void keep_error(struct flow_exec *exec, enum err err, const struct error *error)
{
    exec->err = err;
    exec->error = *error;
    exec->error.err = err;
    exec->error.next = NULL;
}

static void unit_done(struct unit *unit)
{
    struct flow_exec *exec =
        CONTAINER_OF(CONTAINER_OF(unit, struct work_unit, unit), struct flow_exec, work);
    keep_error(exec, unit->err, &unit->error);
    if (unit->err == OK) {
        work_committed(&exec->work);
    }
    unit_deinit(unit);
    exec->unit_back = true;
    turn_over(exec);
}

static void job_done(struct lua_job *job)
{
    struct flow_exec *exec = CONTAINER_OF(job, struct flow_exec, job);
    if (job->err != OK) {
        keep_error(exec, job->err, &job->error);
    }
    exec->job_back = true;
    turn_over(exec);
}

/* ---- the executor's side ---- */

static void finish(struct flow_exec *exec, enum err err, const struct error *error)
{
    if (exec->reader != NULL) {
        executor_reader_give(host_executor(exec->host), exec->reader);
        exec->reader = NULL;
    }
    if (exec->overlay_there) {
        overlay_release(&exec->overlay);
    }
    call_deinit(&exec->call);
    lua_job_finish(&exec->job, err, error);
}

static struct flow_exec *exec_of_task(struct lua_task *task)
{
    return CONTAINER_OF(CONTAINER_OF(task, struct call, task), struct flow_exec, call);
}

static int push(struct lua_task *task, lua_State *L)
{
    (void)task;
    lua_pushcfunction(L, flow_drive);
    return 0;
}

static void send(struct flow_exec *exec)
{
    struct error error = {0};
    exec->work.turn = exec->turn;
    exec->sent = true;
    enum err err = work_submit(&exec->work, loop_mailbox(exec->host->bind->options.loop), unit_done,
                               str_from(exec->request), 0);
    if (err != OK) {
        exec->sent = false;
        finish(exec, err, (error_set(&error, err, "%s", err_text(err)), &error));
        return;
    }
    finish(exec, OK, NULL);
}

/* A kill names what was running, so that one run that kills whatever it meets is blocked and does
 * not suspend the plugin. */
static void ended(struct lua_task *task)
{
    struct flow_exec *exec = exec_of_task(task);
    const struct flow_run *run = flow_turn_run(exec->turn);
    usage_end(&exec->call);
    if (task->err != OK) {
        exec->host->kill_cause = (uint64_t)run->id;
        if (task->err == ERR_BUDGET) {
            error_prefix(&task->error, "a turn of the flow: ");
        }
        finish(exec, task->err, &task->error);
    } else if (exec->stop == FLOW_STOPPED) {
        finish(exec, exec->err, &exec->error);
    } else if (exec->idle) {
        finish(exec, OK, NULL);
    } else {
        send(exec);
    }
}

static enum err prepare(struct flow_exec *exec, bool *out_idle, struct error *error)
{
    const struct scope *scope = NULL;
    struct env *env = lua_host_env(exec->host->lua);
    enum err err = host_scope(exec->host, &scope, error);
    if (err == OK) {
        err = executor_reader_take(host_executor(exec->host), &exec->reader, error);
    }
    if (err == OK) {
        err = flow_turn_load(exec->turn, exec->reader, env->now_ms(env), out_idle, error);
    }
    if (err != OK || *out_idle) {
        return err;
    }
    const struct flow_run *run = flow_turn_run(exec->turn);
    char id[ID_TEXT_LEN + 1];
    id_format(run->id, id);
    (void)snprintf(exec->request, sizeof(exec->request), "flow:%s", id);
    overlay_init(&exec->overlay, exec->host, scope, 0);
    exec->overlay_there = true;
    work_init(&exec->work, &exec->overlay, 0);
    exec->replay = flow_turn_replay(exec->turn);
    exec->started_ns = env->monotonic_ns(env);
    struct call *call = &exec->call;
    call->scope = scope;
    call->request = str_from(exec->request);
    call->flow = exec;
    call->task = (struct lua_task){.push = push, .ended = ended, .whole = true, .pure = true};
    call->task.no_wait = "a flow waits by its own commands alone: flow:sleep, flow:wait, flow:call";
    return OK;
}

static void run_now(struct flow_exec *exec)
{
    struct error error = {0};
    bool idle = false;
    call_init(&exec->call, exec->host, CALL_FLOW);
    list_init(&exec->ready);
    list_init(&exec->waiting);
    list_init(&exec->undo);
    enum err err = prepare(exec, &idle, &error);
    usage_begin(&exec->call);
    if (err == OK && !idle) {
        err = lua_task_start(exec->host->lua, &exec->call.task, &error);
        err = err == ERR_SUSPENDED ? ERR_CANCELLED : err; /* it is being made anew */
    }
    if (err != OK || idle) {
        finish(exec, err, &error);
    }
}

static void run_deferred(struct deferred *deferred, enum err err, const struct error *error)
{
    struct flow_exec *exec = CONTAINER_OF(deferred, struct flow_exec, deferred);
    if (err != OK) {
        lua_job_finish(&exec->job, err, error);
        return;
    }
    run_now(exec);
}

static void run(struct lua_job *job)
{
    struct flow_exec *exec = CONTAINER_OF(job, struct flow_exec, job);
    if (host_is_ready(exec->host, &exec->deferred)) {
        run_now(exec);
    }
}

/* ---- the runner ---- */

static void run_turns(struct flow_turn **turns, size_t count, void *context)
{
    struct bind_host *host = context;
    for (size_t i = 0; i < count; i++) {
        struct flow_exec *exec = mem_zalloc(sizeof(*exec));
        exec->host = host;
        exec->turn = turns[i];
        exec->deferred.run = run_deferred;
        exec->job.run = run;
        exec->job.done = job_done;
        exec->job.reply = loop_mailbox(host->bind->options.loop);
        atomic_fetch_add(&host->busy, 1);
        lua_job_post(host->lua, &exec->job);
    }
}

/* Into names, which hold as many as there are registrations. */
static size_t flow_names(const struct bind_host *host, struct str *names)
{
    size_t count = 0;
    for (size_t i = 0; i < host->registration_count; i++) {
        if (host->registrations[i].kind == BIND_FLOW) {
            names[count++] = host->registrations[i].name;
        }
    }
    return count;
}

/* Into `out`, which has room for all registrations. px_flow has checked them. */
static size_t limits_of(const struct bind_host *host, struct flow_limited *out)
{
    size_t count = 0;
    for (size_t i = 0; i < host->registration_count; i++) {
        const struct bind_registration *made = &host->registrations[i];
        struct flow_limit limit = {0};
        if (made->kind == BIND_FLOW && flow_limit_read(&made->options, &limit, NULL) == OK &&
            flow_limit_is_any(&limit)) {
            out[count++] = (struct flow_limited){.name = made->name, .limit = limit};
        }
    }
    return count;
}

enum err bind_host_run_flows(struct bind_host *host, struct error *error)
{
    struct flows *flows = host->bind->options.flows;
    struct str names[REGISTRATIONS_MAX];
    size_t name_count = flow_names(host, names);
    if (flows == NULL || name_count == 0 || host->flow_runner != NULL) {
        return OK;
    }
    const struct scope *scope = auth_plugin_scope(host->bind->options.auth, &host->rights, error);
    if (scope == NULL) {
        return error->err;
    }
    struct flow_file *files = mem_zalloc(sizeof(*files) * (host->file_count + 1));
    for (size_t i = 0; i < host->file_count; i++) {
        files[i] = (struct flow_file){host->files[i].name, host->files[i].text};
    }
    struct flow_limited *limits = mem_zalloc(sizeof(*limits) * (host->registration_count + 1));
    struct flow_runner_spec spec = {.limits = limits,
                                    .limit_count = limits_of(host, limits),
                                    .plugin = str_from(host->name),
                                    .version = host->version,
                                    .files = files,
                                    .file_count = host->file_count,
                                    .names = names,
                                    .name_count = name_count,
                                    .scope = scope,
                                    .run = run_turns,
                                    .call = flow_attempt_start,
                                    .drop_call = flow_attempt_drop,
                                    .context = host};
    host->flow_runner = flow_runner_add(flows, &spec);
    mem_free(files);
    mem_free(limits);
    scope_unref(scope);
    return OK;
}

void bind_host_pause_flows(struct bind_host *host)
{
    if (host->flow_runner != NULL) {
        flow_runner_pause(host->flow_runner);
    }
}
