/* Lua given by a caller: `run` (a file, once) and the shell (line by line, in one state). Each has
 * a state of its own, with the rights that the caller and an automation have both, and stands in
 * the log before it runs. Loop thread; heads are read on the lane. */
#include "internal.h"

enum { SHELLS_MAX = 16, SHELL_IDLE_MS = 900000, LOAD_MS = 30000 };

/* A state for given Lua: a plugin that is in no list. */
struct runner {
    struct plugins *plugins;
    struct plugin *plugin;
    struct run_call *call; /* under way; NULL: none */
    struct bind_call bind;
    struct series load;
    struct arena arena; /* of one call */
    struct work work;
    struct unit unit;
    enum err err;
    struct error error;
    bool loaded;
    /* of a shell */
    struct list_node in_shells;
    int64_t id;
    struct str actor;
    struct arena own;
    bool write;
    struct timer idle;
};

static const char source_name[] = "input";

/* ---- making and ending ---- */

static struct runner *runner_new(struct plugins *plugins, const char *name)
{
    struct runner *runner = mem_zalloc(sizeof(*runner));
    runner->plugins = plugins;
    arena_init(&runner->arena);
    arena_init(&runner->own);
    list_node_init(&runner->in_shells);
    runner->plugin = plugin_new(plugins, str_from(name));
    plugins->runners++;
    return runner;
}

/* The state ends in its own time, and the plugin with it. */
static void runner_free(struct runner *runner)
{
    struct plugin *plugin = runner->plugin;
    runner->plugins->runners--;
    list_remove(&runner->in_shells);
    if (runner->id != 0) {
        timer_deinit(&runner->idle);
    }
    plugin->temporary = true;
    if (plugin->edition->host != NULL) {
        edition_retire(plugin->edition);
    } else {
        plugin_free(plugin);
    }
    arena_deinit(&runner->arena);
    arena_deinit(&runner->own);
    mem_free(runner);
}

static void answer(struct runner *runner, enum err err, const struct error *error)
{
    struct run_call *call = runner->call;
    runner->call = NULL;
    call->err = err;
    call->error = error != NULL ? *error : (struct error){.err = err};
    call->error.next = NULL;
    if (err != OK && call->error.err == OK) {
        (void)error_set(&call->error, err, "%s", err_text(err));
    }
    bool ends = runner->id == 0 || call->end || !runner->loaded || runner->plugins->stopping;
    call->session = ends ? 0 : runner->id;
    if (ends) {
        runner_free(runner);
    } else {
        timer_start(&runner->idle, SHELL_IDLE_MS);
    }
    call->done(call);
}

/* ---- the run ---- */

static void on_ran(struct bind_call *bind)
{
    struct runner *runner = CONTAINER_OF(bind, struct runner, bind);
    struct run_call *call = runner->call;
    call->output = arena_str(call->arena, bind->text);
    call->traceback = arena_str(call->arena, str_from(bind->traceback));
    call->exit_code =
        bind->output.kind == VALUE_INT ? (int)MIN(MAX(bind->output.integer, 0), 255) : 0;
    struct error error = bind->error;
    answer(runner, bind->err, bind->err != OK ? &error : NULL);
}

static void run(struct runner *runner)
{
    struct run_call *call = runner->call;
    runner->bind =
        (struct bind_call){.host = runner->plugin->edition->host,
                           .scope = call->scope,
                           .request = call->request,
                           .input = call->args,
                           .source = call->source,
                           .source_name = call->file.len > 0 ? call->file : str_from(source_name),
                           .prints_results = runner->id != 0,
                           .arena = &runner->arena,
                           .done = on_ran};
    if (runner->bind.input.kind != VALUE_LIST) {
        runner->bind.input = value_list_new();
    }
    bind_call(&runner->bind);
}

static void on_loaded(struct series *series)
{
    struct runner *runner = CONTAINER_OF(series, struct runner, load);
    if (series->err != OK) {
        answer(runner, series->err, &series->error);
        return;
    }
    runner->loaded = true;
    run(runner);
}

static void open_state(struct runner *runner)
{
    struct edition *edition = runner->plugin->edition;
    struct error error = {0};
    if (runner->loaded) {
        run(runner);
        return;
    }
    edition->read_only = runner->id != 0 && !runner->write;
    enum err err = edition_open(edition, &error);
    if (err != OK) {
        answer(runner, err, &error);
        return;
    }
    runner->load = (struct series){.edition = edition,
                                   .kind = BIND_KIND_COUNT,
                                   .most_ms = LOAD_MS,
                                   .arena = &runner->arena,
                                   .done = on_loaded};
    series_run(&runner->load);
}

/* ---- first the log ---- */

static enum err log_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    const struct runner *runner = CONTAINER_OF(unit, struct runner, unit);
    const struct run_call *call = runner->call;
    struct arena *arena = tx_arena(tx);
    unsigned char hash[HASH_BYTES];
    char text[2 * HASH_BYTES + 1];
    struct value data = value_map_new();
    if (runner->id != 0) {
        value_put_c(arena, &data, "session", value_id(runner->id));
        value_put_c(arena, &data, "code", value_text(str_sub(call->source, 0, RUN_LOGGED_MAX)));
        value_put_c(arena, &data, "write", value_bool(runner->write));
        return tx_emit(tx, STR("shell.ran"), &data, error);
    }
    hash_of(call->source.at, call->source.len, hash);
    hash_text(hash, text);
    value_put_c(arena, &data, "file", value_text(call->file));
    value_put_c(arena, &data, "hash", value_text(arena_str(arena, str_from(text))));
    value_put_c(arena, &data, "args", call->args);
    value_put_c(arena, &data, "can", runner->plugin->edition->manifest.can);
    return tx_emit(tx, STR("run.started"), &data, error);
}

static void log_done(struct unit *unit)
{
    struct runner *runner = CONTAINER_OF(unit, struct runner, unit);
    enum err err = unit->err;
    struct error error = unit->error;
    unit_deinit(unit);
    if (err != OK) {
        answer(runner, err, &error);
    } else {
        open_state(runner);
    }
}

static void write_log(struct runner *runner)
{
    runner->unit = (struct unit){.reply = loop_mailbox(runner->plugins->options.loop),
                                 .apply = log_apply,
                                 .done = log_done,
                                 .scope = runner->call->scope,
                                 .request = runner->call->request};
    enum err err = store_submit(runner->plugins->options.store, &runner->unit);
    if (err != OK) {
        answer(runner, err, NULL);
    }
}

/* ---- a file ---- */

static void read_run(struct work *work, void *thread)
{
    struct runner *runner = CONTAINER_OF(work, struct runner, work);
    const struct run_call *call = runner->call;
    struct str file = call->file.len > 0 ? call->file : str_from(source_name);
    (void)thread;
    runner->err = edition_take_head(runner->plugin->edition, arena_cstr(&runner->arena, file),
                                    call->head, &runner->error);
}

static void read_done(struct work *work)
{
    struct runner *runner = CONTAINER_OF(work, struct runner, work);
    enum err err = work->cancelled ? ERR_STOPPING : runner->err;
    if (err == OK) {
        err = edition_fits(runner->plugin->edition, &runner->error);
    }
    if (err != OK) {
        answer(runner, err, &runner->error);
    } else {
        write_log(runner);
    }
}

static void begin(struct runner *runner, struct run_call *call)
{
    runner->call = call;
    arena_reset(&runner->arena);
    if (runner->loaded) {
        write_log(runner);
        return;
    }
    runner->work = (struct work){
        .reply = loop_mailbox(runner->plugins->options.loop), .run = read_run, .done = read_done};
    enum err err = lane_submit(runner->plugins->lane, &runner->work);
    if (err != OK) {
        answer(runner, err, NULL);
    }
}

/* ---- shells ---- */

static void on_idle(struct timer *timer)
{
    runner_free(CONTAINER_OF(timer, struct runner, idle));
}

static struct runner *find_shell(struct plugins *plugins, const struct run_call *call)
{
    list_foreach (node, &plugins->shells) {
        struct runner *runner = CONTAINER_OF(node, struct runner, in_shells);
        if (runner->id == call->session && str_eq(runner->actor, call->scope->actor)) {
            return runner;
        }
    }
    return NULL;
}

static struct runner *new_shell(struct plugins *plugins, const struct run_call *call)
{
    struct runner *runner = runner_new(plugins, "shell");
    runner->id = ids_next(store_ids(plugins->options.store));
    runner->actor = arena_str(&runner->own, call->scope->actor);
    runner->write = call->write;
    timer_init_real(&runner->idle, plugins->options.loop, on_idle);
    list_push(&plugins->shells, &runner->in_shells);
    return runner;
}

void shells_close(struct plugins *plugins)
{
    list_foreach (node, &plugins->shells) {
        struct runner *runner = CONTAINER_OF(node, struct runner, in_shells);
        if (runner->call == NULL) {
            runner_free(runner);
        }
    }
}

struct refusal {
    struct message message;
    struct run_call *call;
};

static void on_refused(struct message *message)
{
    struct refusal *refusal = CONTAINER_OF(message, struct refusal, message);
    struct run_call *call = refusal->call;
    mem_free(refusal);
    call->done(call);
}

static void refuse(struct plugins *plugins, struct run_call *call)
{
    struct refusal *refusal = mem_zalloc(sizeof(*refusal));
    refusal->call = call;
    refusal->message.deliver = on_refused;
    mailbox_post(loop_mailbox(plugins->options.loop), &refusal->message);
}

/* The shell that the call names, or a new one; NULL after saying why not. */
static struct runner *choose_shell(struct plugins *plugins, struct run_call *call)
{
    struct runner *runner = call->session != 0 ? find_shell(plugins, call) : NULL;
    if (call->session != 0 && runner == NULL) {
        call->err = error_set(&call->error, ERR_NOT_FOUND,
                              "this shell has ended; begin a new one without its number");
    } else if (runner != NULL && runner->call != NULL) {
        call->err = error_set(&call->error, ERR_BUSY, "this shell runs another line");
    } else if (runner == NULL && list_count(&plugins->shells) >= SHELLS_MAX) {
        call->err = error_set(&call->error, ERR_BUSY, "%d shells are open already", SHELLS_MAX);
    }
    return call->err == OK && runner == NULL ? new_shell(plugins, call) : runner;
}

void plugins_run(struct plugins *plugins, struct run_call *call)
{
    struct runner *runner = NULL;
    call->err = OK;
    call->error = (struct error){.err = OK};
    call->output = call->traceback = STR("");
    call->exit_code = 0;
    if (plugins->stopping) {
        call->err = error_set(&call->error, ERR_STOPPING, "the service is stopping");
    } else if (call->source.len > LUA_SOURCE_MAX) {
        call->err = error_set(&call->error, ERR_LIMIT, "a file of Lua has at most %d KiB",
                              LUA_SOURCE_MAX >> 10);
    } else if (call->shell) {
        runner = choose_shell(plugins, call);
    } else {
        runner = runner_new(plugins, "run");
    }
    if (call->err != OK || runner == NULL) {
        refuse(plugins, call);
        return;
    }
    if (runner->id != 0) {
        timer_stop(&runner->idle);
    }
    begin(runner, call);
}
