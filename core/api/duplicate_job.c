/* Two kinds of jobs: a scan for duplicates, which people start, and the keys that scans and creates
 * look by, which are made when the service starts or the schema changes. Loop thread, but for the
 * kinds' `run` (a lane's). */
#include "internal.h"

#include "proxenos/base_log.h"
#include "proxenos/store_duplicate.h"

/* ---- on the job's thread ---- */

static bool on_progress(void *context, int64_t done, int64_t total)
{
    struct job_run *run = context;
    return run->progress(run, done, total);
}

static enum err find_type(const struct job_run *run, const struct object_type **out_type,
                          struct error *error)
{
    return schema_find_object(run->scope->schema, value_get_text(run->params, "object", STR("")),
                              out_type, error);
}

static enum err run_keys(struct job_run *run, void *context, struct error *error)
{
    struct api *api = context;
    struct str object = value_get_text(run->params, "object", STR(""));
    return store_duplicate_keys(api->store, run->scope, object, on_progress, run, error);
}

static void put_result(struct job_run *run, const struct duplicate_scan *scan)
{
    struct arena *arena = run->arena;
    run->result = value_map_new();
    /* As text: a job's result is kept as JSON. */
    char id[ID_TEXT_LEN + 1];
    id_format(scan->id, id);
    value_put_c(arena, &run->result, "scan", value_text(arena_str(arena, str_from(id))));
    value_put_c(arena, &run->result, "compared", value_int(scan->compared));
    value_put_c(arena, &run->result, "pairs", value_int(scan->pairs));
    value_put_c(arena, &run->result, "groups", value_int(scan->groups));
    value_put_c(arena, &run->result, "cut_blocks", value_int(scan->cut_blocks));
    value_put_c(arena, &run->result, "cut", value_bool(scan->cut));
}

static enum err run_scan(struct job_run *run, void *context, struct error *error)
{
    struct api *api = context;
    const struct object_type *type = NULL;
    struct duplicate_scan scan = {0};
    enum err err = find_type(run, &type, error);
    if (err == OK) {
        err = id_parse(value_get_text(run->params, "scan", STR("")), &scan.id);
    }
    /* What the rules of yesterday left is no ground to look from. */
    if (err == OK) {
        err = store_duplicate_keys(api->store, run->scope, type->name, on_progress, run, error);
    }
    if (err == OK) {
        err = store_duplicate_scan(api->store, run->thread_context, run->scope, type, &scan,
                                   on_progress, run, error);
        put_result(run, &scan);
    }
    return err;
}

/* ---- people start a scan ---- */

static void start_scan(struct call *call)
{
    struct arena *arena = call_arena(call);
    struct job_start *start = ARENA_NEW(arena, struct job_start);
    struct value params = value_map_new();
    char id[ID_TEXT_LEN + 1];
    id_format(call->id, id);
    value_put_c(arena, &params, "object", value_text(call->type->name));
    value_put_c(arena, &params, "scan", value_text(arena_str(arena, str_from(id))));
    *start = (struct job_start){.scope = call_scope(call),
                                .request = call_request_id(call),
                                .done = job_started,
                                .context = call};
    enum err err = jobs_start_kind(call->api->jobs, start, STR("duplicates"), &params);
    if (err != OK) {
        call_problem(call, err, &start->error, NULL);
    }
}

static void scan_body(struct call *call)
{
    static const struct call_member members[] = {{"resume", VALUE_TEXT}};
    if (!call_knows_members(call, members, COUNT_OF(members))) {
        return;
    }
    struct str resume = value_get_text(&call->body, "resume", STR(""));
    call->id = ids_next(store_ids(call->api->store));
    if (resume.len == 0) {
        start_scan(call);
        return;
    }
    /* One row by its id: the loop's own reader may. */
    struct duplicate_scan scan = {0};
    struct reader *reader = NULL;
    enum err err = id_parse(resume, &call->id) == OK
                       ? api_reader(call->api, &reader, &call->error)
                       : error_at(&call->error, ERR_INVALID, "/resume", NULL,
                                  "resume is the id of a scan of yours");
    if (err == OK) {
        err = reader_duplicate_scan(reader, call_scope(call), call->type, call->id, &scan,
                                    &call->error);
    }
    if (err == OK && scan.user != call_scope(call)->user) {
        err = error_at(&call->error, ERR_FORBIDDEN, "/resume", NULL,
                       "a scan is gone on with by whom it is");
    }
    if (err != OK) {
        call_problem(call, err, &call->error, NULL);
        return;
    }
    start_scan(call);
}

void scan_duplicates(struct call *call)
{
    if (!call_find_type(call) || !call_knows_parameters(call, NULL, 0)) {
        return;
    }
    if (call->type->duplicates == NULL) {
        call_fail(call, ERR_INVALID,
                  STR_FORMAT " has no rules for duplicates: its schema declares none",
                  STR_ARGS(call->type->name));
        return;
    }
    if (!scope_may(call_scope(call), call->type, VERB_READ)) {
        call_fail(call, ERR_FORBIDDEN, "your roles do not allow reading " STR_FORMAT,
                  STR_ARGS(call->type->name));
        return;
    }
    call_with_body(call, scan_body);
}

/* ---- keys that are not whole ---- */

static void on_keys_started(struct job_start *start)
{
    if (start->err != OK) {
        log_error("api", "keys for duplicates are not made: %s", start->error.detail);
    }
    struct arena *arena = start->context; /* the start itself lies in it */
    arena_deinit(arena);
    mem_free(arena);
}

struct keying {
    struct api *api;
    const struct scope *scope;
};

static void start_keys(void *context, struct str object)
{
    struct keying *keying = context;
    struct arena *arena = mem_zalloc(sizeof(*arena));
    arena_init(arena);
    struct job_start *start = ARENA_NEW(arena, struct job_start);
    struct value params = value_map_new();
    value_put_c(arena, &params, "object", value_text(arena_str(arena, object)));
    *start = (struct job_start){.scope = keying->scope,
                                .request = STR("duplicate_keys"),
                                .done = on_keys_started,
                                .context = arena};
    if (jobs_start_kind(keying->api->jobs, start, STR("duplicate_keys"), &params) != OK) {
        on_keys_started(start);
    }
}

/* A state row per type with rules is read: short, and only when the schema is another. */
static void look_for_keys(struct api *api)
{
    const struct schema *schema = store_schema(api->store);
    struct error error = {0};
    if (api->ready && schema->epoch != api->keyed_epoch) {
        struct keying keying = {.api = api,
                                .scope = store_system_scope(api->store, SYSTEM_INDEXER)};
        struct reader *reader = NULL;
        enum err err = api_reader(api, &reader, &error);
        if (err == OK) {
            err = reader_duplicates_unready(reader, schema, start_keys, &keying, &error);
        }
        if (err == OK) {
            api->keyed_epoch = schema->epoch;
        } else {
            log_warn("api", "keys for duplicates: %s", error.detail);
        }
        scope_unref(keying.scope);
    }
    schema_unref(schema);
}

static void on_committed(struct store_watch *watch, int64_t seq)
{
    (void)seq;
    struct api *api = CONTAINER_OF(watch, struct api, keys_watch);
    if (!api->stopping) {
        look_for_keys(api);
    }
}

void duplicates_ready(struct api *api)
{
    look_for_keys(api);
}

void register_duplicates(struct api *api)
{
    struct job_kind keys = {
        .name = "duplicate_keys", .resumes = false, .run = run_keys, .context = api};
    struct job_kind scan = {.name = "duplicates", .resumes = true, .run = run_scan, .context = api};
    jobs_register(api->jobs, &keys);
    jobs_register(api->jobs, &scan);
    api->keys_watch =
        (struct store_watch){.mailbox = loop_mailbox(api->loop), .committed = on_committed};
    store_watch(api->store, &api->keys_watch);
}
