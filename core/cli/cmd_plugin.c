/* plugin list|show|config, automation list|show. */
#include "internal.h"

int cmd_plugin_list(struct cli *cli)
{
    struct value answer;
    int code = cli_call(cli, "GET", STR("/api/v1/plugins"), NULL, &answer);
    if (code == CLI_OK) {
        static const struct cli_column columns[] = {{"name", "name", false},
                                                    {"version", "version", false},
                                                    {"status", "status", false},
                                                    {"error", "error", false}};
        cli_print_rows(cli, value_get_c(&answer, "data"), columns, COUNT_OF(columns));
    }
    return code;
}

static int show(struct cli *cli, struct str collection)
{
    struct buf target;
    buf_init(&target);
    buf_append_str(&target, collection);
    cli_path(&target, str_from(cli->positional[0]));
    struct value plugin;
    int code = cli_call(cli, "GET", buf_str(&target), NULL, &plugin);
    buf_deinit(&target);
    if (code == CLI_OK) {
        cli_print_map(cli, &plugin);
    }
    return code;
}

int cmd_plugin_config(struct cli *cli)
{
    struct buf target;
    struct value answer;
    struct value body = value_map_new();
    int code = CLI_OK;
    for (int i = 1; code == CLI_OK && i < cli->positional_count; i++) {
        code = cli_add_pair(cli, cli->positional[i], &body);
    }
    if (code != CLI_OK) {
        return code;
    }
    bool change = cli->positional_count > 1;
    buf_init(&target);
    buf_append_str(&target, STR("/api/v1/plugins"));
    cli_path(&target, str_from(cli->positional[0]));
    buf_append_str(&target, STR("/config"));
    code =
        cli_call(cli, change ? "PATCH" : "GET", buf_str(&target), change ? &body : NULL, &answer);
    buf_deinit(&target);
    if (code == CLI_OK) {
        static const struct cli_column columns[] = {{"name", "setting", false},
                                                    {"value", "value", false},
                                                    {"type", "type", false},
                                                    {"source", "from", false}};
        cli_print_rows(cli, value_get_c(&answer, "data"), columns, COUNT_OF(columns));
    }
    return code;
}

int cmd_plugin_show(struct cli *cli)
{
    return show(cli, STR("/api/v1/plugins"));
}

int cmd_automation_list(struct cli *cli)
{
    struct value answer;
    int code = cli_call(cli, "GET", STR("/api/v1/automations"), NULL, &answer);
    if (code == CLI_OK) {
        static const struct cli_column columns[] = {{"file", "file", false},
                                                    {"status", "status", false},
                                                    {"changed_at", "loaded", false},
                                                    {"at", "at", false},
                                                    {"error", "last error", false}};
        cli_print_rows(cli, value_get_c(&answer, "data"), columns, COUNT_OF(columns));
    }
    return code;
}

int cmd_automation_show(struct cli *cli)
{
    return show(cli, STR("/api/v1/automations"));
}
