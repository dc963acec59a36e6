/* Runs asked and moved by administrators: queries that the flow itself answers, and migrations to
 * the plugin's newest code, of one run or, as a job, of many. Loop thread, but for the job. */
#include "migration.h"

/* ---- query ---- */

struct query_call {
    struct call *call;
    struct work work;
    struct flow_run run;
    struct flow_look_call look;
};

static void on_answered(struct flow_look_call *look)
{
    struct call *call = look->context;
    struct value answer = value_map_new();
    if (look->err != OK) {
        call_problem(call, look->err, &look->error, NULL);
        return;
    }
    value_put_c(call_arena(call), &answer, "answer", look->output);
    call_respond_value(call, 200, &answer);
}

static void find_run(struct work *work, void *thread_context)
{
    struct query_call *asked = CONTAINER_OF(work, struct query_call, work);
    struct call *call = asked->call;
    call->error.err =
        flow_run_get(thread_context, call->id, call_arena(call), &asked->run, &call->error);
}

static void on_found(struct work *work)
{
    struct query_call *asked = CONTAINER_OF(work, struct query_call, work);
    struct call *call = asked->call;
    enum err err = work->cancelled ? ERR_STOPPING : call->error.err;
    if (err != OK) {
        call_problem(call, err, &call->error, NULL);
        return;
    }
    asked->look.plugin = asked->run.plugin;
    plugins_flow_look(call->api->plugins, &asked->look);
}

static void query_body(struct call *call)
{
    static const struct call_member members[] = {{"name", VALUE_TEXT}, {"input", VALUE_NULL}};
    struct query_call *asked = call->state;
    const struct value *input = value_get_c(&call->body, "input");
    struct str name = value_get_text(&call->body, "name", STR(""));
    if (!call_knows_members(call, members, COUNT_OF(members))) {
        return;
    }
    if (name.len == 0 || name.len > FLOW_NAME_MAX) {
        error_at(&call->error, ERR_INVALID, "/name", NULL, "name is that of a query of the flow");
        call_problem(call, ERR_INVALID, &call->error, NULL);
        return;
    }
    asked->look = (struct flow_look_call){.run = call->id,
                                          .query = name,
                                          .input = input != NULL ? *input : value_null(),
                                          .arena = call_arena(call),
                                          .done = on_answered,
                                          .context = call};
    asked->work =
        (struct work){.reply = loop_mailbox(call->api->loop), .run = find_run, .done = on_found};
    enum err err = lane_submit(call->api->lane, &asked->work);
    if (err != OK) {
        call_fail(call, err, "all readers are busy");
    }
}

void query_flow(struct call *call)
{
    if (call_admin(call) && call_find_run(call)) {
        struct query_call *asked = ARENA_NEW(call_arena(call), struct query_call);
        asked->call = call;
        call->state = asked;
        store_access(call->api->store, call_scope(call), STR("read"), STR("flow"), call->id,
                     call->http->path);
        call_with_body(call, query_body);
    }
}

/* ---- one migration ---- */

static void on_migrated(struct migration *migration)
{
    struct call *call = migration->context;
    struct value answer = migration_describe(migration);
    if (migration->err != OK) {
        call_problem(call, migration->err, &migration->error, &answer);
        return;
    }
    call_respond_value(call, 200, &answer);
}

static void migrate_body(struct call *call)
{
    static const struct call_member members[] = {{"dry_run", VALUE_BOOL}, {"why", VALUE_TEXT}};
    struct migration *migration = call->state;
    if (!call_knows_members(call, members, COUNT_OF(members))) {
        return;
    }
    migration->why = str_sub(value_get_text(&call->body, "why", STR("")), 0, FLOW_WHY_MAX);
    migration->dry_run = value_get_bool(&call->body, "dry_run", false);
    migration_start(migration);
}

void migrate_flow(struct call *call)
{
    if (call_admin(call) && call_find_run(call)) {
        struct migration *migration = ARENA_NEW(call_arena(call), struct migration);
        *migration = (struct migration){.api = call->api,
                                        .run = call->id,
                                        .scope = call_scope(call),
                                        .request = call_request_id(call),
                                        .arena = call_arena(call),
                                        .done = on_migrated,
                                        .context = call};
        call->state = migration;
        call_with_body(call, migrate_body);
    }
}
