/* record get|list|set|delete. */
#include "internal.h"

static int record_target(struct cli *cli, const char *id, struct buf *target)
{
    return id != NULL ? cli_record_target(cli, target, cli->positional[0], str_from(id))
                      : cli_list_target(cli, target, cli->positional[0]);
}

int cmd_record_get(struct cli *cli)
{
    static const char *const options[] = {"fields", "include"};
    struct buf target;
    struct value record;
    int code = record_target(cli, cli->positional[1], &target);
    if (code == CLI_OK) {
        cli_query_options(cli, &target, options, COUNT_OF(options));
        if (cli_option(cli, "as-of") != NULL) {
            cli_query(&target, "as_of", str_from(cli_option(cli, "as-of")));
        }
        code = cli_call(cli, "GET", buf_str(&target), NULL, &record);
    }
    if (code == CLI_OK) {
        cli_print_map(cli, &record);
    }
    buf_deinit(&target);
    return code;
}

int cmd_record_list(struct cli *cli)
{
    static const char *const options[] = {"view",    "filter", "order", "fields",
                                          "include", "limit",  "after"};
    struct buf target;
    struct value answer;
    int code = record_target(cli, NULL, &target);
    if (code == CLI_OK) {
        cli_query_options(cli, &target, options, COUNT_OF(options));
        if (cli_switch(cli, "count")) {
            cli_query(&target, "count", STR("exact"));
        }
        code = cli_call(cli, "GET", buf_str(&target), NULL, &answer);
    }
    buf_deinit(&target);
    if (code != CLI_OK) {
        return code;
    }
    if (cli->format == CLI_JSON) {
        cli_print_map(cli, &answer);
        return code;
    }
    cli_print_rows(cli, value_get_c(&answer, "data"), NULL, 0);
    const struct value *count = value_get_c(&answer, "count");
    struct str next = value_get_text(&answer, "next", STR(""));
    if (count != NULL && !cli->quiet) {
        fprintf(stderr, "%lld in all\n", (long long)count->integer);
    }
    if (next.len > 0 && !cli->quiet) {
        fprintf(stderr, "more: --after " STR_FORMAT "\n", STR_ARGS(next));
    }
    return code;
}

/* name=value: JSON where it is JSON (numbers, true, null, lists, quoted text), plain text
 * otherwise. */
int cli_add_pair(struct cli *cli, const char *word, struct value *body)
{
    struct str rest = str_from(word);
    size_t equals = 0;
    if (!str_find(rest, STR("="), &equals) || equals == 0) {
        fprintf(stderr, "proxenos: \"%s\" is not NAME=VALUE\n", word);
        return CLI_USAGE;
    }
    struct str name = str_sub(rest, 0, equals);
    struct str text = str_sub(rest, equals + 1, rest.len);
    struct value value;
    if (json_decode(&cli->arena, text, &value, NULL) != OK) {
        value = text.len == 0 ? value_null() : value_text(text);
    }
    value_put(&cli->arena, body, name, value);
    return CLI_OK;
}

int cmd_record_set(struct cli *cli)
{
    bool update = strchr(cli->positional[1], '=') == NULL;
    struct value body = value_map_new();
    int code = CLI_OK;
    for (int i = update ? 2 : 1; i < cli->positional_count && code == CLI_OK; i++) {
        code = cli_add_pair(cli, cli->positional[i], &body);
    }
    struct buf target = {0};
    if (code == CLI_OK) {
        code = record_target(cli, update ? cli->positional[1] : NULL, &target);
    }
    if (code == CLI_OK && !update && cli_switch(cli, "allow-duplicates")) {
        cli_query(&target, "duplicates", STR("allow"));
    }
    if (code == CLI_OK) {
        struct buf text;
        buf_init(&text);
        json_encode(&text, &body);
        char header[80];
        const char *version = cli_option(cli, "version");
        snprintf(header, sizeof(header), "If-Match: \"%s\"", version != NULL ? version : "");
        struct net_call call = {.method = update ? "PATCH" : "POST",
                                .target = buf_str(&target),
                                .header = version != NULL ? header : NULL,
                                .body = buf_str(&text)};
        struct value record;
        code = cli_perform(cli, &call, &record);
        buf_deinit(&text);
        if (code == CLI_OK) {
            cli_print_map(cli, &record);
        }
    }
    buf_deinit(&target);
    return code;
}

int cmd_record_delete(struct cli *cli)
{
    struct buf target;
    struct value answer;
    int code = record_target(cli, cli->positional[1], &target);
    if (code == CLI_OK) {
        if (cli_switch(cli, "archive")) {
            cli_query(&target, "archive", STR("true"));
        }
        code = cli_call(cli, "DELETE", buf_str(&target), NULL, &answer);
    }
    buf_deinit(&target);
    return code;
}
