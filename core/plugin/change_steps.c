/* The steps of a change, in their order. Each ends in the next one, or in change_fail. Loop thread,
 * but for what `run` functions do on the lane and `apply` on the writer. */
#include "change.h"

#include "proxenos/base_json.h"
#include "proxenos/base_log.h"

enum { LOAD_MS = 30000, REST_MS = 30000, LOOK_MS = 2 };

static bool stopped(struct change *change)
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
    change->err = plugin->automation
                      ? edition_read_file(change->next, plugin->folder, &change->error)
                      : edition_read(change->next, plugin->folder, &change->error);
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
    bool approved = call != NULL && str_is(call->approve, hash);
    if (edition_is_granted(next) || approved) {
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

static void read_done(struct work *work)
{
    struct change *change = CONTAINER_OF(work, struct change, work);
    struct error error = change->error;
    enum err err = work->cancelled ? ERR_STOPPING : change->err;
    if (err == OK) {
        err = edition_fits(change->next, &error);
    }
    if (err == OK) {
        err = judge_grants(change, &error);
    }
    if (err != OK) {
        change_fail(change, err, &error);
    } else if (!stopped(change)) {
        change_apply(change);
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
    change->err =
        schemas_apply(change->plugins, change->sources, change->source_count, &change->error);
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
    if (change->next == NULL) {
        /* It is off already; that its types could not be taken away is for the next start. */
        ended_disabled(change);
        return;
    }
    change->applied = err == OK;
    if (err != OK) {
        change_fail(change, err, &change->error);
    } else if (!stopped(change)) {
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
    if (same) {
        change_load(change);
        return;
    }
    change->sources = schemas_gather(change->plugins, &change->arena, next,
                                     next == NULL ? change->plugin : NULL, &change->source_count);
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
    return !stopped(change);
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
    enum err err = edition_open(change->next, &error);
    if (err != OK) {
        change_fail(change, err, &error);
        return;
    }
    run_series(change, change->next, BIND_KIND_COUNT, NULL, on_loaded);
}

/* ---- the event boundary ---- */

static void hand_over(struct change *change);
static void store(struct change *change);

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
    if (stopped(change)) {
        return;
    }
    if (!idle) {
        struct error error;
        (void)error_set(&error, ERR_TIMEOUT, "its handlers did not come to rest within %d ms",
                        REST_MS);
        change_fail(change, ERR_TIMEOUT, &error);
    } else if (change->next == NULL) {
        store(change);
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
        store(change);
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
        store(change);
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
        store(change);
    }
}

/* ---- what is remembered ---- */

static void join(struct change *change);
static void take_off(struct change *change);

static const char *event_of(enum change_kind kind)
{
    switch (kind) {
    case CHANGE_ENABLE:
        return "plugin.enabled";
    case CHANGE_DISABLE:
        return "plugin.disabled";
    case CHANGE_AUTOMATION:
        return "automation.loaded";
    case CHANGE_GONE:
        return "automation.removed";
    case CHANGE_RELOAD:
    case CHANGE_BOOT:
        break;
    }
    return "plugin.reloaded";
}

static enum err store_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct change *change = CONTAINER_OF(unit, struct change, unit);
    const struct edition *edition = change->next != NULL ? change->next : change->plugin->edition;
    struct arena *arena = tx_arena(tx);
    struct value data = value_map_new();
    value_put_c(arena, &data, "plugin", value_text(str_from(change->plugin->name)));
    if (edition->has_manifest && !change->plugin->automation) {
        value_put_c(arena, &data, "version", value_text(edition->manifest.version_text));
    }
    if (change->plugin->automation) {
        value_put_c(arena, &data, "file", value_text(str_from(change->plugin->file)));
        value_put_c(arena, &data, "hash", value_text(str_from(change->plugin->hash)));
    }
    if (change->granted) {
        value_put_c(arena, &data, "can", edition->manifest.can);
    }
    return remember(tx, edition, &change->remembered, event_of(change->kind), &data, error);
}

static void store_done(struct unit *unit)
{
    struct change *change = CONTAINER_OF(unit, struct change, unit);
    enum err err = unit->err;
    struct error error = unit->error;
    scope_unref(unit->scope);
    unit_deinit(unit);
    if (err != OK) {
        change_fail(change, err, &error);
        return;
    }
    struct remembered *kept = &change->plugin->remembered;
    char *can = kept->can;
    *kept = change->remembered;
    kept->known = true;
    if (change->granted) {
        mem_free(can);
        can = mem_dup(kept->can, strlen(kept->can) + 1);
    }
    kept->can = can;
    if (change->next == NULL) {
        take_off(change);
    } else {
        join(change);
    }
}

static void store(struct change *change)
{
    struct plugins *plugins = change->plugins;
    struct store *database = plugins->options.store;
    const struct change_call *call = change->call;
    change_move(change, CHANGE_STORING);
    if (change->kind == CHANGE_BOOT || (change->silent && !change->granted)) {
        join(change);
        return;
    }
    if (change->kind == CHANGE_ENABLE || change->kind == CHANGE_DISABLE) {
        (void)snprintf(change->remembered.wanted, sizeof(change->remembered.wanted), "%s",
                       change->kind == CHANGE_ENABLE ? "on" : "off");
    }
    change->unit = (struct unit){.reply = loop_mailbox(plugins->options.loop),
                                 .apply = store_apply,
                                 .done = store_done,
                                 .request = call != NULL ? call->request : STR("plugin")};
    if (call != NULL && call->scope != NULL) {
        change->unit.scope = call->scope;
        scope_ref(call->scope);
    } else {
        change->unit.scope = plugins_scope(plugins);
    }
    enum err err = store_submit(database, &change->unit);
    if (err != OK) {
        scope_unref(change->unit.scope);
        change_fail(change, err, NULL);
    }
}

/* ---- off ---- */

static void take_off(struct change *change)
{
    struct plugin *plugin = change->plugin;
    struct edition *edition = plugin->edition;
    edition_leave(edition);
    bind_slot_set(plugin->slot, NULL);
    plugin->status = PLUGIN_DISABLED;
    plugin->error = (struct error){.err = OK};
    plugin->changed_at_ms = loop_now_ms(change->plugins->options.loop);
    plugin->plugins->swaps++;
    if (edition->host != NULL && !list_node_linked(&edition->retiring)) {
        edition_retire(edition);
    }
    change_apply(change);
}

/* ---- the new one takes its place ---- */

struct starting {
    struct series series;
    struct arena arena;
};

static void on_started(struct series *series)
{
    struct starting *starting = CONTAINER_OF(series, struct starting, series);
    struct edition *edition = series->edition;
    struct plugin *plugin = edition->plugin;
    bool current = plugin->edition == edition && edition->started;
    if (series->err != OK && current && !plugin->plugins->stopping) {
        plugin_fail(plugin, &series->error);
        edition_pause(edition);
    }
    arena_deinit(&starting->arena);
    mem_free(starting);
}

/* px.start may take long (it may write much): nothing waits for it. */
static void begin_starts(struct edition *edition)
{
    enum { START_MS = 600000 };
    struct starting *starting = mem_zalloc(sizeof(*starting));
    arena_init(&starting->arena);
    starting->series = (struct series){.edition = edition,
                                       .kind = BIND_START,
                                       .most_ms = START_MS,
                                       .arena = &starting->arena,
                                       .done = on_started};
    series_run(&starting->series);
}

/* Those that failed for want of this one are tried again; an automation may have wanted its types.
 */
static void wake_dependents(struct plugins *plugins)
{
    for (size_t i = 0; i < plugins->count; i++) {
        struct plugin *plugin = plugins->list[i];
        bool lacked = plugin->error.err == ERR_DEPENDENCY || plugin->automation;
        if (plugin->status == PLUGIN_FAILED && lacked && plugins->changes_waiting < CHANGES_MAX) {
            change_queue(change_new(plugins, CHANGE_RELOAD, plugin));
        }
    }
}

static void run_flows(struct plugin *plugin)
{
    struct error error = {0};
    if (bind_host_run_flows(plugin->edition->host, &error) != OK) {
        log_error("plugin", "flows do not run plugin=%s code=%s error=\"%s\"", plugin->name,
                  err_code(error.err), error.detail);
    }
}

static void take_place(struct change *change)
{
    struct plugin *plugin = change->plugin;
    struct plugins *plugins = change->plugins;
    struct edition *old = plugin->edition;
    plugin->edition = change->next;
    plugin->edition->started = true;
    plugin->status = PLUGIN_RUNNING;
    plugin->error = (struct error){.err = OK};
    plugin->changed_at_ms = loop_now_ms(plugins->options.loop);
    bind_slot_set(plugin->slot, plugin->edition->host);
    plugins->swaps++;
    edition_resume(plugin->edition);
    run_flows(plugin);
    begin_starts(plugin->edition);
    if (old != plugin->edition && !list_node_linked(&old->retiring)) {
        if (old->host != NULL) {
            edition_retire(old);
        } else {
            edition_free(old);
        }
    }
    log_info("plugin", "a plugin runs plugin=%s version=" STR_FORMAT, plugin->name,
             STR_ARGS(plugin->edition->manifest.version_text));
    bool boot = change->kind == CHANGE_BOOT;
    bool automation = plugin->automation;
    change_end(change);
    if (!boot) {
        plugins_sort(plugins);
    }
    if (!boot && !automation) {
        wake_dependents(plugins);
    }
}

static void on_joined(struct joining *joining)
{
    struct change *change = CONTAINER_OF(joining, struct change, joining);
    if (joining->err != OK) {
        change_fail(change, joining->err, &joining->error);
        return;
    }
    take_place(change);
}

static void join(struct change *change)
{
    struct edition *old = change->plugin->edition;
    change_move(change, CHANGE_JOINING);
    change->joining = (struct joining){
        .edition = change->next, .old = old != change->next ? old : NULL, .done = on_joined};
    edition_join(&change->joining);
}
