/* The pages beside the API: the front door, health, readiness, figures for Prometheus. Loop thread.
 */
#include "internal.h"

#include "proxenos/flow_operate.h"

#include <sys/resource.h>

static const char front_page[] =
    "<!doctype html>\n<html lang=\"en\"><head><meta "
    "charset=\"utf-8\"><title>Proxenos</title></head>\n<body>\n<h1>Proxenos</h1>\n"
    "<p>The service is running. <span lang=\"el\">Η υπηρεσία λειτουργεί.</span></p>\n<ul>\n"
    "<li><a href=\"/openapi.json\">The API's description</a> (OpenAPI 3.1; with a token)</li>\n"
    "<li><a href=\"/healthz\">Alive</a> · <a href=\"/readyz\">ready</a> · <a "
    "href=\"/metrics\">figures</a></li>\n"
    "<li>Documentation: README.md and docs/ beside the program, <code>proxenos help</code> at the "
    "command line</li>\n"
    "</ul>\n</body></html>\n";

void get_root(struct call *call)
{
    http_surface(call->http, HTTP_SURFACE_CONSOLE);
    http_body_borrow(call->http, STR(front_page));
    http_respond(call->http, 200, "text/html; charset=utf-8");
}

void get_health(struct call *call)
{
    buf_append_str(&call->out, STR("{\"status\":\"alive\"}"));
    call_respond(call, 200);
}

void get_ready(struct call *call)
{
    bool ready = call->api->ready && !call->api->stopping;
    buf_append_str(&call->out,
                   ready ? STR("{\"status\":\"ready\"}") : STR("{\"status\":\"not ready\"}"));
    call_respond(call, ready ? 200 : 503);
}

/* ---- figures ---- */

static void figure(struct buf *out, const char *name, const char *kind, const char *help,
                   double value)
{
    buf_printf(out, "# HELP proxenos_%s %s\n# TYPE proxenos_%s %s\nproxenos_%s %.17g\n", name, help,
               name, kind, name, value);
}

static void write_http(struct buf *out, const struct http_counters *counters)
{
    figure(out, "http_connections_open", "gauge", "Connections open now.", (double)counters->open);
    figure(out, "http_connections_total", "counter", "Connections accepted.",
           (double)counters->accepted);
    figure(out, "http_connections_refused_total", "counter", "Connections past a limit.",
           (double)counters->refused);
    figure(out, "http_requests_total", "counter", "Requests understood.",
           (double)counters->requests);
    figure(out, "http_rejects_total", "counter", "Requests that the parser refused.",
           (double)counters->rejects);
    figure(out, "http_timeouts_total", "counter", "Requests that came or were taken too slowly.",
           (double)counters->timeouts);
    figure(out, "http_received_bytes_total", "counter", "Bytes received.",
           (double)counters->received_bytes);
    figure(out, "http_sent_bytes_total", "counter", "Bytes sent.", (double)counters->sent_bytes);
    figure(out, "http_event_streams_open", "gauge", "Server-sent event streams open now.",
           (double)counters->sse_open);
    buf_append_str(out, STR("# HELP proxenos_http_responses_total Answers by status class.\n"
                            "# TYPE proxenos_http_responses_total counter\n"));
    for (int i = 1; i < 6; i++) {
        buf_printf(out, "proxenos_http_responses_total{class=\"%dxx\"} %llu\n", i,
                   (unsigned long long)counters->status_classes[i]);
    }
}

static void write_store(struct buf *out, const struct store_stats *stats)
{
    figure(out, "store_units_total", "counter", "Units of work written.", (double)stats->units);
    figure(out, "store_groups_total", "counter", "Commits, each of a group of units.",
           (double)stats->groups);
    figure(out, "store_units_waiting", "gauge", "Units waiting to be written.",
           (double)stats->units_waiting);
    figure(out, "store_log_entries_total", "counter", "Log entries written.",
           (double)stats->log_entries);
    figure(out, "store_wal_bytes", "gauge", "Size of the write-ahead log.",
           (double)stats->wal_bytes);
    figure(out, "store_commit_seconds", "gauge", "Time of the last commit.",
           (double)stats->commit_ns_last / 1e9);
    figure(out, "store_disk_full", "gauge", "1 while writes are refused for want of space.",
           stats->disk_full ? 1 : 0);
    figure(out, "store_access_dropped_total", "counter", "Access entries lost to a full queue.",
           (double)stats->access_dropped);
}

static void write_auth(struct buf *out, const struct auth_stats *stats)
{
    figure(out, "auth_users", "gauge", "Users.", (double)stats->users);
    figure(out, "auth_tokens", "gauge", "Tokens that are valid.", (double)stats->tokens);
    figure(out, "auth_sessions", "gauge", "Sessions that are valid.", (double)stats->sessions);
    figure(out, "auth_logins_total", "counter", "Logins that succeeded.", (double)stats->logins_ok);
    figure(out, "auth_logins_failed_total", "counter", "Logins that failed.",
           (double)stats->logins_failed);
    figure(out, "auth_throttled_total", "counter",
           "Logins and tokens turned away for too many failures.", (double)stats->throttled);
}

/* Label values are names of ours, but a subscription's may hold anything its author typed. */
static void write_label(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '"' || text.at[i] == '\\') {
            buf_append_char(out, '\\');
        }
        char plain = ' ';
        if (text.at[i] != '\n') {
            plain = text.at[i];
        }
        buf_append_char(out, plain);
    }
}

static void write_subscription(struct buf *out, const char *name, const struct value *row)
{
    const struct value *figure_of_it = value_get_c(row, name);
    if (figure_of_it == NULL) {
        return; /* its plugin does not run: nobody counts */
    }
    buf_printf(out, "proxenos_subscription_%s{subscription=\"", name);
    write_label(out, value_get_text(row, "name", STR("")));
    buf_append_str(out, STR("\",plugin=\""));
    write_label(out, value_get_text(row, "plugin", STR("")));
    buf_printf(out, "\"} %lld\n", (long long)figure_of_it->integer);
}

static void write_bus(struct buf *out, const struct value *rows)
{
    static const char *const names[][2] = {
        {"lag", "Log entries not yet handled."}, {"backlog", "The same with what is parked."},
        {"in_memory", "Events held in memory."}, {"parked", "Events waiting to be tried again."},
        {"dead", "Events that were given up."},  {"settled", "Events handled since the start."}};
    for (size_t n = 0; n < COUNT_OF(names); n++) {
        buf_printf(out,
                   "# HELP proxenos_subscription_%s %s\n# TYPE proxenos_subscription_%s gauge\n",
                   names[n][0], names[n][1], names[n][0]);
        for (size_t i = 0; i < rows->list.count; i++) {
            write_subscription(out, names[n][0], &rows->list.items[i]);
        }
    }
}

static void write_net(struct call *call, struct buf *out)
{
    struct net_counts counts;
    if (call->api->net == NULL) {
        return;
    }
    net_counts(call->api->net, STR(""), &counts);
    figure(out, "net_requests_total", "counter", "Outgoing requests that ended.",
           (double)counts.requests);
    figure(out, "net_failed_total", "counter", "Outgoing requests without an answer.",
           (double)counts.failed);
    figure(out, "net_refused_total", "counter", "Outgoing requests that were not allowed.",
           (double)counts.refused);
    figure(out, "net_sent_bytes_total", "counter", "Bytes of bodies sent out.",
           (double)counts.sent_bytes);
    figure(out, "net_received_bytes_total", "counter", "Bytes of answers from outside.",
           (double)counts.answer_bytes);
    figure(out, "net_under_way", "gauge", "Outgoing requests under way.", counts.under_way);
    figure(out, "net_waiting", "gauge", "Outgoing requests that wait for a connection.",
           counts.waiting);
    figure(out, "egress_lost_total", "counter", "Rows of the egress log that were lost.",
           (double)outbox_egress_lost(call->api->outbox));
}

static void write_schedules(struct buf *out, const struct bus_figures *figures)
{
    figure(out, "schedules", "gauge", "Schedules of plugins that run.", (double)figures->schedules);
    figure(out, "schedules_due", "gauge", "Schedules whose time has come.",
           (double)figures->schedules_due);
    figure(out, "schedule_runs_total", "counter", "Runs handed out.", (double)figures->runs);
    figure(out, "delayed_events_total", "counter", "Delayed events whose time came.",
           (double)figures->delayed_emitted);
}

static void write_webhooks(struct buf *out, const struct webhook_stats *stats)
{
    figure(out, "webhooks", "gauge", "Webhooks.", (double)stats->webhooks);
    figure(out, "webhooks_failing", "gauge", "Webhooks whose last attempt failed.",
           (double)stats->failing);
    figure(out, "webhooks_disabled", "gauge", "Webhooks that are switched off.",
           (double)stats->disabled);
    figure(out, "webhooks_broken", "gauge", "Webhooks that cannot run.", (double)stats->broken);
    figure(out, "webhook_sending", "gauge", "Attempts under way.", (double)stats->sending);
    figure(out, "webhook_waiting", "gauge", "Deliveries that wait for their attempt.",
           (double)stats->waiting);
    figure(out, "webhook_delivered_total", "counter", "Deliveries that receivers accepted.",
           (double)stats->delivered);
    figure(out, "webhook_failed_total", "counter", "Attempts that failed.", (double)stats->failed);
    figure(out, "webhook_dead_total", "counter", "Deliveries that were given up.",
           (double)stats->dead);
}

static void write_process(struct call *call, struct buf *out)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    double seconds = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                     (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    figure(out, "process_cpu_seconds_total", "counter", "Processor time used.", seconds);
    figure(out, "process_resident_memory_max_bytes", "gauge", "Largest resident size.",
           (double)usage.ru_maxrss * 1024);
    figure(out, "loop_stall_seconds", "gauge",
           "Longest turn of the event loop since the last look.",
           (double)loop_stall_ns(call->api->loop) / 1e9);
    figure(out, "readers_waiting", "gauge", "Reads waiting for a reader thread.",
           (double)lane_waiting(call->api->lane));
    figure(out, "reads_handed_over_total", "counter", "Reads too long for the loop.",
           (double)call->api->handed_over);
    figure(out, "log_seq", "gauge", "Newest position of the log.",
           (double)store_seq(call->api->store));
}

static bool may_see_figures(const struct call *call)
{
    struct str address = call->http->address;
    bool loopback = str_starts(address, STR("127.")) || str_is(address, "::1");
    return call->http->local || loopback || (call->known && call_scope(call)->admin);
}

void get_metrics(struct call *call)
{
    if (!may_see_figures(call)) {
        call_fail(call, ERR_FORBIDDEN, "figures are for this machine and for administrators");
        return;
    }
    struct store_stats store;
    struct auth_stats auth;
    struct bus_figures figures;
    struct value rows = bus_describe(call->api->bus, call_arena(call));
    bus_figures(call->api->bus, &figures);
    store_stats(call->api->store, &store);
    auth_stats(call->api->auth, &auth);
    if (call->api->server != NULL) {
        write_http(&call->out, http_server_counters(call->api->server));
    }
    write_store(&call->out, &store);
    write_auth(&call->out, &auth);
    write_bus(&call->out, &rows);
    plugins_metrics(call->api->plugins, &call->out);
    write_net(call, &call->out);
    write_schedules(&call->out, &figures);
    struct webhook_stats webhooks;
    webhooks_stats(call->api->webhooks, &webhooks);
    write_webhooks(&call->out, &webhooks);
    flows_metrics(call->api->flows, call->api->flow_care, &call->out);
    write_process(call, &call->out);
    call->content_type = "text/plain; version=0.0.4; charset=utf-8";
    call_respond(call, 200);
}
