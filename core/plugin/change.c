/* Changes of plugins: one at a time, each a small machine (change.h) that never blocks the loop.
 * Loop thread. */
#include "change.h"

#include "proxenos/base_log.h"

static const unsigned allowed[CHANGE_STATE_COUNT] = {
    [CHANGE_WAITING] = 1U << CHANGE_READING | 1U << CHANGE_LOADING | 1U << CHANGE_COUNTING |
                       1U << CHANGE_LEAVING | 1U << CHANGE_UNDOING | 1U << CHANGE_DONE,
    [CHANGE_READING] = 1U << CHANGE_UNPACKING | 1U << CHANGE_APPLYING | 1U << CHANGE_STORING |
                       1U << CHANGE_UNDOING | 1U << CHANGE_DONE,
    [CHANGE_UNPACKING] = 1U << CHANGE_APPLYING | 1U << CHANGE_UNDOING,
    [CHANGE_APPLYING] =
        1U << CHANGE_LOADING | 1U << CHANGE_COUNTING | 1U << CHANGE_UNDOING | 1U << CHANGE_DONE,
    [CHANGE_LOADING] = 1U << CHANGE_LEAVING | 1U << CHANGE_UNDOING,
    [CHANGE_COUNTING] = 1U << CHANGE_LEAVING | 1U << CHANGE_STORING | 1U << CHANGE_UNDOING,
    [CHANGE_LEAVING] =
        1U << CHANGE_HANDING | 1U << CHANGE_COUNTING | 1U << CHANGE_STORING | 1U << CHANGE_UNDOING,
    [CHANGE_HANDING] = 1U << CHANGE_STORING | 1U << CHANGE_UNDOING,
    [CHANGE_STORING] =
        1U << CHANGE_JOINING | 1U << CHANGE_APPLYING | 1U << CHANGE_UNDOING | 1U << CHANGE_DONE,
    [CHANGE_JOINING] = 1U << CHANGE_DONE | 1U << CHANGE_UNDOING,
    [CHANGE_UNDOING] = 1U << CHANGE_DONE,
};

void change_move(struct change *change, enum change_state next)
{
    static const char *const names[CHANGE_STATE_COUNT] = {
        "waiting", "reading", "unpacking", "applying", "loading", "counting",
        "leaving", "handing", "storing",   "joining",  "undoing", "done"};
    ASSERT((allowed[change->state] & (1U << next)) != 0);
    log_debug("plugin", "change plugin=%s from=%s to=%s", change->plugin->name,
              names[change->state], names[next]);
    change->state = next;
}

struct change *change_new(struct plugins *plugins, enum change_kind kind, struct plugin *plugin)
{
    ASSERT(plugin != NULL);
    struct change *change = mem_zalloc(sizeof(*change));
    change->plugins = plugins;
    change->kind = kind;
    change->plugin = plugin;
    change->state = CHANGE_WAITING;
    list_node_init(&change->queued);
    arena_init(&change->arena);
    change_recall(change);
    return change;
}

void change_recall(struct change *change)
{
    const struct plugin *plugin = change->plugin;
    change->remembered = change->before = plugin->remembered;
    change->before.can = plugin->remembered.can == NULL
                             ? NULL
                             : arena_cstr(&change->arena, str_from(plugin->remembered.can));
    (void)snprintf(change->folder, sizeof(change->folder), "%s", plugin->folder);
}

static void change_free(struct change *change)
{
    if (change->next != NULL && change->plugin->edition != change->next) {
        edition_free(change->next);
    }
    install_forget(change);
    uninstall_forget(change);
    arena_deinit(&change->arena);
    mem_free(change);
}

void change_work(struct change *change, void (*run)(struct work *work, void *thread),
                 void (*done)(struct work *work))
{
    change->work = (struct work){
        .reply = loop_mailbox(change->plugins->options.loop), .run = run, .done = done};
    enum err err = lane_submit(change->plugins->lane, &change->work);
    if (err != OK) {
        change_fail(change, err, NULL);
    }
}

/* ---- the queue ---- */

/* The version of an automation is the beginning of its text's hash. */
static void begin_automation(struct change *change)
{
    struct plugin *plugin = change->plugin;
    struct remembered *next = &change->remembered;
    char version[PLUGIN_VERSION_MAX + 1];
    (void)snprintf(version, sizeof(version), "%.*s", PLUGIN_VERSION_MAX, plugin->hash);
    change->silent = strcmp(next->version, version) == 0;
    (void)snprintf(next->version, sizeof(next->version), "%s", version);
    change_read(change);
}

/* What can be seen to be wrong before anything is read. */
static enum err check_begin(const struct change *change, struct error *error)
{
    const struct plugin *plugin = change->plugin;
    bool going = change->kind == CHANGE_UNINSTALL || change->kind == CHANGE_REMOVED;
    if (list_node_linked(&plugin->in_gone)) {
        return error_set(error, ERR_NOT_FOUND, "%s is gone", plugin->name);
    }
    if (plugin->removal != RECORDS_BY_MANIFEST && !going) {
        return error_set(error, ERR_CONFLICT,
                         "%s is being uninstalled: wait for that job to end, or uninstall it again "
                         "when the job has failed",
                         plugin->name);
    }
    if (change->kind == CHANGE_REMOVED && plugin->status != PLUGIN_REMOVING) {
        return error_set(error, ERR_CONFLICT, "%s is not being uninstalled", plugin->name);
    }
    if (change->kind == CHANGE_RELOAD && plugin->status == PLUGIN_DISABLED) {
        return error_set(error, ERR_CONFLICT, "plugin %s is not enabled", plugin->name);
    }
    return change->kind == CHANGE_DISABLE ? plugin_not_needed(plugin, false, error) : OK;
}

static void begin_kind(struct change *change)
{
    switch (change->kind) {
    case CHANGE_BOOT:
        change->next = change->plugin->edition;
        change_load(change);
        break;
    case CHANGE_AUTOMATION:
        begin_automation(change);
        break;
    case CHANGE_REMOVED:
        change->remembered = (struct remembered){.known = true};
        change_leave(change);
        break;
    case CHANGE_GONE:
    case CHANGE_DISABLE:
        change_leave(change);
        break;
    case CHANGE_INSTALL:
        install_begin(change);
        break;
    case CHANGE_ROLLBACK:
        rollback_begin(change);
        break;
    case CHANGE_UNINSTALL:
        uninstall_begin(change);
        break;
    case CHANGE_ENABLE:
    case CHANGE_RELOAD:
    case CHANGE_GRANT:
        change_read(change);
        break;
    }
}

static void begin(struct change *change)
{
    struct error error = {0};
    enum err err = check_begin(change, &error);
    if (err != OK) {
        change_fail(change, err, &error);
    } else {
        begin_kind(change);
    }
}

static void pump(struct plugins *plugins)
{
    if (plugins->change != NULL) {
        return;
    }
    struct list_node *node = list_pop(&plugins->changes);
    if (node == NULL) {
        return;
    }
    plugins->changes_waiting--;
    plugins->change = CONTAINER_OF(node, struct change, queued);
    begin(plugins->change);
}

static void on_queued(struct message *message)
{
    struct plugins *plugins = CONTAINER_OF(message, struct plugins, changes_message);
    plugins->changes_posted = false;
    pump(plugins);
}

void changes_init(struct plugins *plugins)
{
    list_init(&plugins->changes);
    plugins->changes_message.deliver = on_queued;
}

void change_queue(struct change *change)
{
    struct plugins *plugins = change->plugins;
    list_push(&plugins->changes, &change->queued);
    plugins->changes_waiting++;
    if (!plugins->changes_posted) {
        plugins->changes_posted = true;
        mailbox_post(loop_mailbox(plugins->options.loop), &plugins->changes_message);
    }
}

/* ---- ending ---- */

static void answer(struct change *change)
{
    struct change_call *call = change->call;
    if (call != NULL) {
        call->err = change->err;
        call->error = change->error;
        call->done(call);
    } else if (change->ended != NULL) {
        change->ended(change);
    }
}

/* Off the list: its files are gone, or never were. */
static void leave_list(struct change *change)
{
    struct plugin *plugin = change->plugin;
    struct plugins *plugins = change->plugins;
    bool gone = change->err == OK && (change->kind == CHANGE_GONE ||
                                      (change->next == NULL && change->kind == CHANGE_UNINSTALL &&
                                       plugin->removal == RECORDS_BY_MANIFEST) ||
                                      change->kind == CHANGE_REMOVED);
    if (!gone && !(change->err != OK && change->fresh)) {
        return;
    }
    if (change->kind != CHANGE_GONE) {
        installed_prune(plugins, plugin->name, "", "");
    }
    plugin_leave(plugin);
    if (change->kind == CHANGE_GONE) {
        automations_look(plugins); /* the file may be there again */
    }
}

void change_end(struct change *change)
{
    struct plugins *plugins = change->plugins;
    change_move(change, CHANGE_DONE);
    guard_loaded(change->plugin);
    plugins->change = NULL;
    answer(change);
    leave_list(change);
    change_free(change);
    pump(plugins);
}

void changes_cancel(struct plugins *plugins)
{
    struct list_node *node = NULL;
    while ((node = list_pop(&plugins->changes)) != NULL) {
        struct change *change = CONTAINER_OF(node, struct change, queued);
        change->err = error_set(&change->error, ERR_STOPPING, "the service is stopping");
        answer(change);
        change_free(change);
    }
    plugins->changes_waiting = 0;
}

bool changes_over(const struct plugins *plugins)
{
    return plugins->change == NULL && !plugins->changes_posted;
}
