/* compartment make|list|members|propose|confirm|refuse|end|review, crossing ask, break-glass: as a
 * person, with his own token. */
#include "internal.h"

#include <string.h>

static const struct cli_column compartment_columns[] = {{"id", "id", false},
                                                        {"name", "name", false},
                                                        {"purpose", "purpose", false},
                                                        {"break_glass", "break-glass", false}};

static const struct cli_column access_columns[] = {
    {"id", "id", false},         {"who", "who", false},       {"kind", "kind", false},
    {"state", "state", false},   {"keeper", "keeper", false}, {"until", "until", false},
    {"reason", "reason", false}, {"review", "review", false}, {"review_due", "review due", false}};

static int list(struct cli *cli, const char *path, struct str filter,
                const struct cli_column *columns, size_t count)
{
    struct buf target;
    struct value answer;
    buf_init(&target);
    buf_append_str(&target, str_from(path));
    cli_query(&target, "limit", STR("1000"));
    if (filter.len > 0) {
        cli_query(&target, "filter", filter);
    }
    int code = cli_call(cli, "GET", buf_str(&target), NULL, &answer);
    buf_deinit(&target);
    if (code == CLI_OK && cli->format == CLI_JSON) {
        cli_print_map(cli, &answer);
    } else if (code == CLI_OK) {
        cli_print_rows(cli, value_get_c(&answer, "data"), columns, count);
    }
    return code;
}

static int post(struct cli *cli, const char *target, const struct value *body)
{
    struct value answer;
    int code = cli_call(cli, "POST", str_from(target), body, &answer);
    if (code == CLI_OK && answer.kind == VALUE_MAP) {
        cli_print_map(cli, &answer);
    }
    return code;
}

static int post_one(struct cli *cli, const char *things, const char *behind,
                    const struct value *body)
{
    struct str target = cli_target(cli, things, cli->positional[0], behind);
    return post(cli, arena_cstr(&cli->arena, target), body);
}

static void put_text(struct cli *cli, struct value *body, const char *name)
{
    const char *text = cli_option(cli, name);
    if (text != NULL) {
        value_put_c(&cli->arena, body, name, value_text(str_from(text)));
    }
}

/* ---- compartments ---- */

int cmd_compartment_list(struct cli *cli)
{
    return list(cli, "/api/v1/compartments", STR(""), compartment_columns,
                COUNT_OF(compartment_columns));
}

/* Everybody who was named by this option, which may be repeated. */
static int put_members(struct cli *cli, const char *option, struct value *members)
{
    for (int i = 0; i < cli->given_count; i++) {
        struct value one = value_map_new();
        struct str id;
        if (strcmp(cli->given[i].name, option) != 0) {
            continue;
        }
        int code = cli_user_id(cli, cli->given[i].value, &id);
        if (code != CLI_OK) {
            return code;
        }
        value_put_c(&cli->arena, &one, "user", value_text(id));
        value_put_c(&cli->arena, &one, "keeper", value_bool(strcmp(option, "keeper") == 0));
        value_push(&cli->arena, members, one);
    }
    return CLI_OK;
}

int cmd_compartment_make(struct cli *cli)
{
    struct value body = value_map_new();
    struct value members = value_list_new();
    int code = put_members(cli, "keeper", &members);
    if (code == CLI_OK) {
        code = put_members(cli, "member", &members);
    }
    if (code != CLI_OK) {
        return code;
    }
    value_put_c(&cli->arena, &body, "name", value_text(str_from(cli->positional[0])));
    put_text(cli, &body, "label");
    put_text(cli, &body, "purpose");
    value_put_c(&cli->arena, &body, "break_glass", value_bool(cli_switch(cli, "break-glass")));
    value_put_c(&cli->arena, &body, "members", members);
    return post(cli, "/api/v1/compartments", &body);
}

/* ---- who is inside ---- */

int cmd_compartment_members(struct cli *cli)
{
    struct buf filter;
    buf_init(&filter);
    buf_append_str(&filter, STR("and("));
    if (cli->positional_count > 0) {
        buf_append_str(&filter, STR("of[eq]:"));
        json_write_text(&filter, str_from(cli->positional[0]));
    }
    if (cli_switch(cli, "asked")) {
        buf_printf(&filter, "%sstate[eq]:\"asked\"", filter.len > 4 ? "," : "");
    }
    if (cli_switch(cli, "review")) {
        buf_printf(&filter, "%sreview[eq]:\"open\"", filter.len > 4 ? "," : "");
    }
    buf_append_char(&filter, ')');
    int code =
        list(cli, "/api/v1/compartment_accesses", filter.len > 5 ? buf_str(&filter) : STR(""),
             access_columns, COUNT_OF(access_columns));
    buf_deinit(&filter);
    return code;
}

int cmd_compartment_propose(struct cli *cli)
{
    struct value body = value_map_new();
    struct str id;
    const char *user = cli_option(cli, "user");
    if (user != NULL) {
        int code = cli_user_id(cli, user, &id);
        if (code != CLI_OK) {
            return code;
        }
        value_put_c(&cli->arena, &body, "user", value_text(id));
    }
    put_text(cli, &body, "plugin");
    put_text(cli, &body, "until");
    put_text(cli, &body, "reason");
    value_put_c(&cli->arena, &body, "keeper", value_bool(cli_switch(cli, "keeper")));
    value_put_c(&cli->arena, &body, "write", value_bool(!cli_switch(cli, "read-only")));
    return post_one(cli, "compartments", "/accesses", &body);
}

static int with_comment(struct cli *cli, const char *act)
{
    struct value body = value_map_new();
    put_text(cli, &body, "comment");
    return post_one(cli, "compartment_accesses", act, &body);
}

int cmd_compartment_confirm(struct cli *cli)
{
    return with_comment(cli, "/confirm");
}

int cmd_compartment_refuse(struct cli *cli)
{
    return with_comment(cli, "/refuse");
}

int cmd_compartment_end(struct cli *cli)
{
    return with_comment(cli, "/end");
}

int cmd_compartment_review(struct cli *cli)
{
    struct value body = value_map_new();
    bool objected = cli_switch(cli, "objected");
    value_put_c(&cli->arena, &body, "verdict",
                value_text(objected ? STR("objected") : STR("in_order")));
    put_text(cli, &body, "comment");
    return post_one(cli, "compartment_accesses", "/review", &body);
}

/* ---- from outside ---- */

int cmd_crossing_ask(struct cli *cli)
{
    struct value body = value_map_new();
    const char *hours = cli_option(cli, "hours");
    int64_t number = 1;
    if (hours != NULL && str_to_int64(str_from(hours), &number) != OK) {
        fprintf(stderr, "proxenos: --hours is a number\n");
        return CLI_USAGE;
    }
    value_put_c(&cli->arena, &body, "compartment", value_text(str_from(cli->positional[0])));
    put_text(cli, &body, "reason");
    value_put_c(&cli->arena, &body, "hours", value_int(number));
    value_put_c(&cli->arena, &body, "write", value_bool(cli_switch(cli, "write")));
    return post(cli, "/api/v1/crossings", &body);
}

int cmd_break_glass(struct cli *cli)
{
    struct value body = value_map_new();
    bool record = cli->positional_count > 1;
    value_put_c(&cli->arena, &body, record ? "object" : "compartment",
                value_text(str_from(cli->positional[0])));
    if (record) {
        value_put_c(&cli->arena, &body, "record", value_text(str_from(cli->positional[1])));
    }
    put_text(cli, &body, "reason");
    return post(cli, "/api/v1/break-glass", &body);
}
