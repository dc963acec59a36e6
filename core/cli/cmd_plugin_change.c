/* plugin enable|disable|reload|grant|rollback: asked of the service; new capabilities are shown and
 * wanted a yes. */
#include "internal.h"

#include <unistd.h>

/* ---- what is to be approved ---- */

static void print_words(const char *sign, const struct value *map)
{
    for (size_t i = 0; map != NULL && map->kind == VALUE_MAP && i < map->map.count; i++) {
        const struct value_entry *entry = &map->map.entries[i];
        struct buf text;
        buf_init(&text);
        json_encode(&text, &entry->value);
        fprintf(stderr, "  %s " STR_FORMAT ": %s\n", sign, STR_ARGS(entry->key), buf_cstr(&text));
        buf_deinit(&text);
    }
}

bool cli_says_yes(const char *question)
{
    char line[16];
    if (isatty(STDIN_FILENO) != 1) {
        return false;
    }
    fprintf(stderr, "%s [y/N] ", question);
    return fgets(line, sizeof(line), stdin) != NULL && (line[0] == 'y' || line[0] == 'Y');
}

/* The hash to send again with; empty: it is not approved. */
static struct str approve(struct cli *cli, const struct value *problem)
{
    const struct value *difference = value_get_c(problem, "difference");
    struct str hash = value_get_text(difference, "approve", STR(""));
    if (difference == NULL || hash.len == 0) {
        return STR("");
    }
    fprintf(stderr, STR_FORMAT " " STR_FORMAT " asks for\n",
            STR_ARGS(value_get_text(difference, "plugin", STR(""))),
            STR_ARGS(value_get_text(difference, "version", STR(""))));
    print_words("+", value_get_c(difference, "added"));
    print_words("-", value_get_c(difference, "removed"));
    bool yes = cli_switch(cli, "yes") || cli_switch(cli, "grant") || cli_says_yes("Approve?");
    return yes ? hash : STR("");
}

/* ---- the call ---- */

/* Once, and again with the approval when there is one. */
int cli_plugin_change(struct cli *cli, struct str target, struct str body, const char *content_type,
                      struct value *out_answer)
{
    struct buf whole;
    buf_init(&whole);
    buf_append_str(&whole, target);
    struct net_call call = {
        .method = "POST", .target = target, .body = body, .content_type = content_type};
    int code = cli_try(cli, &call, out_answer);
    if (code == CLI_FAILED) {
        struct str hash = approve(cli, out_answer);
        if (hash.len > 0) {
            cli_query(&whole, "approve", hash);
            call = (struct net_call){.method = "POST",
                                     .target = buf_str(&whole),
                                     .body = body,
                                     .content_type = content_type};
            code = cli_try(cli, &call, out_answer);
        }
    }
    if (code == CLI_FAILED) {
        cli_print_problem(out_answer, call.status);
    }
    buf_deinit(&whole);
    return code;
}

void cli_plugin_print(struct cli *cli, const struct value *plugin)
{
    if (cli->format == CLI_JSON) {
        cli_print_map(cli, plugin);
    } else if (!cli->quiet) {
        printf(STR_FORMAT " " STR_FORMAT " is " STR_FORMAT "\n",
               STR_ARGS(value_get_text(plugin, "name", STR(""))),
               STR_ARGS(value_get_text(plugin, "version", STR(""))),
               STR_ARGS(value_get_text(plugin, "status", STR(""))));
    }
}

int cli_plugin_do(struct cli *cli, const char *word)
{
    struct buf target;
    struct value plugin;
    buf_init(&target);
    buf_append_str(&target, STR("/api/v1/plugins"));
    cli_path(&target, str_from(cli->positional[0]));
    cli_path(&target, str_from(word));
    int code = cli_plugin_change(cli, buf_str(&target), STR(""), NULL, &plugin);
    buf_deinit(&target);
    if (code == CLI_OK) {
        cli_plugin_print(cli, &plugin);
    }
    return code;
}

int cmd_plugin_enable(struct cli *cli)
{
    return cli_plugin_do(cli, "enable");
}

int cmd_plugin_disable(struct cli *cli)
{
    return cli_plugin_do(cli, "disable");
}

int cmd_plugin_reload(struct cli *cli)
{
    return cli_plugin_do(cli, "reload");
}

int cmd_plugin_grant(struct cli *cli)
{
    return cli_plugin_do(cli, "grant");
}

int cmd_plugin_rollback(struct cli *cli)
{
    return cli_plugin_do(cli, "rollback");
}
