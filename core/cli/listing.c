/* What commands that list and change things by their names have in common: the path, the options as
 * a query, the table. */
#include "internal.h"

void cli_query_options(struct cli *cli, struct buf *target, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *text = cli_option(cli, names[i]);
        if (text != NULL) {
            cli_query(target, names[i], str_from(text));
        }
    }
}

struct str cli_target(struct cli *cli, const char *things, const char *name, const char *behind)
{
    struct buf target;
    buf_init(&target);
    buf_printf(&target, "/api/v1/%s", things);
    cli_path(&target, str_from(name));
    buf_append_str(&target, str_from(behind));
    struct str copy = arena_str(&cli->arena, buf_str(&target));
    buf_deinit(&target);
    return copy;
}

int cli_print_list(struct cli *cli, const struct cli_list *list)
{
    struct buf target;
    struct value answer;
    size_t option_count = 0;
    while (option_count < COUNT_OF(list->options) && list->options[option_count] != NULL) {
        option_count++;
    }
    buf_init(&target);
    buf_append_str(&target, str_from(list->path));
    cli_query_options(cli, &target, list->options, option_count);
    int code = cli_call(cli, "GET", buf_str(&target), NULL, &answer);
    buf_deinit(&target);
    if (code == CLI_OK) {
        cli_print_rows(cli, value_get_c(&answer, "data"), list->columns, list->column_count);
    }
    return code;
}
