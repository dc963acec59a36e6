/* Changes asked for from outside: refused at once, or put behind those that wait. Loop thread. */
#include "change.h"

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

void change_refuse(struct plugins *plugins, struct change_call *call)
{
    struct refusal *refusal = mem_zalloc(sizeof(*refusal));
    refusal->call = call;
    refusal->message.deliver = on_refused;
    mailbox_post(loop_mailbox(plugins->options.loop), &refusal->message);
}

/* A folder may have appeared: one look, then the answer is final. */
struct searching {
    struct look_call look;
    struct plugins *plugins;
    struct change_call *call;
};

static void on_looked(struct look_call *look)
{
    struct searching *searching = CONTAINER_OF(look, struct searching, look);
    struct plugins *plugins = searching->plugins;
    struct change_call *call = searching->call;
    mem_free(searching);
    struct plugin *plugin = plugins_find(plugins, call->plugin);
    if (plugins->stopping) {
        call->err = error_set(&call->error, ERR_STOPPING, "the service is stopping");
    } else if (plugin == NULL) {
        call->err = error_set(&call->error, ERR_NOT_FOUND, "there is no plugin \"" STR_FORMAT "\"",
                              STR_ARGS(str_sub(call->plugin, 0, 60)));
    } else {
        struct change *change = change_new(plugins, (enum change_kind)call->kind, plugin);
        change->call = call;
        change_queue(change);
        return;
    }
    call->done(call);
}

static void search(struct plugins *plugins, struct change_call *call)
{
    struct searching *searching = mem_zalloc(sizeof(*searching));
    searching->plugins = plugins;
    searching->call = call;
    searching->look.done = on_looked;
    plugins_look(plugins, &searching->look);
}

void plugins_change(struct plugins *plugins, struct change_call *call)
{
    struct plugin *plugin =
        call->kind == PLUGIN_INSTALL ? NULL : plugins_find(plugins, call->plugin);
    call->err = OK;
    call->error = (struct error){.err = OK};
    call->difference = value_null();
    call->migrations = value_null();
    call->backup = STR("");
    if (plugins->stopping) {
        call->err = error_set(&call->error, ERR_STOPPING, "the service is stopping");
    } else if (plugins->changes_waiting >= CHANGES_MAX) {
        call->err =
            error_set(&call->error, ERR_BUSY, "%d changes of plugins wait already", CHANGES_MAX);
    }
    if (call->err != OK) {
        change_refuse(plugins, call);
    } else if (call->kind == PLUGIN_INSTALL) {
        install_call(plugins, call);
    } else if (plugin == NULL) {
        search(plugins, call);
    } else {
        struct change *change = change_new(plugins, (enum change_kind)call->kind, plugin);
        change->call = call;
        change_queue(change);
    }
}
