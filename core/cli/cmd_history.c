/* record history|link|unlink, why. */
#include "internal.h"

int cli_record_target(struct cli *cli, struct buf *target, const char *object, struct str id)
{
    int code = cli_list_target(cli, target, object);
    if (code == CLI_OK) {
        cli_path(target, id);
    }
    return code;
}

/* ---- history ---- */

static struct value changed_fields(struct cli *cli, const struct value *event)
{
    const struct value *data = value_get_c(event, "data");
    const struct value *after = data != NULL ? value_get_c(data, "after") : NULL;
    const struct value *before = data != NULL ? value_get_c(data, "before") : NULL;
    const struct value *side = after != NULL ? after : before;
    struct buf text;
    buf_init(&text);
    for (size_t i = 0; side != NULL && side->kind == VALUE_MAP && i < side->map.count; i++) {
        buf_append_str(&text, i > 0 ? STR(", ") : STR(""));
        buf_append_str(&text, side->map.entries[i].key);
    }
    struct value names = value_text(arena_str(&cli->arena, buf_str(&text)));
    buf_deinit(&text);
    return names;
}

static void print_history(struct cli *cli, const struct value *answer)
{
    static const struct cli_column columns[] = {
        {"at", "at", false},       {"type", "type", false}, {"version", "version", true},
        {"actor", "actor", false}, {"via", "via", false},   {"fields", "fields", false}};
    struct value rows = value_list_new();
    const struct value *data = value_get_c(answer, "data");
    for (size_t i = 0; i < data->list.count; i++) {
        struct value row = value_map_new();
        for (size_t c = 0; c < COUNT_OF(columns) - 1; c++) {
            const struct value *cell = value_get_c(&data->list.items[i], columns[c].key);
            value_put_c(&cli->arena, &row, columns[c].key, cell != NULL ? *cell : value_null());
        }
        value_put_c(&cli->arena, &row, "fields", changed_fields(cli, &data->list.items[i]));
        value_push(&cli->arena, &rows, row);
    }
    cli_print_rows(cli, &rows, columns, COUNT_OF(columns));
    struct str next = value_get_text(answer, "next", STR(""));
    if (next.len > 0 && !cli->quiet) {
        fprintf(stderr, "more: --after " STR_FORMAT "\n", STR_ARGS(next));
    }
}

int cmd_record_history(struct cli *cli)
{
    static const char *const options[] = {"after", "limit"};
    struct buf target;
    struct value answer;
    int code = cli_record_target(cli, &target, cli->positional[0], str_from(cli->positional[1]));
    if (code == CLI_OK) {
        buf_append_str(&target, STR("/history"));
        cli_query_options(cli, &target, options, COUNT_OF(options));
        if (cli_switch(cli, "newest")) {
            cli_query(&target, "newest", STR("true"));
        }
        code = cli_call(cli, "GET", buf_str(&target), NULL, &answer);
    }
    buf_deinit(&target);
    if (code == CLI_OK && cli->format == CLI_JSON) {
        cli_print_map(cli, &answer);
    } else if (code == CLI_OK) {
        print_history(cli, &answer);
    }
    return code;
}

/* ---- why ---- */

/* "organisation/0abc1def2gh3j.name" in three. */
static bool take_apart(struct str word, struct str *object, struct str *id, struct str *field)
{
    struct str rest = word;
    return str_split(&rest, '/', object) && rest.at != NULL && str_split(&rest, '.', id) &&
           rest.at != NULL && rest.len > 0 && (*field = rest).len > 0 && object->len > 0 &&
           id->len > 0;
}

static void print_text(const char *name, const struct value *value)
{
    struct buf text;
    buf_init(&text);
    cli_value_text(&text, value);
    if (text.len > 0) {
        printf("%-8s %s\n", name, buf_cstr(&text));
    }
    buf_deinit(&text);
}

static void print_why(const struct value *answer)
{
    const struct value *plugin = value_get_c(answer, "plugin");
    const struct value *because = value_get_c(answer, "because");
    static const char *const names[] = {"field", "value",   "computed", "at",
                                        "actor", "version", "changeset"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        print_text(names[i], value_get_c(answer, names[i]));
    }
    if (plugin != NULL) {
        struct str version = value_get_text(plugin, "version", STR(""));
        printf("%-8s plugin " STR_FORMAT "%s" STR_FORMAT "\n", "via",
               STR_ARGS(value_get_text(plugin, "name", STR(""))), version.len > 0 ? " " : "",
               STR_ARGS(version));
    } else {
        print_text("via", value_get_c(answer, "via"));
    }
    for (size_t i = 0; because != NULL && i < because->list.count; i++) {
        const struct value *event = &because->list.items[i];
        printf("%-8s " STR_FORMAT " " STR_FORMAT " by " STR_FORMAT ", " STR_FORMAT "\n", "because",
               STR_ARGS(value_get_text(event, "type", STR(""))),
               STR_ARGS(value_get_text(event, "record", STR(""))),
               STR_ARGS(value_get_text(event, "actor", STR(""))),
               STR_ARGS(value_get_text(event, "at", STR(""))));
    }
}

int cmd_why(struct cli *cli)
{
    struct str object;
    struct str id;
    struct str field;
    if (!take_apart(str_from(cli->positional[0]), &object, &id, &field)) {
        fprintf(stderr, "proxenos: \"%s\" is not OBJECT/ID.FIELD\n", cli->positional[0]);
        return CLI_USAGE;
    }
    struct buf target;
    struct value answer;
    int code = cli_record_target(cli, &target, arena_cstr(&cli->arena, object), id);
    if (code == CLI_OK) {
        buf_append_str(&target, STR("/why"));
        cli_path(&target, field);
        code = cli_call(cli, "GET", buf_str(&target), NULL, &answer);
    }
    buf_deinit(&target);
    if (code == CLI_OK && cli->format == CLI_TABLE) {
        print_why(&answer);
    } else if (code == CLI_OK) {
        cli_print_map(cli, &answer);
    }
    return code;
}

/* ---- link, unlink ---- */

static int change_link(struct cli *cli, const char *verb)
{
    struct buf target;
    struct value record;
    struct value ids = value_list_new();
    struct value change = value_map_new();
    struct value body = value_map_new();
    for (int i = 3; i < cli->positional_count; i++) {
        value_push(&cli->arena, &ids, value_text(str_from(cli->positional[i])));
    }
    value_put_c(&cli->arena, &change, verb, ids);
    value_put_c(&cli->arena, &body, cli->positional[2], change);
    int code = cli_record_target(cli, &target, cli->positional[0], str_from(cli->positional[1]));
    if (code == CLI_OK) {
        code = cli_call(cli, "PATCH", buf_str(&target), &body, &record);
    }
    buf_deinit(&target);
    if (code == CLI_OK) {
        cli_print_map(cli, &record);
    }
    return code;
}

int cmd_record_link(struct cli *cli)
{
    return change_link(cli, "add");
}

int cmd_record_unlink(struct cli *cli)
{
    return change_link(cli, "remove");
}
