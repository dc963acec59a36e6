/* Install, upgrade, roll back: a bundle becomes a version of its own beside the old one
 * (installed.c), which the change then puts in the old one's place, or takes away again. Which
 * version is in use is a row, written with the entry in the log: a crash leaves the one or the
 * other whole. Loop thread, but for what `run` functions do on the lane. */
#include "change.h"

#include "proxenos/base_log.h"
#include "proxenos/plugin_bundle.h"

#include <unistd.h>

/* A bundle on its way to its change, and then with it. */
struct installing {
    struct work work;
    struct plugins *plugins;
    struct change_call *call;
    struct arena arena; /* of all below */
    struct bundle bundle;
    struct manifest manifest;
    struct plugin *unlisted; /* until the change begins: perhaps there is one of its name then */
    bool there;              /* the same files lie there already */
    enum err err;
    struct error error;
};

static void installing_free(struct installing *installing)
{
    if (installing->unlisted != NULL) {
        plugin_free(installing->unlisted);
    }
    arena_deinit(&installing->arena);
    mem_free(installing);
}

void install_forget(struct change *change)
{
    if (change->installing != NULL) {
        installing_free(change->installing);
        change->installing = NULL;
    }
}

/* ---- what it is called ---- */

static enum err no_manifest(const struct bundle *bundle, struct error *error)
{
    bool inside = false;
    for (size_t i = 0; i < bundle->count; i++) {
        inside = inside || str_ends(bundle->files[i].name, STR("/plugin.lua"));
    }
    return error_at(error, ERR_MANIFEST, "plugin.lua", NULL,
                    "there is no plugin.lua in the bundle%s",
                    inside ? ": pack what is in the plugin's folder, not the folder itself (as "
                             "`proxenos plugin pack` does)"
                           : "");
}

static enum err read_name(struct installing *installing, struct error *error)
{
    struct arena *arena = &installing->arena;
    struct value tree = value_null();
    enum err err = bundle_read(arena, installing->call->bundle, &installing->bundle, error);
    if (err != OK) {
        return err;
    }
    struct str text = bundle_find(&installing->bundle, STR("plugin.lua"));
    if (text.at == NULL) {
        return no_manifest(&installing->bundle, error);
    }
    err = lua_read_data(arena, "plugin.lua", text, ERR_MANIFEST, &tree, error);
    if (err != OK) {
        return err;
    }
    struct str name = value_get_text(&tree, "name", STR(""));
    if (str_starts(name, STR("automation_"))) {
        return error_at(error, ERR_MANIFEST, "plugin.lua: name", NULL,
                        "names that begin with automation_ are those of automations");
    }
    return manifest_take(arena, "plugin.lua", name, &tree, &installing->manifest, error);
}

static void name_run(struct work *work, void *thread)
{
    struct installing *installing = CONTAINER_OF(work, struct installing, work);
    (void)thread;
    installing->err = read_name(installing, &installing->error);
}

static void name_done(struct work *work)
{
    struct installing *installing = CONTAINER_OF(work, struct installing, work);
    struct plugins *plugins = installing->plugins;
    struct change_call *call = installing->call;
    plugins->runners--;
    if (work->cancelled || plugins->stopping) {
        installing->err = error_set(&installing->error, ERR_STOPPING, "the service is stopping");
    }
    if (installing->err != OK) {
        call->err = installing->err;
        call->error = installing->error;
        call->error.next = NULL;
        installing_free(installing);
        call->done(call);
        return;
    }
    struct str name = installing->manifest.name;
    call->plugin = arena_str(call->arena, name);
    installing->unlisted = plugin_new(plugins, name);
    struct change *change = change_new(plugins, CHANGE_INSTALL, installing->unlisted);
    change->call = call;
    change->installing = installing;
    change->bundle = &installing->bundle;
    change_queue(change);
}

void install_call(struct plugins *plugins, struct change_call *call)
{
    call->plugin = STR("");
    call->created = false;
    if (plugins->options.installed == NULL) {
        call->err =
            error_set(&call->error, ERR_UNSUPPORTED, "plugins cannot be installed in this service");
        change_refuse(plugins, call);
        return;
    }
    struct installing *installing = mem_zalloc(sizeof(*installing));
    installing->plugins = plugins;
    installing->call = call;
    arena_init(&installing->arena);
    installing->work = (struct work){
        .reply = loop_mailbox(plugins->options.loop), .run = name_run, .done = name_done};
    enum err err = lane_submit(plugins->lane, &installing->work);
    if (err != OK) {
        installing_free(installing);
        call->err = error_set(&call->error, err, "%s", err_text(err));
        change_refuse(plugins, call);
        return;
    }
    plugins->runners++;
}

/* ---- may it? ---- */

/* Into the list, or in the place of the one that is there. */
static enum err find_place(struct change *change, struct error *error)
{
    struct installing *installing = change->installing;
    struct plugins *plugins = change->plugins;
    struct plugin *other = plugins_find(plugins, str_from(installing->unlisted->name));
    if (other == NULL && plugins->count == PLUGINS_MAX) {
        return error_set(error, ERR_LIMIT, "there are %d plugins already", PLUGINS_MAX);
    }
    if (other != NULL) {
        change->plugin = other;
        plugin_free(installing->unlisted);
    } else {
        plugins->list[plugins->count++] = change->plugin;
        plugin_recall(change->plugin);
        change->fresh = change->call->created = true;
    }
    installing->unlisted = NULL;
    change_recall(change);
    return OK;
}

static enum err judge_version(struct change *change, struct error *error)
{
    const struct manifest *manifest = &change->installing->manifest;
    struct remembered *next = &change->remembered;
    struct str before_text = str_from(change->before.version);
    struct version before = {{0, 0, 0}};
    int order = 1;
    if (before_text.len > 0 && version_parse(before_text, &before) == OK) {
        order = version_compare(manifest->version, before);
    }
    if (order < 0 && !change->call->lower) {
        return error_at(error, ERR_CONFLICT, "plugin.lua: version", NULL,
                        "version " STR_FORMAT " of %s is older than " STR_FORMAT
                        ", which is installed: say --rollback (rollback=true) if you want it",
                        STR_ARGS(manifest->version_text), change->plugin->name,
                        STR_ARGS(before_text));
    }
    (void)snprintf(next->version, sizeof(next->version), STR_FORMAT,
                   STR_ARGS(manifest->version_text));
    if (order != 0) {
        (void)snprintf(next->previous, sizeof(next->previous), "%s",
                       order > 0 ? change->before.version : "");
    }
    return OK;
}

static enum err judge(struct change *change, struct error *error)
{
    enum err err = find_place(change, error);
    const struct plugin *plugin = change->plugin;
    if (err != OK) {
        return err;
    }
    if (plugin->removal != RECORDS_BY_MANIFEST) {
        return error_set(error, ERR_CONFLICT, "%s is being uninstalled: wait for that job to end",
                         plugin->name);
    }
    if (!change->fresh && !plugin->installed) {
        return error_set(
            error, ERR_CONFLICT, "%s lies in %.500s already, %s: it cannot be installed as well",
            plugin->name, plugin->folder,
            plugin->bundled ? "where it came with the program" : "where it was put by hand");
    }
    return judge_version(change, error);
}

void install_begin(struct change *change)
{
    struct error error = {0};
    enum err err = judge(change, &error);
    if (err != OK) {
        change_fail(change, err, &error);
        return;
    }
    installed_folder(change->plugins, change->plugin->name, change->remembered.version,
                     change->folder);
    change_read(change);
}

void rollback_begin(struct change *change)
{
    const struct plugin *plugin = change->plugin;
    struct remembered *next = &change->remembered;
    struct error error = {0};
    enum err err = OK;
    if (!plugin->installed) {
        err = error_set(&error, ERR_CONFLICT,
                        "%s is not installed, it lies in %.500s: no version before it is kept",
                        plugin->name, plugin->folder);
    } else if (change->before.previous[0] == '\0') {
        err = error_set(&error, ERR_CONFLICT,
                        "no version of %s before %s is kept: install the one that you want with "
                        "--rollback",
                        plugin->name, change->before.version);
    }
    if (err != OK) {
        change_fail(change, err, &error);
        return;
    }
    (void)snprintf(next->version, sizeof(next->version), "%s", change->before.previous);
    next->previous[0] = '\0';
    installed_folder(change->plugins, plugin->name, next->version, change->folder);
    change_read(change);
}

/* ---- its files ---- */

static bool same_files(const struct bundle *a, const struct bundle *b)
{
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++) {
        same = str_eq(a->files[i].name, b->files[i].name) &&
               str_eq(a->files[i].text, b->files[i].text);
    }
    return same;
}

/* A version that is kept is never written again; what a crash left is in nobody's way. */
static enum err look_where_it_goes(struct change *change, struct error *error)
{
    const char *version = change->remembered.version;
    struct bundle there = {0};
    if (access(change->folder, F_OK) != 0) {
        return OK;
    }
    bool kept = strcmp(version, change->before.version) == 0 ||
                strcmp(version, change->before.previous) == 0;
    if (!kept) {
        return bundle_remove_folder(change->folder, error);
    }
    enum err err = bundle_gather(&change->arena, change->folder, &there, error);
    if (err == OK && !same_files(&there, change->bundle)) {
        return error_at(error, ERR_CONFLICT, "plugin.lua: version", NULL,
                        "version %s of %s is installed with other files: raise the version",
                        version, change->plugin->name);
    }
    change->installing->there = err == OK;
    return err;
}

enum err install_read(struct change *change, struct error *error)
{
    enum err err = edition_take_bundle(change->next, change->bundle, change->folder, error);
    return err == OK ? look_where_it_goes(change, error) : err;
}

static void unpack_run(struct work *work, void *thread)
{
    struct change *change = CONTAINER_OF(work, struct change, work);
    (void)thread;
    change->err = bundle_unpack(change->bundle, change->folder, &change->error);
}

static void unpack_done(struct work *work)
{
    struct change *change = CONTAINER_OF(work, struct change, work);
    enum err err = work->cancelled ? ERR_STOPPING : change->err;
    change->unpacked = err == OK;
    if (err != OK) {
        change_fail(change, err, &change->error);
    } else if (!change_stopped(change)) {
        change_apply(change);
    }
}

void install_unpack(struct change *change)
{
    if (change->installing->there) {
        change_apply(change);
        return;
    }
    change_move(change, CHANGE_UNPACKING);
    change_work(change, unpack_run, unpack_done);
}

/* ---- the log ---- */

const char *install_event(const struct change *change, struct arena *arena, struct value *data)
{
    const char *before = change->before.version;
    if (before[0] == '\0' || strcmp(before, change->remembered.version) == 0) {
        return "plugin.installed";
    }
    value_put_c(arena, data, "previous", value_text(str_from(before)));
    bool back = change->remembered.previous[0] == '\0';
    return back ? "plugin.rolled_back" : "plugin.upgraded";
}
