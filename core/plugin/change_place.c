/* The end of a change: what is remembered is stored, then the new edition takes its place, or the
 * old one is taken off. Loop thread, but for `apply` on the writer. */
#include "change.h"

#include "proxenos/base_log.h"

/* ---- what is remembered ---- */

static void join(struct change *change);
static void take_off(struct change *change);

/* What the log says of it, and beside it. */
static const char *event_of(const struct change *change, struct arena *arena, struct value *data)
{
    switch (change->kind) {
    case CHANGE_INSTALL:
    case CHANGE_ROLLBACK:
        return install_event(change, arena, data);
    case CHANGE_UNINSTALL:
    case CHANGE_REMOVED:
        return change->remembered.version[0] != '\0' ? "plugin.removing" : "plugin.uninstalled";
    case CHANGE_GRANT:
        return "plugin.granted";
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

/* The copies in the store are those that what is remembered names. */
static enum err keep_copies(struct change *change, struct tx *tx, struct error *error)
{
    static const struct remembered none;
    struct str name = str_from(change->plugin->name);
    struct str version = str_from(change->remembered.version);
    enum err err = OK;
    if (change->kind == CHANGE_INSTALL) {
        err = copies_put(tx, name, version, change->call->bundle, error);
    }
    if (err == OK && (change->kind == CHANGE_INSTALL || change->kind == CHANGE_ROLLBACK)) {
        err = copies_keep(tx, name, &change->remembered, &change->before, error);
    }
    bool gone = change->kind == CHANGE_REMOVED || change->kind == CHANGE_UNINSTALL;
    if (err == OK && gone && version.len == 0) {
        err = copies_keep(tx, name, &none, &none, error);
    }
    return err;
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
    enum err err = uninstall_apply(change, tx, &data, error);
    if (err == OK && unit->alone) {
        err = tx_migrations_finish(tx, str_from(change->plugin->name), error);
    }
    if (err == OK) {
        err = keep_copies(change, tx, error);
    }
    if (err == OK) {
        err = guard_tx_forgive(tx, str_from(change->plugin->name), error);
    }
    return err != OK ? err
                     : remember(tx, edition, &change->remembered, event_of(change, arena, &data),
                                &data, error);
}

/* What was granted to one that waited for it lets it run. */
static void granted(struct change *change)
{
    struct plugin *plugin = change->plugin;
    if (plugin->status == PLUGIN_WAITING && !plugin->plugins->stopping) {
        struct change *running = change_new(change->plugins, CHANGE_RELOAD, plugin);
        running->call = change->call;
        change->call = NULL;
        change_queue(running);
    }
    change_end(change);
}

static void remember_here(struct change *change)
{
    struct plugin *plugin = change->plugin;
    struct remembered *kept = &plugin->remembered;
    char *can = kept->can;
    *kept = change->remembered;
    kept->known = true;
    if (change->granted || kept->can == NULL) {
        mem_free(can);
        can = kept->can == NULL ? NULL : mem_dup(kept->can, strlen(kept->can) + 1);
    }
    kept->can = can;
    kept->failures = 0;
    change->stored = true;
    uninstall_stored(change);
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
    remember_here(change);
    if (change->kind == CHANGE_GRANT) {
        granted(change);
        return;
    }
    if (change->next == NULL) {
        take_off(change);
    } else {
        join(change);
    }
}

void change_unit(struct change *change,
                 enum err (*apply)(struct unit *unit, struct tx *tx, struct error *error),
                 void (*done)(struct unit *unit))
{
    struct plugins *plugins = change->plugins;
    const struct change_call *call = change->call;
    change->unit = (struct unit){.reply = loop_mailbox(plugins->options.loop),
                                 .apply = apply,
                                 .done = done,
                                 .request = call != NULL ? call->request : STR("plugin")};
    if (call != NULL && call->scope != NULL) {
        change->unit.scope = call->scope;
        scope_ref(call->scope);
    } else {
        change->unit.scope = plugins_scope(plugins);
    }
}

void change_store(struct change *change)
{
    change_move(change, CHANGE_STORING);
    if (change->kind == CHANGE_BOOT || (change->silent && !change->granted)) {
        join(change);
        return;
    }
    bool on = change->kind == CHANGE_ENABLE || change->kind == CHANGE_INSTALL ||
              change->kind == CHANGE_ROLLBACK;
    if (on || change->kind == CHANGE_DISABLE) {
        (void)snprintf(change->remembered.wanted, sizeof(change->remembered.wanted), "%s",
                       on ? "on" : "off");
    }
    change_unit(change, store_apply, store_done);
    change->unit.alone = change->next != NULL && change->next->migration_count > 0;
    enum err err = store_submit(change->plugins->options.store, &change->unit);
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
    if (change->kind == CHANGE_UNINSTALL && plugin->removal != RECORDS_BY_MANIFEST) {
        plugin->status = PLUGIN_REMOVING; /* its types stay until their records are erased */
        change_end(change);
    } else {
        change_apply(change);
    }
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
    plugin->appeared = false;
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
    if (change->kind == CHANGE_INSTALL || change->kind == CHANGE_ROLLBACK) {
        plugin->installed = true;
        (void)snprintf(plugin->folder, sizeof(plugin->folder), "%s", change->folder);
        installed_prune(plugins, plugin->name, plugin->remembered.version,
                        plugin->remembered.previous);
    }
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
