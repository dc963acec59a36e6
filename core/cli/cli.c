/* The command line's front door: finds the command, connects, runs it. */
#include "proxenos/cli.h"

#include "internal.h"

#include "proxenos/base_text.h"

static const char first_steps[] =
    "Proxenos: a platform for relationship managers.\n\n"
    "Five commands to start with:\n"
    "  proxenos serve --data DIR             run the service\n"
    "  proxenos user add NAME --role ROLE    add a person; prints the password\n"
    "  proxenos import OBJECT FILE.csv       bring in your records\n"
    "  proxenos record list OBJECT           look at them\n"
    "  proxenos help                         everything else\n";

int cli_unknown_command(int count, const char *const *words)
{
    struct buf said;
    buf_init(&said);
    for (int i = 0; i < count && i < 2 && words[i][0] != '-'; i++) {
        buf_printf(&said, "%s%s", i > 0 ? " " : "", words[i]);
    }
    struct str *names = mem_zalloc(sizeof(struct str) * cli_command_count);
    for (size_t i = 0; i < cli_command_count; i++) {
        names[i] = str_from(cli_commands[i].words);
    }
    struct str nearest = text_nearest(buf_str(&said), names, cli_command_count);
    fprintf(stderr, "proxenos: there is no command \"%s\"", buf_cstr(&said));
    if (nearest.len > 0) {
        fprintf(stderr, "; did you mean \"" STR_FORMAT "\"?", STR_ARGS(nearest));
    } else {
        fprintf(stderr, "; `proxenos help` lists them");
    }
    fprintf(stderr, "\n");
    mem_free(names);
    buf_deinit(&said);
    return CLI_USAGE;
}

/* "user" alone, "job": the commands that begin so. */
static bool group_help(const char *word)
{
    bool any = false;
    size_t len = strlen(word);
    for (size_t i = 0; i < cli_command_count; i++) {
        const struct cli_command *command = &cli_commands[i];
        if (strncmp(command->words, word, len) == 0 && command->words[len] == ' ') {
            fprintf(stderr, "%s proxenos %s %s\n", any ? "      " : "usage:", command->words,
                    command->arguments);
            any = true;
        }
    }
    return any;
}

static int run_connected(struct cli *cli)
{
    int code = cli_connect(cli);
    if (code == CLI_OK) {
        code = cli->command->run(cli);
    }
    cli_disconnect(cli);
    return code;
}

int cli_main(int count, char **arguments, const struct cli_hooks *hooks)
{
    if (count < 2) {
        fputs(first_steps, stdout);
        return CLI_OK;
    }
    if (strcmp(arguments[1], "--help") == 0 || strcmp(arguments[1], "-h") == 0) {
        arguments[1] = "help";
    } else if (strcmp(arguments[1], "--version") == 0) {
        arguments[1] = "version";
    }
    int used = 0;
    const struct cli_command *command = cli_find_command(count - 1, arguments + 1, &used);
    if (command == NULL && group_help(arguments[1])) {
        return CLI_USAGE;
    }
    command = command != NULL ? command : &cli_plugin_command;
    struct cli cli = {.hooks = hooks,
                      .command = command,
                      .program = arguments[0],
                      .folder = getenv("PROXENOS_DATA")};
    if (cli.folder == NULL || cli.folder[0] == '\0') {
        cli.folder = "data";
    }
    arena_init(&cli.arena);
    int code = cli_parse(&cli, count - 1 - used, arguments + 1 + used);
    if (code == CLI_OK && cli_switch(&cli, "help")) {
        cli_help_command(command, stdout);
    } else if (code == CLI_OK && command->run == cmd_serve) {
        code = hooks->serve(hooks->context, count - 2, arguments + 2);
    } else if (code == CLI_OK) {
        code = command->local ? command->run(&cli) : run_connected(&cli);
    }
    arena_deinit(&cli.arena);
    return code;
}

int cmd_serve(struct cli *cli)
{
    /* cli_main hands `serve` to the hook with its own arguments; nothing else may come here. */
    (void)cli;
    ASSERT(false);
    return CLI_FAILED;
}
