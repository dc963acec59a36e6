/* Commands that plugins add (px.command): whatever words the table does not know are looked up at
 * the service and run there, with the caller's rights and the plugin's. */
#include "internal.h"

#include <unistd.h>

static int run_words(struct cli *cli);

const struct cli_command cli_plugin_command = {.words = "a plugin's",
                                               .arguments = "COMMAND [NAME=VALUE…]",
                                               .arguments_min = 1,
                                               .arguments_max = CLI_WORDS_MAX,
                                               .help = "a command that a plugin adds",
                                               .run = run_words,
                                               .local = true};

/* How many of the given words are the command's own; 0: it is another. */
static int words_matched(const struct cli *cli, struct str words)
{
    int count = 0;
    struct str word;
    while (str_split(&words, ' ', &word)) {
        if (count >= cli->positional_count || !str_is(word, cli->positional[count])) {
            return 0;
        }
        count++;
    }
    return count;
}

static int run_found(struct cli *cli, const struct value *row, int used)
{
    struct value args = value_map_new();
    struct value body = value_map_new();
    struct value answer;
    int code = CLI_OK;
    for (int i = used; i < cli->positional_count && code == CLI_OK; i++) {
        code = cli_add_pair(cli, cli->positional[i], &args);
    }
    if (code != CLI_OK) {
        return code;
    }
    struct str plugin = value_get_text(row, "plugin", STR(""));
    struct str target = arena_printf(&cli->arena, "/api/v1/commands/" STR_FORMAT, STR_ARGS(plugin));
    value_put_c(&cli->arena, &body, "words", value_text(value_get_text(row, "words", STR(""))));
    value_put_c(&cli->arena, &body, "args", args);
    code = cli_call(cli, "POST", target, &body, &answer);
    if (code != CLI_OK) {
        return code;
    }
    struct str output = value_get_text(&answer, "output", STR(""));
    fwrite(output.at, 1, output.len, stdout);
    return (int)value_get_int(&answer, "exit_code", 0);
}

static int find_and_run(struct cli *cli)
{
    struct value answer;
    int code = cli_call(cli, "GET", STR("/api/v1/commands"), NULL, &answer);
    const struct value *rows = code == CLI_OK ? value_get_c(&answer, "data") : NULL;
    const struct value *found = NULL;
    int used = 0;
    for (size_t i = 0; rows != NULL && i < rows->list.count; i++) {
        const struct value *row = &rows->list.items[i];
        int matched = words_matched(cli, value_get_text(row, "words", STR("")));
        if (matched > used) {
            used = matched;
            found = row;
        }
    }
    if (found != NULL) {
        return run_found(cli, found, used);
    }
    return code == CLI_OK ? cli_unknown_command(cli->positional_count, cli->positional) : code;
}

static int run_words(struct cli *cli)
{
    /* A mistyped word must not make a data folder. */
    struct str lock = arena_printf(&cli->arena, "%s/LOCK", cli->folder);
    if (access(lock.at, F_OK) != 0) {
        return cli_unknown_command(cli->positional_count, cli->positional);
    }
    int code = cli_connect(cli);
    if (code == CLI_OK) {
        code = find_and_run(cli);
    }
    cli_disconnect(cli);
    return code;
}
