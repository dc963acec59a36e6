/* Tasks that wait: bindings that yield, answers from other threads, cancelling, timers, and the
 * places where waiting is refused. */
#include "harness.h"

#include <lauxlib.h>
#include <lua.h>
#include <stdatomic.h>

/* What the binding `ask` sends: it comes back by a message, a timer, or never. */
struct request {
    struct lua_wait wait;
    struct message answer;
    struct lua_timer timer;
    int64_t number;
    bool never;
};

static struct harness harness;
static struct lua_host *host;
static atomic_int cancelled_count;
static atomic_bool held;             /* the binding `never` waits */
static struct request *held_request; /* executor only: it is this one */

static void request_cancelled(struct lua_wait *wait)
{
    struct request *request = CONTAINER_OF(wait, struct request, wait);
    cancelled_count++;
    lua_timer_stop(&request->timer);
    if (request->never || wait->answered) {
        mem_free(request); /* no answer is on its way */
        held = false;
    }
}

static int ask_after(lua_State *L, int status, intptr_t context)
{
    assert_int_equal(status, LUA_YIELD);
    struct request *request = (struct request *)context;
    int64_t number = request->number;
    mem_free(request);
    lua_pushinteger(L, number + 1);
    return 1;
}

static void answered(struct message *message)
{
    struct request *request = CONTAINER_OF(message, struct request, answer);
    if (request->wait.task == NULL) {
        mem_free(request); /* cancelled meanwhile */
        return;
    }
    lua_wait_done(&request->wait);
}

static void rang(struct lua_timer *timer)
{
    lua_wait_done(&CONTAINER_OF(timer, struct request, timer)->wait);
}

static struct request *request_new(lua_State *L, const char *binding)
{
    lua_wait_check(L, binding);
    int64_t number = luaL_checkinteger(L, 1);
    struct request *request = mem_zalloc(sizeof(*request));
    request->number = number;
    request->wait.cancelled = request_cancelled;
    request->timer.fired = rang;
    request->answer.deliver = answered;
    return request;
}

static int ask(lua_State *L)
{
    struct request *request = request_new(L, "ask");
    mailbox_post(lua_host_mailbox(lua_host_of(L)), &request->answer);
    return lua_wait_start(L, &request->wait, (intptr_t)request, ask_after);
}

static int nap(lua_State *L)
{
    struct request *request = request_new(L, "nap");
    lua_timer_start(lua_host_of(L), &request->timer, request->number);
    return lua_wait_start(L, &request->wait, (intptr_t)request, ask_after);
}

static int never(lua_State *L)
{
    struct request *request = request_new(L, "never");
    request->never = true;
    held_request = request;
    held = true;
    return lua_wait_start(L, &request->wait, (intptr_t)request, ask_after);
}

static int set_whole(lua_State *L)
{
    lua_task_of(L)->whole = lua_toboolean(L, 1);
    return 0;
}

static int set_no_wait(lua_State *L)
{
    lua_task_of(L)->no_wait = lua_toboolean(L, 1) ? "a unit of work cannot wait" : NULL;
    return 0;
}

static void set_up_host(struct lua_host *of, struct lua_State *L)
{
    (void)of;
    static const luaL_Reg functions[] = {
        {"ask", ask},
        {"nap", nap},
        {"never", never},
        {"set_whole", set_whole},
        {"no_wait", set_no_wait},
        {NULL, NULL},
    };
    for (const luaL_Reg *function = functions; function->name != NULL; function++) {
        lua_pushcfunction(L, function->func);
        lua_setglobal(L, function->name);
    }
}

static int set_up(void **state)
{
    (void)state;
    cancelled_count = 0;
    held = false;
    harness_start(&harness, 2);
    struct lua_host_options options = harness_options();
    options.setup = set_up_host;
    host = harness_host(&harness, &options);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    harness_stop(&harness);
    return 0;
}

static void waits_look_like_calls(void **state)
{
    (void)state;
    expect_text(&harness, host, "return 'got ' .. ask(1) + ask(10)", "got 13");
    expect_text(&harness, host, "return tostring(select(2, pcall(ask, 4)))", "5");
    expect_text(&harness, host, "local n = 0 for i = 1, 1000 do n = n + ask(i) end return n .. ''",
                "501500");
    expect_text(&harness, host,
                "local t = setmetatable({}, { __index = function(_, k) return ask(k) end }) "
                "return t[6] .. ''",
                "7");
    expect_text(
        &harness, host,
        "local n = 0 for v in function(_, k) k = k or 0 if k < 3 then return ask(k) end end "
        "do n = n + v end return n .. ''",
        "6");
    expect_text(
        &harness, host,
        "do local x <close> = setmetatable({}, { __close = function() y = ask(8) end }) end "
        "return y .. ''",
        "9");
    expect_text(&harness, host, "return nap(15) .. ''", "16");
}

/* A coroutine of the script's own: the whole task waits, the script sees none of it. */
static void inner_coroutines_wait_too(void **state)
{
    (void)state;
    expect_text(&harness, host,
                "local c = coroutine.wrap(function() "
                "  for i = 1, 3 do coroutine.yield(ask(i)) end return 'end' end) "
                "return c() .. ' ' .. c() .. ' ' .. c() .. ' ' .. c()",
                "2 3 4 end");
    expect_text(
        &harness, host,
        "local c = coroutine.create(function(a) "
        "  local d = coroutine.wrap(function() return ask(a) + coroutine.yield(ask(0)) end) "
        "  local first = d() return first, d(100) end) "
        "local ok, a, b = coroutine.resume(c, 5) "
        "return tostring(ok) .. a .. ' ' .. b .. coroutine.status(c)",
        "true1 106dead");
    expect_text(&harness, host,
                "local c = coroutine.wrap(function() ask(1) error('late', 0) end) "
                "return select(2, pcall(c))",
                "late");
    /* A forced yield inside an inner coroutine: it loops for several slices. */
    expect_text(&harness, host,
                "return coroutine.wrap(function() local n = 0 "
                "  for i = 1, 2000000 do n = n + 1 end return n end)() .. ''",
                "2000000");
}

/* Another task of the same plugin must not touch a coroutine in whose midst the first one waits. */
static void held_coroutines_are_not_resumed(void **state)
{
    (void)state;
    struct script waiting = {0};
    expect_text(&harness, host, "return 'ready'", "ready");
    script_post(&harness, &waiting, host,
                STR("task = coroutine.running() "
                    "c = coroutine.create(function() return never(1) end) "
                    "coroutine.resume(c)"));
    while (!held) {
        expect_text(&harness, host, "return 'x'", "x");
    }
    expect_text(&harness, host,
                "return coroutine.status(c) .. tostring(select(2, coroutine.resume(c)))",
                "normalcannot resume non-suspended coroutine");
    expect_text(&harness, host, "return tostring(pcall(coroutine.close, c))", "false");
    expect_text(&harness, host,
                "return tostring(select(2, coroutine.resume(task))) .. "
                "tostring(pcall(coroutine.close, task))",
                "cannot resume non-suspended coroutinefalse");
    assert_false(waiting.done);
    /* Starting afresh ends it. */
    struct script fresh = {.fresh = true};
    script_run(&harness, &fresh, host, "return tostring(task)");
    assert_int_equal(fresh.err, OK);
    assert_string_equal(fresh.result.text.at, "nil");
    assert_true(script_wait(&harness, &waiting, 60000));
    assert_int_equal(waiting.err, ERR_CANCELLED);
    assert_int_equal(cancelled_count, 1);
    script_deinit(&waiting);
    script_deinit(&fresh);
}

static void waiting_is_refused_where_it_cannot_be(void **state)
{
    (void)state;
    expect_error(&harness, host, "table.sort({ 2, 1 }, function(a, b) return ask(a) < b end)",
                 ERR_YIELD, "ask waits, which is impossible inside a sort comparator");
    expect_error(&harness, host, "return (('a'):gsub('a', function() return ask(1) end))",
                 ERR_YIELD, "gsub callback");
    expect_error(&harness, host,
                 "return tostring(setmetatable({}, { __tostring = function() return ask(1) end }))",
                 ERR_YIELD, "__tostring");
    /* Also through a coroutine that the callback runs. */
    expect_error(&harness, host,
                 "table.sort({ 2, 1 }, function(a, b) "
                 "return coroutine.wrap(function() return ask(a) end)() < b end)",
                 ERR_YIELD, "sort comparator");
    expect_error(&harness, host,
                 "local c = coroutine.create(function() local x <close> = setmetatable({}, { "
                 "__close = function() ask(1) end }) coroutine.yield() end) coroutine.resume(c) "
                 "error((select(2, coroutine.close(c))))",
                 ERR_YIELD, "__close");
    expect_error(&harness, host, "no_wait(true) ask(1)", ERR_YIELD,
                 "ask waits, but a unit of work cannot wait");
    expect_text(&harness, host, "no_wait(true) no_wait(false) return ask(1) .. ''", "2");
    expect_text(&harness, host,
                "local ok, err = pcall(table.sort, { 2, 1 }, function(a, b) return ask(a) < b end) "
                "return err.code .. ' ' .. tostring(err):sub(1, 10)",
                "yield yield: ask");
}

/* While one task waits or naps, others of the host and of other hosts run. */
static void others_run_meanwhile(void **state)
{
    (void)state;
    struct script naps[5];
    memset(naps, 0, sizeof(naps));
    expect_text(&harness, host, "return 'ready'", "ready");
    int64_t before_ns = clock_ns();
    for (size_t i = 0; i < COUNT_OF(naps); i++) {
        script_post(&harness, &naps[i], host, STR("return nap(300)"));
    }
    for (int i = 0; i < 20; i++) {
        expect_text(&harness, host, "return 'meanwhile'", "meanwhile");
    }
    for (size_t i = 0; i < COUNT_OF(naps); i++) {
        assert_true(script_wait(&harness, &naps[i], 60000));
        assert_int_equal(naps[i].err, OK);
        assert_int_equal(naps[i].result.integer, 301);
        script_deinit(&naps[i]);
    }
    /* Together, not one after the other. */
    assert_true(clock_ns() - before_ns < (int64_t)1400 * 1000000 * SLACK);
    struct lua_metrics metrics;
    lua_host_metrics(host, &metrics);
    assert_int_equal(metrics.kills, 0); /* waiting costs no running time */
}

static void whole_tasks_are_not_interrupted(void **state)
{
    (void)state;
    struct lua_host_options options = harness_options();
    options.setup = set_up_host;
    options.limits.run_ms = 10000;
    struct lua_host *other = harness_host(&harness, &options);
    struct script whole = {0};
    struct script second = {0};
    expect_text(&harness, other, "n = 0 return 'ready'", "ready");
    script_post(&harness, &whole, other,
                STR("set_whole(true) for i = 1, 8000000 do n = i end local m = n "
                    "set_whole(false) return m"));
    script_post(&harness, &second, other, STR("local m = n n = 'taken' return m"));
    assert_true(script_wait(&harness, &whole, 60000));
    assert_true(script_wait(&harness, &second, 60000));
    assert_int_equal(whole.err, OK);
    assert_int_equal(whole.result.integer, 8000000);
    assert_int_equal(second.result.integer, 8000000);
    script_deinit(&whole);
    script_deinit(&second);
}

/* ---- cancelling ---- */

struct cancel_job {
    struct lua_job job;
    struct lua_task *task;
    bool answer; /* first, and then cancel all the same */
};

static void cancel_run(struct lua_job *job)
{
    struct cancel_job *cancel = CONTAINER_OF(job, struct cancel_job, job);
    if (cancel->answer) {
        lua_wait_done(&held_request->wait);
    }
    lua_task_cancel(cancel->task, ERR_TIMEOUT, "it waited too long");
    lua_job_finish(job, OK, NULL);
}

static bool cancel_done;

static void cancel_finished(struct lua_job *job)
{
    (void)job;
    cancel_done = true;
}

static void cancel(struct lua_task *task, bool answer)
{
    struct cancel_job job = {.task = task, .answer = answer};
    job.job.run = cancel_run;
    job.job.done = cancel_finished;
    job.job.reply = harness.replies;
    cancel_done = false;
    lua_job_post(host, &job.job);
    while (!cancel_done) {
        (void)mailbox_receive(harness.replies, -1);
    }
}

static void cancelled_tasks_close_and_end(void **state)
{
    (void)state;
    struct script waiting = {0};
    script_post(
        &harness, &waiting, host,
        STR("local x <close> = setmetatable({}, { __close = function() closed = true end }) "
            "never(1)"));
    while (!held) {
        expect_text(&harness, host, "return 'x'", "x");
    }
    cancel(&waiting.task, false);
    assert_true(script_wait(&harness, &waiting, 60000));
    assert_int_equal(waiting.err, ERR_TIMEOUT);
    assert_string_equal(waiting.error.detail, "it waited too long");
    assert_int_equal(cancelled_count, 1);
    expect_text(&harness, host, "return tostring(closed)", "true");
    script_deinit(&waiting);
    /* Once more, for one that does not mind its end. */
    script_post(&harness, &waiting, host,
                STR("local x <close> = setmetatable({}, { __close = function() while true do end "
                    "end }) never(1)"));
    while (!held) {
        expect_text(&harness, host, "return 'x'", "x");
    }
    cancel(&waiting.task, false);
    assert_int_equal(lua_host_state(host), LUA_HOST_POISONED);
    assert_true(script_wait(&harness, &waiting, 60000));
    assert_int_equal(waiting.err, ERR_TIMEOUT);
    script_deinit(&waiting);
    expect_text(&harness, host, "return 'alive'", "alive");
}

/* The answer came, but the task ended before it could take it: the request is given back. */
static void unread_answers_are_given_back(void **state)
{
    (void)state;
    struct script waiting = {0};
    script_post(&harness, &waiting, host, STR("return never(1)"));
    while (!held) {
        expect_text(&harness, host, "return 'x'", "x");
    }
    cancel(&waiting.task, true);
    assert_true(script_wait(&harness, &waiting, 60000));
    assert_int_equal(waiting.err, ERR_TIMEOUT);
    assert_int_equal(cancelled_count, 1); /* and the leak sanitizer sees that it was freed */
    script_deinit(&waiting);
}

/* A kill ends the host's other tasks too; their late answers find nobody. */
static void a_kill_ends_all(void **state)
{
    (void)state;
    struct script waiting = {0};
    struct script loop = {0};
    script_post(&harness, &waiting, host, STR("return never(1)"));
    script_post(&harness, &loop, host, STR("while true do end"));
    assert_true(script_wait(&harness, &loop, 60000));
    assert_true(script_wait(&harness, &waiting, 60000));
    assert_int_equal(loop.err, ERR_BUDGET);
    assert_int_equal(waiting.err, ERR_CANCELLED);
    assert_int_equal(cancelled_count, 1);
    script_deinit(&waiting);
    script_deinit(&loop);
}

static void too_many_tasks_are_refused(void **state)
{
    (void)state;
    enum { MANY = LUA_TASKS_MAX + 5 };
    struct script *many = mem_zalloc(sizeof(*many) * MANY);
    for (int i = 0; i < MANY; i++) {
        script_post(&harness, &many[i], host, STR("return nap(2000)"));
    }
    int busy = 0;
    for (int i = 0; i < MANY; i++) {
        assert_true(script_wait(&harness, &many[i], 60000));
        busy += many[i].err == ERR_BUSY;
        assert_true(many[i].err == OK || many[i].err == ERR_BUSY);
        script_deinit(&many[i]);
    }
    assert_true(busy >= 1);
    mem_free(many);
}

/* Jobs that never ran come back when the host closes. */
static void closing_returns_jobs(void **state)
{
    (void)state;
    struct script loop = {0};
    struct script late[3];
    memset(late, 0, sizeof(late));
    struct lua_host *other = harness_host(&harness, NULL);
    script_post(&harness, &loop, other, STR("for i = 1, 3000000 do end return 'x'"));
    for (size_t i = 0; i < COUNT_OF(late); i++) {
        script_post(&harness, &late[i], other, STR("return 'late'"));
    }
    harness_stop(&harness);
    for (size_t i = 0; i < COUNT_OF(late); i++) {
        assert_true(late[i].done);
        assert_true(late[i].err == OK || late[i].err == ERR_CANCELLED);
        script_deinit(&late[i]);
    }
    assert_true(loop.done);
    script_deinit(&loop);
    harness_start(&harness, 1); /* for tear_down */
}

int test_task(void);
int test_task(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(waits_look_like_calls, set_up, tear_down),
        cmocka_unit_test_setup_teardown(inner_coroutines_wait_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(held_coroutines_are_not_resumed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(waiting_is_refused_where_it_cannot_be, set_up, tear_down),
        cmocka_unit_test_setup_teardown(others_run_meanwhile, set_up, tear_down),
        cmocka_unit_test_setup_teardown(whole_tasks_are_not_interrupted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(cancelled_tasks_close_and_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(unread_answers_are_given_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_kill_ends_all, set_up, tear_down),
        cmocka_unit_test_setup_teardown(too_many_tasks_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(closing_returns_jobs, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("task", tests, NULL, NULL);
}
