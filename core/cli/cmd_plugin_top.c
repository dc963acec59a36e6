/* plugin top: what plugins and automations use, once or anew each second. */
#include "internal.h"

#include <unistd.h>

/* What waits in the bus for this plugin. */
static int64_t backlog_of(const struct value *subscriptions, struct str plugin)
{
    int64_t backlog = 0;
    for (size_t i = 0; subscriptions != NULL && i < subscriptions->list.count; i++) {
        const struct value *row = &subscriptions->list.items[i];
        if (str_eq(value_get_text(row, "plugin", STR("")), plugin)) {
            backlog += value_get_int(row, "backlog", 0);
        }
    }
    return backlog;
}

/* 1536 as "1.5K": a table is read by people; JSON and CSV have the bytes. */
static struct value bytes_value(struct cli *cli, int64_t bytes)
{
    static const char units[] = "BKMGT";
    double number = (double)bytes;
    size_t unit = 0;
    if (cli->format != CLI_TABLE) {
        return value_int(bytes);
    }
    for (; number >= 1000 && unit < sizeof(units) - 2; unit++) {
        number /= 1024;
    }
    return value_text(arena_printf(&cli->arena, unit == 0 || number >= 100 ? "%.0f%c" : "%.1f%c",
                                   number, units[unit]));
}

static void add_figures(struct cli *cli, const struct value *metrics, struct value *row)
{
    static const char *const figures[] = {"run_ms",         "runs",           "kills",
                                          "starts",         "waiting",        "handled",
                                          "handler_p50_ms", "handler_p99_ms", "rows_read",
                                          "rows_written",   "net_requests",   "net_failed"};
    static const char *const bytes[] = {"memory_bytes", "memory_peak_bytes", "net_sent_bytes",
                                        "net_answer_bytes"};
    for (size_t k = 0; k < COUNT_OF(figures); k++) {
        value_put_c(&cli->arena, row, figures[k], value_int(value_get_int(metrics, figures[k], 0)));
    }
    for (size_t k = 0; k < COUNT_OF(bytes); k++) {
        value_put_c(&cli->arena, row, bytes[k],
                    bytes_value(cli, value_get_int(metrics, bytes[k], 0)));
    }
}

static void add_rows(struct cli *cli, const struct value *plugins,
                     const struct value *subscriptions, struct value *rows)
{
    for (size_t i = 0; plugins != NULL && i < plugins->list.count; i++) {
        const struct value *plugin = &plugins->list.items[i];
        struct str name = value_get_text(plugin, "name", STR(""));
        struct value row = value_map_new();
        value_put_c(&cli->arena, &row, "name", value_text(name));
        value_put_c(&cli->arena, &row, "status",
                    value_text(value_get_text(plugin, "status", STR(""))));
        add_figures(cli, value_get_c(plugin, "metrics"), &row);
        value_put_c(&cli->arena, &row, "backlog", value_int(backlog_of(subscriptions, name)));
        value_push(&cli->arena, rows, row);
    }
}

static int show_once(struct cli *cli)
{
    static const struct cli_column columns[] = {{"name", "name", false},
                                                {"status", "status", false},
                                                {"run_ms", "cpu ms", true},
                                                {"memory_bytes", "memory", true},
                                                {"memory_peak_bytes", "peak", true},
                                                {"runs", "runs", true},
                                                {"kills", "kills", true},
                                                {"starts", "starts", true},
                                                {"handler_p50_ms", "p50 ms", true},
                                                {"handler_p99_ms", "p99 ms", true},
                                                {"rows_read", "read", true},
                                                {"rows_written", "written", true},
                                                {"net_requests", "requests", true},
                                                {"net_sent_bytes", "sent", true},
                                                {"net_answer_bytes", "received", true},
                                                {"waiting", "waiting", true},
                                                {"backlog", "backlog", true}};
    struct value plugins, automations, subscriptions;
    struct value rows = value_list_new();
    int code = cli_call(cli, "GET", STR("/api/v1/plugins"), NULL, &plugins);
    if (code == CLI_OK) {
        code = cli_call(cli, "GET", STR("/api/v1/automations"), NULL, &automations);
    }
    if (code == CLI_OK) {
        code = cli_call(cli, "GET", STR("/api/v1/subscriptions"), NULL, &subscriptions);
    }
    if (code == CLI_OK) {
        add_rows(cli, value_get_c(&plugins, "data"), value_get_c(&subscriptions, "data"), &rows);
        add_rows(cli, value_get_c(&automations, "data"), value_get_c(&subscriptions, "data"),
                 &rows);
        cli_print_rows(cli, &rows, columns, COUNT_OF(columns));
    }
    return code;
}

int cmd_plugin_top(struct cli *cli)
{
    bool once = cli_switch(cli, "once") || cli->format != CLI_TABLE || isatty(STDOUT_FILENO) != 1;
    int code = show_once(cli);
    while (code == CLI_OK && !once) {
        fflush(stdout);
        (void)sleep(1);
        printf("\033[H\033[2J");
        code = show_once(cli);
    }
    return code;
}
