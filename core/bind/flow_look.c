/* A run gone through again on its plugin's executor, for who is no script: to answer a query, or to
 * see whether other code would do what the journal says.
 *
 *   loop: bind_look ─▶ executor: load, task ─▶ loop: done */
#include "flow.h"

#include "proxenos/flow_history.h"

struct looking {
    struct lua_job job;
    struct deferred deferred;
    struct call call;
    struct bind_look *request;
    struct flow_exec exec;
    struct flow_look look;
    int64_t own_bundle;
};

/* ---- the loop's side ---- */

static void job_done(struct lua_job *job)
{
    struct looking *looking = CONTAINER_OF(job, struct looking, job);
    struct bind_look *request = looking->request;
    request->err = job->err;
    request->error = job->error;
    request->error.err = job->err;
    atomic_fetch_sub(&request->host->busy, 1);
    mem_free(looking);
    request->done(request);
}

/* ---- where two differ ---- */

static struct flow_file *host_files(const struct looking *looking, size_t *out_count)
{
    const struct bind_host *host = looking->request->host;
    struct flow_file *files =
        ARENA_ARRAY(looking->request->arena, struct flow_file, host->file_count + 1);
    for (size_t i = 0; i < host->file_count; i++) {
        files[i] = (struct flow_file){host->files[i].name, host->files[i].text};
    }
    *out_count = host->file_count;
    return files;
}

/* The line of code at "main.lua:12": of a bundle, of the host's own, or (0) as the history tells
 * it. */
static struct str source_line(const struct looking *looking, int64_t bundle, struct str place)
{
    struct arena *arena = looking->request->arena;
    struct flow_file *files = NULL;
    size_t count = 0;
    if (bundle == 0) {
        const struct flow_history *history = looking->request->history;
        const struct value *line = history != NULL ? value_get(&history->lines, place) : NULL;
        return line != NULL && line->kind == VALUE_TEXT ? line->text : STR("");
    }
    if (bundle == FLOW_BUNDLE_OF_HOST) {
        files = host_files(looking, &count);
    } else if (flow_bundle_read(looking->exec.reader, bundle, arena, &files, &count, NULL) != OK) {
        count = 0;
    }
    return arena_str(arena, flow_source_line(files, count, place));
}

// NOLINTNEXTLINE(readability-function-size): a command and whose code it is
static void put_side(const struct looking *looking, struct value *map, const char *side,
                     const char *kind, struct str name, struct str place, int64_t bundle)
{
    struct arena *arena = looking->request->arena;
    struct value command = value_map_new();
    if (kind == NULL) {
        value_put_c(arena, map, side, value_null());
        return;
    }
    value_put_c(arena, &command, "command", value_text(str_from(kind)));
    value_put_c(arena, &command, "name", value_text(arena_str(arena, name)));
    value_put_c(arena, &command, "place", value_text(arena_str(arena, place)));
    value_put_c(arena, &command, "line", value_text(source_line(looking, bundle, place)));
    value_put_c(arena, map, side, command);
}

static void tell_difference(struct looking *looking)
{
    struct bind_look *request = looking->request;
    const struct flow_difference *differs = &looking->exec.replay->difference;
    request->difference = value_map_new();
    value_put_c(request->arena, &request->difference, "seq", value_int(differs->seq));
    put_side(looking, &request->difference, "was", differs->was_kind, differs->was_name,
             differs->was_place, looking->own_bundle);
    put_side(looking, &request->difference, "is", differs->is_kind, differs->is_name,
             differs->is_place, request->bundle);
}

/* ---- the executor's side ---- */

static void finish(struct looking *looking, enum err err, const struct error *error)
{
    struct flow_exec *exec = &looking->exec;
    if (err == ERR_DIVERGED && exec->replay != NULL) {
        tell_difference(looking);
    }
    if (exec->reader != NULL) {
        executor_reader_give(host_executor(looking->request->host), exec->reader);
    }
    flow_look_free(exec->turn);
    call_deinit(&looking->call);
    lua_job_finish(&looking->job, err, error);
}

static int push(struct lua_task *task, lua_State *L)
{
    (void)task;
    lua_pushcfunction(L, flow_look_drive);
    return 0;
}

static void ended(struct lua_task *task)
{
    struct looking *looking =
        CONTAINER_OF(CONTAINER_OF(task, struct call, task), struct looking, call);
    struct flow_exec *exec = &looking->exec;
    if (task->err != OK) {
        looking->request->host->kill_cause = (uint64_t)looking->request->run;
        finish(looking, task->err, &task->error);
    } else if (exec->stop != FLOW_GOES_ON) {
        finish(looking, exec->err, &exec->error);
    } else {
        looking->request->output = looking->look.output;
        finish(looking, OK, NULL);
    }
}

static void open_history(struct looking *looking)
{
    const struct flow_history *history = looking->request->history;
    struct flow_turn *turn = flow_look_at(&history->run, history->pages, history->page_count);
    for (size_t i = 0; i < history->blob_count; i++) {
        flow_look_add(turn, history->blobs[i].hash, history->blobs[i].bytes);
    }
    flow_look_by(turn, FLOW_BUNDLE_OF_HOST);
    looking->exec.turn = turn;
}

static enum err open_run(struct looking *looking, struct error *error)
{
    struct bind_look *request = looking->request;
    struct flow_exec *exec = &looking->exec;
    struct env *env = lua_host_env(request->host->lua);
    enum err err = OK;
    if (request->history != NULL) {
        open_history(looking);
    } else {
        err = flow_look_open(exec->reader, request->run, &exec->turn, error);
    }
    if (err != OK) {
        return err;
    }
    const struct flow_run *run = flow_turn_run(exec->turn);
    looking->own_bundle = request->history != NULL ? 0 : run->bundle;
    request->bundle = run->bundle;
    request->generation = run->generation;
    request->pages = run->pages;
    if (!str_is(run->plugin, request->host->name)) {
        return error_set(error, ERR_NOT_FOUND, "the run is of the plugin " STR_FORMAT ", not of %s",
                         STR_ARGS(run->plugin), request->host->name);
    }
    if (request->newest) {
        err = flow_bundle_newest(exec->reader, run->plugin, &request->bundle, error);
        flow_look_by(exec->turn, request->bundle);
    }
    flow_exec_look(exec, request->host, exec->turn, env->monotonic_ns(env));
    return err;
}

static enum err prepare(struct looking *looking, struct error *error)
{
    struct bind_host *host = looking->request->host;
    struct call *call = &looking->call;
    enum err err = host_scope(host, &call->scope, error);
    if (err == OK) {
        err = executor_reader_take(host_executor(host), &looking->exec.reader, error);
    }
    if (err == OK) {
        err = open_run(looking, error);
    }
    if (err != OK) {
        return err;
    }
    looking->look = (struct flow_look){.query = looking->request->query,
                                       .input = &looking->request->input,
                                       .arena = looking->request->arena};
    looking->exec.look = &looking->look;
    call->request = str_from(looking->exec.request);
    call->flow = &looking->exec;
    call->task = (struct lua_task){.push = push, .ended = ended, .whole = true, .pure = true};
    call->task.no_wait = "a run is gone through: nothing waits here";
    return lua_task_start(host->lua, &call->task, error);
}

static void run_now(struct looking *looking)
{
    struct error error = {0};
    call_init(&looking->call, looking->request->host, CALL_FLOW);
    enum err err = prepare(looking, &error);
    if (err != OK) {
        finish(looking, err, &error);
    }
}

static void run_deferred(struct deferred *deferred, enum err err, const struct error *error)
{
    struct looking *looking = CONTAINER_OF(deferred, struct looking, deferred);
    if (err != OK) {
        lua_job_finish(&looking->job, err, error);
        return;
    }
    run_now(looking);
}

static void run(struct lua_job *job)
{
    struct looking *looking = CONTAINER_OF(job, struct looking, job);
    if (host_is_ready(looking->request->host, &looking->deferred)) {
        run_now(looking);
    }
}

void bind_look(struct bind_look *request)
{
    struct bind_host *host = request->host;
    struct looking *looking = mem_zalloc(sizeof(*looking));
    looking->request = request;
    looking->deferred.run = run_deferred;
    looking->job = (struct lua_job){
        .run = run, .done = job_done, .reply = loop_mailbox(host->bind->options.loop)};
    atomic_fetch_add(&host->busy, 1);
    lua_job_post(host->lua, &looking->job);
}
