/* Plugins looked at, by administrators and auditors; installed and changed while the service runs,
 * by administrators alone (uninstall.c has their end). Loop thread. */
#include "internal.h"

#include "proxenos/plugin_bundle.h"

/* ---- looking ---- */

struct looking {
    struct look_call look;
    struct call *call;
};

static struct looking *new_looking(struct call *call, void (*done)(struct look_call *look))
{
    struct looking *looking = ARENA_NEW(call_arena(call), struct looking);
    looking->call = call;
    looking->look.done = done;
    return looking;
}

static void on_listed(struct look_call *look)
{
    struct call *call = CONTAINER_OF(look, struct looking, look)->call;
    call_respond_list(call, plugins_describe(call->api->plugins, call_arena(call)));
}

/* With what has appeared in the folders meanwhile. */
void list_plugins(struct call *call)
{
    if (call_operator(call)) {
        plugins_look(call->api->plugins, &new_looking(call, on_listed)->look);
    }
}

static struct value describe(struct call *call)
{
    struct str name = http_route_parameter(call->http, "name");
    return plugins_describe_one(call->api->plugins, name, call_arena(call));
}

static void on_looked(struct look_call *look)
{
    struct call *call = CONTAINER_OF(look, struct looking, look)->call;
    struct value plugin = describe(call);
    if (plugin.kind == VALUE_NULL) {
        call_fail(call, ERR_NOT_FOUND, "there is no plugin \"" STR_FORMAT "\"",
                  STR_ARGS(http_route_parameter(call->http, "name")));
    } else {
        call_respond_value(call, 200, &plugin);
    }
}

void get_plugin(struct call *call)
{
    if (!call_operator(call)) {
        return;
    }
    struct value plugin = describe(call);
    if (plugin.kind == VALUE_NULL) {
        plugins_look(call->api->plugins, &new_looking(call, on_looked)->look);
    } else {
        call_respond_value(call, 200, &plugin);
    }
}

/* ---- changes ---- */

static struct value list_or_empty(const struct value *migrations)
{
    return migrations->kind == VALUE_LIST ? *migrations : value_list_new();
}

/* What its migrations would do. */
static void respond_dry(struct call *call, const struct change_call *change)
{
    struct arena *arena = call_arena(call);
    struct value answer = value_map_new();
    value_put_c(arena, &answer, "name", value_text(change->plugin));
    value_put_c(arena, &answer, "dry_run", value_bool(true));
    value_put_c(arena, &answer, "migrations", list_or_empty(&change->migrations));
    call_respond_value(call, 200, &answer);
}

static void on_changed(struct change_call *change)
{
    struct call *call = change->context;
    struct arena *arena = call_arena(call);
    if (change->dry_run && change->err == ERR_CANCELLED) {
        respond_dry(call, change);
        return;
    }
    if (change->err != OK) {
        struct value more = value_map_new();
        if (change->difference.kind == VALUE_MAP) {
            value_put_c(arena, &more, "difference", change->difference);
        }
        call_problem(call, change->err, &change->error, more.map.count > 0 ? &more : NULL);
        return;
    }
    struct value plugin = plugins_describe_one(call->api->plugins, change->plugin, arena);
    if (plugin.kind == VALUE_NULL) {
        call_respond(call, 204);
        return;
    }
    if (change->migrations.kind == VALUE_LIST && change->migrations.list.count > 0) {
        value_put_c(arena, &plugin, "migrations", change->migrations);
        value_put_c(arena, &plugin, "backup",
                    change->backup.len > 0 ? value_text(change->backup) : value_null());
    }
    if (change->created) {
        http_header(call->http, "Location",
                    arena_printf(arena, "/api/v1/plugins/" STR_FORMAT, STR_ARGS(change->plugin)));
    }
    call_respond_value(call, change->created ? 201 : 200, &plugin);
}

static struct change_call *new_change(struct call *call, enum plugin_change kind)
{
    struct change_call *change = ARENA_NEW(call_arena(call), struct change_call);
    *change = (struct change_call){.kind = kind,
                                   .plugin = http_route_parameter(call->http, "name"),
                                   .approve = call_parameter(call, "approve"),
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
    if (call_admin(call) && call_knows_parameters(call, known, COUNT_OF(known))) {
        plugins_change(call->api->plugins, new_change(call, kind));
    }
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

void grant_plugin(struct call *call)
{
    begin_change(call, PLUGIN_GRANT);
}

void rollback_plugin(struct call *call)
{
    begin_change(call, PLUGIN_ROLLBACK);
}

static void on_bundle(struct http_request *http)
{
    struct call *call = request_call(http);
    if (http->body.len == 0) {
        call_fail(call, ERR_INVALID, "send the bundle that `proxenos plugin pack` makes");
        return;
    }
    struct change_call *change = new_change(call, PLUGIN_INSTALL);
    change->bundle = http->body;
    change->lower = call_flag(call, "rollback");
    change->dry_run = call_flag(call, "dry_run");
    plugins_change(call->api->plugins, change);
}

void install_plugin(struct call *call)
{
    static const char *const known[] = {"approve", "rollback", "dry_run"};
    if (!call_admin(call) || !call_knows_parameters(call, known, COUNT_OF(known))) {
        return;
    }
    if (!http_request_is(call->http, "application/x-tar") &&
        !http_request_is(call->http, "application/octet-stream")) {
        call_fail(call, ERR_MEDIA_TYPE, "send the bundle as application/x-tar");
        return;
    }
    http_collect(call->http, BUNDLE_BYTES_MAX, on_bundle);
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
