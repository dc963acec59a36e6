/* plugin list|show. */
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

int cmd_plugin_show(struct cli *cli)
{
    struct buf target;
    buf_init(&target);
    buf_append_str(&target, STR("/api/v1/plugins"));
    cli_path(&target, str_from(cli->positional[0]));
    struct value plugin;
    int code = cli_call(cli, "GET", buf_str(&target), NULL, &plugin);
    buf_deinit(&target);
    if (code == CLI_OK) {
        cli_print_map(cli, &plugin);
    }
    return code;
}
