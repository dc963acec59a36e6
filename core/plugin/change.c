/* Changes of plugins: one at a time, each a small machine (change.h) that never blocks the loop;
 * what fails is undone. Loop thread, but for what `run` functions do on the lane. */
#include "change.h"

#include "proxenos/base_log.h"

static const unsigned allowed[CHANGE_STATE_COUNT] = {
    [CHANGE_WAITING] =
        1U << CHANGE_READING | 1U << CHANGE_LOADING | 1U << CHANGE_LEAVING | 1U << CHANGE_UNDOING,
    [CHANGE_READING] = 1U << CHANGE_APPLYING | 1U << CHANGE_UNDOING,
    [CHANGE_APPLYING] = 1U << CHANGE_LOADING | 1U << CHANGE_UNDOING | 1U << CHANGE_DONE,
    [CHANGE_LOADING] = 1U << CHANGE_LEAVING | 1U << CHANGE_UNDOING,
    [CHANGE_LEAVING] = 1U << CHANGE_HANDING | 1U << CHANGE_STORING | 1U << CHANGE_UNDOING,
    [CHANGE_HANDING] = 1U << CHANGE_STORING | 1U << CHANGE_UNDOING,
    [CHANGE_STORING] = 1U << CHANGE_JOINING | 1U << CHANGE_APPLYING | 1U << CHANGE_UNDOING,
    [CHANGE_JOINING] = 1U << CHANGE_DONE | 1U << CHANGE_UNDOING,
    [CHANGE_UNDOING] = 1U << CHANGE_DONE,
};

void change_move(struct change *change, enum change_state next)
{
    static const char *const names[CHANGE_STATE_COUNT] = {
        "waiting", "reading", "applying", "loading", "leaving",
        "handing", "storing", "joining",  "undoing", "done"};
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
    change->remembered = plugin->remembered;
    return change;
}

static void change_free(struct change *change)
{
    if (change->next != NULL && change->plugin->edition != change->next) {
        edition_free(change->next);
    }
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

static void begin(struct change *change)
{
    struct error error = {0};
    const struct plugin *plugin = change->plugin;
    enum err err = OK;
    if (list_node_linked(&plugin->in_gone)) {
        err = error_set(&error, ERR_NOT_FOUND, "%s is gone", plugin->name);
        change_fail(change, err, &error);
        return;
    }
    switch (change->kind) {
    case CHANGE_BOOT:
        change->next = change->plugin->edition;
        change_load(change);
        return;
    case CHANGE_AUTOMATION:
        begin_automation(change);
        return;
    case CHANGE_GONE:
        change_leave(change);
        return;
    case CHANGE_DISABLE:
        err = plugin_not_needed(plugin, &error);
        if (err == OK) {
            change_leave(change);
        }
        break;
    case CHANGE_RELOAD:
        if (plugin->status == PLUGIN_DISABLED) {
            err = error_set(&error, ERR_CONFLICT, "plugin %s is not enabled", plugin->name);
            break;
        }
        change_read(change);
        break;
    case CHANGE_ENABLE:
        change_read(change);
        break;
    }
    if (err != OK) {
        change_fail(change, err, &error);
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

/* ---- failing and ending ---- */

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

void change_end(struct change *change)
{
    struct plugins *plugins = change->plugins;
    change_move(change, CHANGE_DONE);
    plugins->change = NULL;
    answer(change);
    if (change->kind == CHANGE_GONE && change->err == OK) {
        plugin_leave(change->plugin);
        automations_look(plugins); /* the file may be there again */
    }
    change_free(change);
    pump(plugins);
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
    bool keeps_old = old->started || next == NULL || next == old;
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
    if (schemas_apply(change->plugins, change->sources, change->source_count, &error) != OK) {
        log_error("plugin", "the object types could not be put back plugin=%s error=\"%s\"",
                  change->plugin->name, error.detail);
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
    bool asked_only = change->err == ERR_APPROVAL || change->err == ERR_CONFLICT;
    bool off = change->kind == CHANGE_DISABLE || change->kind == CHANGE_GONE;
    if (plugin->plugins->stopping || asked_only || off) {
        return;
    }
    if (runs) {
        plugin->error = change->error;
        log_error("plugin", "a plugin was not reloaded plugin=%s code=%s error=\"%s\" at=\"%s\"",
                  plugin->name, err_code(change->err), change->error.detail, change->error.pointer);
    } else {
        plugin_fail(plugin, &change->error);
    }
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
    if (!change->applied) {
        put_back(change);
        return;
    }
    change->sources =
        schemas_gather(change->plugins, &change->arena, NULL, NULL, &change->source_count);
    change->work = (struct work){
        .reply = loop_mailbox(change->plugins->options.loop), .run = undo_run, .done = undo_done};
    if (lane_submit(change->plugins->lane, &change->work) != OK) {
        put_back(change);
    }
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

/* ---- from outside ---- */

struct refusal {
    struct message message;
    struct change_call *call;
};

static void on_refused(struct message *message)
{
    struct refusal *refusal = CONTAINER_OF(message, struct refusal, message);
    struct change_call *call = refusal->call;
    mem_free(refusal);
    call->done(call);
}

static void refuse(struct plugins *plugins, struct change_call *call)
{
    struct refusal *refusal = mem_zalloc(sizeof(*refusal));
    refusal->call = call;
    refusal->message.deliver = on_refused;
    mailbox_post(loop_mailbox(plugins->options.loop), &refusal->message);
}

void plugins_change(struct plugins *plugins, struct change_call *call)
{
    struct plugin *plugin = plugins_find(plugins, call->plugin);
    call->err = OK;
    call->error = (struct error){.err = OK};
    call->difference = value_null();
    if (plugin == NULL) {
        call->err = error_set(&call->error, ERR_NOT_FOUND, "there is no plugin \"" STR_FORMAT "\"",
                              STR_ARGS(str_sub(call->plugin, 0, 60)));
    } else if (plugins->stopping) {
        call->err = error_set(&call->error, ERR_STOPPING, "the service is stopping");
    } else if (plugins->changes_waiting >= CHANGES_MAX) {
        call->err =
            error_set(&call->error, ERR_BUSY, "%d changes of plugins wait already", CHANGES_MAX);
    }
    if (call->err != OK) {
        refuse(plugins, call);
        return;
    }
    struct change *change = change_new(plugins, (enum change_kind)call->kind, plugin);
    change->call = call;
    change_queue(change);
}
