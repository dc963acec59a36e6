/* Folders of plugins that appear, or go, while the service runs. Each look goes through all folders
 * on the lane, reads what is new, and brings it back to the loop; whoever asks waits for a look
 * that began after he asked. */
#include "change.h"

#include "proxenos/base_log.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { LOOK_MOST_MS = 1000 };

struct looking {
    struct plugins *plugins;
    struct work work;
    struct arena arena;    /* of one look */
    struct map known;      /* names in the list when it began; no values */
    struct plugin **found; /* those that are new, read, in no list; NULL: taken */
    size_t found_count;
    struct str *seen; /* all names */
    size_t seen_count;
    struct list waiting; /* struct look_call.waiting */
    uint64_t looks;      /* begun */
    bool under_way;
};

/* ---- through the folders (any thread) ---- */

static bool is_plugin(const char *folder, const char *name, char path[PLUGIN_PATH_MAX])
{
    char manifest[PLUGIN_PATH_MAX + 16];
    struct stat facts;
    (void)snprintf(path, PLUGIN_PATH_MAX, "%s/%s", folder, name);
    (void)snprintf(manifest, sizeof(manifest), "%s/plugin.lua", path);
    return name[0] != '.' && strlen(name) <= PLUGIN_NAME_MAX && stat(manifest, &facts) == 0;
}

static void look_into(const char *folder, bool bundled, folder_cb each, void *context)
{
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, NULL, alphasort);
    if (count < 0 && errno != ENOENT) {
        log_warn("plugin", "a folder of plugins cannot be read folder=\"%s\" error=\"%s\"", folder,
                 strerror(errno));
    }
    for (int i = 0; i < count; i++) {
        char path[PLUGIN_PATH_MAX];
        if (is_plugin(folder, entries[i]->d_name, path)) {
            each(context, path, entries[i]->d_name, bundled);
        }
        free(entries[i]); // NOLINT: made by scandir
    }
    free(entries); // NOLINT: made by scandir
}

void look_through(const struct plugins *plugins, folder_cb each, void *context)
{
    const struct plugins_options *options = &plugins->options;
    for (int i = 0; i < options->folder_count; i++) {
        look_into(options->folders[i], i == 0 && options->bundled_trusted, each, context);
    }
    bool twice = false;
    for (int i = 0; i < options->folder_count && options->installed != NULL; i++) {
        twice = twice || strcmp(options->folders[i], options->installed) == 0;
    }
    if (options->installed != NULL && !twice) {
        look_into(options->installed, false, each, context);
    }
}

/* ---- one look (lane) ---- */

static void on_folder(void *context, const char *folder, const char *name, bool bundled)
{
    struct looking *looking = context;
    struct str text = arena_str(&looking->arena, str_from(name));
    if (looking->seen_count == PLUGINS_MAX) {
        return;
    }
    looking->seen[looking->seen_count++] = text;
    if (map_get(&looking->known, text) != NULL) {
        return;
    }
    struct error error = {0};
    struct plugin *plugin = plugin_new(looking->plugins, text);
    plugin->bundled = bundled;
    plugin->appeared = true;
    (void)snprintf(plugin->folder, sizeof(plugin->folder), "%s", folder);
    if (edition_read(plugin->edition, plugin->folder, &error) != OK) {
        plugin->error = error;
        plugin->error.next = NULL;
    }
    (void)map_set(&looking->known, text, plugin);
    looking->found[looking->found_count++] = plugin;
}

static void look_run(struct work *work, void *thread)
{
    struct looking *looking = CONTAINER_OF(work, struct looking, work);
    (void)thread;
    look_through(looking->plugins, on_folder, looking);
}

/* ---- what follows from it (loop) ---- */

static void take_found(struct looking *looking)
{
    struct plugins *plugins = looking->plugins;
    for (size_t i = 0; i < looking->found_count; i++) {
        struct plugin *plugin = looking->found[i];
        bool known = plugins_find(plugins, str_from(plugin->name)) != NULL;
        if (known || plugins->stopping || plugins->count == PLUGINS_MAX) {
            plugin_free(plugin);
            continue;
        }
        plugin_recall(plugin);
        plugins->list[plugins->count++] = plugin;
        log_info("plugin", "a plugin has appeared plugin=%s folder=\"%s\"", plugin->name,
                 plugin->folder);
    }
}

static bool was_seen(const struct looking *looking, const struct plugin *plugin)
{
    for (size_t i = 0; i < looking->seen_count; i++) {
        if (str_is(looking->seen[i], plugin->name)) {
            return true;
        }
    }
    return false;
}

/* What runs goes on from memory; what does not, and has no files any more, leaves the list. */
static void drop_gone(struct looking *looking)
{
    struct plugins *plugins = looking->plugins;
    for (size_t i = plugins->count; i > 0; i--) {
        struct plugin *plugin = plugins->list[i - 1];
        bool rests = plugin->status == PLUGIN_DISABLED || plugin->status == PLUGIN_WAITING ||
                     (plugin->status == PLUGIN_FAILED && !plugin->edition->started);
        bool changes = plugins->change != NULL && plugins->change->plugin == plugin;
        bool ours = plugin->automation || plugin->installed || changes;
        if (rests && !ours && map_get(&looking->known, str_from(plugin->name)) != NULL &&
            !was_seen(looking, plugin)) {
            log_info("plugin", "a plugin is gone plugin=%s folder=\"%s\"", plugin->name,
                     plugin->folder);
            plugin_leave(plugin);
        }
    }
}

static void answer(struct look_call *call)
{
    list_remove(&call->waiting);
    timer_deinit(&call->timer);
    call->done(call);
}

/* One that asked before the last look began; NULL: none. */
static struct look_call *next_answered(const struct looking *looking)
{
    list_foreach (node, &looking->waiting) {
        struct look_call *call = CONTAINER_OF(node, struct look_call, waiting);
        if (call->look <= looking->looks || looking->plugins->stopping) {
            return call;
        }
    }
    return NULL;
}

/* A call may be freed by its own `done`, and others may come. */
static void answer_waiting(struct looking *looking)
{
    struct look_call *call = NULL;
    while ((call = next_answered(looking)) != NULL) {
        answer(call);
    }
}

static void begin(struct looking *looking);

static void look_done(struct work *work)
{
    struct looking *looking = CONTAINER_OF(work, struct looking, work);
    looking->under_way = false;
    take_found(looking);
    if (!work->cancelled && !looking->plugins->stopping) {
        drop_gone(looking);
    }
    answer_waiting(looking);
    if (!list_empty(&looking->waiting) && !looking->under_way) {
        begin(looking);
    }
}

static void begin(struct looking *looking)
{
    struct plugins *plugins = looking->plugins;
    arena_reset(&looking->arena);
    map_deinit(&looking->known);
    map_init(&looking->known);
    for (size_t i = 0; i < plugins->count; i++) {
        (void)map_set(&looking->known, str_from(plugins->list[i]->name), looking);
    }
    looking->found = ARENA_ARRAY(&looking->arena, struct plugin *, PLUGINS_MAX);
    looking->seen = ARENA_ARRAY(&looking->arena, struct str, PLUGINS_MAX);
    looking->found_count = looking->seen_count = 0;
    looking->looks++;
    looking->work = (struct work){
        .reply = loop_mailbox(plugins->options.loop), .run = look_run, .done = look_done};
    looking->under_way = lane_submit(plugins->lane, &looking->work) == OK;
}

static void on_late(struct timer *timer)
{
    answer(CONTAINER_OF(timer, struct look_call, timer));
}

void plugins_look(struct plugins *plugins, struct look_call *call)
{
    if (plugins->looking == NULL) {
        plugins->looking = mem_zalloc(sizeof(*plugins->looking));
        plugins->looking->plugins = plugins;
        arena_init(&plugins->looking->arena);
        map_init(&plugins->looking->known);
        list_init(&plugins->looking->waiting);
    }
    struct looking *looking = plugins->looking;
    call->plugins = plugins;
    call->look = looking->looks + 1;
    timer_init_real(&call->timer, plugins->options.loop, on_late);
    timer_start(&call->timer, plugins->stopping ? 0 : LOOK_MOST_MS);
    list_push(&looking->waiting, &call->waiting);
    if (!looking->under_way && !plugins->stopping) {
        begin(looking);
    }
}

void look_cancel(struct plugins *plugins)
{
    if (plugins->looking != NULL) {
        answer_waiting(plugins->looking);
    }
}

bool look_busy(const struct plugins *plugins)
{
    return plugins->looking != NULL &&
           (plugins->looking->under_way || !list_empty(&plugins->looking->waiting));
}

void look_close(struct plugins *plugins)
{
    if (plugins->looking != NULL) {
        ASSERT(!look_busy(plugins));
        map_deinit(&plugins->looking->known);
        arena_deinit(&plugins->looking->arena);
        mem_free(plugins->looking);
        plugins->looking = NULL;
    }
}
