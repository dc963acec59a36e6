/* Settings of plugins, the pages that they describe, and what they find when asked how they are.
 * Loop thread. */
#include "internal.h"

#include "proxenos/flow_operate.h"

/* ---- settings ---- */

static void respond_config(struct call *call)
{
    struct value rows;
    struct str name = http_route_parameter(call->http, "name");
    enum err err = plugins_config(call->api->plugins, name, call_arena(call), &rows, &call->error);
    if (err != OK) {
        call_problem(call, err, &call->error, NULL);
        return;
    }
    call_respond_list(call, rows);
}

void get_plugin_config(struct call *call)
{
    if (call_admin(call)) {
        respond_config(call);
    }
}

static void on_configured(struct config_call *request)
{
    struct call *call = request->context;
    if (request->err != OK) {
        call_problem(call, request->err, &request->error, NULL);
        return;
    }
    respond_config(call);
}

static void config_body(struct call *call)
{
    struct config_call *request = ARENA_NEW(call_arena(call), struct config_call);
    if (call->body.map.count == 0) {
        call_fail(call, ERR_INVALID, "send the settings to change: { \"name\": value }");
        return;
    }
    *request = (struct config_call){.plugin = http_route_parameter(call->http, "name"),
                                    .values = call->body,
                                    .scope = call_scope(call),
                                    .request = call_request_id(call),
                                    .arena = call_arena(call),
                                    .done = on_configured,
                                    .context = call};
    plugins_configure(call->api->plugins, request);
}

void update_plugin_config(struct call *call)
{
    call_admin_body(call, config_body);
}

/* ---- pages ---- */

void list_pages(struct call *call)
{
    call_respond_list(call, plugins_pages(call->api->plugins, call_scope(call), call_arena(call)));
}

/* ---- doctor ---- */

static void on_doctored(struct doctor_call *doctor)
{
    struct call *call = doctor->context;
    flow_care_findings(call->api->flow_care, call_arena(call), &doctor->findings);
    call_respond_list(call, doctor->findings);
}

void get_doctor(struct call *call)
{
    if (!call_operator(call)) {
        return;
    }
    struct doctor_call *doctor = ARENA_NEW(call_arena(call), struct doctor_call);
    *doctor = (struct doctor_call){.request = call_request_id(call),
                                   .arena = call_arena(call),
                                   .done = on_doctored,
                                   .context = call};
    plugins_doctor(call->api->plugins, doctor);
}
