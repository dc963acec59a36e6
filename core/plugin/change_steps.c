/* The steps of a change, in their order. Each ends in the next one, or in change_fail. Loop thread,
 * but for what `run` functions do on the lane and `apply` on the writer. */
#include "change.h"

#include "proxenos/base_json.h"
#include "proxenos/base_log.h"

enum { LOAD_MS = 30000, REST_MS = 30000, LOOK_MS = 2 };

bool change_stopped(struct change *change)
{
    struct error error;
    if (!change->plugins->stopping) {
        return false;
    }
    (void)error_set(&error, ERR_STOPPING, "the service is stopping");
    change_fail(change, ERR_STOPPING, &error);
    return true;
}

/* ---- reading ---- */

static void read_run(struct work *work, void *thread)
{
    struct change *change = CONTAINER_OF(work, struct change, work);
    (void)thread;
    const struct plugin *plugin = change->plugin;
    change->err = change->kind == CHANGE_INSTALL ? install_read(change, &change->error)
                  : plugin->automation
                      ? edition_read_file(change->next, change->folder, &change->error)
                      : edition_read(change->next, change->folder, &change->error);
}

/* Nothing new, or less than was approved before. */
static bool asks_no_more(const struct value *difference)
{
    const struct value *added = value_get_c(difference, "added");
    return added->kind == VALUE_MAP && added->map.count == 0;
}

/* May it have what it asks for? Else the caller is told what is new, and by which hash to say yes.
 */
static enum err judge_grants(struct change *change, struct error *error)
{
    struct edition *next = change->next;
    struct change_call *call = change->call;
    char hash[2 * HASH_BYTES + 1];
    can_hash(next, hash);
    if (strcmp(hash, change->remembered.granted) == 0) {
        return OK;
    }
    struct value difference = edition_difference(next, &change->arena);
    bool approved = call != NULL && str_is(call->approve, hash);
    bool known = change->plugin->remembered.granted[0] != '\0';
    if (edition_is_granted(next) || approved || (known && asks_no_more(&difference))) {
        struct buf text;
        buf_init(&text);
        json_encode(&text, &next->manifest.can);
        change->granted = true;
        (void)snprintf(change->remembered.granted, sizeof(hash), "%s", hash);
        change->remembered.can = arena_cstr(&change->arena, buf_str(&text));
        buf_deinit(&text);
        return OK;
    }
    if (call != NULL) {
        call->difference = edition_difference(next, call->arena);
    }
    return error_set(error, ERR_APPROVAL,
                     "plugin %s " STR_FORMAT " asks for capabilities that were not approved",
                     change->plugin->name, STR_ARGS(next->manifest.version_text));
}

/* Granted already, or installed and running already. */
static bool has_nothing_new(const struct change *change)
{
    const struct plugin *plugin = change->plugin;
    bool same = change->kind == CHANGE_INSTALL && plugin->status == PLUGIN_RUNNING &&
                plugin->edition->started &&
                strcmp(change->before.version, change->remembered.version) == 0;
    return (same || change->kind == CHANGE_GRANT) && !change->granted;
}

/* Only asked what an install would do. */
static bool is_dry(const struct change *change)
{
    return change->call != NULL && change->kind == CHANGE_INSTALL && change->call->dry_run;
}

/* The way on from what was read and approved. */
static void go_on(struct change *change)
{
    if (has_nothing_new(change) && !is_dry(change)) {
        change_end(change);
    } else if (change->kind == CHANGE_GRANT) {
        change_store(change);
    } else if (change->kind == CHANGE_INSTALL && !is_dry(change)) {
        install_unpack(change);
    } else {
        change_apply(change); /* of an uninstall: so that its records can be erased */
    }
}

static void read_done(struct work *work)
{
    struct change *change = CONTAINER_OF(work, struct change, work);
    struct error error = change->error;
    enum err err = work->cancelled ? ERR_STOPPING : change->err;
    bool runs = change->kind != CHANGE_GRANT && change->kind != CHANGE_UNINSTALL;
    if (err == OK && runs) {
        err = edition_fits(change->next, &error);
    }
    if (err == OK && change->kind != CHANGE_UNINSTALL) {
        err = judge_grants(change, &error);
    }
    if (err != OK && change->kind == CHANGE_ROLLBACK) {
        error_prefix(&error, "it cannot go back to %s: ", change->remembered.version);
    }
    if (err != OK) {
        change_fail(change, err, &error);
    } else if (!change_stopped(change)) {
        go_on(change);
    }
}

void change_read(struct change *change)
{
    change_move(change, CHANGE_READING);
    change->next = edition_new(change->plugin);
    change_work(change, read_run, read_done);
}

/* ---- its object types ---- */

static void apply_run(struct work *work, void *thread)
{
    struct change *change = CONTAINER_OF(work, struct change, work);
    (void)thread;
    change->err = schemas_apply(change->plugins, &change->schemas, &change->arena, &change->error);
}

static void ended_disabled(struct change *change)
{
    struct plugin *plugin = change->plugin;
    log_info("plugin", "a plugin is off plugin=%s", plugin->name);
    change_end(change);
}

static void apply_done(struct work *work)
{
    struct change *change = CONTAINER_OF(work, struct change, work);
    enum err err = work->cancelled ? ERR_STOPPING : change->err;
    if (err != OK && change->kind == CHANGE_ROLLBACK) {
        error_prefix(&change->error,
                     "the object types cannot go back to %s: ", change->remembered.version);
    }
    if (change->next == NULL) {
        /* It is off already; that its types could not be taken away is for the next start. */
        ended_disabled(change);
        return;
    }
    change->applied = err == OK;
    if (change->call != NULL && (err == OK || err == ERR_CANCELLED)) {
        change->call->migrations = value_copy(change->call->arena, &change->schemas.report);
        change->call->backup = arena_str(change->call->arena, change->schemas.backup);
    }
    if (err == OK && change->kind == CHANGE_UNINSTALL) {
        uninstall_count(change);
    } else if (err != OK) {
        change_fail(change, err, &change->error);
    } else if (!change_stopped(change)) {
        change_load(change);
    }
}

void change_apply(struct change *change)
{
    const struct edition *old = change->plugin->edition;
    const struct edition *next = change->next;
    bool none = next != NULL && next->schema.kind == VALUE_NULL;
    bool same = next != NULL && old->started ? value_equal(&old->schema, &next->schema) : none;
    change_move(change, CHANGE_APPLYING);
    if (same && next != NULL && next->migration_count == 0 && !is_dry(change)) {
        change_load(change);
        return;
    }
    change->schemas =
        schemas_gather(change->plugins, &change->arena, next, next == NULL ? change->plugin : NULL);
    change->schemas.dry_run = is_dry(change);
    change->schemas.label = arena_printf(&change->arena, "upgrade-%s", change->plugin->name).at;
    change_work(change, apply_run, apply_done);
}

/* ---- main.lua and px.check ---- */

static void run_series(struct change *change, struct edition *edition, enum bind_kind kind,
                       const struct value *input, void (*done)(struct series *series))
{
    change->series = (struct series){.edition = edition,
                                     .kind = kind,
                                     .input = input,
                                     .most_ms = LOAD_MS,
                                     .arena = &change->arena,
                                     .done = done};
    series_run(&change->series);
}

/* True when the series went well; else the change has failed. */
static bool series_well(struct change *change)
{
    if (change->series.err != OK) {
        change_fail(change, change->series.err, &change->series.error);
        return false;
    }
    return !change_stopped(change);
}

static void on_checked(struct series *series)
{
    struct change *change = CONTAINER_OF(series, struct change, series);
    struct error error = {0};
    if (!series_well(change)) {
        return;
    }
    enum err err = edition_check_specs(change->next, &error);
    if (err != OK) {
        change_fail(change, err, &error);
    } else {
        change_leave(change);
    }
}

static void on_loaded(struct series *series)
{
    struct change *change = CONTAINER_OF(series, struct change, series);
    if (series_well(change)) {
        run_series(change, change->next, BIND_CHECK, &change->next->config, on_checked);
    }
}

void change_load(struct change *change)
{
    struct error error = {0};
    change_move(change, CHANGE_LOADING);
    guard_loading(change->plugin);
    enum err err = edition_open(change->next, &error);
    if (err != OK) {
        change_fail(change, err, &error);
        return;
    }
    run_series(change, change->next, BIND_KIND_COUNT, NULL, on_loaded);
}

/* ---- the event boundary ---- */

static void hand_over(struct change *change);

static void on_look(struct timer *timer)
{
    struct change *change = CONTAINER_OF(timer, struct change, timer);
    struct loop *loop = change->plugins->options.loop;
    bool idle = edition_idle(change->plugin->edition);
    bool late = loop_real_ms(loop) > change->until_ms;
    if (!idle && !late && !change->plugins->stopping) {
        timer_start(timer, LOOK_MS);
        return;
    }
    timer_deinit(timer);
    if (change_stopped(change)) {
        return;
    }
    if (!idle) {
        struct error error;
        (void)error_set(&error, ERR_TIMEOUT, "its handlers did not come to rest within %d ms",
                        REST_MS);
        change_fail(change, ERR_TIMEOUT, &error);
    } else if (change->kind == CHANGE_UNINSTALL) {
        change->idle = true;
        uninstall_count(change);
    } else if (change->next == NULL) {
        change_store(change);
    } else {
        hand_over(change);
    }
}

void change_leave(struct change *change)
{
    change_move(change, CHANGE_LEAVING);
    struct edition *old = change->plugin->edition;
    if (old != change->next) {
        edition_pause(old);
        change->paused = true;
    }
    change->until_ms = loop_real_ms(change->plugins->options.loop) + REST_MS;
    timer_init_real(&change->timer, change->plugins->options.loop, on_look);
    timer_start(&change->timer, 0);
}

/* ---- px.save to px.restore ---- */

static void on_restored(struct series *series)
{
    struct change *change = CONTAINER_OF(series, struct change, series);
    if (series_well(change)) {
        change_store(change);
    }
}

static void on_saved(struct series *series)
{
    struct change *change = CONTAINER_OF(series, struct change, series);
    const struct edition *old = change->plugin->edition;
    if (!series_well(change)) {
        return;
    }
    if (!series->any) {
        change_store(change);
        return;
    }
    change->input = value_list_new();
    value_push(&change->arena, &change->input, series->output);
    value_push(&change->arena, &change->input, value_text(old->manifest.version_text));
    run_series(change, change->next, BIND_RESTORE, &change->input, on_restored);
}

static void hand_over(struct change *change)
{
    struct edition *old = change->plugin->edition;
    change_move(change, CHANGE_HANDING);
    if (old != change->next && old->started && !bind_host_suspended(old->host)) {
        run_series(change, old, BIND_SAVE, NULL, on_saved);
    } else {
        change_store(change);
    }
}
