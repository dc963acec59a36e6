/* One plugin's way up and down: state, main.lua, check, subscriptions, start; stop in reverse. The
 * loop's thread waits at start-up and stop, while the executors work. */
#include "settings.h"

#include "proxenos/base_log.h"
#include "proxenos/base_time.h"

enum {
    LOAD_MS = 30000,
    WAIT_TICK_MS = 2,
    STOP_MS = 5000,
    /* The disk works while the next batch's handlers run; their order is kept (batch.c). */
    BATCHES_UNDER_WAY = 4,
};

/* ---- waiting with the loop running ---- */

struct waiting {
    struct timer timer;
    const bool *done;
    int64_t until_ms;
};

static void on_tick(struct timer *timer)
{
    struct waiting *waiting = CONTAINER_OF(timer, struct waiting, timer);
    if (*waiting->done || loop_real_ms(timer->loop) > waiting->until_ms) {
        loop_stop(timer->loop);
    } else {
        timer_start(timer, WAIT_TICK_MS);
    }
}

bool plugins_wait(struct plugins *plugins, const bool *done, int64_t most_ms)
{
    struct loop *loop = plugins->options.loop;
    struct waiting waiting = {.done = done, .until_ms = loop_real_ms(loop) + most_ms};
    timer_init_real(&waiting.timer, loop, on_tick);
    timer_start(&waiting.timer, 0);
    loop_run(loop);
    timer_deinit(&waiting.timer);
    return *done;
}

/* ---- calls that are waited for ---- */

struct waited {
    struct bind_call call;
    bool done, abandoned;
    struct arena arena;
};

static void free_waited(struct waited *waited)
{
    arena_deinit(&waited->arena);
    mem_free(waited);
}

static void on_waited(struct bind_call *call)
{
    struct waited *waited = CONTAINER_OF(call, struct waited, call);
    waited->done = true;
    if (waited->abandoned) {
        free_waited(waited);
    }
}

static enum err call_and_wait(struct plugin *plugin, const struct bind_registration *registration,
                              const struct value *input, int64_t most_ms, struct error *error)
{
    struct waited *waited = mem_zalloc(sizeof(*waited));
    arena_init(&waited->arena);
    waited->call = (struct bind_call){.host = plugin->host,
                                      .registration = registration,
                                      .request = STR("start"),
                                      .arena = &waited->arena,
                                      .done = on_waited};
    waited->call.input = input == NULL ? value_null() : value_copy(&waited->arena, input);
    bind_call(&waited->call);
    if (!plugins_wait(plugin->plugins, &waited->done, most_ms)) {
        waited->abandoned = true;
        return error_set(error, ERR_TIMEOUT, "it did not answer within %lld ms",
                         (long long)most_ms);
    }
    enum err err = waited->call.err;
    *error = waited->call.error;
    error->next = NULL;
    free_waited(waited);
    return err;
}

/* ---- subscriptions ---- */

static int64_t duration_ms(const struct value *map, const char *key)
{
    struct duration duration;
    struct str text = value_get_text(map, key, STR(""));
    if (text.len == 0 || duration_parse(text, &duration) != OK) {
        return 0;
    }
    return duration.days * 86400000 + duration.ms;
}

/* "relations/opportunity.stage.won", the second of a pattern with "#2" behind; or as named. */
static struct str subscription_name(struct plugin *plugin,
                                    const struct bind_registration *registration)
{
    size_t count = 0;
    const struct bind_registration *all = bind_host_registrations(plugin->host, &count);
    struct str given = value_get_text(&registration->options, "name", STR(""));
    int same = 1;
    for (size_t i = 0; i < registration->index; i++) {
        same += all[i].kind == BIND_ON && str_eq(all[i].name, registration->name) ? 1 : 0;
    }
    if (given.len > 0) {
        return arena_printf(&plugin->arena, "%s/" STR_FORMAT, plugin->name, STR_ARGS(given));
    }
    struct str name =
        arena_printf(&plugin->arena, "%s/" STR_FORMAT, plugin->name, STR_ARGS(registration->name));
    return same == 1 ? name : arena_printf(&plugin->arena, STR_FORMAT "#%d", STR_ARGS(name), same);
}

static enum err subscribe(struct plugin *plugin, const struct bind_registration *registration,
                          const struct scope *scope, struct error *error)
{
    const struct value *options = &registration->options;
    const struct value *retry = value_get_c(options, "retry");
    struct subscription_spec spec = {
        .name = subscription_name(plugin, registration),
        .plugin = str_from(plugin->name),
        .pattern = registration->name,
        .key = value_get_text(options, "key", STR("")),
        .filter = value_get_text(options, "filter", STR("")),
        .hold_when_dead = str_is(value_get_text(options, "on_dead", STR("")), "hold"),
        .concurrency = (int)value_get_int(options, "concurrency", BATCHES_UNDER_WAY),
        .from_start = value_get_bool(options, "from_start", false),
        .deliver = bind_deliver,
        .context = (void *)(uintptr_t)registration,
        .scope = scope};
    if (retry != NULL) {
        spec.retry = (struct bus_retry){.times = (int)value_get_int(retry, "times", 0),
                                        .first_ms = duration_ms(retry, "first"),
                                        .max_ms = duration_ms(retry, "max")};
    }
    return bus_subscribe(plugin->plugins->options.bus, &spec,
                         &plugin->subscriptions[plugin->subscription_count], error);
}

const struct bind_registration *plugin_next(const struct plugin *plugin, enum bind_kind kind,
                                            size_t *position)
{
    size_t count = 0;
    if (plugin->host == NULL || plugin->status != PLUGIN_RUNNING) {
        return NULL;
    }
    const struct bind_registration *all = bind_host_registrations(plugin->host, &count);
    while (*position < count) {
        const struct bind_registration *one = &all[(*position)++];
        if (one->kind == kind) {
            return one;
        }
    }
    return NULL;
}

static enum err subscribe_all(struct plugin *plugin, const struct plugin_rights *rights,
                              struct error *error)
{
    size_t position = 0;
    size_t count = 0;
    (void)bind_host_registrations(plugin->host, &count);
    const struct bind_registration *one = NULL;
    const struct scope *scope = auth_plugin_scope(plugin->plugins->options.auth, rights, error);
    if (scope == NULL) {
        return error->err;
    }
    plugin->subscriptions = ARENA_ARRAY(&plugin->arena, struct subscription *, count + 1);
    enum err err = OK;
    while (err == OK && (one = plugin_next(plugin, BIND_ON, &position)) != NULL) {
        err = subscribe(plugin, one, scope, error);
        plugin->subscription_count += err == OK ? 1 : 0;
    }
    scope_unref(scope);
    return err;
}

/* ---- down ---- */

static void on_closed(void *context)
{
    struct plugin *plugin = context;
    plugin->host = NULL;
    plugin->closed = true;
}

static void close_host(struct plugin *plugin)
{
    for (size_t i = 0; i < plugin->subscription_count; i++) {
        bus_unsubscribe(plugin->subscriptions[i]);
    }
    plugin->subscription_count = 0;
    if (plugin->host != NULL) {
        plugin->closed = false;
        bind_host_close(plugin->host, on_closed, plugin);
        bool closed = plugins_wait(plugin->plugins, &plugin->closed, STOP_MS);
        ASSERT(closed);
    }
}

/* ---- up ---- */

static void on_suspend(void *context)
{
    struct plugin *plugin = context;
    struct error error = {0};
    (void)error_set(&error, ERR_SUSPENDED,
                    "it was stopped by force %d times within ten minutes; its events wait",
                    PLUGIN_KILLS_MAX);
    for (size_t i = 0; i < plugin->subscription_count; i++) {
        bus_pause(plugin->subscriptions[i]);
    }
    plugin_fail(plugin, &error);
    plugin->status = PLUGIN_SUSPENDED;
}

struct starting {
    struct bind_call call;
    struct plugin *plugin;
    struct arena arena;
};

static void on_started(struct bind_call *call)
{
    struct starting *starting = CONTAINER_OF(call, struct starting, call);
    struct plugin *plugin = starting->plugin;
    if (call->err != OK && !plugin->plugins->stopping) {
        error_prefix(&call->error, "px.start: ");
        plugin_fail(plugin, &call->error);
        for (size_t i = 0; i < plugin->subscription_count; i++) {
            bus_pause(plugin->subscriptions[i]);
        }
    }
    arena_deinit(&starting->arena);
    mem_free(starting);
}

/* px.start may take long (it may write much): nothing waits for it. */
static void begin_starts(struct plugin *plugin)
{
    size_t position = 0;
    const struct bind_registration *one = NULL;
    while ((one = plugin_next(plugin, BIND_START, &position)) != NULL) {
        struct starting *starting = mem_zalloc(sizeof(*starting));
        starting->plugin = plugin;
        arena_init(&starting->arena);
        starting->call = (struct bind_call){.host = plugin->host,
                                            .registration = one,
                                            .request = STR("start"),
                                            .arena = &starting->arena,
                                            .done = on_started};
        bind_call(&starting->call);
    }
}

static struct plugin_rights rights_of(struct plugin *plugin)
{
    const struct manifest *manifest = &plugin->manifest;
    struct buf names;
    buf_init(&names);
    for (size_t i = 0; i < manifest->compartment_count; i++) {
        buf_printf(&names, "%s" STR_FORMAT, i > 0 ? "," : "", STR_ARGS(manifest->compartments[i]));
    }
    struct plugin_rights rights = {.name = str_from(plugin->name),
                                   .read = manifest->read,
                                   .write = manifest->write,
                                   .read_count = manifest->read_count,
                                   .write_count = manifest->write_count,
                                   .http = manifest->http,
                                   .version = manifest->version_text,
                                   .compartments = arena_str(&plugin->arena, buf_str(&names))};
    buf_deinit(&names);
    return rights;
}

static enum err make_host(struct plugin *plugin, const struct plugin_rights *rights,
                          struct value *out_config, struct error *error)
{
    const struct manifest *manifest = &plugin->manifest;
    const struct value *all = plugin->plugins->options.config;
    const struct value *given = all == NULL ? NULL : value_get(all, str_from(plugin->name));
    enum err err = settings_values(&plugin->arena, manifest, given, out_config, error);
    if (err != OK) {
        return err;
    }
    /* Words of `can` that mean nothing are told now, not at the first read. */
    const struct scope *scope = auth_plugin_scope(plugin->plugins->options.auth, rights, error);
    if (scope == NULL) {
        error_prefix(error, "can: ");
        return error->err;
    }
    scope_unref(scope);
    struct bind_host **needs =
        ARENA_ARRAY(&plugin->arena, struct bind_host *, manifest->require_count + 1);
    for (size_t i = 0; i < manifest->require_count; i++) {
        needs[i] = plugins_find(plugin->plugins, manifest->requires[i].name)->host;
    }
    struct bind_host_options options = {.rights = *rights,
                                        .needs = needs,
                                        .need_count = manifest->require_count,
                                        .emit = manifest->emit,
                                        .emit_count = manifest->emit_count,
                                        .secrets = manifest->secrets,
                                        .secret_count = manifest->secret_count,
                                        .limits = manifest->limits,
                                        .config = *out_config,
                                        .files = plugin->files,
                                        .file_count = plugin->file_count,
                                        .version = manifest->version_text};
    plugin->host = bind_host_new(plugin->plugins->bind, &options);
    bind_host_on_suspend(plugin->host, on_suspend, plugin);
    return OK;
}

static enum err check_all(struct plugin *plugin, const struct value *config, struct error *error)
{
    size_t position = 0;
    const struct bind_registration *one = NULL;
    enum err err = OK;
    while (err == OK && (one = plugin_next(plugin, BIND_CHECK, &position)) != NULL) {
        err = call_and_wait(plugin, one, config, LOAD_MS, error);
        if (err != OK) {
            error_prefix(error, "px.check: ");
        }
    }
    return err;
}

void plugin_start(struct plugin *plugin)
{
    struct error error = {0};
    struct value config;
    struct plugin_rights rights = rights_of(plugin);
    enum err err = make_host(plugin, &rights, &config, &error);
    if (err == OK) {
        err = call_and_wait(plugin, NULL, NULL, LOAD_MS, &error);
    }
    if (err == OK) {
        err = check_all(plugin, &config, &error);
    }
    if (err == OK) {
        err = subscribe_all(plugin, &rights, &error);
    }
    if (err != OK) {
        plugin_fail(plugin, &error);
        close_host(plugin);
        return;
    }
    plugin->started = true;
    begin_starts(plugin);
    log_info("plugin", "a plugin runs plugin=%s version=" STR_FORMAT, plugin->name,
             STR_ARGS(plugin->manifest.version_text));
}

/* ---- all down ---- */

static void stop_calls(struct plugin *plugin)
{
    size_t position = 0;
    const struct bind_registration *one = NULL;
    while ((one = plugin_next(plugin, BIND_STOP, &position)) != NULL) {
        struct error error = {0};
        if (call_and_wait(plugin, one, NULL, STOP_MS, &error) != OK) {
            log_warn("plugin", "px.stop failed plugin=%s code=%s error=\"%s\"", plugin->name,
                     err_code(error.err), error.detail);
        }
    }
}

void plugins_stop(struct plugins *plugins)
{
    plugins->stopping = true;
    for (size_t i = 0; i < plugins->count; i++) {
        if (plugins->list[i]->host != NULL) {
            bind_host_stopping(plugins->list[i]->host);
        }
    }
    for (size_t i = plugins->count; i > 0; i--) {
        struct plugin *plugin = plugins->list[i - 1];
        if (plugin->host != NULL && plugin->started) {
            stop_calls(plugin);
        }
        close_host(plugin);
    }
}
