/* approval list|show|approve|reject|withdraw, and a user's absence. */
#include "internal.h"

static const struct cli_column columns[] = {
    {"id", "id", false},         {"state", "state", false}, {"object", "object", false},
    {"record", "record", false}, {"role", "role", false},   {"yes", "for", true},
    {"quorum", "of", true},      {"no", "against", true},   {"requested_by", "requested by", false},
    {"due", "due", false}};

static void add_test(struct buf *filter, const char *field, const char *value)
{
    if (value != NULL) {
        buf_printf(filter, "%s%s[eq]:", filter->len > 4 ? "," : "", field);
        json_write_text(filter, str_from(value));
    }
}

int cmd_approval_list(struct cli *cli)
{
    static const char *const options[] = {"limit", "after"};
    struct buf target, filter;
    struct value answer;
    bool mine = cli_switch(cli, "mine");
    buf_init(&target);
    buf_init(&filter);
    buf_append_str(&filter, STR("and("));
    add_test(&filter, "state", cli_option(cli, "state"));
    add_test(&filter, "object", cli_option(cli, "object"));
    add_test(&filter, "record", cli_option(cli, "record"));
    buf_append_char(&filter, ')');
    buf_append_str(&target, mine ? STR("/api/v1/me/approvals") : STR("/api/v1/approvals"));
    cli_query_options(cli, &target, options, COUNT_OF(options));
    if (filter.len > 5) {
        cli_query(&target, "filter", buf_str(&filter));
    }
    int code = cli_call(cli, "GET", buf_str(&target), NULL, &answer);
    buf_deinit(&target);
    buf_deinit(&filter);
    if (code == CLI_OK && cli->format == CLI_JSON) {
        cli_print_map(cli, &answer);
    } else if (code == CLI_OK) {
        cli_print_rows(cli, value_get_c(&answer, "data"), columns, COUNT_OF(columns));
    }
    return code;
}

static int call_one(struct cli *cli, const char *method, const char *act, const struct value *body)
{
    struct buf target;
    struct value answer;
    buf_init(&target);
    buf_append_str(&target, STR("/api/v1/approvals"));
    cli_path(&target, str_from(cli->positional[0]));
    buf_append_str(&target, str_from(act));
    int code = cli_call(cli, method, buf_str(&target), body, &answer);
    buf_deinit(&target);
    if (code == CLI_OK && answer.kind == VALUE_MAP) {
        cli_print_map(cli, &answer);
    }
    return code;
}

int cmd_approval_show(struct cli *cli)
{
    return call_one(cli, "GET", "", NULL);
}

static int decide(struct cli *cli, const char *act)
{
    static const char *const words[] = {"comment", "hash"};
    struct value body = value_map_new();
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        const char *text = cli_option(cli, words[i]);
        if (text != NULL) {
            value_put_c(&cli->arena, &body, words[i], value_text(str_from(text)));
        }
    }
    const char *absent = cli_option(cli, "for");
    struct str id;
    int code = absent != NULL ? cli_user_id(cli, absent, &id) : CLI_OK;
    if (code != CLI_OK) {
        return code;
    }
    if (absent != NULL) {
        value_put_c(&cli->arena, &body, "for", value_text(id));
    }
    return call_one(cli, "POST", act, &body);
}

int cmd_approval_approve(struct cli *cli)
{
    return decide(cli, "/approve");
}

int cmd_approval_reject(struct cli *cli)
{
    return decide(cli, "/reject");
}

int cmd_approval_withdraw(struct cli *cli)
{
    struct value body = value_map_new();
    const char *reason = cli_option(cli, "reason");
    if (reason != NULL) {
        value_put_c(&cli->arena, &body, "reason", value_text(str_from(reason)));
    }
    return call_one(cli, "POST", "/withdraw", &body);
}

/* ---- absence ---- */

static int absence(struct cli *cli, const char *method, const struct value *body)
{
    struct str id;
    struct value answer;
    int code = cli_user_id(cli, cli->positional[0], &id);
    if (code != CLI_OK) {
        return code;
    }
    struct str target =
        arena_printf(&cli->arena, "/api/v1/users/" STR_FORMAT "/absence", STR_ARGS(id));
    code = cli_call(cli, method, target, body, &answer);
    if (code == CLI_OK && answer.kind == VALUE_MAP) {
        cli_print_map(cli, &answer);
    }
    return code;
}

int cmd_user_away(struct cli *cli)
{
    struct value body = value_map_new();
    struct str deputy;
    const char *until = cli_option(cli, "until");
    const char *from = cli_option(cli, "from");
    const char *name = cli_option(cli, "deputy");
    if (until == NULL || name == NULL) {
        fprintf(stderr, "proxenos: give --until and --deputy\n");
        return CLI_USAGE;
    }
    int code = cli_user_id(cli, name, &deputy);
    if (code != CLI_OK) {
        return code;
    }
    value_put_c(&cli->arena, &body, "until", value_text(str_from(until)));
    value_put_c(&cli->arena, &body, "deputy", value_text(deputy));
    if (from != NULL) {
        value_put_c(&cli->arena, &body, "from", value_text(str_from(from)));
    }
    return absence(cli, "PUT", &body);
}

int cmd_user_back(struct cli *cli)
{
    return absence(cli, "DELETE", NULL);
}
