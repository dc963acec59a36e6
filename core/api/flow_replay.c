/* A history (flow_history.h) gone through again by the code of a plugin that runs: does it still do
 * the same? Nothing is kept of it. Loop thread; the file is read on a lane. */
#include "internal.h"

#include "proxenos/flow_history.h"

enum { REPLAY_BYTES_MAX = 16 << 20 };

struct replay_call {
    struct call *call;
    struct work work;
    struct flow_history history;
    struct flow_look_call look;
};

static void on_gone_through(struct flow_look_call *look)
{
    struct replay_call *replay = CONTAINER_OF(look, struct replay_call, look);
    struct call *call = replay->call;
    struct arena *arena = call_arena(call);
    struct value answer = value_map_new();
    value_put_c(arena, &answer, "fits", value_bool(look->err == OK));
    value_put_c(arena, &answer, "flow", value_text(replay->history.run.name));
    value_put_c(arena, &answer, "turns", value_int(replay->history.run.pages));
    value_put_c(arena, &answer, "commands", value_int(replay->history.run.commands));
    if (look->difference.kind == VALUE_MAP) {
        value_put_c(arena, &answer, "difference", look->difference);
    }
    if (look->err != OK) {
        call_problem(call, look->err, &look->error, &answer);
    } else {
        call_respond_value(call, 200, &answer);
    }
}

static void read_file(struct work *work, void *thread_context)
{
    (void)thread_context;
    struct replay_call *replay = CONTAINER_OF(work, struct replay_call, work);
    struct call *call = replay->call;
    call->error.err =
        flow_history_read(call_arena(call), call->http->body, &replay->history, &call->error);
}

static void on_read(struct work *work)
{
    struct replay_call *replay = CONTAINER_OF(work, struct replay_call, work);
    struct call *call = replay->call;
    enum err err = work->cancelled ? ERR_STOPPING : call->error.err;
    if (err != OK) {
        call_problem(call, err, &call->error, NULL);
        return;
    }
    struct str plugin = call_parameter(call, "plugin");
    replay->look =
        (struct flow_look_call){.plugin = plugin.len > 0 ? plugin : replay->history.run.plugin,
                                .history = &replay->history,
                                .query = STR(""),
                                .arena = call_arena(call),
                                .done = on_gone_through};
    plugins_flow_look(call->api->plugins, &replay->look);
}

static void on_body(struct http_request *http)
{
    struct call *call = request_call(http);
    struct replay_call *replay = ARENA_NEW(call_arena(call), struct replay_call);
    replay->call = call;
    replay->work =
        (struct work){.reply = loop_mailbox(call->api->loop), .run = read_file, .done = on_read};
    enum err err = lane_submit(call->api->lane, &replay->work);
    if (err != OK) {
        call_fail(call, err, "all readers are busy");
    }
}

void replay_flow(struct call *call)
{
    static const char *const known[] = {"plugin"};
    if (call_admin(call) && call_knows_parameters(call, known, COUNT_OF(known))) {
        http_collect(call->http, REPLAY_BYTES_MAX, on_body);
    }
}
