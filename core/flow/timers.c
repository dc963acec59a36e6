/* Timers: rows of a plugin ordered by when they are due, which are its heap. Those that are due
 * wake their run, in their order and at the rate at which the plugin's runs are taken; the run's
 * turn drops the row in the unit that notes the waking, so a timer fires once whatever the clock
 * does. Each plugin has a position of its own: however many of one are late, the others' are read
 * beside them. Loop thread.
 *
 * plugin->timers is the last row that woke its run. A row up to there is either gone with its turn
 * or will be, so nothing is read twice; a row that is written below it moves it back. */
#include "internal.h"

#include "proxenos/base_log.h"

static void on_due(struct timer *timer)
{
    flows_pump_soon(CONTAINER_OF(timer, struct flows, due));
}

void timers_open(struct flows *flows)
{
    timer_init(&flows->due, flows->loop, on_due);
    flows->next_due_ms = INT64_MAX;
}

void timers_rewind(struct flow_plugin *plugin)
{
    plugin->timers.due = INT64_MIN;
    plugin->timers.run = plugin->timers.seq = 0;
    plugin->timers_next_ms = 0;
    plugin->flows->next_due_ms = 0;
}

struct pass {
    struct flow_plugin *plugin;
    size_t count;
};

static enum err on_timer(void *context, const struct value *columns, int column_count,
                         struct error *error)
{
    (void)column_count;
    (void)error;
    struct pass *pass = context;
    struct flow_plugin *plugin = pass->plugin;
    pass->count++;
    plugin->timers.due = columns[0].integer;
    plugin->timers.run = columns[1].integer;
    plugin->timers.seq = columns[2].integer;
    flows_wake(plugin, columns[1].integer);
    return OK;
}

int64_t flows_sleep_ms(const struct flows *flows, int64_t wait_ms)
{
    enum { LOOK_EVERY_MS = 60000 };
    bool stepped = store_env(flows->store)->stepped;
    return MAX(1, stepped ? wait_ms : MIN(wait_ms, LOOK_EVERY_MS));
}

static int64_t unreadable(const struct flow_plugin *plugin, const struct error *error,
                          int64_t now_ms)
{
    log_error("flow", "timers cannot be read plugin=%s code=%s error=\"%s\"", plugin->name,
              err_code(error->err), error->detail);
    return now_ms + AGAIN_MAX_MS;
}

static void find_next(struct flow_plugin *plugin, int64_t now_ms)
{
    int64_t next_ms = INT64_MAX;
    struct error error = {0};
    struct value binds[] = {value_text(str_from(plugin->name)), value_int(plugin->timers.due),
                            value_int(plugin->timers.run), value_int(plugin->timers.seq)};
    if (FLOW_READ(plugin->flows->reader, FLOW_TIMER_NEXT, binds, row_integer, &next_ms, &error) !=
        OK) {
        next_ms = unreadable(plugin, &error, now_ms);
    }
    plugin->timers_next_ms = next_ms;
}

static void wake_due(struct flow_plugin *plugin, int64_t now_ms)
{
    struct error error = {0};
    struct pass pass = {.plugin = plugin};
    struct value binds[] = {value_text(str_from(plugin->name)),
                            value_int(plugin->timers.due),
                            value_int(plugin->timers.run),
                            value_int(plugin->timers.seq),
                            value_int(now_ms),
                            value_int(TIMERS_TURN_MAX)};
    if (FLOW_READ(plugin->flows->reader, FLOW_TIMER_DUE, binds, on_timer, &pass, &error) != OK) {
        plugin->timers_next_ms = unreadable(plugin, &error, now_ms);
    } else if (pass.count < TIMERS_TURN_MAX) {
        find_next(plugin, now_ms);
    } else {
        flows_pump_soon(plugin->flows);
    }
}

void timers_pump(struct flows *flows)
{
    int64_t now_ms = loop_now_ms(flows->loop);
    int64_t next_ms = INT64_MAX;
    approvals_pump(flows);
    list_foreach (node, &flows->plugins) {
        struct flow_plugin *plugin = CONTAINER_OF(node, struct flow_plugin, in_turns);
        bool room = plugin->ready_count < READY_MAX; /* the pump comes again when there is */
        if (plugin->runner != NULL && room && now_ms >= plugin->timers_next_ms) {
            wake_due(plugin, now_ms);
        }
        if (plugin->runner != NULL) {
            next_ms = MIN(next_ms, plugin->timers_next_ms);
        }
    }
    flows->next_due_ms = next_ms;
    if (next_ms != INT64_MAX && next_ms > now_ms) {
        timer_start(&flows->due, flows_sleep_ms(flows, next_ms - now_ms));
    }
}

int64_t flows_next_due_ms(const struct flows *flows)
{
    int64_t due_ms = MIN(flows->next_due_ms, approvals_next_due_ms(flows));
    return MIN(due_ms, MIN(flows->gates_next_ms, flows->calls_next_ms));
}

void timers_added(struct flow_plugin *plugin, int64_t due_ms)
{
    if (due_ms <= plugin->timers.due) {
        plugin->timers.due = due_ms - 1;
        plugin->timers.run = plugin->timers.seq = INT64_MAX;
    }
    if (due_ms < plugin->timers_next_ms) {
        plugin->timers_next_ms = plugin->flows->next_due_ms = 0;
        flows_pump_soon(plugin->flows);
    }
}
