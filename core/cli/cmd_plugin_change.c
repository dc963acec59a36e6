/* plugin enable|disable|reload|grant: asked of the service; new capabilities are shown and wanted a
 * yes. */
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

static bool says_yes(void)
{
    char line[16];
    fprintf(stderr, "Approve? [y/N] ");
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
    bool yes = cli_switch(cli, "yes") || (isatty(STDIN_FILENO) == 1 && says_yes());
    return yes ? hash : STR("");
}

/* ---- the call ---- */

/* Once, and again with the approval when there is one. */
int cli_plugin_change(struct cli *cli, struct str target, struct str body, struct value *out_answer)
{
    struct buf whole;
    buf_init(&whole);
    buf_append_str(&whole, target);
    struct net_call call = {.method = "POST", .target = target, .body = body};
    int code = cli_try(cli, &call, out_answer);
    if (code == CLI_FAILED) {
        struct str hash = approve(cli, out_answer);
        if (hash.len > 0) {
            cli_query(&whole, "approve", hash);
            call = (struct net_call){.method = "POST", .target = buf_str(&whole), .body = body};
            code = cli_try(cli, &call, out_answer);
        }
    }
    if (code == CLI_FAILED) {
        cli_print_problem(out_answer, call.status);
    }
    buf_deinit(&whole);
    return code;
}

static int change(struct cli *cli, const char *word)
{
    struct buf target;
    struct value plugin;
    buf_init(&target);
    buf_append_str(&target, STR("/api/v1/plugins"));
    cli_path(&target, str_from(cli->positional[0]));
    cli_path(&target, str_from(word));
    int code = cli_plugin_change(cli, buf_str(&target), STR(""), &plugin);
    buf_deinit(&target);
    if (code == CLI_OK && cli->format == CLI_JSON) {
        cli_print_map(cli, &plugin);
    } else if (code == CLI_OK && !cli->quiet) {
        printf(STR_FORMAT " " STR_FORMAT " is " STR_FORMAT "\n",
               STR_ARGS(value_get_text(&plugin, "name", STR(""))),
               STR_ARGS(value_get_text(&plugin, "version", STR(""))),
               STR_ARGS(value_get_text(&plugin, "status", STR(""))));
    }
    return code;
}

int cmd_plugin_enable(struct cli *cli)
{
    return change(cli, "enable");
}

int cmd_plugin_disable(struct cli *cli)
{
    return change(cli, "disable");
}

int cmd_plugin_reload(struct cli *cli)
{
    return change(cli, "reload");
}
