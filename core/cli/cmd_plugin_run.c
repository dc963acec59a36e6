/* Commands that plugins add (px.command): whatever words the table does not know are looked up at
 * the service and run there, with the caller's rights and the plugin's. */
#include "internal.h"

#include <stdlib.h>
#include <unistd.h>

static int run_words(struct cli *cli);

const struct cli_command cli_plugin_command = {.words = "a plugin's",
                                               .arguments = "COMMAND [WORD…] [NAME=VALUE…]",
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

/* What the command is given: words for one that declares its arguments, pairs for another. */
static int put_arguments(struct cli *cli, const struct value *row, int used, struct value *body)
{
    const struct value *declared = value_get_c(row, "args");
    bool declares = declared != NULL && declared->kind == VALUE_LIST;
    struct value words = value_list_new();
    struct value args = value_map_new();
    int code = CLI_OK;
    for (int i = used; i < cli->positional_count && code == CLI_OK; i++) {
        if (declares) {
            value_push(&cli->arena, &words, value_text(str_from(cli->positional[i])));
        } else {
            code = cli_add_pair(cli, cli->positional[i], &args);
        }
    }
    value_put_c(&cli->arena, body, "args", args);
    value_put_c(&cli->arena, body, "given", words);
    return code;
}

/* The reader's language, as his terminal has it. */
static struct str language(void)
{
    static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        const char *value = getenv(names[i]); // NOLINT(concurrency-mt-unsafe): one thread
        if (value != NULL && value[0] != '\0') {
            return str_starts(str_from(value), STR("el")) ? STR("el") : STR("en");
        }
    }
    return STR("en");
}

static void print_table_part(struct cli *cli, const struct value *part)
{
    const struct value *columns = value_get_c(part, "columns");
    const struct value *rows = value_get_c(part, "rows");
    if (columns == NULL || rows == NULL || columns->kind != VALUE_LIST) {
        return;
    }
    size_t count = columns->list.count;
    struct cli_column *made = ARENA_ARRAY(&cli->arena, struct cli_column, count + 1);
    for (size_t i = 0; i < count; i++) {
        const struct value *column = &columns->list.items[i];
        struct str key = value_get_text(column, "key", STR(""));
        const struct value *first =
            rows->list.count > 0 ? value_get(&rows->list.items[0], key) : NULL;
        bool number = first != NULL && (first->kind == VALUE_INT || first->kind == VALUE_REAL);
        made[i] = (struct cli_column){arena_cstr(&cli->arena, key),
                                      arena_cstr(&cli->arena, value_get_text(column, "title", key)),
                                      number};
    }
    cli_print_rows(cli, rows, made, count);
}

/* For a program (JSON, CSV) the tables alone stand on standard output. */
static void print_parts(struct cli *cli, const struct value *parts)
{
    for (size_t i = 0; parts->kind == VALUE_LIST && i < parts->list.count; i++) {
        struct str text = value_get_text(&parts->list.items[i], "text", STR(""));
        if (text.len == 0) {
            print_table_part(cli, &parts->list.items[i]);
        } else {
            fwrite(text.at, 1, text.len, cli->format == CLI_TABLE ? stdout : stderr);
        }
    }
}

static int run_found(struct cli *cli, const struct value *row, int used)
{
    static const char *const formats[] = {"table", "json", "csv", "table"};
    struct value body = value_map_new();
    struct value answer;
    int code = put_arguments(cli, row, used, &body);
    if (code != CLI_OK) {
        return code;
    }
    struct str plugin = value_get_text(row, "plugin", STR(""));
    struct str target = arena_printf(&cli->arena, "/api/v1/commands/" STR_FORMAT, STR_ARGS(plugin));
    value_put_c(&cli->arena, &body, "words", value_text(value_get_text(row, "words", STR(""))));
    value_put_c(&cli->arena, &body, "format", value_text(str_from(formats[cli->format])));
    value_put_c(&cli->arena, &body, "language", value_text(language()));
    code = cli_call(cli, "POST", target, &body, &answer);
    if (code != CLI_OK) {
        return code;
    }
    const struct value *parts = value_get_c(&answer, "parts");
    if (parts != NULL) {
        print_parts(cli, parts);
    }
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
