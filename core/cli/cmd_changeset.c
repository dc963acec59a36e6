/* record merge, and changeset list|show|revert. */
#include "internal.h"

static const struct cli_column columns[] = {{"id", "id", false},
                                            {"at", "at", false},
                                            {"kind", "kind", false},
                                            {"name", "name", false},
                                            {"actor", "actor", false},
                                            {"created", "created", true},
                                            {"updated", "updated", true},
                                            {"deleted", "deleted", true},
                                            {"reverted_by", "reverted by", false}};

int cmd_changeset_list(struct cli *cli)
{
    static const char *const options[] = {"limit", "after"};
    struct buf target;
    struct value answer;
    buf_init(&target);
    buf_append_str(&target, STR("/api/v1/changesets"));
    cli_query_options(cli, &target, options, COUNT_OF(options));
    int code = cli_call(cli, "GET", buf_str(&target), NULL, &answer);
    buf_deinit(&target);
    if (code == CLI_OK && cli->format == CLI_JSON) {
        cli_print_map(cli, &answer);
    } else if (code == CLI_OK) {
        cli_print_rows(cli, value_get_c(&answer, "data"), columns, COUNT_OF(columns));
    }
    return code;
}

static void print_sample(struct cli *cli, const struct value *answer)
{
    static const struct cli_column shown[] = {
        {"type", "type", false}, {"record", "record", false}, {"data", "before and after", false}};
    struct value facts = value_map_new();
    for (size_t i = 0; i < answer->map.count; i++) {
        if (!str_is(answer->map.entries[i].key, "sample")) {
            value_put(&cli->arena, &facts, answer->map.entries[i].key,
                      answer->map.entries[i].value);
        }
    }
    cli_print_map(cli, &facts);
    printf("\n");
    cli_print_rows(cli, value_get_c(answer, "sample"), shown, COUNT_OF(shown));
}

int cmd_changeset_show(struct cli *cli)
{
    struct buf target;
    struct value answer;
    buf_init(&target);
    buf_append_str(&target, STR("/api/v1/changesets"));
    cli_path(&target, str_from(cli->positional[0]));
    int code = cli_call(cli, "GET", buf_str(&target), NULL, &answer);
    buf_deinit(&target);
    if (code == CLI_OK && cli->format == CLI_JSON) {
        cli_print_map(cli, &answer);
    } else if (code == CLI_OK) {
        print_sample(cli, &answer);
    }
    return code;
}

int cmd_changeset_revert(struct cli *cli)
{
    struct buf target;
    struct value body = value_map_new();
    struct value answer;
    buf_init(&target);
    buf_append_str(&target, STR("/api/v1/changesets"));
    cli_path(&target, str_from(cli->positional[0]));
    buf_append_str(&target, STR("/revert"));
    if (cli_switch(cli, "dry-run")) {
        cli_query(&target, "dry_run", STR("true"));
    }
    value_put_c(&cli->arena, &body, "partial", value_bool(cli_switch(cli, "partial")));
    value_put_c(&cli->arena, &body, "effects", value_bool(cli_switch(cli, "effects")));
    int code = cli_call(cli, "POST", buf_str(&target), &body, &answer);
    buf_deinit(&target);
    if (code == CLI_OK) {
        cli_print_map(cli, &answer);
    } else if (answer.kind == VALUE_MAP && value_get_c(&answer, "conflicts") != NULL) {
        static const struct cli_column shown[] = {{"object", "object", false},
                                                  {"id", "id", false},
                                                  {"field", "field", false},
                                                  {"reason", "reason", false}};
        cli_print_rows(cli, value_get_c(&answer, "conflicts"), shown, COUNT_OF(shown));
    }
    return code;
}

/* ---- record merge ---- */

int cmd_record_merge(struct cli *cli)
{
    struct buf target;
    struct value body = value_map_new();
    struct value others = value_list_new();
    struct value answer;
    for (int i = 2; i < cli->positional_count; i++) {
        value_push(&cli->arena, &others, value_text(str_from(cli->positional[i])));
    }
    value_put_c(&cli->arena, &body, "others", others);
    value_put_c(&cli->arena, &body, "fill", value_bool(cli_switch(cli, "fill")));
    value_put_c(&cli->arena, &body, "delete", value_bool(cli_switch(cli, "delete")));
    int code = cli_record_target(cli, &target, cli->positional[0], str_from(cli->positional[1]));
    if (code == CLI_OK) {
        buf_append_str(&target, STR("/merge"));
        if (cli_switch(cli, "dry-run")) {
            cli_query(&target, "dry_run", STR("true"));
        }
        code = cli_call(cli, "POST", buf_str(&target), &body, &answer);
    }
    buf_deinit(&target);
    if (code == CLI_OK) {
        cli_print_map(cli, &answer);
    }
    return code;
}
