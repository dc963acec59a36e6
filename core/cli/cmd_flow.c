/* flow list|show|export|start|cancel|retry|unblock|signal|query: runs of durable flows. */
#include "internal.h"

#include <errno.h>

/* All --attribute NAME=VALUE as a map; CLI_USAGE after saying why. */
static int read_attributes(struct cli *cli, struct value *out_map)
{
    *out_map = value_map_new();
    for (int i = 0; i < cli->given_count; i++) {
        struct str pair = str_from(cli->given[i].value);
        size_t equals = 0;
        if (strcmp(cli->given[i].name, "attribute") != 0) {
            continue;
        }
        if (!str_find(pair, STR("="), &equals) || equals == 0) {
            fprintf(stderr, "proxenos %s: --attribute is NAME=VALUE, not %s\n", cli->command->words,
                    cli->given[i].value);
            return CLI_USAGE;
        }
        value_put(&cli->arena, out_map, str_sub(pair, 0, equals),
                  value_text(str_sub(pair, equals + 1, pair.len)));
    }
    return CLI_OK;
}

/* ---- looking ---- */

static const struct cli_column run_columns[] = {
    {"id", "id", false},        {"plugin", "plugin", false},      {"flow", "flow", false},
    {"key", "key", false},      {"state", "state", false},        {"turns", "turns", true},
    {"due_at", "wakes", false}, {"started_at", "started", false}, {"updated_at", "updated", false}};

int cmd_flow_list(struct cli *cli)
{
    static const char *const options[] = {"plugin", "flow", "key", "state", "before", "limit"};
    struct buf target;
    struct value answer, attributes;
    int code = read_attributes(cli, &attributes);
    if (code != CLI_OK) {
        return code;
    }
    buf_init(&target);
    buf_append_str(&target, STR("/api/v1/flows"));
    cli_query_options(cli, &target, options, COUNT_OF(options));
    if (attributes.map.count > 0) {
        struct buf json;
        buf_init(&json);
        json_encode(&json, &attributes);
        cli_query(&target, "attributes", buf_str(&json));
        buf_deinit(&json);
    }
    code = cli_call(cli, "GET", buf_str(&target), NULL, &answer);
    buf_deinit(&target);
    if (code == CLI_OK) {
        cli_print_rows(cli, value_get_c(&answer, "data"), run_columns, COUNT_OF(run_columns));
        const struct value *next = value_get_c(&answer, "next");
        if (cli->format == CLI_TABLE && !cli->quiet && next != NULL && next->kind == VALUE_TEXT) {
            fprintf(stderr, "more: --before " STR_FORMAT "\n", STR_ARGS(next->text));
        }
    }
    return code;
}

/* What is in the timeline, as rows; everything else of the run above them. */
static void print_run(struct cli *cli, const struct value *run)
{
    static const struct cli_column columns[] = {
        {"at", "at", false},          {"turn", "turn", true},     {"seq", "seq", true},
        {"kind", "kind", false},      {"name", "name", false},    {"state", "state", false},
        {"ended_at", "ended", false}, {"due_at", "wakes", false}, {"place", "place", false},
        {"result", "result", false},  {"error", "error", false}};
    struct value head = value_map_new();
    for (size_t i = 0; i < run->map.count; i++) {
        const struct value_entry *entry = &run->map.entries[i];
        if (!str_is(entry->key, "timeline") && !str_is(entry->key, "waits_for")) {
            value_put(&cli->arena, &head, entry->key, entry->value);
        }
    }
    if (cli->format == CLI_TABLE) {
        cli_print_map(cli, &head);
        printf("\n");
    }
    cli_print_rows(cli, value_get_c(run, "timeline"), columns, COUNT_OF(columns));
}

static bool print_piece(void *context, struct str bytes)
{
    (void)context;
    return fwrite(bytes.at, 1, bytes.len, stdout) == bytes.len;
}

static int draw(struct cli *cli, const char *format)
{
    struct value answer;
    struct buf target;
    buf_init(&target);
    buf_append_str(&target, cli_target(cli, "flows", cli->positional[0], ""));
    cli_query(&target, "format", str_from(format));
    struct net_call call = {
        .method = "GET", .target = buf_str(&target), .accept = "*/*", .write = print_piece};
    int code = cli_perform(cli, &call, &answer);
    buf_deinit(&target);
    return code;
}

int cmd_flow_show(struct cli *cli)
{
    static const char *const options[] = {"after", "limit"};
    const char *format = cli_option(cli, "format");
    struct value run;
    struct buf target;
    if (cli->format == CLI_PICTURE) {
        return draw(cli, format);
    }
    buf_init(&target);
    buf_append_str(&target, cli_target(cli, "flows", cli->positional[0], ""));
    cli_query_options(cli, &target, options, COUNT_OF(options));
    int code = cli_call(cli, "GET", buf_str(&target), NULL, &run);
    buf_deinit(&target);
    if (code != CLI_OK) {
        return code;
    }
    if (cli->format == CLI_JSON) {
        cli_print_map(cli, &run);
    } else {
        print_run(cli, &run);
    }
    return code;
}

int cmd_flow_export(struct cli *cli)
{
    struct value history;
    int code = cli_call(cli, "GET", cli_target(cli, "flows", cli->positional[0], "/history"), NULL,
                        &history);
    if (code == CLI_OK) {
        cli->format = CLI_JSON;
        cli_print_map(cli, &history);
    }
    return code;
}

/* ---- orders ---- */

static void put_option(struct cli *cli, struct value *body, const char *option)
{
    if (cli_option(cli, option) != NULL) {
        value_put_c(&cli->arena, body, option, value_text(str_from(cli_option(cli, option))));
    }
}

int cli_read_file(struct cli *cli, const char *path, struct str *out_text)
{
    enum { FILE_MAX = 16 << 20 };
    struct buf text;
    size_t got = 1;
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fprintf(stderr, "proxenos: %s cannot be read: %s\n", path, strerror(errno));
        return CLI_FAILED;
    }
    buf_init(&text);
    while (got > 0 && text.len <= FILE_MAX) {
        got = fread(buf_reserve(&text, 65536), 1, 65536, file);
        text.len += got;
    }
    fclose(file);
    *out_text = arena_str(&cli->arena, buf_str(&text));
    buf_deinit(&text);
    if (out_text->len > FILE_MAX) {
        fprintf(stderr, "proxenos: %s is larger than %d MiB\n", path, FILE_MAX >> 20);
        return CLI_FAILED;
    }
    return CLI_OK;
}

/* JSON from the command line, or from a file: "@FILE". */
static int put_json(struct cli *cli, struct value *body, const char *member, const char *text)
{
    struct value value = value_null();
    struct error error = {0};
    struct str json = str_from(text);
    int code = text[0] == '@' ? cli_read_file(cli, text + 1, &json) : CLI_OK;
    if (code != CLI_OK) {
        return code;
    }
    if (json_decode(&cli->arena, json, &value, &error) != OK) {
        fprintf(stderr, "proxenos %s: %s is no JSON: %s (%s)\n", cli->command->words, member,
                error.detail, error.pointer);
        return CLI_USAGE;
    }
    value_put_c(&cli->arena, body, member, value);
    return CLI_OK;
}

static int print_id(struct cli *cli, int code, const struct value *answer)
{
    if (code == CLI_OK && cli->format == CLI_TABLE) {
        printf(STR_FORMAT "\n", STR_ARGS(value_get_text(answer, "id", STR(""))));
    } else if (code == CLI_OK) {
        cli_print_map(cli, answer);
    }
    return code;
}

int cmd_flow_start(struct cli *cli)
{
    struct value body = value_map_new();
    struct value answer, attributes;
    value_put_c(&cli->arena, &body, "plugin", value_text(str_from(cli->positional[0])));
    value_put_c(&cli->arena, &body, "flow", value_text(str_from(cli->positional[1])));
    put_option(cli, &body, "key");
    int code = read_attributes(cli, &attributes);
    if (code == CLI_OK && attributes.map.count > 0) {
        value_put_c(&cli->arena, &body, "attributes", attributes);
    }
    if (code == CLI_OK && cli_option(cli, "input") != NULL) {
        code = put_json(cli, &body, "input", cli_option(cli, "input"));
    }
    if (code == CLI_OK) {
        code = cli_call(cli, "POST", STR("/api/v1/flows"), &body, &answer);
        code = print_id(cli, code, &answer);
    }
    return code;
}

/* Of each run that is named; goes on after a refusal. */
static int order_all(struct cli *cli, const char *verb)
{
    struct value body = value_map_new();
    struct value answer;
    int failed = 0;
    put_option(cli, &body, "why");
    for (int i = 0; i < cli->positional_count; i++) {
        int code = cli_call(cli, "POST", cli_target(cli, "flows", cli->positional[i], verb), &body,
                            &answer);
        if (code == CLI_UNREACHABLE) {
            return code;
        }
        failed += code != CLI_OK;
        if (code == CLI_OK && answer.kind == VALUE_MAP) {
            (void)print_id(cli, code, &answer);
        }
    }
    if (failed == 0) {
        return CLI_OK;
    }
    return failed == cli->positional_count ? CLI_FAILED : CLI_INCOMPLETE;
}

int cmd_flow_cancel(struct cli *cli)
{
    return order_all(cli, "/cancel");
}

int cmd_flow_retry(struct cli *cli)
{
    return order_all(cli, "/retry");
}

int cmd_flow_unblock(struct cli *cli)
{
    return order_all(cli, "/unblock");
}

int cmd_flow_signal(struct cli *cli)
{
    struct value body = value_map_new();
    struct value answer;
    int code = CLI_OK;
    value_put_c(&cli->arena, &body, "name", value_text(str_from(cli->positional[1])));
    put_option(cli, &body, "why");
    put_option(cli, &body, "dedup");
    if (cli->positional_count > 2) {
        code = put_json(cli, &body, "data", cli->positional[2]);
    }
    return code == CLI_OK
               ? cli_call(cli, "POST", cli_target(cli, "flows", cli->positional[0], "/signal"),
                          &body, &answer)
               : code;
}

int cmd_flow_query(struct cli *cli)
{
    struct value body = value_map_new();
    struct value answer;
    int code = CLI_OK;
    value_put_c(&cli->arena, &body, "name", value_text(str_from(cli->positional[1])));
    if (cli->positional_count > 2) {
        code = put_json(cli, &body, "input", cli->positional[2]);
    }
    if (code == CLI_OK) {
        code = cli_call(cli, "POST", cli_target(cli, "flows", cli->positional[0], "/query"), &body,
                        &answer);
    }
    if (code == CLI_OK) {
        struct buf text;
        buf_init(&text);
        json_encode_pretty(&text, value_get_c(&answer, "answer"));
        printf(STR_FORMAT "\n", STR_ARGS(buf_str(&text)));
        buf_deinit(&text);
    }
    return code;
}
