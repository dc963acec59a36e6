/* See harness.h. */
#include "harness.h"

#include <lauxlib.h>
#include <lua.h>

int64_t clock_ns(void)
{
    struct env *env = env_real();
    return env->monotonic_ns(env);
}

void harness_start(struct harness *harness, int executors)
{
    *harness = (struct harness){0};
    harness->replies = mailbox_new();
    struct lua_engine_options options = {.executors = executors, .env = env_real()};
    struct error error;
    assert_int_equal(lua_engine_new(&options, &harness->engine, &error), OK);
}

/* Hosts that harness_stop has closed so far; it runs in one test at a time. */
static int closed_count;

static void on_closed(struct lua_host *host)
{
    lua_host_free(host);
    closed_count++;
}

void harness_stop(struct harness *harness)
{
    closed_count = 0;
    for (int i = 0; i < harness->host_count; i++) {
        lua_host_close(harness->hosts[i], harness->replies, on_closed);
    }
    while (closed_count < harness->host_count) {
        (void)mailbox_receive(harness->replies, -1);
    }
    lua_engine_free(harness->engine);
    mailbox_free(harness->replies);
}

struct lua_host_options harness_options(void)
{
    return (struct lua_host_options){
        .name = "test",
        .limits = {.memory_bytes = 32 << 20, .slice_ms = 20, .run_ms = 200},
        .allow_load = true,
    };
}

struct lua_host *harness_host(struct harness *harness, const struct lua_host_options *options)
{
    struct lua_host_options usual = harness_options();
    assert_true(harness->host_count < 8);
    struct lua_host *host = lua_host_new(harness->engine, options != NULL ? options : &usual);
    harness->hosts[harness->host_count++] = host;
    return host;
}

static struct script *script_of(struct lua_task *task)
{
    return CONTAINER_OF(task, struct script, task);
}

static int push(struct lua_task *task, lua_State *L)
{
    lua_load_text(L, script_of(task)->source, "test.lua");
    return 0;
}

static void take(struct lua_task *task, lua_State *L, int first, int count)
{
    struct script *script = script_of(task);
    if (count > 1) {
        lua_createtable(L, count, 0);
        lua_insert(L, first);
        for (int i = count; i > 0; i--) {
            lua_rawseti(L, first, i);
        }
    }
    if (count > 0) {
        script->taken = lua_to_value(L, first, &script->arena, &script->result, &script->error);
    }
}

static void ended(struct lua_task *task)
{
    struct script *script = script_of(task);
    (void)snprintf(script->trace, sizeof(script->trace), STR_FORMAT, STR_ARGS(task->traceback));
    script->took_ns = clock_ns() - script->posted_ns;
    lua_job_finish(&script->job, task->err, &task->error);
}

static void run(struct lua_job *job)
{
    struct script *script = CONTAINER_OF(job, struct script, job);
    struct error error;
    enum err err = OK;
    if (script->fresh || lua_host_state(job->host) != LUA_HOST_RUNNING) {
        err = lua_host_reset(job->host, &error);
    }
    script->task = (struct lua_task){.push = push, .take = take, .ended = ended};
    script->posted_ns = clock_ns();
    if (err == OK) {
        err = lua_task_start(job->host, &script->task, &error);
    }
    if (err != OK) {
        lua_job_finish(job, err, &error);
    }
}

static void done(struct lua_job *job)
{
    struct script *script = CONTAINER_OF(job, struct script, job);
    script->err = job->err;
    if (job->err != OK) {
        script->error = job->error;
    }
    script->done = true;
}

void script_post(struct harness *harness, struct script *script, struct lua_host *host,
                 struct str source)
{
    bool fresh = script->fresh;
    *script = (struct script){.source = source, .fresh = fresh};
    arena_init(&script->arena);
    script->job.run = run;
    script->job.done = done;
    script->job.reply = harness->replies;
    script->result = value_null();
    lua_job_post(host, &script->job);
}

bool script_wait(struct harness *harness, struct script *script, int ms)
{
    int64_t until_ns = clock_ns() + (int64_t)ms * 1000000;
    while (!script->done && clock_ns() < until_ns) {
        (void)mailbox_receive(harness->replies, 20);
    }
    return script->done;
}

void script_run(struct harness *harness, struct script *script, struct lua_host *host,
                const char *source)
{
    script_post(harness, script, host, str_from(source));
    assert_true(script_wait(harness, script, 60000));
}

void script_deinit(struct script *script)
{
    arena_deinit(&script->arena);
}

void expect_text(struct harness *harness, struct lua_host *host, const char *source,
                 const char *expected)
{
    struct script script = {0};
    script_run(harness, &script, host, source);
    if (script.err != OK || script.taken != OK) {
        print_error("%s\n  failed: %s: %s (%s)\n", source, err_code(script.err),
                    script.error.detail, script.error.pointer);
    }
    assert_int_equal(script.err, OK);
    assert_int_equal(script.taken, OK);
    if (script.result.kind != VALUE_TEXT) {
        print_error("%s\n  gave a %s\n", source, value_kind_name(&script.result));
    }
    assert_int_equal(script.result.kind, VALUE_TEXT);
    assert_string_equal(script.result.text.at, expected);
    script_deinit(&script);
}

void expect_error(struct harness *harness, struct lua_host *host, const char *source, enum err err,
                  const char *part)
{
    struct script script = {0};
    script_run(harness, &script, host, source);
    if (script.err != err || strstr(script.error.detail, part) == NULL) {
        print_error("%s\n  gave %s: %s\n", source, err_code(script.err), script.error.detail);
    }
    assert_int_equal(script.err, err);
    assert_non_null(strstr(script.error.detail, part));
    script_deinit(&script);
}
