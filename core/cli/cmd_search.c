/* search, reindex. */
#include "internal.h"

static struct str joined_words(struct cli *cli)
{
    struct buf text;
    buf_init(&text);
    for (int i = 0; i < cli->positional_count; i++) {
        buf_append_str(&text, i > 0 ? STR(" ") : STR(""));
        buf_append_str(&text, str_from(cli->positional[i]));
    }
    struct str words = arena_str(&cli->arena, buf_str(&text));
    buf_deinit(&text);
    return words;
}

int cmd_search(struct cli *cli)
{
    static const struct cli_column columns[] = {{"object", "object", false},
                                                {"id", "id", false},
                                                {"title", "title", false},
                                                {"matched", "matched", false}};
    static const char *const options[] = {"objects", "limit", "after"};
    struct buf target;
    struct value answer;
    buf_init(&target);
    buf_append_str(&target, STR("/api/v1/search"));
    cli_query(&target, "q", joined_words(cli));
    cli_query_options(cli, &target, options, COUNT_OF(options));
    if (cli_switch(cli, "newest")) {
        cli_query(&target, "order", STR("newest"));
    }
    cli_query(&target, "wait", STR("true"));
    int code = cli_call(cli, "GET", buf_str(&target), NULL, &answer);
    buf_deinit(&target);
    if (code != CLI_OK) {
        return code;
    }
    if (cli->format == CLI_JSON) {
        cli_print_map(cli, &answer);
        return code;
    }
    cli_print_rows(cli, value_get_c(&answer, "data"), columns, COUNT_OF(columns));
    struct str next = value_get_text(&answer, "next", STR(""));
    if (next.len > 0 && !cli->quiet) {
        fprintf(stderr, "more: --after " STR_FORMAT "\n", STR_ARGS(next));
    }
    return code;
}

int cmd_reindex(struct cli *cli)
{
    struct value body = value_map_new();
    struct value started;
    struct value job;
    value_put_c(&cli->arena, &body, "kind", value_text(STR("reindex")));
    int code = cli_call(cli, "POST", STR("/api/v1/jobs"), &body, &started);
    if (code == CLI_OK) {
        code = cli_wait_job(cli, value_get_text(&started, "id", STR("")), &job);
    }
    if (code == CLI_OK) {
        cli_print_map(cli, &job);
    }
    return code;
}
