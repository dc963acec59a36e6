/* Object types and fields declared while the service runs: added, changed, archived, restored and
 * dropped by administrators. A change is one lone unit; what takes long, or takes values away, is a
 * job, with a backup first. Loop thread, but for `run_change` (a lane's). */
#include "internal.h"

#include "proxenos/store_custom.h"

/* ---- the list ---- */

static enum err run_list(struct call *call, struct reader *reader, struct error *error)
{
    struct value list = value_null();
    enum err err = reader_custom(reader, call_arena(call), &list, error);
    if (err == OK) {
        json_encode(&call->out, &list);
    }
    return err;
}

void list_custom(struct call *call)
{
    if (call_admin(call) && call_knows_parameters(call, NULL, 0)) {
        call_read(call, true, run_list);
    }
}

/* ---- jobs: large indexes, and values that go for good ---- */

static const char *const action_words[CUSTOM_ACTION_COUNT] = {
    "add_object", "change_object", "archive_object", "restore_object", "drop_object",
    "add_field",  "change_field",  "archive_field",  "restore_field",  "drop_field",
};

static bool drops(enum custom_action action)
{
    return action == CUSTOM_DROP_OBJECT || action == CUSTOM_DROP_FIELD;
}

static bool on_progress(void *context, int64_t done, int64_t total)
{
    struct job_run *run = context;
    return run->progress(run, done, total);
}

static bool find_action(struct str word, enum custom_action *out_action)
{
    for (int i = 0; i < CUSTOM_ACTION_COUNT; i++) {
        if (str_is(word, action_words[i])) {
            *out_action = (enum custom_action)i;
            return true;
        }
    }
    return false;
}

static void changed(struct unit *unit)
{
    (void)unit;
}

static enum err change_now(struct api *api, struct job_run *run, struct custom_change *change,
                           struct error *error)
{
    change->unit.scope = run->scope;
    change->unit.request = STR("job");
    change->unit.done = changed;
    custom_change_init(change);
    enum err err = store_run(api->store, &change->unit);
    if (err == OK) {
        run->result = value_copy(run->arena, &change->result);
        if (change->backup.len > 0) {
            value_put_c(run->arena, &run->result, "backup", value_text(change->backup));
        }
    } else {
        *error = change->unit.error;
        error->next = NULL;
    }
    unit_deinit(&change->unit);
    return err;
}

static enum err run_change(struct job_run *run, void *context, struct error *error)
{
    struct api *api = context;
    const struct value *given = value_get_c(run->params, "declared");
    struct custom_change change = {.object = value_get_text(run->params, "object", STR("")),
                                   .field = value_get_text(run->params, "field", STR("")),
                                   .confirm = value_get_text(run->params, "confirm", STR("")),
                                   .given =
                                       given != NULL && given->kind == VALUE_MAP ? given : NULL,
                                   .index_rows_max = INT64_MAX};
    struct str word = value_get_text(run->params, "action", STR(""));
    bool adds = str_starts(word, STR("add_")) || str_starts(word, STR("change_"));
    if (!find_action(word, &change.action) || (adds && change.given == NULL)) {
        return error_set(error, ERR_INVALID,
                         "changes of the schema begin with /api/v1/schema/objects");
    }
    if (drops(change.action)) {
        struct str label =
            arena_printf(run->arena, "drop-" STR_FORMAT "%s" STR_FORMAT, STR_ARGS(change.object),
                         change.field.len > 0 ? "." : "", STR_ARGS(change.field));
        enum err err = store_backup_before(api->store, label, on_progress, run, run->arena,
                                           &change.backup, error);
        if (err != OK) {
            error_prefix(error, "nothing was dropped, as no backup could be made: ");
            return err;
        }
    }
    return change_now(api, run, &change, error);
}

void register_schema_jobs(struct api *api)
{
    struct job_kind kind = {
        .name = "schema_change", .resumes = false, .run = run_change, .context = api};
    jobs_register(api->jobs, &kind);
}

/* ---- one change ---- */

struct changing {
    struct custom_change change;
    struct call *call;
};

static void begin_job(struct changing *changing)
{
    struct call *call = changing->call;
    struct arena *arena = call_arena(call);
    const struct custom_change *change = &changing->change;
    struct value params = value_map_new();
    struct job_start *start = ARENA_NEW(arena, struct job_start);
    value_put_c(arena, &params, "action", value_text(str_from(action_words[change->action])));
    value_put_c(arena, &params, "object", value_text(change->object));
    value_put_c(arena, &params, "field", value_text(change->field));
    value_put_c(arena, &params, "confirm", value_text(change->confirm));
    if (change->given != NULL) {
        value_put_c(arena, &params, "declared", *change->given);
    }
    *start = (struct job_start){.scope = call_scope(call),
                                .request = call_request_id(call),
                                .done = job_started,
                                .context = call};
    enum err err = jobs_start_kind(call->api->jobs, start, STR("schema_change"), &params);
    if (err != OK) {
        call_problem(call, err, &start->error, NULL);
    }
}

static struct str location_of(struct call *call, const struct custom_change *change)
{
    return arena_printf(call_arena(call), "/api/v1/schema/" STR_FORMAT, STR_ARGS(change->object));
}

static void respond(struct changing *changing)
{
    struct call *call = changing->call;
    struct custom_change *change = &changing->change;
    bool adds = change->action == CUSTOM_ADD_OBJECT || change->action == CUSTOM_ADD_FIELD;
    struct value answer = value_copy(call_arena(call), &change->result);
    value_put_c(call_arena(call), &answer, "dry_run", value_bool(change->dry_run));
    if (!change->dry_run) {
        http_header(call->http, "ETag",
                    version_tag(call_arena(call), value_get_int(&answer, "epoch", 0)));
    }
    if (adds && !change->dry_run) {
        http_header(call->http, "Location", location_of(call, change));
    }
    call_respond_value(call, adds && !change->dry_run ? 201 : 200, &answer);
}

static void on_changed(struct unit *unit)
{
    struct custom_change *change = CONTAINER_OF(unit, struct custom_change, unit);
    struct changing *changing = CONTAINER_OF(change, struct changing, change);
    struct call *call = changing->call;
    bool dry = change->dry_run && unit->err == ERR_CANCELLED;
    /* A drop whose token is right, or an index that takes long. */
    bool job = (dry || change->index_waits) && !call_flag(call, "dry_run");
    if (job) {
        begin_job(changing);
    } else if (unit->err == OK || dry) {
        respond(changing);
    } else {
        const struct value *token = value_get_c(&change->result, "confirm");
        call_problem(call, unit->err, &unit->error, token != NULL ? &change->result : NULL);
    }
    unit_deinit(unit);
    mem_free(changing);
}

/* The route names a type as the schema does, or as its path does. */
static struct str object_of(struct call *call)
{
    struct str name = http_route_parameter(call->http, "object");
    const struct schema *schema = call_scope(call)->schema;
    const struct object_type *type =
        schema_object(schema, name) == NULL ? schema_object_at(schema, name) : NULL;
    return type != NULL ? type->name : name;
}

static void begin(struct call *call, enum custom_action action, const struct value *given)
{
    struct changing *changing = mem_zalloc(sizeof(*changing)); /* outlives the request */
    bool drop = drops(action);
    struct str field = http_route_parameter(call->http, "field");
    changing->call = call;
    changing->change =
        (struct custom_change){.unit = {.reply = loop_mailbox(call->api->loop),
                                        .done = on_changed,
                                        .scope = call_scope(call),
                                        .request = call_request_id(call)},
                               .action = action,
                               .object = action == CUSTOM_ADD_OBJECT ? STR("") : object_of(call),
                               .field = field.at == NULL ? STR("") : field,
                               .given = given,
                               .confirm = drop ? call_parameter(call, "confirm") : STR(""),
                               .dry_run = call_flag(call, "dry_run")};
    /* With a token it is looked at first, so that a wrong one is told at once. */
    changing->change.dry_run = changing->change.dry_run || changing->change.confirm.len > 0;
    custom_change_init(&changing->change);
    enum err err = call_if_match(call, &changing->change.epoch, &call->error);
    if (err == OK) {
        err = store_submit(call->api->store, &changing->change.unit);
    }
    if (err != OK) {
        call_problem(call, err, call->error.err != OK ? &call->error : NULL, NULL);
        mem_free(changing);
    }
}

static bool may_change(struct call *call)
{
    static const char *const known[] = {"dry_run"};
    return call_admin(call) && call_knows_parameters(call, known, COUNT_OF(known));
}

/* ---- object types ---- */

static void add_object_body(struct call *call)
{
    begin(call, CUSTOM_ADD_OBJECT, &call->body);
}

void add_custom_object(struct call *call)
{
    if (may_change(call)) {
        call_with_body(call, add_object_body);
    }
}

static void change_object_body(struct call *call)
{
    begin(call, CUSTOM_CHANGE_OBJECT, &call->body);
}

void change_custom_object(struct call *call)
{
    if (may_change(call)) {
        call_with_body(call, change_object_body);
    }
}

void restore_custom_object(struct call *call)
{
    if (may_change(call)) {
        begin(call, CUSTOM_RESTORE_OBJECT, NULL);
    }
}

/* DELETE archives; with drop=true what is archived goes for good. */
static void begin_delete(struct call *call, enum custom_action archive, enum custom_action drop)
{
    static const char *const known[] = {"dry_run", "drop", "confirm"};
    if (!call_admin(call) || !call_knows_parameters(call, known, COUNT_OF(known))) {
        return;
    }
    if (call_parameter(call, "confirm").len > 0 && !call_flag(call, "drop")) {
        call_fail(call, ERR_INVALID, "confirm goes with drop=true; without it the values stay");
        return;
    }
    begin(call, call_flag(call, "drop") ? drop : archive, NULL);
}

void delete_custom_object(struct call *call)
{
    begin_delete(call, CUSTOM_ARCHIVE_OBJECT, CUSTOM_DROP_OBJECT);
}

/* ---- fields ---- */

static void add_field_body(struct call *call)
{
    begin(call, CUSTOM_ADD_FIELD, &call->body);
}

void add_custom_field(struct call *call)
{
    if (may_change(call)) {
        call_with_body(call, add_field_body);
    }
}

static void change_field_body(struct call *call)
{
    begin(call, CUSTOM_CHANGE_FIELD, &call->body);
}

void change_custom_field(struct call *call)
{
    if (may_change(call)) {
        call_with_body(call, change_field_body);
    }
}

void restore_custom_field(struct call *call)
{
    if (may_change(call)) {
        begin(call, CUSTOM_RESTORE_FIELD, NULL);
    }
}

void delete_custom_field(struct call *call)
{
    begin_delete(call, CUSTOM_ARCHIVE_FIELD, CUSTOM_DROP_FIELD);
}
