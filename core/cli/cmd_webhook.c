/* webhook list|create|show|delete|test|rotate|deliveries|replay. A webhook is named by its name or
 * id. */
#include "internal.h"

/* The id of the webhook that the first argument names; CLI_FAILED after saying that there is none.
 */
static int find_id(struct cli *cli, struct str *out_id)
{
    struct str wanted = str_from(cli->positional[0]);
    struct value answer;
    int code = cli_call(cli, "GET", STR("/api/v1/webhooks?limit=1000&fields=name"), NULL, &answer);
    if (code != CLI_OK) {
        return code;
    }
    const struct value *rows = value_get_c(&answer, "data");
    for (size_t i = 0; rows != NULL && i < rows->list.count; i++) {
        struct str id = value_get_text(&rows->list.items[i], "id", STR(""));
        if (str_eq(value_get_text(&rows->list.items[i], "name", STR("")), wanted) ||
            str_eq(id, wanted)) {
            *out_id = id;
            return CLI_OK;
        }
    }
    fprintf(stderr, "proxenos: there is no webhook \"" STR_FORMAT "\"; see webhook list\n",
            STR_ARGS(wanted));
    return CLI_FAILED;
}

/* A call on /webhooks/ID/part. */
static int call_part(struct cli *cli, const char *method, const char *part,
                     const struct value *body, struct value *out_answer)
{
    struct str id;
    struct buf target;
    int code = find_id(cli, &id);
    if (code != CLI_OK) {
        return code;
    }
    buf_init(&target);
    buf_append_str(&target, STR("/api/v1/webhooks"));
    cli_path(&target, id);
    buf_append_str(&target, str_from(part));
    code = cli_call(cli, method, buf_str(&target), body, out_answer);
    buf_deinit(&target);
    return code;
}

int cmd_webhook_list(struct cli *cli)
{
    struct value answer;
    int code = cli_call(cli, "GET", STR("/api/v1/webhooks?limit=1000&order=name"), NULL, &answer);
    if (code != CLI_OK) {
        return code;
    }
    static const struct cli_column columns[] = {
        {"id", "id", false},         {"name", "name", false},       {"url", "url", false},
        {"events", "events", false}, {"enabled", "enabled", false}, {"stopped", "stopped", false}};
    cli_print_rows(cli, value_get_c(&answer, "data"), columns, COUNT_OF(columns));
    return CLI_OK;
}

/* "Name: value" into headers. */
static int add_header(struct cli *cli, const char *line, struct value *headers)
{
    struct str text = str_from(line);
    size_t colon = 0;
    if (!str_find(text, STR(":"), &colon)) {
        fprintf(stderr, "proxenos webhook create: --header wants \"Name: value\"\n");
        return CLI_USAGE;
    }
    value_put(&cli->arena, headers, str_trim(str_sub(text, 0, colon)),
              value_text(str_trim(str_sub(text, colon + 1, text.len))));
    return CLI_OK;
}

static int add_headers(struct cli *cli, struct value *body)
{
    struct value headers = value_map_new();
    int code = CLI_OK;
    for (int i = 0; i < cli->given_count && code == CLI_OK; i++) {
        bool header = strcmp(cli->given[i].name, "header") == 0;
        code = header ? add_header(cli, cli->given[i].value, &headers) : CLI_OK;
    }
    if (headers.map.count > 0) {
        value_put_c(&cli->arena, body, "headers", headers);
    }
    return code;
}

int cmd_webhook_create(struct cli *cli)
{
    static const char *const options[][2] = {{"filter", "filter"},
                                             {"payload", "payload"},
                                             {"role", "role"},
                                             {"description", "description"}};
    struct arena *arena = &cli->arena;
    struct value body = value_map_new();
    struct value events = value_list_new();
    for (int i = 2; i < cli->positional_count; i++) {
        value_push(arena, &events, value_text(str_from(cli->positional[i])));
    }
    value_put_c(arena, &body, "name", value_text(str_from(cli->positional[0])));
    value_put_c(arena, &body, "url", value_text(str_from(cli->positional[1])));
    value_put_c(arena, &body, "events", events);
    for (size_t i = 0; i < COUNT_OF(options); i++) {
        const char *text = cli_option(cli, options[i][0]);
        if (text != NULL) {
            value_put_c(arena, &body, options[i][1], value_text(str_from(text)));
        }
    }
    if (cli_switch(cli, "disabled")) {
        value_put_c(arena, &body, "enabled", value_bool(false));
    }
    int code = add_headers(cli, &body);
    const char *user = cli_option(cli, "user");
    if (code == CLI_OK && user != NULL) {
        struct str id;
        code = cli_user_id(cli, user, &id);
        value_put_c(arena, &body, "user", value_text(code == CLI_OK ? id : STR("")));
    }
    struct value answer;
    if (code == CLI_OK) {
        code = cli_call(cli, "POST", STR("/api/v1/webhooks"), &body, &answer);
    }
    if (code == CLI_OK) {
        cli_print_map(cli, &answer);
    }
    return code;
}

int cmd_webhook_show(struct cli *cli)
{
    struct value record;
    struct value status;
    int code = call_part(cli, "GET", "", NULL, &record);
    if (code == CLI_OK) {
        code = call_part(cli, "GET", "/status", NULL, &status);
    }
    if (code != CLI_OK) {
        return code;
    }
    for (size_t i = 0; i < status.map.count; i++) {
        value_put(&cli->arena, &record, status.map.entries[i].key, status.map.entries[i].value);
    }
    cli_print_map(cli, &record);
    return CLI_OK;
}

int cmd_webhook_delete(struct cli *cli)
{
    struct value answer;
    return call_part(cli, "DELETE", "", NULL, &answer);
}

/* An attempt that the receiver did not accept is a failure of the command, too. */
static int print_attempt(struct cli *cli, const struct value *answer)
{
    cli_print_map(cli, answer);
    return value_get_bool(answer, "delivered", false) ? CLI_OK : CLI_FAILED;
}

int cmd_webhook_test(struct cli *cli)
{
    struct value body = value_map_new();
    struct value answer;
    int code = call_part(cli, "POST", "/test", &body, &answer);
    return code == CLI_OK ? print_attempt(cli, &answer) : code;
}

int cmd_webhook_rotate(struct cli *cli)
{
    struct value body = value_map_new();
    struct value answer;
    const char *overlap = cli_option(cli, "overlap");
    if (overlap != NULL) {
        value_put_c(&cli->arena, &body, "overlap", value_text(str_from(overlap)));
    }
    int code = call_part(cli, "POST", "/rotate", &body, &answer);
    if (code == CLI_OK) {
        cli_print_map(cli, &answer);
    }
    return code;
}

int cmd_webhook_deliveries(struct cli *cli)
{
    struct buf part;
    struct value answer;
    buf_init(&part);
    buf_append_str(&part, STR("/deliveries"));
    if (cli_switch(cli, "failed")) {
        cli_query(&part, "failed", STR("true"));
    }
    if (cli_option(cli, "limit") != NULL) {
        cli_query(&part, "limit", str_from(cli_option(cli, "limit")));
    }
    if (cli_option(cli, "after") != NULL) {
        cli_query(&part, "after", str_from(cli_option(cli, "after")));
    }
    int code = call_part(cli, "GET", buf_cstr(&part), NULL, &answer);
    buf_deinit(&part);
    if (code != CLI_OK) {
        return code;
    }
    static const struct cli_column columns[] = {
        {"at", "at", false},          {"type", "type", false},    {"record", "record", false},
        {"attempt", "attempt", true}, {"status", "status", true}, {"ms", "ms", true},
        {"error", "error", false},    {"event", "event", false},  {"id", "id", true}};
    cli_print_rows(cli, value_get_c(&answer, "data"), columns, COUNT_OF(columns));
    return CLI_OK;
}

int cmd_webhook_replay(struct cli *cli)
{
    const char *event = cli_option(cli, "event");
    const char *from = cli_option(cli, "from");
    struct value body = value_map_new();
    struct value answer;
    if ((event == NULL) == (from == NULL)) {
        fprintf(stderr, "proxenos webhook replay: say --event ID for one event, or --from "
                        "ID|SEQ|TIME for all from there on\n");
        return CLI_USAGE;
    }
    value_put_c(&cli->arena, &body, event != NULL ? "event" : "from",
                value_text(str_from(event != NULL ? event : from)));
    int code = call_part(cli, "POST", "/replay", &body, &answer);
    if (code != CLI_OK) {
        return code;
    }
    if (event != NULL) {
        return print_attempt(cli, &answer);
    }
    cli_print_map(cli, &answer);
    return CLI_OK;
}
