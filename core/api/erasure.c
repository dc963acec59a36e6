/* POST /api/v1/:object/:id/erase. Without a token nothing is changed: the answer says what would
 * go, what is in the way and where the subject may be mentioned besides, with the token that the
 * second request must carry; that one needs a reason and begins a job, which goes on after a
 * restart until the files are clean. Loop thread, but for looking (a lane's) and the job (its
 * own). */
#include "internal.h"

#include "proxenos/base_log.h"
#include "proxenos/store_erasure.h"

enum { TOKEN_TEXT_LEN = 2 * HASH_BYTES };

struct wish {
    struct work work;
    struct call *call;
    struct erasure_run erasing;
    struct str token; /* as given; empty: only tried */
    char made[TOKEN_TEXT_LEN + 1];
};

static struct wish *wish_of(struct work *work)
{
    return CONTAINER_OF(work, struct wish, work);
}

static bool goes_on(void *context, int64_t done, int64_t total)
{
    const struct api *api = context;
    (void)done;
    (void)total;
    return !__atomic_load_n(&api->stopping, __ATOMIC_RELAXED);
}

/* ---- looking (lane) ---- */

/* Deleted ones are erased too, so it is the log that says whether this user may know of it. */
static enum err check_seen(struct wish *wish, struct reader *reader, struct error *error)
{
    struct call *call = wish->call;
    bool known = false;
    enum err err = call_knows_of(call, reader, &known, error);
    if (err == OK && !known) {
        char text[ID_TEXT_LEN + 1];
        id_format(call->id, text);
        return error_at(error, ERR_NOT_FOUND, NULL, text, "there is no " STR_FORMAT " %s",
                        STR_ARGS(call->type->name), text);
    }
    return err;
}

/* Of what hangs on it, not of what is passing by anyway. */
static void make_token(struct wish *wish)
{
    static const char *const parts[] = {"records", "merged", "entries"};
    struct call *call = wish->call;
    struct buf text;
    unsigned char hash[HASH_BYTES];
    char id[ID_TEXT_LEN + 1];
    id_format(call->id, id);
    buf_init(&text);
    buf_printf(&text, "erase\n" STR_FORMAT "\n" STR_FORMAT " %s\n",
               STR_ARGS(call_scope(call)->actor), STR_ARGS(call->type->name), id);
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        const struct value *part = value_get_c(&wish->erasing.report, parts[i]);
        if (part != NULL) {
            json_encode(&text, part);
        }
        buf_append_char(&text, '\n');
    }
    hash_of(text.at, text.len, hash);
    buf_reset(&text);
    hex_encode(&text, hash, sizeof(hash));
    memcpy(wish->made, text.at, TOKEN_TEXT_LEN);
    buf_deinit(&text);
}

static void look_work(struct work *work, void *thread_context)
{
    struct wish *wish = wish_of(work);
    struct error *error = &wish->call->error;
    wish->erasing.reader = thread_context;
    enum err err = check_seen(wish, thread_context, error);
    if (err == OK) {
        err = store_erase(&wish->erasing, error);
    }
    if (err == OK) {
        make_token(wish);
    }
    error->err = err;
}

/* ---- the answer (loop) ---- */

static void begin_job(struct wish *wish)
{
    struct call *call = wish->call;
    struct arena *arena = call_arena(call);
    struct value params = value_map_new();
    struct job_start *start = ARENA_NEW(arena, struct job_start);
    value_put_c(arena, &params, "object", value_text(call->type->name));
    value_put_c(arena, &params, "id", value_id(call->id));
    value_put_c(arena, &params, "reason", value_text(wish->erasing.reason));
    value_put_c(arena, &params, "cancel_runs", value_bool(wish->erasing.cancel_runs));
    *start = (struct job_start){.scope = call_scope(call),
                                .request = call_request_id(call),
                                .done = job_started,
                                .context = call};
    enum err err = jobs_start_kind(call->api->jobs, start, STR("erasure"), &params);
    if (err != OK) {
        call_problem(call, err, &start->error, NULL);
    }
}

static void answer_preview(struct wish *wish)
{
    struct arena *arena = call_arena(wish->call);
    struct value answer = wish->erasing.report;
    const struct value *holds = value_get_c(&answer, "holds");
    bool free = holds == NULL || holds->list.count == 0;
    if (holds == NULL) {
        value_put_c(arena, &answer, "holds", value_list_new());
    }
    value_put_c(arena, &answer, "token",
                free ? value_text(arena_str(arena, str_from(wish->made))) : value_null());
    call_respond_value(wish->call, 200, &answer);
}

static void look_done(struct work *work)
{
    struct wish *wish = wish_of(work);
    struct call *call = wish->call;
    enum err err = work->cancelled ? ERR_STOPPING : call->error.err;
    const struct value *holds = err == OK ? value_get_c(&wish->erasing.report, "holds") : NULL;
    if (err != OK) {
        call_problem(call, err, &call->error, NULL);
    } else if (wish->token.len == 0) {
        answer_preview(wish);
    } else if (holds != NULL && holds->list.count > 0) {
        call_fail(call, ERR_HELD, STR_FORMAT,
                  STR_ARGS(value_get_text(&holds->list.items[0], "reason", STR(""))));
    } else if (!str_is(wish->token, wish->made)) {
        (void)error_at(&call->error, ERR_STALE, "/token", NULL,
                       "what would be erased is not what the preview showed any more; look at a "
                       "new preview and send its token");
        call_problem(call, ERR_STALE, &call->error, NULL);
    } else {
        begin_job(wish);
    }
}

/* ---- the request ---- */

static bool read_reason(struct call *call, struct wish *wish)
{
    struct str reason = str_trim(value_get_text(&call->body, "reason", STR("")));
    wish->token = value_get_text(&call->body, "token", STR(""));
    wish->erasing.reason = reason;
    if ((wish->token.len > 0 && reason.len == 0) || reason.len > ERASURE_REASON_MAX) {
        (void)error_at(&call->error, ERR_REQUIRED, "/reason", NULL,
                       "an erasure needs a reason of 1 to %d bytes, which is kept: whose request "
                       "it was and by what law, without the person's name",
                       ERASURE_REASON_MAX);
        call_problem(call, ERR_REQUIRED, &call->error, NULL);
        return false;
    }
    return true;
}

static void erase_body(struct call *call)
{
    static const struct call_member known[] = {
        {"token", VALUE_TEXT}, {"reason", VALUE_TEXT}, {"cancel_runs", VALUE_BOOL}};
    struct wish *wish = ARENA_NEW(call_arena(call), struct wish);
    if (!call_knows_members(call, known, COUNT_OF(known)) || !read_reason(call, wish)) {
        return;
    }
    wish->call = call;
    wish->erasing.store = call->api->store;
    wish->erasing.scope = call_scope(call);
    wish->erasing.request = call_request_id(call);
    wish->erasing.object = call->type->name;
    wish->erasing.id = call->id;
    wish->erasing.dry_run = true;
    wish->erasing.cancel_runs = value_get_bool(&call->body, "cancel_runs", false);
    wish->erasing.progress = goes_on;
    wish->erasing.context = call->api;
    wish->erasing.arena = call_arena(call);
    wish->work =
        (struct work){.reply = loop_mailbox(call->api->loop), .run = look_work, .done = look_done};
    enum err err = lane_submit(call->api->lane, &wish->work);
    if (err != OK) {
        call_fail(call, err, "all readers are busy");
    }
}

void erase_record(struct call *call)
{
    if (!call_find_type(call) || !call_find_id(call) || !call_knows_parameters(call, NULL, 0)) {
        return;
    }
    if (!scope_may(call_scope(call), call->type, VERB_ERASE)) {
        call_fail(call, ERR_FORBIDDEN, "your roles do not allow erasing " STR_FORMAT,
                  STR_ARGS(call->type->name));
        return;
    }
    call_with_body(call, erase_body);
}

/* ---- the job ---- */

static bool on_progress(void *context, int64_t done, int64_t total)
{
    struct job_run *run = context;
    return run->progress(run, done, total);
}

static enum err run_erasure(struct job_run *run, void *context, struct error *error)
{
    struct api *api = context;
    struct str object = value_get_text(run->params, "object", STR(""));
    const struct object_type *type = schema_object(run->scope->schema, object);
    struct erasure_run erasing = {.store = api->store,
                                  .reader = run->thread_context,
                                  .scope = run->scope,
                                  .request = STR("job"),
                                  .object = object,
                                  .reason = value_get_text(run->params, "reason", STR("")),
                                  .cancel_runs = value_get_bool(run->params, "cancel_runs", false),
                                  .progress = on_progress,
                                  .context = run,
                                  .arena = run->arena};
    enum err err = id_parse(value_get_text(run->params, "id", STR("")), &erasing.id);
    if (err != OK || type == NULL) {
        return error_set(error, ERR_INVALID,
                         "an erasure begins with POST /api/v1/<objects>/{id}/erase");
    }
    if (!scope_may(run->scope, type, VERB_ERASE)) {
        return error_set(error, ERR_FORBIDDEN,
                         "whoever began this erasure may not erase " STR_FORMAT " any more",
                         STR_ARGS(object));
    }
    err = store_erase(&erasing, error);
    if (err == ERR_ERASED) {
        err = OK; /* it was killed between the end and saying so */
    }
    if (err == OK) {
        run->result = erasing.report;
    }
    return err;
}

void register_erasure(struct api *api)
{
    struct job_kind erasure = {
        .name = "erasure", .resumes = true, .run = run_erasure, .context = api};
    jobs_register(api->jobs, &erasure);
}

/* ---- after a restore ---- */

struct again {
    struct job_start start;
    struct arena arena;
};

static void again_started(struct job_start *start)
{
    struct again *again = CONTAINER_OF(start, struct again, start);
    if (start->err != OK) {
        log_error("api", "an erasure that a backup undid could not be begun error=\"%s\"",
                  start->error.detail);
    }
    scope_unref(start->scope);
    arena_deinit(&again->arena);
    mem_free(again);
}

static void erase_again(struct api *api, const struct erased_id *one)
{
    struct again *again = mem_zalloc(sizeof(*again));
    struct value params = value_map_new();
    arena_init(&again->arena);
    value_put_c(&again->arena, &params, "object",
                value_text(arena_str(&again->arena, str_from(one->object))));
    value_put_c(&again->arena, &params, "id", value_id(one->id));
    value_put_c(&again->arena, &params, "reason",
                value_text(STR("begun or done before the service was started")));
    value_put_c(&again->arena, &params, "cancel_runs", value_bool(true));
    again->start = (struct job_start){.scope = store_system_scope(api->store, SYSTEM_MIGRATION),
                                      .request = STR("restore"),
                                      .done = again_started};
    if (jobs_start_kind(api->jobs, &again->start, STR("erasure"), &params) != OK) {
        again_started(&again->start);
    }
}

void api_erase_again(struct api *api)
{
    struct arena arena;
    struct erased_id *ids = NULL;
    struct error error = {0};
    size_t count = 0;
    arena_init(&arena);
    struct reader *reader = NULL;
    enum err err = api_reader(api, &reader, &error);
    if (err == OK) {
        err = reader_unerased(reader, &ids, &count, &arena, &error);
    }
    if (err != OK) {
        log_error("api", "the list of the erased cannot be read error=\"%s\"", error.detail);
        count = 0;
    }
    for (size_t i = 0; i < count; i++) {
        log_warn("api", "what was erased is not gone from every place: the erasure goes on");
        erase_again(api, &ids[i]);
    }
    arena_deinit(&arena);
}
