/* What the engine and its care know, for /metrics and the doctor. Loop thread. */
#include "care.h"

static void figure(struct buf *out, const char *name, const char *kind, const char *help,
                   double value)
{
    buf_printf(out, "# HELP proxenos_%s %s\n# TYPE proxenos_%s %s\nproxenos_%s %.17g\n", name, help,
               name, kind, name, value);
}

static void runs_figures(const struct care_found *found, struct buf *out)
{
    buf_append_str(out, STR("# HELP proxenos_flow_runs Runs by plugin and state, as counted last.\n"
                            "# TYPE proxenos_flow_runs gauge\n"));
    for (size_t i = 0; i < found->plugin_count; i++) {
        const struct care_plugin *plugin = &found->plugins[i];
        for (int state = 0; state < FLOW_STATE_COUNT; state++) {
            buf_printf(out, "proxenos_flow_runs{plugin=\"" STR_FORMAT "\",state=\"%s\"} %lld\n",
                       STR_ARGS(plugin->name), flow_state_word((enum flow_state)state),
                       (long long)plugin->counts[state]);
        }
    }
}

static void care_figures(const struct flow_care *care, struct buf *out)
{
    const struct care_found *found = care->found;
    int64_t now_ms = loop_now_ms(care->options.loop);
    int64_t blocked = 0, queued = 0, oldest_ms = now_ms;
    if (found == NULL) {
        return;
    }
    for (size_t i = 0; i < found->plugin_count; i++) {
        const struct care_plugin *plugin = &found->plugins[i];
        blocked += plugin->counts[FLOW_BLOCKED];
        queued += plugin->queued;
        oldest_ms =
            plugin->oldest_ready_ms != 0 ? MIN(oldest_ms, plugin->oldest_ready_ms) : oldest_ms;
    }
    runs_figures(found, out);
    figure(out, "flow_blocked", "gauge", "Runs that wait for an operator.", (double)blocked);
    figure(out, "flow_queued", "gauge", "Runs that a limit holds back.", (double)queued);
    figure(out, "flow_stuck", "gauge", "Runs that nothing can wake.", (double)found->stuck_count);
    figure(out, "flow_plugins_missing", "gauge", "Plugins that runs wait for and that do not run.",
           (double)care->missing.count);
    figure(out, "flow_oldest_ready_seconds", "gauge", "How long the oldest ready run has waited.",
           (double)(now_ms - oldest_ms) / 1e3);
    figure(out, "flow_counted_seconds", "gauge", "How long ago runs were counted.",
           (double)(now_ms - found->at_ms) / 1e3);
    figure(out, "flow_count_took_seconds", "gauge", "How long counting took.",
           (double)found->took_ms / 1e3);
}

void flows_metrics(struct flows *flows, const struct flow_care *care, struct buf *out)
{
    struct flow_counters *counters = &flows->counters;
    size_t ready = 0;
    list_foreach (node, &flows->plugins) {
        ready += CONTAINER_OF(node, struct flow_plugin, in_turns)->ready_count;
    }
    figure(out, "flow_turns_total", "counter", "Turns committed.", (double)counters->turns);
    figure(out, "flow_turns_again_total", "counter", "Turns that had to be run again.",
           (double)counters->again);
    figure(out, "flow_blocked_total", "counter", "Turns that blocked their run.",
           (double)counters->blocked);
    figure(out, "flow_ready", "gauge", "Runs in memory that wait for their turn.", (double)ready);
    figure(out, "flow_under_way", "gauge", "Turns handed out.",
           (double)((int64_t)flows->slots.count - (int64_t)ready));
    figure(out, "flow_wakes_total", "counter", "Runs that were woken and got their turn.",
           (double)counters->wakes);
    figure(out, "flow_wake_wait_seconds_total", "counter", "From waking to the turn, together.",
           (double)counters->wake_ms / 1e3);
    figure(out, "flow_wake_wait_max_seconds", "gauge", "The longest since the last look.",
           (double)counters->wake_max_ms / 1e3);
    counters->wake_max_ms = 0;
    if (care != NULL) {
        care_figures(care, out);
    }
}

/* ---- the doctor ---- */

static void add_finding(struct arena *arena, struct value *list, struct str plugin,
                        const char *problem, struct str evidence, const char *advice)
{
    struct value one = value_map_new();
    value_put_c(arena, &one, "plugin", value_text(plugin));
    value_put_c(arena, &one, "problem", value_text(str_from(problem)));
    value_put_c(arena, &one, "evidence", value_text(evidence));
    value_put_c(arena, &one, "advice", value_text(str_from(advice)));
    value_push(arena, list, one);
}

void flow_care_findings(const struct flow_care *care, struct arena *arena, struct value *findings)
{
    const struct care_found *found = care != NULL ? care->found : NULL;
    for (size_t i = 0; found != NULL && i < found->stuck_count; i++) {
        char id[ID_TEXT_LEN + 1];
        id_format(found->stuck[i].run, id);
        add_finding(arena, findings, arena_str(arena, found->stuck[i].plugin),
                    "a run waits and nothing can wake it", arena_str(arena, str_from(id)),
                    "proxenos flow show tells where it is; cancel it, and start it anew with "
                    "proxenos flow retry");
    }
    for (size_t i = 0; found != NULL && i < found->plugin_count; i++) {
        const struct care_plugin *plugin = &found->plugins[i];
        if (map_get(&care->missing, plugin->name) != NULL) {
            int64_t waiting = plugin->counts[FLOW_RUNNING] + plugin->counts[FLOW_WAITING];
            add_finding(arena, findings, arena_str(arena, plugin->name),
                        "runs wait for a plugin that does not run",
                        arena_printf(arena, "%lld runs", (long long)waiting),
                        "enable or install the plugin, or cancel its runs");
        }
        if (plugin->counts[FLOW_BLOCKED] > 0) {
            add_finding(arena, findings, arena_str(arena, plugin->name), "runs are blocked",
                        arena_printf(arena, "%lld runs", (long long)plugin->counts[FLOW_BLOCKED]),
                        "proxenos flow list --state blocked, then flow show tells why; correct the "
                        "cause and flow unblock, or flow migrate to corrected code");
        }
    }
}
