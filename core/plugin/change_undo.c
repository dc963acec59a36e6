/* A change that failed: what it had done is undone, in this order: what is remembered, the object
 * types, the files; the old edition goes on. Loop thread, but for what `run` functions do on the
 * lane and `apply` on the writer. */
#include "change.h"

#include "proxenos/base_log.h"
#include "proxenos/plugin_bundle.h"

/* Another version of it, which is not to leave a trace when it fails. */
static bool is_install(const struct change *change)
{
    return change->kind == CHANGE_INSTALL || change->kind == CHANGE_ROLLBACK;
}

/* The old one goes on, if it ran; else what was read stays to be looked at. */
static void put_back(struct change *change)
{
    struct plugin *plugin = change->plugin;
    struct edition *old = plugin->edition;
    struct edition *next = change->next;
    if (change->paused && plugin->status == PLUGIN_RUNNING) {
        edition_resume(old);
    }
    bool keeps_old = old->started || next == NULL || next == old || is_install(change);
    if (!keeps_old) {
        plugin->edition = next;
        if (!list_node_linked(&old->retiring)) {
            edition_free(old);
        }
    }
    if (next != NULL && next->host != NULL) {
        change->next = NULL;
        edition_retire(next);
    }
    change_end(change);
}

static void undo_run(struct work *work, void *thread)
{
    struct change *change = CONTAINER_OF(work, struct change, work);
    struct error error = {0};
    (void)thread;
    if (change->applied &&
        schemas_apply(change->plugins, &change->schemas, &change->arena, &error) != OK) {
        log_error("plugin", "the object types could not be put back plugin=%s error=\"%s\"",
                  change->plugin->name, error.detail);
    }
    if (change->unpacked && bundle_remove_folder(change->folder, &error) != OK) {
        log_error("plugin", "files that nobody needs stay folder=\"%s\" error=\"%s\"",
                  change->folder, error.detail);
    }
}

static void undo_done(struct work *work)
{
    put_back(CONTAINER_OF(work, struct change, work));
}

static void show_failure(struct change *change)
{
    struct plugin *plugin = change->plugin;
    bool runs = plugin->status == PLUGIN_RUNNING && plugin->edition->started;
    bool asked_only =
        change->err == ERR_APPROVAL || change->err == ERR_CONFLICT || change->err == ERR_CANCELLED;
    bool loads = change->kind == CHANGE_ENABLE || change->kind == CHANGE_RELOAD ||
                 change->kind == CHANGE_BOOT || change->kind == CHANGE_AUTOMATION;
    if (plugin->plugins->stopping || asked_only) {
        return;
    }
    if (!loads) {
        log_warn("plugin", "a change of a plugin failed plugin=%s code=%s error=\"%s\" at=\"%s\"",
                 plugin->name, err_code(change->err), change->error.detail, change->error.pointer);
    } else if (runs) {
        plugin->error = change->error;
        log_error("plugin", "a plugin was not reloaded plugin=%s code=%s error=\"%s\" at=\"%s\"",
                  plugin->name, err_code(change->err), change->error.detail, change->error.pointer);
    } else {
        plugin_fail(plugin, &change->error);
    }
}

static void undo(struct change *change)
{
    if (!change->applied && !change->unpacked) {
        put_back(change);
        return;
    }
    change->schemas = schemas_gather(change->plugins, &change->arena, NULL, NULL);
    change->work = (struct work){
        .reply = loop_mailbox(change->plugins->options.loop), .run = undo_run, .done = undo_done};
    if (lane_submit(change->plugins->lane, &change->work) != OK) {
        put_back(change);
    }
}

static enum err restore_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct change *change = CONTAINER_OF(unit, struct change, unit);
    struct value data = value_map_new();
    value_put_c(tx_arena(tx), &data, "plugin", value_text(str_from(change->plugin->name)));
    value_put_c(tx_arena(tx), &data, "version", value_text(str_from(change->before.version)));
    value_put_c(tx_arena(tx), &data, "error", value_text(str_from(change->error.detail)));
    return remember(tx, change->plugin->edition, &change->before, "plugin.change_undone", &data,
                    error);
}

static void restore_done(struct unit *unit)
{
    struct change *change = CONTAINER_OF(unit, struct change, unit);
    if (unit->err != OK) {
        /* The next start runs the new one, which is whole. */
        change->unpacked = false;
        log_error("plugin", "what was remembered is the new version plugin=%s error=\"%s\"",
                  change->plugin->name, unit->error.detail);
    } else {
        struct remembered *kept = &change->plugin->remembered;
        mem_free(kept->can);
        *kept = change->before;
        kept->can = kept->can == NULL ? NULL : mem_dup(kept->can, strlen(kept->can) + 1);
    }
    scope_unref(unit->scope);
    unit_deinit(unit);
    undo(change);
}

void change_fail(struct change *change, enum err err, const struct error *error)
{
    change->err = err;
    change->error = error != NULL && error->err != OK ? *error : (struct error){.err = OK};
    change->error.next = NULL;
    if (change->error.err == OK) {
        (void)error_set(&change->error, err, "%s", err_text(err));
    }
    show_failure(change);
    change_move(change, CHANGE_UNDOING);
    if (change->stored && change->unit.alone) {
        /* Its migrations are over: there is no way back, and the next start runs the new one. */
        change->applied = change->unpacked = false;
        undo(change);
        return;
    }
    if (!change->stored || !is_install(change)) {
        undo(change);
        return;
    }
    change_unit(change, restore_apply, restore_done);
    if (store_submit(change->plugins->options.store, &change->unit) != OK) {
        scope_unref(change->unit.scope);
        change->unpacked = false;
        undo(change);
    }
}
