/* config check|show, completion, version, help: what the program says of itself. */
#include "internal.h"

#include "proxenos/store_log.h"

static int configuration(struct cli *cli, struct value *out)
{
    struct buf json;
    struct error error = {0};
    buf_init(&json);
    enum err err = cli->hooks->configuration(cli->hooks->context, cli->folder, &json, &error);
    if (err == OK) {
        struct str text = arena_str(&cli->arena, buf_str(&json));
        err = json_decode(&cli->arena, text, out, &error);
    }
    buf_deinit(&json);
    if (err != OK) {
        cli_print_error(&error);
        return CLI_FAILED;
    }
    return CLI_OK;
}

int cmd_config_check(struct cli *cli)
{
    struct value settings;
    int code = configuration(cli, &settings);
    if (code == CLI_OK && !cli->quiet) {
        printf("the settings are right\n");
    }
    return code;
}

int cmd_config_show(struct cli *cli)
{
    struct value settings;
    int code = configuration(cli, &settings);
    if (code == CLI_OK) {
        static const struct cli_column columns[] = {
            {"name", "name", false}, {"value", "value", false}, {"from", "from", false}};
        cli_print_rows(cli, &settings, columns, COUNT_OF(columns));
    }
    return code;
}

int cmd_version(struct cli *cli)
{
    struct value map = value_map_new();
    value_put_c(&cli->arena, &map, "proxenos", value_text(STR(PX_VERSION)));
    value_put_c(&cli->arena, &map, "api", value_text(STR("1")));
#ifdef __OPTIMIZE__
    value_put_c(&cli->arena, &map, "compiler", value_text(STR(__VERSION__)));
#else
    value_put_c(&cli->arena, &map, "compiler", value_text(STR(__VERSION__ " (no optimisation)")));
#endif
    cli_print_map(cli, &map);
    return CLI_OK;
}

int cmd_help(struct cli *cli)
{
    if (cli->positional_count == 0) {
        cli_help(cli, stdout);
        return CLI_OK;
    }
    int used = 0;
    char *words[CLI_WORDS_MAX];
    for (int i = 0; i < cli->positional_count; i++) {
        words[i] = (char *)(uintptr_t)cli->positional[i];
    }
    const struct cli_command *command = cli_find_command(cli->positional_count, words, &used);
    if (command == NULL) {
        fprintf(stderr, "proxenos: there is no such command; `proxenos help` lists them\n");
        return CLI_USAGE;
    }
    cli_help_command(command, stdout);
    return CLI_OK;
}

/* Each first word once, with the words that may follow it. */
static void print_words(const char *first, const char *separator)
{
    size_t len = strlen(first);
    for (size_t i = 0; i < cli_command_count; i++) {
        const char *words = cli_commands[i].words;
        size_t end = strcspn(words, " ");
        bool again = i > 0 && strncmp(cli_commands[i - 1].words, words, end + 1) == 0;
        if (first[0] == '\0' && !again) {
            printf("%.*s%s", (int)end, words, separator);
        } else if (first[0] != '\0' && strncmp(words, first, len) == 0 && words[len] == ' ') {
            printf("%s%s", words + len + 1, separator);
        }
    }
}

static void print_options(const struct cli_command *command)
{
    for (size_t i = 0; i < CLI_OPTIONS_MAX && command->options[i].name != NULL; i++) {
        printf("--%s ", command->options[i].name);
    }
    printf("--data --format --quiet --help");
}

static void complete_bash(void)
{
    printf("_proxenos() {\n  local current=\"${COMP_WORDS[COMP_CWORD]}\" "
           "words=\"${COMP_WORDS[*]:1:2}\"\n"
           "  if [ \"$COMP_CWORD\" = 1 ]; then\n    COMPREPLY=($(compgen -W \"");
    print_words("", " ");
    printf("\" -- \"$current\")); return\n  fi\n  if [[ \"$current\" != -* && \"$COMP_CWORD\" = 2 "
           "]]; then\n    case \"${COMP_WORDS[1]}\" in\n");
    for (size_t i = 0; i < cli_command_count; i++) {
        const char *words = cli_commands[i].words;
        size_t end = strcspn(words, " ");
        bool again = i > 0 && strncmp(cli_commands[i - 1].words, words, end + 1) == 0;
        if (words[end] == ' ' && !again) {
            char first[32];
            snprintf(first, sizeof(first), "%.*s", (int)end, words);
            printf("    %s) COMPREPLY=($(compgen -W \"", first);
            print_words(first, " ");
            printf("\" -- \"$current\")); return ;;\n");
        }
    }
    printf("    esac\n  fi\n  case \"$words\" in\n");
    for (size_t i = 0; i < cli_command_count; i++) {
        printf("  \"%s\"*) [[ \"$current\" == -* ]] && COMPREPLY=($(compgen -W \"",
               cli_commands[i].words);
        print_options(&cli_commands[i]);
        printf("\" -- \"$current\")) ;;\n");
    }
    printf("  esac\n}\ncomplete -o default -F _proxenos proxenos\n");
}

static void complete_fish(void)
{
    for (size_t i = 0; i < cli_command_count; i++) {
        const struct cli_command *command = &cli_commands[i];
        size_t end = strcspn(command->words, " ");
        printf("complete -c proxenos -n __fish_use_subcommand -a %.*s\n", (int)end, command->words);
        if (command->words[end] == ' ') {
            printf("complete -c proxenos -n '__fish_seen_subcommand_from %.*s' -a %s -d \"%s\"\n",
                   (int)end, command->words, command->words + end + 1, command->help);
        }
        for (size_t o = 0; o < CLI_OPTIONS_MAX && command->options[o].name != NULL; o++) {
            printf("complete -c proxenos -n '__fish_seen_subcommand_from %.*s' -l %s -d \"%s\"\n",
                   (int)end, command->words, command->options[o].name, command->options[o].help);
        }
    }
}

int cmd_completion(struct cli *cli)
{
    const char *shell = cli->positional[0];
    if (strcmp(shell, "fish") == 0) {
        complete_fish();
    } else if (strcmp(shell, "bash") == 0) {
        complete_bash();
    } else if (strcmp(shell, "zsh") == 0) {
        printf("autoload -U +X bashcompinit && bashcompinit\n");
        complete_bash();
    } else {
        fprintf(stderr, "proxenos completion: bash, zsh or fish, not %s\n", shell);
        return CLI_USAGE;
    }
    return CLI_OK;
}
