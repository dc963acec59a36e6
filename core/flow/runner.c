/* Runners: a plugin's code comes, finds what was under way, and goes when nothing of it is. Loop
 * thread. */
#include "internal.h"

#include "proxenos/base_log.h"
#include "proxenos/base_text.h"
#include "proxenos/flow_operate.h"

/* ---- coming and going ---- */

/* When it is to go, and nothing of it is under way any more. */
void runner_try_end(struct flow_runner *runner)
{
    if (runner->removed == NULL || runner->under_way > 0 || runner->calls_away > 0 ||
        runner->storing) {
        return;
    }
    void (*removed)(void *context) = runner->removed;
    void *context = runner->removed_context;
    scope_unref(runner->scope);
    arena_deinit(&runner->arena);
    mem_free(runner);
    removed(context);
}

struct flow_runner *flow_runner_add(struct flows *flows, const struct flow_runner_spec *spec)
{
    struct flow_runner *runner = mem_zalloc(sizeof(*runner));
    *runner = (struct flow_runner){.plugin = flows_plugin(flows, spec->plugin),
                                   .scope = spec->scope,
                                   .storing = true,
                                   .run = spec->run,
                                   .call = spec->call,
                                   .drop_call = spec->drop_call,
                                   .context = spec->context};
    scope_ref(spec->scope);
    arena_init(&runner->arena);
    runner->names = ARENA_ARRAY(&runner->arena, struct str, spec->name_count + 1);
    runner->name_count = spec->name_count;
    for (size_t i = 0; i < spec->name_count; i++) {
        runner->names[i] = arena_str(&runner->arena, spec->names[i]);
    }
    bundle_add(runner, spec);
    return runner;
}

enum err flows_knows(const struct flows *flows, struct str plugin, struct str flow,
                     struct error *error)
{
    const struct flow_plugin *found = map_get(&flows->by_name, plugin);
    const struct flow_runner *runner = found != NULL ? found->runner : NULL;
    if (found != NULL && runner == NULL) {
        return error_at(error, ERR_SUSPENDED, "/plugin", NULL,
                        "the flows of the plugin " STR_FORMAT " do not run now", STR_ARGS(plugin));
    }
    if (runner == NULL) {
        return error_at(error, ERR_NOT_FOUND, "/plugin", NULL,
                        "no plugin \"" STR_FORMAT "\" runs that has flows", STR_ARGS(plugin));
    }
    for (size_t i = 0; i < runner->name_count; i++) {
        if (str_eq(runner->names[i], flow)) {
            return OK;
        }
    }
    struct str nearest = text_nearest(flow, runner->names, runner->name_count);
    (void)error_at(error, ERR_NOT_FOUND, "/flow", NULL,
                   "the plugin " STR_FORMAT " has no flow \"" STR_FORMAT "\"", STR_ARGS(plugin),
                   STR_ARGS(str_sub(flow, 0, 100)));
    (void)snprintf(error->nearest, sizeof(error->nearest), STR_FORMAT, STR_ARGS(nearest));
    return ERR_NOT_FOUND;
}

void runner_stored(struct flow_runner *runner, int64_t bundle)
{
    struct flow_plugin *plugin = runner->plugin;
    runner->storing = false;
    if (bundle != 0 && !runner->paused) {
        runner->bundle = bundle;
        plugin->runner = runner;
        plugin->recover_ready = plugin->recover_inbox = 0;
        timers_rewind(plugin);
        events_rewind(plugin);
        calls_begin(plugin);
        flows_pump_soon(plugin->flows);
    }
    runner_try_end(runner);
}

void flow_runner_pause(struct flow_runner *runner)
{
    struct flow_plugin *plugin = runner->plugin;
    struct list_node *node = NULL;
    runner->paused = true;
    calls_call_back(runner);
    if (plugin->runner == runner) {
        plugin->runner = NULL;
        while ((node = list_first(&plugin->ready)) != NULL) {
            slot_free(CONTAINER_OF(node, struct slot, in_ready));
        }
    }
}

void flow_runner_remove(struct flow_runner *runner, void (*removed)(void *context), void *context)
{
    flow_runner_pause(runner);
    runner->removed = removed;
    runner->removed_context = context;
    runner_try_end(runner);
}

/* ---- finding again what was under way when the service or the plugin stopped ---- */

struct finding {
    struct flow_plugin *plugin;
    int64_t last;
    size_t count;
};

static enum err on_found(void *context, const struct value *columns, int column_count,
                         struct error *error)
{
    (void)column_count;
    (void)error;
    struct finding *finding = context;
    finding->last = columns[0].integer;
    finding->count++;
    flows_wake(finding->plugin, finding->last);
    return OK;
}

static void recover(struct flow_plugin *plugin, enum flow_statement statement, int64_t *position)
{
    struct error error = {0};
    struct finding finding = {.plugin = plugin, .last = *position};
    struct value binds[] = {value_text(str_from(plugin->name)), value_int(*position),
                            value_int(RECOVER_TURN_MAX)};
    if (*position < 0 || plugin->ready_count >= READY_MAX) {
        return;
    }
    if (FLOW_READ(plugin->flows->reader, statement, binds, on_found, &finding, &error) != OK) {
        log_error("flow", "runs cannot be found again plugin=%s code=%s error=\"%s\"", plugin->name,
                  err_code(error.err), error.detail);
    }
    *position = finding.count == 0 ? -1 : finding.last;
    if (finding.count > 0) {
        flows_pump_soon(plugin->flows);
    }
}

void runners_recover(struct flows *flows)
{
    list_foreach (node, &flows->plugins) {
        struct flow_plugin *plugin = CONTAINER_OF(node, struct flow_plugin, in_turns);
        if (plugin->runner != NULL) {
            recover(plugin, FLOW_RUN_READY, &plugin->recover_ready);
            recover(plugin, FLOW_INBOX_RUNS, &plugin->recover_inbox);
        }
    }
}
