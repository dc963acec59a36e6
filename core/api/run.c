/* Lua given by an administrator: run once, or line by line in a shell. Loop thread. */
#include "internal.h"

static struct value text_map(struct call *call, const struct run_call *run)
{
    struct value map = value_map_new();
    value_put_c(call_arena(call), &map, "output", value_text(run->output));
    if (run->traceback.len > 0) {
        value_put_c(call_arena(call), &map, "traceback", value_text(run->traceback));
    }
    if (run->shell) {
        value_put_c(call_arena(call), &map, "session",
                    run->session != 0 ? value_id(run->session) : value_null());
    }
    return map;
}

static void on_ran(struct run_call *run)
{
    struct call *call = run->context;
    struct value answer = text_map(call, run);
    if (run->err != OK) {
        call_problem(call, run->err, &run->error, &answer);
        return;
    }
    value_put_c(call_arena(call), &answer, "exit_code", value_int(run->exit_code));
    call_respond_value(call, 200, &answer);
}

static struct run_call *new_run(struct call *call)
{
    struct run_call *run = ARENA_NEW(call_arena(call), struct run_call);
    *run = (struct run_call){.args = value_list_new(),
                             .scope = call_scope(call),
                             .request = call_request_id(call),
                             .arena = call_arena(call),
                             .done = on_ran,
                             .context = call};
    return run;
}

static bool all_texts(const struct value *list)
{
    bool good = true;
    for (size_t i = 0; list != NULL && i < list->list.count; i++) {
        good = good && list->list.items[i].kind == VALUE_TEXT;
    }
    return good;
}

/* The last part of a path, for errors and the log. */
static struct str base_name(struct str path)
{
    struct str rest = path, part, last = path;
    while (str_split(&rest, '/', &part)) {
        last = part.len > 0 ? part : last;
    }
    return str_sub(last, 0, 100);
}

static void run_body(struct call *call)
{
    static const struct call_member known[] = {
        {"file", VALUE_TEXT}, {"source", VALUE_TEXT}, {"args", VALUE_LIST}};
    if (!call_knows_members(call, known, COUNT_OF(known))) {
        return;
    }
    const struct value *args = value_get_c(&call->body, "args");
    const struct value *source = value_get_c(&call->body, "source");
    if (source == NULL || source->kind != VALUE_TEXT || !all_texts(args)) {
        call_fail(call, ERR_INVALID, "source is the Lua text; args is a list of texts");
        return;
    }
    struct run_call *run = new_run(call);
    run->file = base_name(value_get_text(&call->body, "file", STR("run.lua")));
    run->source = run->head = source->text;
    run->args = args != NULL && args->kind == VALUE_LIST ? *args : run->args;
    plugins_run(call->api->plugins, run);
}

void run_lua(struct call *call)
{
    call_admin_body(call, run_body);
}

static void shell_body(struct call *call)
{
    static const struct call_member known[] = {
        {"code", VALUE_TEXT}, {"write", VALUE_BOOL}, {"session", VALUE_TEXT}, {"end", VALUE_BOOL}};
    if (!call_knows_members(call, known, COUNT_OF(known))) {
        return;
    }
    const struct value *code = value_get_c(&call->body, "code");
    struct str session = value_get_text(&call->body, "session", STR(""));
    struct run_call *run = new_run(call);
    if (code == NULL || code->kind != VALUE_TEXT) {
        call_fail(call, ERR_INVALID, "code is a line of Lua");
        return;
    }
    if (session.len > 0 && id_parse(session, &run->session) != OK) {
        call_fail(call, ERR_INVALID, "session is the one that the first line was answered with");
        return;
    }
    run->shell = true;
    run->source = run->head = code->text; /* a first line may be a head */
    run->write = value_get_bool(&call->body, "write", false);
    run->end = value_get_bool(&call->body, "end", false);
    plugins_run(call->api->plugins, run);
}

void shell_lua(struct call *call)
{
    call_admin_body(call, shell_body);
}
