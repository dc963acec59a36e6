/* record duplicates | dismiss: a scan, its pairs as a table whose ids `record merge` takes, and
 * pairs that are none. */
#include "internal.h"

/* "name 0.97, born 1": what spoke for and against. */
static struct value fields_cell(struct cli *cli, const struct value *fields)
{
    struct buf text;
    buf_init(&text);
    for (size_t i = 0; fields != NULL && i < fields->list.count; i++) {
        const struct value *row = &fields->list.items[i];
        buf_append_str(&text, i > 0 ? STR(", ") : STR(""));
        buf_append_str(&text, value_get_text(row, "field", STR("")));
        buf_append_char(&text, ' ');
        cli_value_text(&text, value_get_c(row, "likeness"));
    }
    struct value cell = value_text(arena_str(&cli->arena, buf_str(&text)));
    buf_deinit(&text);
    return cell;
}

static struct value pair_row(struct cli *cli, const struct value *group, const struct value *pair)
{
    static const char *const kept[] = {"points", "sure", "a", "a_title", "b", "b_title"};
    struct value row = value_map_new();
    value_put_c(&cli->arena, &row, "group", *value_get_c(group, "group"));
    for (size_t i = 0; i < COUNT_OF(kept); i++) {
        const struct value *cell = value_get_c(pair, kept[i]);
        value_put_c(&cli->arena, &row, kept[i], cell != NULL ? *cell : value_null());
    }
    value_put_c(&cli->arena, &row, "fields", fields_cell(cli, value_get_c(pair, "fields")));
    return row;
}

/* One row per pair, in the order of the groups. */
static struct value pair_rows(struct cli *cli, const struct value *groups)
{
    struct value rows = value_list_new();
    for (size_t g = 0; groups != NULL && g < groups->list.count; g++) {
        const struct value *group = &groups->list.items[g];
        const struct value *pairs = value_get_c(group, "pairs");
        for (size_t i = 0; pairs != NULL && i < pairs->list.count; i++) {
            value_push(&cli->arena, &rows, pair_row(cli, group, &pairs->list.items[i]));
        }
    }
    return rows;
}

static void print_groups(struct cli *cli, const struct value *answer)
{
    static const struct cli_column columns[] = {
        {"group", "group", false},     {"points", "points", false}, {"a", "a", false},
        {"a_title", "record", false},  {"b", "b", false},           {"b_title", "record", false},
        {"fields", "likeness", false},
    };
    const struct value *scan = value_get_c(answer, "scan");
    struct str next = value_get_text(answer, "next", STR(""));
    if (cli->format == CLI_JSON) {
        cli_print_map(cli, answer);
        return;
    }
    struct value rows = pair_rows(cli, value_get_c(answer, "data"));
    cli_print_rows(cli, &rows, columns, COUNT_OF(columns));
    if (cli->quiet) {
        return;
    }
    fprintf(stderr, "%lld groups; `proxenos record merge %s A B` makes one of a pair\n",
            (long long)value_get_int(scan, "groups", 0), cli->positional[0]);
    if (value_get_int(scan, "cut_blocks", 0) > 0 || value_get_bool(scan, "cut", false)) {
        fprintf(stderr,
                "%lld blocks were too large to be compared whole: narrower block rules "
                "would find more\n",
                (long long)value_get_int(scan, "cut_blocks", 0));
    }
    if (next.len > 0) {
        fprintf(stderr, "more: --last --after " STR_FORMAT "\n", STR_ARGS(next));
    }
}

static int object_target(struct cli *cli, const char *behind, struct buf *target)
{
    int code = cli_list_target(cli, target, cli->positional[0]);
    if (code == CLI_OK) {
        buf_append_str(target, str_from(behind));
    }
    return code;
}

static int run_scan(struct cli *cli)
{
    struct buf target;
    struct value body = value_map_new();
    struct value answer;
    struct value job;
    const char *resume = cli_option(cli, "resume");
    if (resume != NULL) {
        value_put_c(&cli->arena, &body, "resume", value_text(str_from(resume)));
    }
    int code = object_target(cli, "/duplicates/scan", &target);
    if (code == CLI_OK) {
        code = cli_call(cli, "POST", buf_str(&target), &body, &answer);
    }
    buf_deinit(&target);
    if (code == CLI_OK) {
        code = cli_wait_job(cli, value_get_text(&answer, "id", STR("")), &job);
    }
    if (code != CLI_OK || str_is(value_get_text(&job, "state", STR("")), "done")) {
        return code;
    }
    struct str scan = value_get_text(value_get_c(&job, "result"), "scan", STR(""));
    fprintf(stderr, "proxenos: the scan ended as " STR_FORMAT "%s" STR_FORMAT "\n",
            STR_ARGS(value_get_text(&job, "state", STR(""))),
            scan.len > 0 ? "; go on with --resume " : "", STR_ARGS(scan));
    return CLI_FAILED;
}

int cmd_record_duplicates(struct cli *cli)
{
    static const char *const options[] = {"limit", "after"};
    struct buf target;
    struct value answer;
    int code = cli_switch(cli, "last") ? CLI_OK : run_scan(cli);
    if (code != CLI_OK) {
        return code;
    }
    code = object_target(cli, "/duplicates", &target);
    if (code == CLI_OK) {
        cli_query_options(cli, &target, options, COUNT_OF(options));
        code = cli_call(cli, "GET", buf_str(&target), NULL, &answer);
    }
    buf_deinit(&target);
    if (code == CLI_OK) {
        print_groups(cli, &answer);
    }
    return code;
}

int cmd_record_dismiss(struct cli *cli)
{
    struct buf target;
    struct value body = value_map_new();
    struct value records = value_list_new();
    struct value answer;
    for (int i = 1; i < cli->positional_count; i++) {
        value_push(&cli->arena, &records, value_text(str_from(cli->positional[i])));
    }
    value_put_c(&cli->arena, &body, "records", records);
    bool undo = cli_switch(cli, "undo");
    int code = object_target(cli, undo ? "/duplicates/undismiss" : "/duplicates/dismiss", &target);
    if (code == CLI_OK) {
        code = cli_call(cli, "POST", buf_str(&target), &body, &answer);
    }
    buf_deinit(&target);
    if (code == CLI_OK) {
        cli_print_map(cli, &answer);
    }
    return code;
}
