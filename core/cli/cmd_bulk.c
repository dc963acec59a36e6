/* record edit-all | delete-all: what a filter finds is shown, and changed only with --yes: then
 * exactly what the preview found. */
#include "internal.h"

/* "stage: open → won, owner: …": one cell of the sample. */
static struct value changes_cell(struct cli *cli, const struct value *changes)
{
    struct buf text;
    buf_init(&text);
    for (size_t i = 0; i < changes->map.count; i++) {
        const struct value_entry *entry = &changes->map.entries[i];
        buf_printf(&text, "%s" STR_FORMAT ": ", i > 0 ? ", " : "", STR_ARGS(entry->key));
        cli_value_text(&text, value_get_c(&entry->value, "from"));
        buf_append_str(&text, STR(" → "));
        cli_value_text(&text, value_get_c(&entry->value, "to"));
    }
    struct value cell = value_text(arena_str(&cli->arena, buf_str(&text)));
    buf_deinit(&text);
    return cell;
}

static void print_sample(struct cli *cli, const struct value *answer)
{
    static const struct cli_column columns[] = {{"id", "id", false}, {"changes", "changes", false}};
    const struct value *sample = value_get_c(answer, "sample");
    struct value rows = value_list_new();
    if (cli->format == CLI_JSON) {
        cli_print_map(cli, answer);
        return;
    }
    for (size_t i = 0; sample != NULL && i < sample->list.count; i++) {
        const struct value *item = &sample->list.items[i];
        const struct value *changes = value_get_c(item, "changes");
        struct value row = value_map_new();
        value_put_c(&cli->arena, &row, "id", *value_get_c(item, "id"));
        value_put_c(&cli->arena, &row, "changes",
                    changes != NULL ? changes_cell(cli, changes) : value_text(STR("deleted")));
        value_push(&cli->arena, &rows, row);
    }
    cli_print_rows(cli, &rows, columns, COUNT_OF(columns));
}

static void remark(const struct cli *cli, const struct value *answer, bool done)
{
    const struct value *count = value_get_c(answer, "count");
    struct str set = value_get_text(answer, "changeset", STR(""));
    long long found = count != NULL ? (long long)count->integer : 0;
    if (cli->quiet) {
        return;
    }
    if (!done) {
        fprintf(stderr, "%lld records would be changed; nothing was: add --yes to do it\n", found);
    } else if (set.len > 0) {
        fprintf(stderr,
                "%lld records changed; proxenos changeset revert " STR_FORMAT " takes it back\n",
                found, STR_ARGS(set));
    } else {
        fprintf(stderr, "no record fits the filter; nothing was changed\n");
    }
}

/* Preview, and with --yes the same again with the preview's token. */
static int look_and_do(struct cli *cli, const char *what, struct value *body)
{
    struct buf target;
    struct value answer;
    bool done = false;
    int code = cli_list_target(cli, &target, cli->positional[0]);
    if (code != CLI_OK) {
        return code;
    }
    buf_printf(&target, "/bulk/%s", what);
    code = cli_call(cli, "POST", buf_str(&target), body, &answer);
    if (code == CLI_OK && cli_switch(cli, "yes")) {
        value_put_c(&cli->arena, body, "token",
                    value_text(value_get_text(&answer, "token", STR(""))));
        code = cli_call(cli, "POST", buf_str(&target), body, &answer);
        done = true;
    }
    buf_deinit(&target);
    if (code == CLI_OK) {
        print_sample(cli, &answer);
        remark(cli, &answer, done);
    }
    return code;
}

static int read_filter(struct cli *cli, struct value *body)
{
    const char *filter = cli_option(cli, "filter");
    if (filter == NULL) {
        fprintf(stderr, "proxenos: --filter says which records, --filter all for all of them\n");
        return CLI_USAGE;
    }
    value_put_c(&cli->arena, body, "filter",
                strcmp(filter, "all") == 0 ? value_map_new() : value_text(str_from(filter)));
    return CLI_OK;
}

int cmd_record_edit_all(struct cli *cli)
{
    struct value body = value_map_new();
    struct value set = value_map_new();
    int code = read_filter(cli, &body);
    for (int i = 1; i < cli->positional_count && code == CLI_OK; i++) {
        code = cli_add_pair(cli, cli->positional[i], &set);
    }
    value_put_c(&cli->arena, &body, "set", set);
    return code == CLI_OK ? look_and_do(cli, "edit", &body) : code;
}

int cmd_record_delete_all(struct cli *cli)
{
    struct value body = value_map_new();
    int code = read_filter(cli, &body);
    return code == CLI_OK ? look_and_do(cli, "delete", &body) : code;
}
