/* token create|list|revoke. */
#include "internal.h"

int cmd_token_create(struct cli *cli)
{
    const char *user = cli_option(cli, "user");
    if (user == NULL) {
        fprintf(stderr, "proxenos token create: --user NAME says whose rights the token carries\n");
        return CLI_USAGE;
    }
    struct str id;
    int code = cli_user_id(cli, user, &id);
    if (code != CLI_OK) {
        return code;
    }
    struct value body = value_map_new();
    value_put_c(&cli->arena, &body, "user", value_text(id));
    static const char *const options[][2] = {{"name", "name"},
                                             {"expires", "expires_at"},
                                             {"scopes", "scopes"},
                                             {"networks", "networks"}};
    for (size_t i = 0; i < COUNT_OF(options); i++) {
        const char *text = cli_option(cli, options[i][0]);
        if (text != NULL) {
            value_put_c(&cli->arena, &body, options[i][1], value_text(str_from(text)));
        }
    }
    struct value answer;
    code = cli_call(cli, "POST", STR("/api/v1/tokens"), &body, &answer);
    if (code == CLI_OK) {
        struct str token = value_get_text(&answer, "token", STR(""));
        printf(STR_FORMAT "\n", STR_ARGS(token));
    }
    return code;
}

int cmd_token_list(struct cli *cli)
{
    struct value answer;
    int code = cli_call(cli, "GET", STR("/api/v1/tokens?limit=1000&include=user"), NULL, &answer);
    if (code != CLI_OK) {
        return code;
    }
    const struct value *rows = value_get_c(&answer, "data");
    for (size_t i = 0; i < rows->list.count; i++) {
        const struct value *name = value_path(&rows->list.items[i], "user.name");
        if (name != NULL) {
            value_put_c(&cli->arena, &rows->list.items[i], "user_name", *name);
        }
    }
    static const struct cli_column columns[] = {
        {"id", "id", false},          {"name", "name", false},
        {"user_name", "user", false}, {"expires_at", "expires", false},
        {"scopes", "scopes", false},  {"networks", "networks", false}};
    cli_print_rows(cli, rows, columns, COUNT_OF(columns));
    return CLI_OK;
}

int cmd_token_revoke(struct cli *cli)
{
    struct buf target;
    buf_init(&target);
    buf_append_str(&target, STR("/api/v1/tokens"));
    cli_path(&target, str_from(cli->positional[0]));
    struct value answer;
    int code = cli_call(cli, "DELETE", buf_str(&target), NULL, &answer);
    buf_deinit(&target);
    return code;
}
