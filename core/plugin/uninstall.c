/* Uninstall: nobody needs it any more, no run of a flow needs its code; then it is off, what is
 * remembered of it is gone, and its files with it. Where its records are to be erased it first
 * becomes a plugin that is being removed (removal.c): whoever asked has them erased (erase.c), then
 * says PLUGIN_REMOVED. Loop thread, but for `run` on the lane and `apply` on the writer. */
#include "change.h"

#include "proxenos/base_log.h"
#include "proxenos/flow.h"

#include <unistd.h>

enum {
    RUNS_MAX = 10000,    /* looked at in one go */
    RUNS_PAGE = 500,     /* cancelled in one unit */
    RUNS_END_MS = 30000, /* cancelled ones may clean up so long */
    RUNS_LOOK_MS = 50,
};

struct counting {
    struct change *change;
    struct timer timer;
    int64_t until_ms;
    int64_t *ids; /* RUNS_MAX */
    size_t count, cancelled;
    bool cancelling, waits;
};

void uninstall_forget(struct change *change)
{
    if (change->counting != NULL) {
        mem_free(change->counting->ids);
        mem_free(change->counting);
        change->counting = NULL;
    }
}

/* ---- may it? ---- */

static enum plugin_records records_of(const struct change *change)
{
    const struct edition *edition = change->plugin->edition;
    struct str word = edition->has_manifest ? edition->manifest.uninstall : STR("keep");
    if (change->call->records != RECORDS_BY_MANIFEST) {
        return change->call->records;
    }
    return str_is(word, "erase")    ? RECORDS_ERASE
           : str_is(word, "export") ? RECORDS_EXPORT
                                    : RECORDS_KEEP;
}

static enum err judge_file(const struct change_call *call, struct error *error)
{
    if (call->records == RECORDS_EXPORT && (call->file.len == 0 || call->file.at[0] != '/')) {
        return error_at(error, ERR_INVALID, "/file", NULL,
                        "its records are exported when it is uninstalled: file is the absolute "
                        "path of a new file on the service's machine; or say keep or erase");
    }
    if (call->records != RECORDS_EXPORT && call->file.len > 0) {
        return error_at(error, ERR_INVALID, "/file", NULL, "a file goes with export alone");
    }
    return call->file.len < PLUGIN_PATH_MAX
               ? OK
               : error_at(error, ERR_LIMIT, "/file", NULL, "the path is too long");
}

static enum err judge(struct change *change, struct error *error)
{
    const struct plugin *plugin = change->plugin;
    if (plugin->removal != RECORDS_BY_MANIFEST) {
        return plugin->status == PLUGIN_REMOVING
                   ? OK
                   : error_set(error, ERR_CONFLICT,
                               "%s is being uninstalled, and its files cannot be read: put them "
                               "back into %.500s and start the service again",
                               plugin->name, plugin->folder);
    }
    if (!plugin->installed) {
        return error_set(error, ERR_CONFLICT,
                         "%s is not installed: it lies in %.500s%s; it can be disabled",
                         plugin->name, plugin->folder,
                         plugin->bundled ? ", where it came with the program" : "");
    }
    enum err err = plugin_not_needed(plugin, true, error);
    if (err == OK) {
        change->call->records = records_of(change);
        err = judge_file(change->call, error);
    }
    return err;
}

void uninstall_begin(struct change *change)
{
    struct plugin *plugin = change->plugin;
    struct change_call *call = change->call;
    struct error error = {0};
    enum err err = judge(change, &error);
    if (err != OK) {
        change_fail(change, err, &error);
        return;
    }
    if (plugin->removal != RECORDS_BY_MANIFEST) { /* once more: the erasing goes on */
        call->records = plugin->removal;
        call->file = arena_str(call->arena, str_from(plugin->removal_file));
        change_end(change);
        return;
    }
    if (call->records == RECORDS_KEEP) {
        change->remembered = (struct remembered){.known = true};
    } else {
        (void)snprintf(change->remembered.wanted, sizeof(change->remembered.wanted), "off");
    }
    if (call->records != RECORDS_KEEP && !plugin->edition->started) {
        change_read(change); /* its types are not served: they have to be, to be erased */
    } else {
        uninstall_count(change);
    }
}

/* ---- runs of its flows ---- */

static enum err on_run(void *context, const struct flow_run *run, struct error *error)
{
    struct counting *counting = context;
    (void)error;
    counting->ids[counting->count++] = run->id;
    return OK;
}

static enum err count_runs(struct counting *counting, struct error *error)
{
    struct plugins *plugins = counting->change->plugins;
    struct reader *reader = NULL;
    struct flow_query query = {.plugin = str_from(counting->change->plugin->name),
                               .states = 1 << FLOW_RUNNING | 1 << FLOW_WAITING | 1 << FLOW_BLOCKED,
                               .limit = RUNS_MAX};
    counting->count = 0;
    enum err err = reader_open(plugins->options.store, 0, &reader, error);
    if (err == OK) {
        err = flow_run_find(reader, &query, on_run, counting, error);
        reader_close(reader);
    }
    return err;
}

static void count_run(struct work *work, void *thread)
{
    struct change *change = CONTAINER_OF(work, struct change, work);
    struct counting *counting = change->counting;
    const struct change_call *call = change->call;
    (void)thread;
    change->err = OK;
    if (call->records == RECORDS_EXPORT &&
        access(arena_cstr(&change->arena, call->file), F_OK) == 0) {
        change->err = error_at(&change->error, ERR_CONFLICT, "/file", NULL,
                               "this file is there already, and is not written over");
    } else if (change->plugins->options.flows != NULL) {
        change->err = count_runs(counting, &change->error);
    }
}

static void cancel_some(struct change *change);

static enum err cancel_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct change *change = CONTAINER_OF(unit, struct change, unit);
    const struct counting *counting = change->counting;
    struct str plugin = str_from(change->plugin->name);
    size_t end = MIN(counting->cancelled + RUNS_PAGE, counting->count);
    enum err err = OK;
    for (size_t i = counting->cancelled; err == OK && i < end; i++) {
        err = flow_tx_cancel(change->plugins->options.flows, tx, plugin, counting->ids[i],
                             STR("the plugin is uninstalled"), error);
    }
    return err;
}

static void cancel_done(struct unit *unit)
{
    struct change *change = CONTAINER_OF(unit, struct change, unit);
    struct counting *counting = change->counting;
    struct error error = unit->error;
    enum err err = unit->err;
    scope_unref(unit->scope);
    unit_deinit(unit);
    counting->cancelled = MIN(counting->cancelled + RUNS_PAGE, counting->count);
    if (err != OK) {
        change_fail(change, err, &error);
    } else if (!change_stopped(change)) {
        cancel_some(change);
    }
}

static void count_again(struct timer *timer);

static void cancel_some(struct change *change)
{
    struct counting *counting = change->counting;
    if (counting->cancelled == counting->count) {
        counting->waits = true;
        timer_init_real(&counting->timer, change->plugins->options.loop, count_again);
        timer_start(&counting->timer, RUNS_LOOK_MS);
        return;
    }
    change_unit(change, cancel_apply, cancel_done);
    enum err err = store_submit(change->plugins->options.store, &change->unit);
    if (err != OK) {
        scope_unref(change->unit.scope);
        change_fail(change, err, NULL);
    }
}

static enum err judge_runs(const struct change *change, struct error *error)
{
    const struct counting *counting = change->counting;
    bool more = counting->count == RUNS_MAX;
    bool late = loop_real_ms(change->plugins->options.loop) > counting->until_ms;
    if (change->idle || !change->call->cancel_runs) {
        return error_set(error, ERR_CONFLICT,
                         "%zu%s runs of its flows have not ended and need its code: let them end, "
                         "cancel them, or say --cancel-runs (cancel_runs)",
                         counting->count, more ? " or more" : "");
    }
    if (!change->plugin->edition->started) {
        return error_set(error, ERR_CONFLICT,
                         "%zu%s runs of its flows have not ended, and only while it runs can they "
                         "clean up: enable it first",
                         counting->count, more ? " or more" : "");
    }
    return late ? error_set(error, ERR_CONFLICT,
                            "%zu runs of its flows were cancelled and have not ended within %d s: "
                            "uninstall it again when they have",
                            counting->count, RUNS_END_MS / 1000)
                : OK;
}

static void count_done(struct work *work)
{
    struct change *change = CONTAINER_OF(work, struct change, work);
    struct counting *counting = change->counting;
    struct error error = change->error;
    enum err err = work->cancelled ? ERR_STOPPING : change->err;
    if (err == OK && counting->count > 0) {
        err = judge_runs(change, &error);
    }
    if (err != OK) {
        change_fail(change, err, &error);
    } else if (change_stopped(change)) {
        return;
    } else if (counting->count > 0) {
        /* Those that were begun meanwhile too; for one that was cancelled already it is nothing. */
        counting->cancelled = counting->waits ? counting->count : 0;
        cancel_some(change);
    } else if (change->idle) {
        change_store(change);
    } else {
        change_leave(change);
    }
}

static void count_again(struct timer *timer)
{
    struct counting *counting = CONTAINER_OF(timer, struct counting, timer);
    timer_deinit(timer);
    change_work(counting->change, count_run, count_done);
}

void uninstall_count(struct change *change)
{
    struct plugin *plugin = change->plugin;
    if (change->next != NULL) { /* its types are served now: it is off with these */
        if (!list_node_linked(&plugin->edition->retiring)) {
            edition_free(plugin->edition);
        }
        plugin->edition = change->next;
        change->next = NULL;
    }
    if (change->counting == NULL) {
        change->counting = mem_zalloc(sizeof(*change->counting));
        change->counting->change = change;
        change->counting->ids = mem_zalloc(sizeof(int64_t) * RUNS_MAX);
        change->counting->until_ms = loop_real_ms(change->plugins->options.loop) + RUNS_END_MS;
    }
    change_move(change, CHANGE_COUNTING);
    change_work(change, count_run, count_done);
}

/* ---- what is kept of it ---- */

enum err uninstall_apply(struct change *change, struct tx *tx, struct value *data,
                         struct error *error)
{
    struct arena *arena = tx_arena(tx);
    const struct plugin *plugin = change->plugin;
    const struct change_call *call = change->call;
    struct str name = str_from(plugin->name);
    if (change->kind == CHANGE_UNINSTALL) {
        value_put_c(arena, data, "records",
                    value_text(str_from(plugin_records_word(call->records))));
        if (call->records == RECORDS_KEEP) {
            return OK;
        }
        return removal_put(tx, name, call->records, call->file, error);
    }
    if (change->kind == CHANGE_REMOVED) {
        value_put_c(arena, data, "records",
                    value_text(str_from(plugin_records_word(plugin->removal))));
        value_put_c(arena, data, "file", value_text(str_from(plugin->removal_file)));
        value_put_c(arena, data, "erased", value_copy(arena, &call->erased));
        return removal_drop(tx, name, error);
    }
    return OK;
}

void uninstall_stored(struct change *change)
{
    struct plugin *plugin = change->plugin;
    if (change->kind == CHANGE_REMOVED) {
        plugin->removal = RECORDS_BY_MANIFEST;
        settings_forget(change->plugins, str_from(plugin->name));
    } else if (change->kind == CHANGE_UNINSTALL && change->call->records != RECORDS_KEEP) {
        struct str file = change->call->file;
        plugin->removal = change->call->records;
        mem_free(plugin->removal_file);
        plugin->removal_file = mem_alloc(file.len + 1);
        (void)snprintf(plugin->removal_file, file.len + 1, STR_FORMAT, STR_ARGS(file));
    }
}
