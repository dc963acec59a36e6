/* Hosts: a plugin's state between loads, kills and its end. The executor loads and revives; the
 * loop makes, is told of suspensions, and closes. */
#include "flow.h"
#include "secret.h"
#include "usage.h"

#include "proxenos/base_log.h"

/* ---- what others ask ---- */

struct str bind_host_name(const struct bind_host *host)
{
    return host->rights.name;
}

bool bind_host_suspended(const struct bind_host *host)
{
    return atomic_load(&host->suspended);
}

void bind_host_on_suspend(struct bind_host *host, void (*suspended)(void *context), void *context)
{
    host->on_suspend = suspended;
    host->on_suspend_context = context;
}

void bind_host_metrics(const struct bind_host *host, struct lua_metrics *out_metrics)
{
    lua_host_metrics(host->lua, out_metrics);
}

const struct bind_registration *bind_host_registrations(const struct bind_host *host,
                                                        size_t *out_count)
{
    *out_count = host->registration_count;
    return host->registrations;
}

int64_t bind_host_busy(const struct bind_host *host)
{
    return atomic_load(&host->busy);
}

void bind_host_stopping(struct bind_host *host)
{
    atomic_store(&host->stopping, true);
}

struct executor *host_executor(const struct bind_host *host)
{
    return lua_host_executor_context(host->lua);
}

struct store *host_store(const struct bind_host *host)
{
    return host->bind->options.store;
}

enum err host_scope(struct bind_host *host, const struct scope **out_scope, struct error *error)
{
    if (host_store(host) == NULL) {
        *out_scope = NULL;
        return OK;
    }
    const struct schema *schema = store_schema(host_store(host));
    bool current = host->scope != NULL && host->scope->schema == schema;
    schema_unref(schema);
    /* Keepers let a plugin in and put it out while it runs. */
    if (host->rights.compartments.len > 0) {
        int64_t generation = auth_generation(host->bind->options.auth);
        current = current && generation == host->scope_generation;
        host->scope_generation = generation;
    }
    if (!current) {
        const struct scope *scope =
            auth_plugin_scope(host->bind->options.auth, &host->rights, error);
        if (scope == NULL) {
            return error == NULL ? ERR_CAPABILITY : error->err;
        }
        if (host->scope != NULL) {
            scope_unref(host->scope);
        }
        host->scope = scope;
    }
    *out_scope = host->scope;
    return OK;
}

/* ---- ready or not ---- */

static void answer_suspended(struct bind_host *host, struct deferred *deferred)
{
    struct error error;
    enum err err =
        error_set(&error, ERR_SUSPENDED, "plugin %s is suspended or could not start", host->name);
    deferred->run(deferred, err, &error);
}

bool host_is_ready(struct bind_host *host, struct deferred *deferred)
{
    if (host->ready) {
        return true;
    }
    if (host->load != NULL || host->revived) {
        list_node_init(&deferred->waiting);
        list_push(&host->deferred, &deferred->waiting);
    } else {
        answer_suspended(host, deferred);
    }
    return false;
}

static void run_deferred(struct bind_host *host)
{
    struct list_node *node = NULL;
    while ((node = list_pop(&host->deferred)) != NULL) {
        struct deferred *deferred = CONTAINER_OF(node, struct deferred, waiting);
        if (host->ready) {
            deferred->run(deferred, OK, NULL);
        } else {
            answer_suspended(host, deferred);
        }
    }
}

/* ---- load ---- */

static void load_ended(struct bind_host *host, enum err err, const struct error *error,
                       struct str traceback)
{
    struct load *load = host->load;
    host->load = NULL;
    host->ready = err == OK;
    host->broken = err != OK;
    host->revived = false;
    if (err == OK) {
        usage_started(host);
    }
    load->done(load, err, error, traceback);
    run_deferred(host);
}

void host_load(struct bind_host *host, struct load *load)
{
    ASSERT(host->load == NULL);
    load->host = host;
    host->load = load;
    host->ready = host->broken = false;
    struct error error = {0};
    enum err err = lua_host_reset(host->lua, &error);
    if (err == OK) {
        err = load_start(host, load_ended, &error);
    }
    if (err != OK) {
        load_ended(host, err, &error, STR(""));
    }
}

/* ---- kills ---- */

static void on_suspended(struct message *message)
{
    struct bind_host *host = CONTAINER_OF(message, struct bind_host, suspend_message);
    if (host->on_suspend != NULL) {
        host->on_suspend(host->on_suspend_context);
    }
}

/* Counts kills of different causes: one event that kills whatever it meets is retried and becomes a
 * dead letter, it does not suspend the plugin. True when there were too many. */
static bool count_kill(struct bind_host *host)
{
    struct env *env = lua_host_env(host->lua);
    int64_t now_ms = env->now_ms(env);
    int kept = 0;
    bool known = false;
    for (int i = 0; i < host->kill_count; i++) {
        if (now_ms - host->kills[i].at_ms < PLUGIN_KILLS_MS) {
            known = known || host->kills[i].cause == host->kill_cause;
            host->kills[kept++] = host->kills[i];
        }
    }
    host->kill_count = kept;
    if (!known && host->kill_count < PLUGIN_KILLS_MAX) {
        host->kills[host->kill_count].cause = host->kill_cause;
        host->kills[host->kill_count++].at_ms = now_ms;
    }
    return host->kill_count >= PLUGIN_KILLS_MAX;
}

/* On its own heap, since the next one may be posted before the loop has taken this one back. */
struct revive {
    struct lua_job job;
    struct load load;
};

static void suspend(struct bind_host *host)
{
    atomic_store(&host->suspended, true);
    mailbox_post(loop_mailbox(host->bind->options.loop), &host->suspend_message);
}

static void revived(struct load *load, enum err err, const struct error *error,
                    struct str traceback)
{
    (void)traceback;
    if (err != OK) {
        suspend(load->host);
        log_error("plugin", "a plugin could not be started again plugin=%s code=%s error=\"%s\"",
                  load->host->name, err_code(err), error->detail);
    }
    lua_job_finish(&CONTAINER_OF(load, struct revive, load)->job, OK, NULL);
}

static void revive_run(struct lua_job *job)
{
    struct revive *revive = CONTAINER_OF(job, struct revive, job);
    revive->load.done = revived;
    host_load(lua_host_data(job->host), &revive->load);
}

static void revive_done(struct lua_job *job)
{
    struct bind_host *host = lua_host_data(job->host);
    mem_free(CONTAINER_OF(job, struct revive, job));
    atomic_fetch_sub(&host->busy, 1);
}

/* Executor: a state was thrown away. */
static void killed(struct lua_host *lua, enum err err, const struct error *error)
{
    struct bind_host *host = lua_host_data(lua);
    host->ready = false;
    log_warn("plugin", "a plugin was stopped by force plugin=%s code=%s error=\"%s\" at=\"%s\"",
             host->name, err_code(err), error->detail, error->pointer);
    if (host->broken || host->closing) {
        return; /* it was the load, which has told: loaded again, it would be killed again */
    }
    if (count_kill(host)) {
        suspend(host);
        return;
    }
    host->revived = true;
    struct revive *revive = mem_zalloc(sizeof(*revive));
    revive->job.run = revive_run;
    revive->job.done = revive_done;
    revive->job.reply = loop_mailbox(host->bind->options.loop);
    atomic_fetch_add(&host->busy, 1);
    lua_job_post(host->lua, &revive->job);
}

/* ---- the state ---- */

static void setup(struct lua_host *lua, struct lua_State *L)
{
    const struct bind_host *host = lua_host_data(lua);
    size_t count = host->module_count;
    const struct lua_module *const *modules = host->modules;
    if (modules == NULL) {
        modules = bind_modules(&count);
    }
    keep_pcall(L);
    kinds_setup(L);
    secrets_setup(L);
    flow_object_setup(L);
    lua_modules_install(L, modules, count);
    if (host->setup != NULL) {
        host->setup(L);
    }
}

void *bind_context(struct lua_State *L)
{
    const struct bind_host *host = lua_host_data(lua_host_of(L));
    return host->context;
}

static const struct bind_file *find_file(const struct bind_host *host, struct str name)
{
    for (size_t i = 0; i < host->file_count; i++) {
        if (str_eq(host->files[i].name, name)) {
            return &host->files[i];
        }
    }
    return NULL;
}

/* require "scoring" is scoring.lua, require "rules.vat" is rules/vat.lua. */
static enum lua_found resolve(struct lua_host *lua, struct lua_State *L, struct str name)
{
    struct bind_host *host = lua_host_data(lua);
    char path[160];
    if (name.len == 0 || name.len > 120) {
        return LUA_FOUND_NOTHING;
    }
    (void)snprintf(path, sizeof(path), STR_FORMAT ".lua", STR_ARGS(name));
    for (size_t i = 0; i < name.len; i++) {
        if (path[i] == '.') {
            path[i] = '/';
        }
    }
    const struct bind_file *file = find_file(host, str_from(path));
    if (file == NULL) {
        return LUA_FOUND_NOTHING;
    }
    lua_load_text(L, file->text, path);
    return LUA_FOUND_CHUNK;
}

static void print_line(struct lua_host *lua, struct str line)
{
    const struct bind_host *host = lua_host_data(lua);
    if (host->printing != NULL) {
        chunk_print(host->printing, line, "\n");
        return;
    }
    log_info("plugin", "print plugin=%s text=\"" STR_FORMAT "\"", host->name, STR_ARGS(line));
}

/* ---- new and closed ---- */

static const struct str *copy_texts(struct arena *arena, const struct str *texts, size_t count)
{
    struct str *copies = ARENA_ARRAY(arena, struct str, count + 1);
    for (size_t i = 0; i < count; i++) {
        copies[i] = arena_str(arena, texts[i]);
    }
    return copies;
}

static void copy_options(struct bind_host *host, const struct bind_host_options *options)
{
    struct arena *arena = &host->arena;
    host->rights = options->rights;
    host->rights.name = arena_str(arena, options->rights.name);
    host->rights.read = copy_texts(arena, options->rights.read, options->rights.read_count);
    host->rights.write = copy_texts(arena, options->rights.write, options->rights.write_count);
    host->rights.compartments = arena_str(arena, options->rights.compartments);
    host->rights.version = arena_str(arena, options->rights.version);
    host->emit = copy_texts(arena, options->emit, options->emit_count);
    host->emit_count = options->emit_count;
    host->secrets = copy_texts(arena, options->secrets, options->secret_count);
    host->secret_count = options->secret_count;
    host->act_as = options->act_as;
    host->net = copy_texts(arena, options->net, options->net_count);
    host->net_count = options->net_count;
    host->schedule = options->schedule;
    host->mail_send = options->mail_send;
    host->mail_refuse = options->mail_refuse;
    host->config = value_copy(arena, &options->config);
    host->version = arena_str(arena, options->version);
    host->needs = ARENA_ARRAY(arena, struct bind_slot *, options->need_count + 1);
    host->need_count = options->need_count;
    for (size_t i = 0; i < options->need_count; i++) {
        host->needs[i] = options->needs[i];
    }
    struct bind_file *files = ARENA_ARRAY(arena, struct bind_file, options->file_count + 1);
    for (size_t i = 0; i < options->file_count; i++) {
        files[i].name = arena_str(arena, options->files[i].name);
        files[i].text = arena_str(arena, options->files[i].text);
    }
    host->files = files;
    host->file_count = options->file_count;
    host->main = options->main == NULL ? "main.lua" : arena_cstr(arena, str_from(options->main));
    host->read_only = options->read_only;
    host->modules = options->modules;
    host->module_count = options->module_count;
    host->setup = options->setup;
    host->context = options->context;
    (void)snprintf(host->name, sizeof(host->name), STR_FORMAT, STR_ARGS(options->rights.name));
}

struct bind_host *bind_host_new(struct bind *bind, const struct bind_host_options *options)
{
    struct bind_host *host = mem_zalloc(sizeof(*host));
    host->bind = bind;
    arena_init(&host->arena);
    arena_init(&host->config_arena);
    list_init(&host->deferred);
    list_init(&host->batches);
    copy_options(host, options);
    host_read_locales(host);
    host->suspend_message.deliver = on_suspended;
    struct lua_host_options lua = {.name = host->name,
                                   .limits = options->limits,
                                   .setup = setup,
                                   .resolve = resolve,
                                   .print = print_line,
                                   .killed = killed,
                                   .convert = &bind_convert,
                                   .data = host};
    host->lua = lua_host_new(bind->engine, &lua);
    usage_join(bind->usages, host);
    return host;
}

static void free_host(struct bind_host *host)
{
    struct lua_host *lua = host->lua;
    void (*closed)(void *context) = host->on_closed;
    void *context = host->on_closed_context;
    usage_leave(host->bind->usages, host);
    lua_host_free(lua);
    if (host->scope != NULL) {
        scope_unref(host->scope);
    }
    arena_deinit(&host->arena);
    arena_deinit(&host->config_arena);
    mem_free(host);
    closed(context);
}

/* A unit that the writer still has points into the host, though its task is gone. */
static void on_units_looked(struct timer *timer)
{
    enum { LOOK_MS = 2 };
    struct bind_host *host = CONTAINER_OF(timer, struct bind_host, closing_timer);
    if (atomic_load(&host->units) > 0) {
        timer_start(timer, LOOK_MS);
        return;
    }
    timer_deinit(timer);
    free_host(host);
}

static void on_closed(struct lua_host *lua)
{
    struct bind_host *host = lua_host_data(lua);
    timer_init_real(&host->closing_timer, host->bind->options.loop, on_units_looked);
    on_units_looked(&host->closing_timer);
}

static void close_run(struct lua_job *job)
{
    CONTAINER_OF(job, struct bind_host, close_job)->closing = true;
    lua_job_finish(job, OK, NULL);
}

static void close_done(struct lua_job *job)
{
    struct bind_host *host = CONTAINER_OF(job, struct bind_host, close_job);
    lua_host_close(host->lua, loop_mailbox(host->bind->options.loop), on_closed);
}

/* In two steps: first the executor learns that nothing is to be revived any more, since no job may
 * be posted behind lua_host_close. */
static void close_now(void *context)
{
    struct bind_host *host = context;
    host->close_job.run = close_run;
    host->close_job.done = close_done;
    host->close_job.reply = loop_mailbox(host->bind->options.loop);
    lua_job_post(host->lua, &host->close_job);
}

void bind_host_close(struct bind_host *host, void (*closed)(void *context), void *context)
{
    host->on_closed = closed;
    host->on_closed_context = context;
    if (host->flow_runner != NULL) {
        flow_runner_remove(host->flow_runner, close_now,
                           host); /* turns under way come back first */
    } else {
        close_now(host);
    }
}
