/* Changing plugins while the service runs: administrators alone. Automations looked at, by whoever
 * may look at plugins. Loop thread. */
#include "internal.h"

static void on_changed(struct change_call *change)
{
    struct call *call = change->context;
    if (change->err != OK) {
        struct value more = value_map_new();
        if (change->difference.kind == VALUE_MAP) {
            value_put_c(call_arena(call), &more, "difference", change->difference);
        }
        call_problem(call, change->err, &change->error, more.map.count > 0 ? &more : NULL);
        return;
    }
    struct value plugin =
        plugins_describe_one(call->api->plugins, change->plugin, call_arena(call));
    if (plugin.kind == VALUE_NULL) {
        call_respond(call, 204);
    } else {
        call_respond_value(call, 200, &plugin);
    }
}

static struct change_call *new_change(struct call *call, enum plugin_change kind)
{
    struct change_call *change = ARENA_NEW(call_arena(call), struct change_call);
    *change = (struct change_call){.kind = kind,
                                   .plugin = http_route_parameter(call->http, "name"),
                                   .scope = call_scope(call),
                                   .request = call_request_id(call),
                                   .arena = call_arena(call),
                                   .done = on_changed,
                                   .context = call};
    return change;
}

static void begin_change(struct call *call, enum plugin_change kind)
{
    static const char *const known[] = {"approve"};
    if (!call_admin(call) || !call_knows_parameters(call, known, COUNT_OF(known))) {
        return;
    }
    struct change_call *change = new_change(call, kind);
    change->approve = call_parameter(call, "approve");
    plugins_change(call->api->plugins, change);
}

void enable_plugin(struct call *call)
{
    begin_change(call, PLUGIN_ENABLE);
}

void disable_plugin(struct call *call)
{
    begin_change(call, PLUGIN_DISABLE);
}

void reload_plugin(struct call *call)
{
    begin_change(call, PLUGIN_RELOAD);
}

/* ---- automations ---- */

void list_automations(struct call *call)
{
    if (call_operator(call)) {
        struct value answer = value_map_new();
        value_put_c(call_arena(call), &answer, "data",
                    automations_describe(call->api->plugins, call_arena(call)));
        call_respond_value(call, 200, &answer);
    }
}

void get_automation(struct call *call)
{
    if (!call_operator(call)) {
        return;
    }
    struct str name = http_route_parameter(call->http, "name");
    struct value one = automations_describe_one(call->api->plugins, name, call_arena(call));
    if (one.kind == VALUE_NULL) {
        call_fail(call, ERR_NOT_FOUND, "there is no automation \"" STR_FORMAT "\"", STR_ARGS(name));
    } else {
        call_respond_value(call, 200, &one);
    }
}
