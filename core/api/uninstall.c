/* Uninstalling a plugin. One whose records stay is gone at once; else a job writes them to a file
 * where that is asked for, erases them, and takes it off the list at its end. The job goes on after
 * a restart. Loop thread, but for `run_uninstall` (a lane's). */
#include "internal.h"

/* ---- a word between the job's thread and the loop ---- */

enum { ERRAND_LOOK_MS = 20 };

/* What the job's thread wants of the loop. Both hold it: the thread may leave without an answer, as
 * nobody answers any more when the service is stopping. */
struct errand {
    struct message message;
    struct api *api; /* not touched once it is abandoned */
    struct change_call change;
    struct arena arena;
    int holders;              /* atomic */
    bool answered, abandoned; /* atomic */
    bool there;               /* the plugin */
    enum plugin_records records;
    struct str file;
};

static void errand_drop(struct errand *errand)
{
    if (__atomic_sub_fetch(&errand->holders, 1, __ATOMIC_ACQ_REL) == 0) {
        scope_unref(errand->change.scope);
        arena_deinit(&errand->arena);
        mem_free(errand);
    }
}

static void errand_answer(struct errand *errand)
{
    __atomic_store_n(&errand->answered, true, __ATOMIC_RELEASE);
    errand_drop(errand);
}

static struct errand *errand_new(struct api *api, const struct job_run *run)
{
    struct errand *errand = mem_zalloc(sizeof(*errand));
    arena_init(&errand->arena);
    errand->api = api;
    errand->holders = 2;
    scope_ref(run->scope);
    errand->change = (struct change_call){
        .kind = PLUGIN_REMOVED,
        .plugin = arena_str(&errand->arena, value_get_text(run->params, "plugin", STR(""))),
        .scope = run->scope,
        .request = STR("job"),
        .arena = &errand->arena,
        .context = errand};
    return errand;
}

/* Job's thread. ERR_CANCELLED: nobody answers any more, or the job is to end. */
static enum err errand_run(struct errand *errand, struct job_run *run,
                           void (*deliver)(struct message *message), struct error *error)
{
    struct mailbox *pause = mailbox_new();
    errand->message.deliver = deliver;
    mailbox_post(loop_mailbox(errand->api->loop), &errand->message);
    bool goes_on = true;
    while (goes_on && !__atomic_load_n(&errand->answered, __ATOMIC_ACQUIRE)) {
        (void)mailbox_receive(pause, ERRAND_LOOK_MS);
        goes_on = run->progress(run, 0, 0);
    }
    mailbox_free(pause);
    if (goes_on) {
        return OK;
    }
    __atomic_store_n(&errand->abandoned, true, __ATOMIC_RELEASE);
    return error_set(error, ERR_CANCELLED, "it was cancelled");
}

/* ---- asking, and the end (loop) ---- */

static void on_asked(struct message *message)
{
    struct errand *errand = CONTAINER_OF(message, struct errand, message);
    if (!__atomic_load_n(&errand->abandoned, __ATOMIC_ACQUIRE) && !errand->api->stopping) {
        struct str file;
        errand->there =
            plugins_removal(errand->api->plugins, errand->change.plugin, &errand->records, &file);
        errand->file = arena_str(&errand->arena, file);
    }
    errand_answer(errand);
}

static void on_removed(struct change_call *change)
{
    errand_answer(change->context);
}

static void on_ended(struct message *message)
{
    struct errand *errand = CONTAINER_OF(message, struct errand, message);
    if (__atomic_load_n(&errand->abandoned, __ATOMIC_ACQUIRE) || errand->api->stopping) {
        errand->change.err = ERR_STOPPING;
        errand_answer(errand);
        return;
    }
    errand->change.done = on_removed;
    plugins_change(errand->api->plugins, &errand->change);
}

/* ---- the job (its thread) ---- */

static bool on_progress(void *context, int64_t done, int64_t total)
{
    struct job_run *run = context;
    return run->progress(run, done, total);
}

static void show_result(struct job_run *run, const struct errand *errand)
{
    run->result = value_map_new();
    value_put_c(run->arena, &run->result, "plugin",
                value_text(arena_str(run->arena, errand->change.plugin)));
    value_put_c(run->arena, &run->result, "records",
                value_text(str_from(plugin_records_word(errand->records))));
    if (errand->file.len > 0) {
        value_put_c(run->arena, &run->result, "file",
                    value_text(arena_str(run->arena, errand->file)));
    }
    value_put_c(run->arena, &run->result, "erased", value_copy(run->arena, &errand->change.erased));
}

/* What was asked for is what the plugins know, not what the job says. */
static enum err erase(struct api *api, struct job_run *run, struct errand *errand,
                      struct error *error)
{
    struct erasing erasing = {.store = api->store,
                              .reader = run->thread_context,
                              .plugin = errand->change.plugin,
                              .records = errand->records,
                              .file = arena_cstr(&errand->arena, errand->file),
                              .scope = run->scope,
                              .request = STR("job"),
                              .progress = on_progress,
                              .context = run,
                              .arena = &errand->arena};
    enum err err = plugins_erase(&erasing, error);
    errand->change.erased = erasing.erased;
    return err;
}

static enum err finish(struct job_run *run, struct errand *errand, struct error *error)
{
    __atomic_store_n(&errand->answered, false, __ATOMIC_RELEASE);
    (void)__atomic_add_fetch(&errand->holders, 1, __ATOMIC_ACQ_REL);
    enum err err = errand_run(errand, run, on_ended, error);
    if (err == OK && errand->change.err != OK) {
        *error = errand->change.error;
        error->next = NULL;
        err = errand->change.err;
    }
    return err;
}

static enum err run_uninstall(struct job_run *run, void *context, struct error *error)
{
    struct api *api = context;
    struct errand *errand = errand_new(api, run);
    enum err err = errand_run(errand, run, on_asked, error);
    if (err == OK && errand->there && errand->records == RECORDS_BY_MANIFEST) {
        err = error_set(error, ERR_CONFLICT,
                        STR_FORMAT " is not being uninstalled: that begins with POST "
                                   "/plugins/" STR_FORMAT "/uninstall",
                        STR_ARGS(errand->change.plugin), STR_ARGS(errand->change.plugin));
    }
    if (err == OK && errand->there) { /* else it was done before the job could say so */
        err = erase(api, run, errand, error);
        if (err == OK) {
            err = finish(run, errand, error);
        }
    }
    if (err == OK) {
        show_result(run, errand);
    }
    errand_drop(errand);
    return err;
}

void register_uninstall(struct api *api)
{
    struct job_kind uninstall = {
        .name = "uninstall", .resumes = true, .run = run_uninstall, .context = api};
    jobs_register(api->jobs, &uninstall);
}

/* ---- the request (loop) ---- */

static void begin_job(struct call *call, const struct change_call *change)
{
    struct arena *arena = call_arena(call);
    struct value params = value_map_new();
    struct job_start *start = ARENA_NEW(arena, struct job_start);
    value_put_c(arena, &params, "plugin", value_text(change->plugin));
    value_put_c(arena, &params, "records",
                value_text(str_from(plugin_records_word(change->records))));
    *start = (struct job_start){.scope = call_scope(call),
                                .request = call_request_id(call),
                                .done = job_started,
                                .context = call};
    enum err err = jobs_start_kind(call->api->jobs, start, STR("uninstall"), &params);
    if (err != OK) {
        call_problem(call, err, &start->error, NULL);
    }
}

static void on_uninstalled(struct change_call *change)
{
    struct call *call = change->context;
    if (change->err != OK) {
        call_problem(call, change->err, &change->error, NULL);
    } else if (change->records == RECORDS_KEEP) {
        call_respond(call, 204);
    } else {
        begin_job(call, change);
    }
}

/* Answers 400 itself: false. */
static bool read_records(struct call *call, enum plugin_records *out_records)
{
    static const enum plugin_records all[] = {RECORDS_KEEP, RECORDS_EXPORT, RECORDS_ERASE};
    struct str word = value_get_text(&call->body, "records", STR(""));
    *out_records = RECORDS_BY_MANIFEST;
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        if (str_is(word, plugin_records_word(all[i]))) {
            *out_records = all[i];
            return true;
        }
    }
    if (word.len == 0) {
        return true;
    }
    (void)error_at(&call->error, ERR_INVALID, "/records", NULL,
                   "records is keep, export or erase; the plugin's manifest decides when it is not "
                   "said");
    call_problem(call, ERR_INVALID, &call->error, NULL);
    return false;
}

static void uninstall_body(struct call *call)
{
    static const struct call_member known[] = {
        {"records", VALUE_TEXT}, {"file", VALUE_TEXT}, {"cancel_runs", VALUE_BOOL}};
    enum plugin_records records;
    if (!call_knows_members(call, known, COUNT_OF(known)) || !read_records(call, &records)) {
        return;
    }
    struct change_call *change = ARENA_NEW(call_arena(call), struct change_call);
    *change = (struct change_call){.kind = PLUGIN_UNINSTALL,
                                   .plugin = http_route_parameter(call->http, "name"),
                                   .records = records,
                                   .file = value_get_text(&call->body, "file", STR("")),
                                   .cancel_runs = value_get_bool(&call->body, "cancel_runs", false),
                                   .scope = call_scope(call),
                                   .request = call_request_id(call),
                                   .arena = call_arena(call),
                                   .done = on_uninstalled,
                                   .context = call};
    plugins_change(call->api->plugins, change);
}

void uninstall_plugin(struct call *call)
{
    call_admin_body(call, uninstall_body);
}
