/* Runs of a plugin's flows, gone through again by the plugin that runs now; and answers that never
 * come before the call that asked returns. Loop thread. */
#include "internal.h"

/* ---- answering later ---- */

struct answering {
    struct message message;
    void (*answer)(void *call);
    void *call;
};

static void on_answer(struct message *message)
{
    struct answering *answering = CONTAINER_OF(message, struct answering, message);
    void (*answer)(void *call) = answering->answer;
    void *call = answering->call;
    mem_free(answering);
    answer(call);
}

void plugins_answer_later(struct plugins *plugins, void (*answer)(void *call), void *call)
{
    struct answering *answering = mem_zalloc(sizeof(*answering));
    answering->message.deliver = on_answer;
    answering->answer = answer;
    answering->call = call;
    mailbox_post(loop_mailbox(plugins->options.loop), &answering->message);
}

/* ---- looks ---- */

struct looking {
    struct bind_look bind;
    struct flow_look_call *call;
};

static void on_looked(struct bind_look *bind)
{
    struct flow_look_call *look = CONTAINER_OF(bind, struct looking, bind)->call;
    look->err = bind->err;
    look->error = bind->error;
    look->output = bind->output;
    look->difference = bind->difference;
    look->bundle = bind->bundle;
    look->generation = bind->generation;
    look->pages = bind->pages;
    look->done(look);
}

static void tell_look(void *call)
{
    struct flow_look_call *look = call;
    look->done(look);
}

void plugins_flow_look(struct plugins *plugins, struct flow_look_call *look)
{
    const struct plugin *plugin = plugins_find(plugins, look->plugin);
    bool runs = plugin != NULL && plugin->status == PLUGIN_RUNNING && plugin->edition->started &&
                !bind_host_suspended(plugin->edition->host);
    if (!runs) {
        look->err = error_set(&look->error, ERR_SUSPENDED,
                              "the plugin " STR_FORMAT " does not run: its runs cannot be asked",
                              STR_ARGS(str_sub(look->plugin, 0, 100)));
        plugins_answer_later(plugins, tell_look, look);
        return;
    }
    struct looking *looking = ARENA_NEW(look->arena, struct looking);
    looking->call = look;
    looking->bind = (struct bind_look){.host = plugin->edition->host,
                                       .run = look->run,
                                       .history = look->history,
                                       .newest = look->newest,
                                       .query = look->query,
                                       .input = look->input,
                                       .arena = look->arena,
                                       .done = on_looked};
    bind_look(&looking->bind);
}
