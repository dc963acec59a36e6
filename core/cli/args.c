/* Takes a command line apart by the table of commands, and says what is wrong in words. */
#include "internal.h"

#include "proxenos/base_text.h"

static const struct cli_option global_options[] = {
    {"data", "DIR", "the data folder (default $PROXENOS_DATA or ./data)"},
    {"plugins", "DIR", "folder of plugins, when no service runs"},
    {"format", "table|json|csv", "how to print (default table)"},
    {"token-file", "FILE", "act with this token's rights (or $PROXENOS_TOKEN), not the operator's"},
    {"quiet", NULL, "no progress, no remarks"},
    {"help", NULL, "help for the command"},
    {NULL, NULL, NULL},
};

const char *cli_option(const struct cli *cli, const char *name)
{
    for (int i = cli->given_count - 1; i >= 0; i--) {
        if (strcmp(cli->given[i].name, name) == 0) {
            return cli->given[i].value;
        }
    }
    return NULL;
}

bool cli_switch(const struct cli *cli, const char *name)
{
    return cli_option(cli, name) != NULL;
}

/* How many of the command's words the arguments begin with; 0 when they are not this command. */
static int words_match(const struct cli_command *command, int count, char **words)
{
    struct str rest = str_from(command->words);
    struct str word;
    int used = 0;
    while (str_split(&rest, ' ', &word)) {
        if (used >= count || !str_is(word, words[used])) {
            return 0;
        }
        used++;
    }
    return used;
}

const struct cli_command *cli_find_command(int count, char **words, int *out_used)
{
    for (size_t i = 0; i < cli_command_count; i++) {
        int used = words_match(&cli_commands[i], count, words);
        if (used > 0) {
            *out_used = used;
            return &cli_commands[i];
        }
    }
    return NULL;
}

static const struct cli_option *find_option(const struct cli_option *options, size_t max,
                                            struct str name)
{
    for (size_t i = 0; i < max && options[i].name != NULL; i++) {
        if (str_is(name, options[i].name)) {
            return &options[i];
        }
    }
    return NULL;
}

static int unknown_option(const struct cli *cli, struct str name)
{
    struct str names[CLI_OPTIONS_MAX + COUNT_OF(global_options)];
    size_t count = 0;
    for (size_t i = 0; i < CLI_OPTIONS_MAX && cli->command->options[i].name != NULL; i++) {
        names[count++] = str_from(cli->command->options[i].name);
    }
    for (size_t i = 0; global_options[i].name != NULL; i++) {
        names[count++] = str_from(global_options[i].name);
    }
    struct str nearest = text_nearest(name, names, count);
    fprintf(stderr, "proxenos %s: there is no option --" STR_FORMAT, cli->command->words,
            STR_ARGS(name));
    if (nearest.len > 0) {
        fprintf(stderr, "; did you mean --" STR_FORMAT "?", STR_ARGS(nearest));
    }
    fprintf(stderr, "\n");
    return CLI_USAGE;
}

static int apply_global(struct cli *cli, const char *name, const char *value)
{
    if (strcmp(name, "data") == 0) {
        cli->folder = value;
    } else if (strcmp(name, "plugins") == 0) {
        cli->plugins_folder = value;
    } else if (strcmp(name, "quiet") == 0) {
        cli->quiet = true;
    } else if (strcmp(name, "format") == 0) {
        struct str format = str_from(value);
        bool picture = str_is(format, "dot") || str_is(format, "svg");
        if (picture && find_option(cli->command->options, CLI_OPTIONS_MAX, STR("format")) != NULL) {
            cli->format = CLI_PICTURE; /* the command's own option says that it draws */
            return CLI_OK;
        }
        if (!str_is(format, "table") && !str_is(format, "json") && !str_is(format, "csv")) {
            fprintf(stderr, "proxenos: --format is table, json or csv, not %s\n", value);
            return CLI_USAGE;
        }
        cli->format = str_is(format, "json")  ? CLI_JSON
                      : str_is(format, "csv") ? CLI_CSV
                                              : CLI_TABLE;
    }
    return CLI_OK;
}

/* --name, --name=value or --name value; *at moves over what was used. */
static int take_option(struct cli *cli, int count, char **arguments, int *at)
{
    struct str name = str_from(arguments[*at] + (arguments[*at][1] == '-' ? 2 : 1));
    const char *value = NULL;
    size_t equals = 0;
    if (str_find(name, STR("="), &equals)) {
        value = name.at + equals + 1;
        name = str_sub(name, 0, equals);
    }
    const struct cli_option *option = find_option(cli->command->options, CLI_OPTIONS_MAX, name);
    if (option == NULL) {
        option = find_option(global_options, COUNT_OF(global_options), name);
    }
    if (option == NULL) {
        return unknown_option(cli, name);
    }
    if (option->value == NULL && value != NULL) {
        fprintf(stderr, "proxenos %s: --%s takes no value\n", cli->command->words, option->name);
        return CLI_USAGE;
    }
    if (option->value != NULL && value == NULL) {
        if (*at + 1 >= count) {
            fprintf(stderr, "proxenos %s: --%s wants %s\n", cli->command->words, option->name,
                    option->value);
            return CLI_USAGE;
        }
        value = arguments[++*at];
    }
    if (cli->given_count >= CLI_WORDS_MAX) {
        fprintf(stderr, "proxenos %s: too many options\n", cli->command->words);
        return CLI_USAGE;
    }
    cli->given[cli->given_count].name = option->name;
    cli->given[cli->given_count++].value = value != NULL ? value : "";
    return apply_global(cli, option->name, value);
}

/* "-e", where the command has an option of one letter. */
static bool is_letter(const struct cli_command *command, const char *word)
{
    return word[0] == '-' && word[1] != '\0' && word[2] == '\0' &&
           find_option(command->options, CLI_OPTIONS_MAX, str_from(word + 1)) != NULL;
}

int cli_parse(struct cli *cli, int count, char **arguments)
{
    bool only_words = false;
    int code = CLI_OK;
    for (int i = 0; i < count && code == CLI_OK; i++) {
        if (!only_words && strcmp(arguments[i], "--") == 0) {
            only_words = true;
        } else if (!only_words &&
                   (strncmp(arguments[i], "--", 2) == 0 || is_letter(cli->command, arguments[i]))) {
            code = take_option(cli, count, arguments, &i);
        } else if (cli->positional_count < CLI_WORDS_MAX) {
            cli->positional[cli->positional_count++] = arguments[i];
        }
    }
    if (code != CLI_OK) {
        return code;
    }
    const struct cli_command *command = cli->command;
    if (cli_switch(cli, "help")) {
        return CLI_OK;
    }
    if (cli->positional_count < command->arguments_min ||
        cli->positional_count > command->arguments_max) {
        fprintf(stderr, "usage: proxenos %s %s\n       proxenos %s --help tells more\n",
                command->words, command->arguments, command->words);
        return CLI_USAGE;
    }
    return CLI_OK;
}

/* A line of help; the left side is as wide as it looks, which printf's widths are not. */
static void print_line(FILE *out, const char *left, int width, const char *help)
{
    int wide = (int)utf8_count(str_from(left));
    fprintf(out, "  %s%*s %s\n", left, wide < width ? width - wide : 0, "", help);
}

static void print_options(const struct cli_option *options, size_t max, FILE *out)
{
    for (size_t i = 0; i < max && options[i].name != NULL; i++) {
        char left[64];
        snprintf(left, sizeof(left), "--%s%s%s", options[i].name,
                 options[i].value != NULL ? " " : "",
                 options[i].value != NULL ? options[i].value : "");
        print_line(out, left, 34, options[i].help);
    }
}

void cli_help_command(const struct cli_command *command, FILE *out)
{
    fprintf(out, "usage: proxenos %s%s%s [OPTIONS]\n\n%s\n\noptions:\n", command->words,
            command->arguments[0] != '\0' ? " " : "", command->arguments, command->help);
    print_options(command->options, CLI_OPTIONS_MAX, out);
    print_options(global_options, COUNT_OF(global_options), out);
}

void cli_help(const struct cli *cli, FILE *out)
{
    (void)cli;
    fprintf(out, "usage: proxenos COMMAND [OPTIONS]\n\n");
    for (size_t i = 0; i < cli_command_count; i++) {
        char left[64];
        snprintf(left, sizeof(left), "%s%s%s", cli_commands[i].words,
                 cli_commands[i].arguments[0] != '\0' ? " " : "", cli_commands[i].arguments);
        print_line(out, left, 36, cli_commands[i].help);
    }
    fprintf(out, "\noptions of all commands:\n");
    print_options(global_options, COUNT_OF(global_options), out);
    fprintf(out, "\nexit codes: 0 done, 1 refused or failed, 2 wrong words, 3 done in part, 4 "
                 "service not reachable\n");
}
