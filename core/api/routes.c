/* The table of routes, and what comes before each: who asks, the CSRF check, the schema they see.
 * Loop thread. */
#include "internal.h"

#include "proxenos/base_log.h"

enum access { FOR_ALL, FOR_USERS };

/* In the order in which the table is read. */
// NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding)
static const struct {
    enum http_method method;
    const char *pattern;
    call_handler handle;
    enum access access;
} routes[] = {
    {HTTP_GET, "/", get_root, FOR_ALL},
    {HTTP_GET, "/healthz", get_health, FOR_ALL},
    {HTTP_GET, "/readyz", get_ready, FOR_ALL},
    {HTTP_GET, "/metrics", get_metrics, FOR_ALL},
    {HTTP_GET, "/openapi.json", get_openapi, FOR_USERS},
    {HTTP_POST, "/api/v1/login", create_login, FOR_ALL},
    {HTTP_POST, "/api/v1/logout", create_logout, FOR_USERS},
    {HTTP_GET, "/api/v1/me", get_me, FOR_USERS},
    {HTTP_GET, "/api/v1/schema", get_schemas, FOR_USERS},
    {HTTP_GET, "/api/v1/schema/:object", get_schema, FOR_USERS},
    {HTTP_GET, "/api/v1/schema/objects", list_custom, FOR_USERS},
    {HTTP_POST, "/api/v1/schema/objects", add_custom_object, FOR_USERS},
    {HTTP_PATCH, "/api/v1/schema/objects/:object", change_custom_object, FOR_USERS},
    {HTTP_DELETE, "/api/v1/schema/objects/:object", delete_custom_object, FOR_USERS},
    {HTTP_POST, "/api/v1/schema/objects/:object/restore", restore_custom_object, FOR_USERS},
    {HTTP_POST, "/api/v1/schema/objects/:object/fields", add_custom_field, FOR_USERS},
    {HTTP_PATCH, "/api/v1/schema/objects/:object/fields/:field", change_custom_field, FOR_USERS},
    {HTTP_DELETE, "/api/v1/schema/objects/:object/fields/:field", delete_custom_field, FOR_USERS},
    {HTTP_POST, "/api/v1/schema/objects/:object/fields/:field/restore", restore_custom_field,
     FOR_USERS},
    {HTTP_GET, "/api/v1/events", get_events, FOR_USERS},
    {HTTP_POST, "/api/v1/uploads", create_upload, FOR_USERS},
    {HTTP_POST, "/api/v1/jobs", create_job, FOR_USERS},
    {HTTP_GET, "/api/v1/jobs", list_jobs, FOR_USERS},
    {HTTP_GET, "/api/v1/jobs/:id", get_job, FOR_USERS},
    {HTTP_POST, "/api/v1/jobs/:id/cancel", cancel_job, FOR_USERS},
    {HTTP_GET, "/api/v1/jobs/:id/errors", get_job_errors, FOR_USERS},
    {HTTP_GET, "/api/v1/jobs/:id/file", get_job_file, FOR_USERS},
    {HTTP_POST, "/api/v1/approvals/:id/approve", approve_approval, FOR_USERS},
    {HTTP_POST, "/api/v1/approvals/:id/reject", reject_approval, FOR_USERS},
    {HTTP_POST, "/api/v1/approvals/:id/withdraw", withdraw_approval, FOR_USERS},
    {HTTP_GET, "/api/v1/me/approvals", list_my_approvals, FOR_USERS},
    {HTTP_GET, "/api/v1/me/views", list_my_views, FOR_USERS},
    {HTTP_GET, "/api/v1/territories/:id/coverage", get_coverage, FOR_USERS},
    {HTTP_POST, "/api/v1/territories/:id/preview", preview_territory, FOR_USERS},
    {HTTP_POST, "/api/v1/compartments", create_compartment, FOR_USERS},
    {HTTP_POST, "/api/v1/compartments/:id/accesses", propose_access, FOR_USERS},
    {HTTP_POST, "/api/v1/compartment_accesses/:id/confirm", confirm_access, FOR_USERS},
    {HTTP_POST, "/api/v1/compartment_accesses/:id/refuse", refuse_access, FOR_USERS},
    {HTTP_POST, "/api/v1/compartment_accesses/:id/end", end_access, FOR_USERS},
    {HTTP_POST, "/api/v1/compartment_accesses/:id/review", review_access, FOR_USERS},
    {HTTP_POST, "/api/v1/crossings", create_crossing, FOR_USERS},
    {HTTP_POST, "/api/v1/break-glass", break_glass, FOR_USERS},
    {HTTP_PUT, "/api/v1/users/:id/absence", set_absence, FOR_USERS},
    {HTTP_DELETE, "/api/v1/users/:id/absence", delete_absence, FOR_USERS},
    {HTTP_GET, "/api/v1/plugins", list_plugins, FOR_USERS},
    {HTTP_GET, "/api/v1/plugins/:name", get_plugin, FOR_USERS},
    {HTTP_GET, "/api/v1/plugins/:name/config", get_plugin_config, FOR_USERS},
    {HTTP_PATCH, "/api/v1/plugins/:name/config", update_plugin_config, FOR_USERS},
    {HTTP_GET, "/api/v1/pages", list_pages, FOR_USERS},
    {HTTP_GET, "/api/v1/doctor", get_doctor, FOR_USERS},
    {HTTP_GET, "/api/v1/plugins/:name/secrets", list_secrets, FOR_USERS},
    {HTTP_PUT, "/api/v1/plugins/:name/secrets/:secret", set_secret, FOR_USERS},
    {HTTP_DELETE, "/api/v1/plugins/:name/secrets/:secret", delete_secret, FOR_USERS},
    {HTTP_POST, "/api/v1/plugins/:name/secrets/:secret/rotate", rotate_secret, FOR_USERS},
    {HTTP_POST, "/api/v1/plugins", install_plugin, FOR_USERS},
    {HTTP_POST, "/api/v1/plugins/:name/grant", grant_plugin, FOR_USERS},
    {HTTP_POST, "/api/v1/plugins/:name/rollback", rollback_plugin, FOR_USERS},
    {HTTP_POST, "/api/v1/plugins/:name/uninstall", uninstall_plugin, FOR_USERS},
    {HTTP_POST, "/api/v1/plugins/:name/enable", enable_plugin, FOR_USERS},
    {HTTP_POST, "/api/v1/plugins/:name/disable", disable_plugin, FOR_USERS},
    {HTTP_POST, "/api/v1/plugins/:name/reload", reload_plugin, FOR_USERS},
    {HTTP_GET, "/api/v1/automations", list_automations, FOR_USERS},
    {HTTP_GET, "/api/v1/automations/:name", get_automation, FOR_USERS},
    {HTTP_POST, "/api/v1/run", run_lua, FOR_USERS},
    {HTTP_POST, "/api/v1/shell", shell_lua, FOR_USERS},
    {HTTP_GET, "/api/v1/subscriptions", list_subscriptions, FOR_USERS},
    {HTTP_GET, "/api/v1/subscriptions/:name", get_subscription, FOR_USERS},
    {HTTP_POST, "/api/v1/subscriptions/:name/pause", pause_subscription, FOR_USERS},
    {HTTP_POST, "/api/v1/subscriptions/:name/resume", resume_subscription, FOR_USERS},
    {HTTP_POST, "/api/v1/subscriptions/:name/replay", replay_subscription, FOR_USERS},
    {HTTP_GET, "/api/v1/schedules", list_schedules, FOR_USERS},
    {HTTP_GET, "/api/v1/schedules/:name", get_schedule, FOR_USERS},
    {HTTP_POST, "/api/v1/schedules/:name/run", run_schedule, FOR_USERS},
    {HTTP_POST, "/api/v1/schedules/:name/pause", pause_schedule, FOR_USERS},
    {HTTP_POST, "/api/v1/schedules/:name/resume", resume_schedule, FOR_USERS},
    {HTTP_GET, "/api/v1/dead-letters", list_dead_letters, FOR_USERS},
    {HTTP_GET, "/api/v1/dead-letters/:id", get_dead_letter, FOR_USERS},
    {HTTP_POST, "/api/v1/dead-letters/:id/replay", replay_dead_letter, FOR_USERS},
    {HTTP_DELETE, "/api/v1/dead-letters/:id", drop_dead_letter, FOR_USERS},
    {HTTP_GET, "/api/v1/egress", list_egress, FOR_USERS},
    {HTTP_GET, "/api/v1/flows", list_flows, FOR_USERS},
    {HTTP_POST, "/api/v1/flows", start_flow, FOR_USERS},
    {HTTP_POST, "/api/v1/flows/replay", replay_flow, FOR_USERS},
    {HTTP_GET, "/api/v1/flows/:id", get_flow, FOR_USERS},
    {HTTP_GET, "/api/v1/flows/:id/history", get_flow_history, FOR_USERS},
    {HTTP_POST, "/api/v1/flows/:id/cancel", cancel_flow, FOR_USERS},
    {HTTP_POST, "/api/v1/flows/:id/retry", retry_flow, FOR_USERS},
    {HTTP_POST, "/api/v1/flows/:id/unblock", unblock_flow, FOR_USERS},
    {HTTP_POST, "/api/v1/flows/:id/signal", signal_flow, FOR_USERS},
    {HTTP_POST, "/api/v1/flows/:id/query", query_flow, FOR_USERS},
    {HTTP_POST, "/api/v1/flows/:id/migrate", migrate_flow, FOR_USERS},
    {HTTP_GET, "/api/v1/mails", list_mails, FOR_USERS},
    {HTTP_GET, "/api/v1/mails/:id", get_mail, FOR_USERS},
    {HTTP_POST, "/api/v1/mails/:id/retry", retry_mail, FOR_USERS},
    {HTTP_GET, "/api/v1/mail-refusals", list_refusals, FOR_USERS},
    {HTTP_DELETE, "/api/v1/mail-refusals/:address", clear_refusal, FOR_USERS},
    {HTTP_GET, "/api/v1/fetches", list_fetches, FOR_USERS},
    {HTTP_GET, "/api/v1/fetches/:id", get_fetch, FOR_USERS},
    {HTTP_POST, "/api/v1/fetches/:id/retry", retry_fetch, FOR_USERS},
    {HTTP_GET, "/api/v1/audit/checkpoint", get_checkpoint, FOR_USERS},
    {HTTP_POST, "/api/v1/users/:id/password", set_password, FOR_USERS},
    {HTTP_POST, "/api/v1/tokens", create_token, FOR_USERS},
    {HTTP_DELETE, "/api/v1/tokens/:id", delete_token, FOR_USERS},
    {HTTP_POST, "/api/v1/webhooks", create_webhook, FOR_USERS},
    {HTTP_PATCH, "/api/v1/webhooks/:id", update_webhook, FOR_USERS},
    {HTTP_GET, "/api/v1/webhooks/:id/status", get_webhook_status, FOR_USERS},
    {HTTP_GET, "/api/v1/webhooks/:id/deliveries", list_webhook_deliveries, FOR_USERS},
    {HTTP_GET, "/api/v1/webhooks/:id/dead-letters", list_webhook_dead_letters, FOR_USERS},
    {HTTP_POST, "/api/v1/webhooks/:id/test", test_webhook, FOR_USERS},
    {HTTP_POST, "/api/v1/webhooks/:id/rotate", rotate_webhook, FOR_USERS},
    {HTTP_POST, "/api/v1/webhooks/:id/replay", replay_webhook, FOR_USERS},
    {HTTP_GET, "/api/v1/commands", list_commands, FOR_USERS},
    {HTTP_POST, "/api/v1/commands/:plugin", run_command, FOR_USERS},
    {HTTP_GET, "/api/v1/search", search_all, FOR_USERS},
    {HTTP_GET, "/api/v1/changesets", list_changesets, FOR_USERS},
    {HTTP_GET, "/api/v1/changesets/:id", get_changeset, FOR_USERS},
    {HTTP_POST, "/api/v1/changesets/:id/revert", revert_changeset, FOR_USERS},
    {HTTP_GET, "/api/v1/:object", list_records, FOR_USERS},
    {HTTP_POST, "/api/v1/:object", create_record, FOR_USERS},
    {HTTP_POST, "/api/v1/:object/search", search_records, FOR_USERS},
    {HTTP_GET, "/api/v1/:object/aggregate", aggregate_records, FOR_USERS},
    {HTTP_POST, "/api/v1/:object/aggregate", aggregate_records_body, FOR_USERS},
    {HTTP_POST, "/api/v1/:object/bulk", bulk_records, FOR_USERS},
    {HTTP_POST, "/api/v1/:object/bulk/edit", bulk_edit, FOR_USERS},
    {HTTP_POST, "/api/v1/:object/bulk/delete", bulk_delete, FOR_USERS},
    {HTTP_GET, "/api/v1/:object/export", export_records, FOR_USERS},
    {HTTP_GET, "/api/v1/:object/duplicates", list_duplicates, FOR_USERS},
    {HTTP_POST, "/api/v1/:object/duplicates", check_duplicates, FOR_USERS},
    {HTTP_POST, "/api/v1/:object/duplicates/scan", scan_duplicates, FOR_USERS},
    {HTTP_GET, "/api/v1/:object/duplicates/dismissed", list_dismissed, FOR_USERS},
    {HTTP_POST, "/api/v1/:object/duplicates/dismiss", dismiss_duplicates, FOR_USERS},
    {HTTP_POST, "/api/v1/:object/duplicates/undismiss", undismiss_duplicates, FOR_USERS},
    {HTTP_GET, "/api/v1/:object/:id", get_record, FOR_USERS},
    {HTTP_GET, "/api/v1/:object/:id/history", get_history, FOR_USERS},
    {HTTP_GET, "/api/v1/:object/:id/duplicates", get_record_duplicates, FOR_USERS},
    {HTTP_GET, "/api/v1/:object/:id/why/:field", get_why, FOR_USERS},
    {HTTP_GET, "/api/v1/:object/:id/files", list_files, FOR_USERS},
    {HTTP_POST, "/api/v1/:object/:id/files", create_file, FOR_USERS},
    {HTTP_GET, "/api/v1/:object/:id/files/:file", get_file, FOR_USERS},
    {HTTP_DELETE, "/api/v1/:object/:id/files/:file", delete_file, FOR_USERS},
    {HTTP_PATCH, "/api/v1/:object/:id", update_record, FOR_USERS},
    {HTTP_DELETE, "/api/v1/:object/:id", delete_record, FOR_USERS},
    {HTTP_POST, "/api/v1/:object/:id/restore", restore_record, FOR_USERS},
    {HTTP_POST, "/api/v1/:object/:id/merge", merge_records, FOR_USERS},
    {HTTP_POST, "/api/v1/:object/:id/erase", erase_record, FOR_USERS},
    {HTTP_POST, "/api/v1/:object/:id/access-export", export_access, FOR_USERS},
    /* A plugin's route decides itself whether it wants a user. */
    {HTTP_GET, "/x/:plugin/*rest", plugin_route, FOR_ALL},
    {HTTP_POST, "/x/:plugin/*rest", plugin_route, FOR_ALL},
    {HTTP_PUT, "/x/:plugin/*rest", plugin_route, FOR_ALL},
    {HTTP_PATCH, "/x/:plugin/*rest", plugin_route, FOR_ALL},
    {HTTP_DELETE, "/x/:plugin/*rest", plugin_route, FOR_ALL},
};

/* ---- who asks ---- */

static bool changes(const struct http_request *http)
{
    return http->method != HTTP_GET && http->method != HTTP_HEAD && http->method != HTTP_OPTIONS;
}

/* A session rides on a cookie, which the browser sends from anywhere: a change must carry the
 * session's own token. */
static enum err check_csrf(const struct call *call, struct error *error)
{
    struct str given = http_request_header(call->http, "X-CSRF-Token");
    size_t len = strlen(call->who.csrf);
    if (!changes(call->http) ||
        (given.len == len && len > 0 && crypto_equal(given.at, call->who.csrf, len))) {
        return OK;
    }
    return error_set(
        error, ERR_CSRF,
        "a change made with a session cookie must carry the session's token in X-CSRF-Token");
}

/* OK with call->known false: nobody said who he is. */
static enum err find_principal(struct call *call, struct error *error)
{
    struct http_request *http = call->http;
    struct auth *auth = call->api->auth;
    struct str authorization = http_request_header(http, "Authorization");
    struct str cookie = http_request_cookie(http, "px_session");
    enum err err = OK;
    if (authorization.at != NULL) {
        bool bearer =
            authorization.len > 7 && str_eq_nocase(str_sub(authorization, 0, 7), STR("Bearer "));
        struct str token =
            bearer ? str_trim(str_sub(authorization, 7, authorization.len)) : STR("");
        err = auth_by_token(auth, token, http->address, STR("http"), &call->who, error);
    } else if (cookie.at != NULL) {
        err = auth_by_session(auth, cookie, http->address, &call->who, error);
        if (err == OK) {
            call->known = true;
            return check_csrf(call, error);
        }
    } else if (http->local) {
        err = auth_local(auth, (unsigned)http->peer_uid, STR("cli"), &call->who, error);
    } else {
        return OK;
    }
    call->known = err == OK;
    return err;
}

static void on_end(struct http_request *http)
{
    struct call *call = request_call(http);
    if (call->known) {
        principal_clear(&call->who);
    }
    buf_deinit(&call->out);
}

/* Whoever is inside a compartment only for a while leaves a trace of each request, before its
 * answer: of reading too. */
static void note_passing(struct call *call)
{
    const struct scope *scope = call->known ? call_scope(call) : NULL;
    for (size_t i = 0; scope != NULL && i < scope->compartment_count; i++) {
        if (scope->compartments[i].passing) {
            struct http_request *http = call->http;
            struct str detail = arena_printf(
                call_arena(call), STR_FORMAT " " STR_FORMAT "?" STR_FORMAT,
                STR_ARGS(scope->compartments[i].key), STR_ARGS(http->path), STR_ARGS(http->query));
            store_access(call->api->store, scope, STR("passing"), STR("compartment"), 0, detail);
        }
    }
}

static void on_route(struct http_request *http, void *context)
{
    struct call *call = request_call(http);
    size_t index = (size_t)(uintptr_t)context;
    enum err err = find_principal(call, &call->error);
    bool open = routes[index].access == FOR_ALL;
    /* An old cookie must not keep anyone from logging in or from looking at /healthz. */
    if (err != OK && !(open && err == ERR_UNAUTHENTICATED)) {
        call_problem(call, err, &call->error, NULL);
        return;
    }
    if (!call->known && !open) {
        call_fail(call, ERR_UNAUTHENTICATED, "send Authorization: Bearer TOKEN, or log in");
        return;
    }
    note_passing(call);
    routes[index].handle(call);
}

void api_handle(struct api *api, struct http_request *request)
{
    struct call *call = ARENA_NEW(&request->arena, struct call);
    call->api = api;
    call->http = request;
    buf_init(&call->out);
    request->context = call;
    request->on_end = on_end;
    if (api->stopping) {
        http_close_after(request);
    }
    if (!http_router_dispatch(api->router, request)) {
        call_fail(call, ERR_NOT_FOUND,
                  "there is nothing at " STR_FORMAT "; /openapi.json lists what there is",
                  STR_ARGS(request->path));
    }
}

enum err routes_add(struct api *api, struct error *error)
{
    api->router = http_router_new();
    for (size_t i = 0; i < COUNT_OF(routes); i++) {
        struct http_route route = {.method = routes[i].method,
                                   .pattern = routes[i].pattern,
                                   .handle = on_route,
                                   .context = (void *)(uintptr_t)i};
        enum err err = http_router_add(api->router, &route, error);
        if (err != OK) {
            return err;
        }
    }
    return OK;
}
