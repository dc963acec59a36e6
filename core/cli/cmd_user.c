/* user add|list|password|role. */
#include "internal.h"

#include <unistd.h>

int cli_find_by_name(struct cli *cli, const char *collection, const char *what, const char *name,
                     struct str *out_id)
{
    struct buf quoted, target;
    buf_init(&quoted);
    buf_init(&target);
    buf_append_str(&quoted, STR("name[eq]:"));
    json_write_text(&quoted, str_from(name));
    buf_printf(&target, "/api/v1/%s?limit=1", collection);
    cli_query(&target, "filter", buf_str(&quoted));
    struct value answer;
    int code = cli_call(cli, "GET", buf_str(&target), NULL, &answer);
    const struct value *row = code == CLI_OK ? value_path(&answer, "data.0") : NULL;
    if (row != NULL) {
        *out_id = value_get_text(row, "id", STR(""));
    } else if (code == CLI_OK) {
        fprintf(stderr,
                "proxenos: there is no %s called \"%s\"; `proxenos record list %s` shows them\n",
                what, name, what);
        code = CLI_FAILED;
    }
    buf_deinit(&quoted);
    buf_deinit(&target);
    return code;
}

int cli_user_id(struct cli *cli, const char *name, struct str *out_id)
{
    return cli_find_by_name(cli, "users", "user", name, out_id);
}

static int add_role(struct cli *cli, struct value *roles, const char *name)
{
    struct str id;
    int code = cli_find_by_name(cli, "roles", "role", name, &id);
    if (code == CLI_OK) {
        value_push(&cli->arena, roles, value_text(id));
    }
    return code;
}

static int set_password(struct cli *cli, struct str user, const struct value *body)
{
    struct value answer;
    struct str target =
        arena_printf(&cli->arena, "/api/v1/users/" STR_FORMAT "/password", STR_ARGS(user));
    int code = cli_call(cli, "POST", target, body, &answer);
    struct str password = code == CLI_OK ? value_get_text(&answer, "password", STR("")) : STR("");
    if (password.len > 0) {
        printf(STR_FORMAT "\n", STR_ARGS(password));
    }
    return code;
}

int cmd_user_add(struct cli *cli)
{
    struct value body = value_map_new();
    bool login = !cli_switch(cli, "no-login");
    value_put_c(&cli->arena, &body, "name", value_text(str_from(cli->positional[0])));
    value_put_c(&cli->arena, &body, "login", value_bool(login));
    static const char *const texts[] = {"label", "email"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        const char *text = cli_option(cli, texts[i]);
        if (text != NULL) {
            value_put_c(&cli->arena, &body, texts[i], value_text(str_from(text)));
        }
    }
    struct value roles = value_list_new();
    for (int i = 0; i < cli->given_count; i++) {
        bool role = strcmp(cli->given[i].name, "role") == 0;
        int code = role ? add_role(cli, &roles, cli->given[i].value) : CLI_OK;
        if (code != CLI_OK) {
            return code;
        }
    }
    value_put_c(&cli->arena, &body, "roles", roles);
    struct value user;
    int code = cli_call(cli, "POST", STR("/api/v1/users"), &body, &user);
    if (code != CLI_OK || !login) {
        return code;
    }
    struct value empty = value_map_new();
    return set_password(cli, value_get_text(&user, "id", STR("")), &empty);
}

static struct str role_name(const struct value *roles, struct str id)
{
    for (size_t i = 0; roles != NULL && i < roles->list.count; i++) {
        if (str_eq(value_get_text(&roles->list.items[i], "id", STR("")), id)) {
            return value_get_text(&roles->list.items[i], "name", id);
        }
    }
    return id;
}

/* People know roles by name, not by id. */
static void name_roles(struct cli *cli, struct value *user, const struct value *roles)
{
    const struct value *ids = value_get_c(user, "roles");
    struct value names = value_list_new();
    for (size_t i = 0; ids != NULL && ids->kind == VALUE_LIST && i < ids->list.count; i++) {
        const struct value *id = &ids->list.items[i];
        struct str text = id->kind == VALUE_TEXT ? id->text : STR("");
        value_push(&cli->arena, &names, value_text(role_name(roles, text)));
    }
    value_put_c(&cli->arena, user, "roles", names);
}

int cmd_user_list(struct cli *cli)
{
    struct value answer, roles;
    int code = cli_call(cli, "GET", STR("/api/v1/roles?limit=1000"), NULL, &roles);
    if (code == CLI_OK) {
        code = cli_call(cli, "GET", STR("/api/v1/users?limit=1000&order=name"), NULL, &answer);
    }
    if (code != CLI_OK) {
        return code;
    }
    static const struct cli_column columns[] = {
        {"id", "id", false},       {"name", "name", false},   {"label", "label", false},
        {"email", "email", false}, {"login", "login", false}, {"roles", "roles", false}};
    const struct value *found = value_get_c(&answer, "data");
    struct value rows = value_list_new();
    for (size_t i = 0; found != NULL && i < found->list.count; i++) {
        struct value user = value_copy(&cli->arena, &found->list.items[i]);
        name_roles(cli, &user, value_get_c(&roles, "data"));
        value_push(&cli->arena, &rows, user);
    }
    cli_print_rows(cli, &rows, columns, COUNT_OF(columns));
    return CLI_OK;
}

int cmd_user_password(struct cli *cli)
{
    struct str id;
    int code = cli_user_id(cli, cli->positional[0], &id);
    if (code != CLI_OK) {
        return code;
    }
    struct value body = value_map_new();
    char line[512];
    if (cli_switch(cli, "stdin")) {
        if (fgets(line, sizeof(line), stdin) == NULL) {
            fprintf(stderr, "proxenos: no password on standard input\n");
            return CLI_USAGE;
        }
        value_put_c(&cli->arena, &body, "password", value_text(str_trim(str_from(line))));
    }
    return set_password(cli, id, &body);
}

int cmd_user_role(struct cli *cli)
{
    struct str id;
    int code = cli_user_id(cli, cli->positional[0], &id);
    struct value roles = value_list_new();
    for (int i = 1; i < cli->positional_count && code == CLI_OK; i++) {
        code = add_role(cli, &roles, cli->positional[i]);
    }
    if (code != CLI_OK) {
        return code;
    }
    struct value body = value_map_new();
    struct value answer;
    value_put_c(&cli->arena, &body, "roles", roles);
    return cli_call(cli, "PATCH",
                    arena_printf(&cli->arena, "/api/v1/users/" STR_FORMAT, STR_ARGS(id)), &body,
                    &answer);
}
