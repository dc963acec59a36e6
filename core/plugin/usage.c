/* What plugins and automations use: for `plugin top` and for Prometheus. bind counts what runs, net
 * what goes out. Loop thread. */
#include "internal.h"

static void put(struct arena *arena, struct value *map, const char *name, uint64_t figure)
{
    value_put_c(arena, map, name, value_int((int64_t)figure));
}

static void put_quantile(struct arena *arena, struct value *map, const char *name,
                         const struct bind_usage *usage, double part)
{
    put(arena, map, name, (uint64_t)bind_usage_quantile_ms(usage, part));
}

struct value plugin_usage(const struct plugin *plugin, struct arena *arena)
{
    const struct plugins_options *options = &plugin->plugins->options;
    struct bind_usage usage;
    struct net_counts counts = {0};
    struct value map = value_map_new();
    bind_usage(plugin->plugins->bind, str_from(plugin->name), &usage);
    put(arena, &map, "run_ms", usage.lua.run_ns / 1000000);
    put(arena, &map, "memory_bytes", usage.lua.memory_bytes);
    put(arena, &map, "memory_peak_bytes", usage.lua.memory_peak_bytes);
    put(arena, &map, "runs", usage.lua.runs);
    put(arena, &map, "kills", usage.lua.kills);
    put(arena, &map, "starts", usage.starts);
    put(arena, &map, "waiting", usage.lua.waiting);
    put(arena, &map, "rows_read", usage.rows_read);
    put(arena, &map, "rows_written", usage.rows_written);
    put(arena, &map, "handled", usage.handled);
    put_quantile(arena, &map, "handler_p50_ms", &usage, 0.5);
    put_quantile(arena, &map, "handler_p99_ms", &usage, 0.99);
    if (options->net != NULL) {
        net_counts(options->net, str_from(plugin->name), &counts);
    }
    put(arena, &map, "net_requests", counts.requests);
    put(arena, &map, "net_failed", counts.failed);
    put(arena, &map, "net_sent_bytes", counts.sent_bytes);
    put(arena, &map, "net_answer_bytes", counts.answer_bytes);
    return map;
}

/* ---- for Prometheus ---- */

static void write_egress(struct plugins *plugins, struct buf *out)
{
    static const char *const figures[][2] = {
        {"net_requests_total", "Requests and mails that it sent out, and that ended."},
        {"net_failed_total", "Those without an answer."},
        {"net_sent_bytes_total", "Bytes of bodies that it sent out."},
        {"net_received_bytes_total", "Bytes of answers that it was sent."}};
    for (size_t f = 0; f < COUNT_OF(figures); f++) {
        buf_printf(out, "# HELP proxenos_plugins_%s %s\n# TYPE proxenos_plugins_%s counter\n",
                   figures[f][0], figures[f][1], figures[f][0]);
        for (size_t i = 0; i < plugins->count; i++) {
            struct net_counts counts;
            net_counts(plugins->options.net, str_from(plugins->list[i]->name), &counts);
            const uint64_t values[] = {counts.requests, counts.failed, counts.sent_bytes,
                                       counts.answer_bytes};
            buf_printf(out, "proxenos_plugins_%s{plugin=\"%s\"} %llu\n", figures[f][0],
                       plugins->list[i]->name, (unsigned long long)values[f]);
        }
    }
}

void plugins_metrics(struct plugins *plugins, struct buf *out)
{
    buf_append_str(out, STR("# HELP proxenos_plugins_running 1 while it runs, 0 when it is "
                            "disabled, failed, suspended or waits.\n"
                            "# TYPE proxenos_plugins_running gauge\n"));
    for (size_t i = 0; i < plugins->count; i++) {
        buf_printf(out, "proxenos_plugins_running{plugin=\"%s\"} %d\n", plugins->list[i]->name,
                   plugins->list[i]->status == PLUGIN_RUNNING ? 1 : 0);
    }
    if (plugins->options.net != NULL) {
        write_egress(plugins, out);
    }
    bind_metrics_write(plugins->bind, out);
}
