/* view list|show|save|delete, territory show|preview. */
#include "internal.h"

/* ---- views ---- */

int cmd_view_list(struct cli *cli)
{
    static const struct cli_column columns[] = {
        {"id", "id", false},         {"object", "object", false}, {"name", "name", false},
        {"shared", "shared", false}, {"mine", "mine", false},     {"is_default", "default", false},
        {"broken", "broken", false}};
    static const struct cli_list list = {.path = "/api/v1/me/views",
                                         .options = {"object", "limit", "after"},
                                         .columns = columns,
                                         .column_count = COUNT_OF(columns)};
    return cli_print_list(cli, &list);
}

/* The one view of this name or id; says itself when there is none, or several. own: only one that
 * is mine, and none is fine (null). */
static int find_view(struct cli *cli, const char *word, const char *object, bool own,
                     struct value *out_view)
{
    struct buf target;
    struct value answer;
    buf_init(&target);
    buf_append_str(&target, STR("/api/v1/me/views"));
    cli_query(&target, "view", str_from(word));
    if (object != NULL) {
        cli_query(&target, "object", str_from(object));
    }
    int code = cli_call(cli, "GET", buf_str(&target), NULL, &answer);
    buf_deinit(&target);
    const struct value *rows = code == CLI_OK ? value_get_c(&answer, "data") : NULL;
    size_t count = 0;
    *out_view = value_null();
    for (size_t i = 0; rows != NULL && rows->kind == VALUE_LIST && i < rows->list.count; i++) {
        const struct value *mine = value_get_c(&rows->list.items[i], "mine");
        bool is_mine = mine != NULL && mine->kind == VALUE_BOOL && mine->boolean;
        if (is_mine || !own) {
            *out_view = rows->list.items[i];
            count++;
        }
    }
    if (code != CLI_OK || own) {
        return code;
    }
    if (count != 1) {
        fprintf(stderr, "proxenos: there %s \"%s\"%s\n", count == 0 ? "is no view" : "are several",
                word, count == 0 ? "" : ": name it by its id, or with --object");
        return CLI_FAILED;
    }
    return CLI_OK;
}

int cmd_view_show(struct cli *cli)
{
    struct value view;
    int code = find_view(cli, cli->positional[0], cli_option(cli, "object"), false, &view);
    if (code == CLI_OK) {
        cli_print_map(cli, &view);
    }
    return code;
}

/* "team:NAME", "role:NAME", "everyone", "nobody" */
static int share_with(struct cli *cli, const char *said, struct value *body)
{
    struct str word = str_from(said);
    if (str_starts(word, STR("role:"))) {
        value_put_c(&cli->arena, body, "shared", value_text(STR("role")));
        value_put_c(&cli->arena, body, "role", value_text(str_sub(word, 5, word.len)));
        return CLI_OK;
    }
    if (!str_starts(word, STR("team:"))) {
        value_put_c(&cli->arena, body, "shared", value_text(word));
        return CLI_OK;
    }
    struct str team = STR("");
    int code = cli_find_by_name(cli, "teams", "team", said + 5, &team);
    if (code == CLI_OK) {
        value_put_c(&cli->arena, body, "shared", value_text(STR("team")));
        value_put_c(&cli->arena, body, "team", value_text(team));
    }
    return code;
}

static struct value query_of(struct cli *cli)
{
    static const char *const parts[] = {"filter",  "order", "fields",
                                        "include", "group", "measures"};
    struct value query = value_map_new();
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        const char *said = cli_option(cli, parts[i]);
        if (said != NULL) {
            value_put_c(&cli->arena, &query, parts[i], value_text(str_from(said)));
        }
    }
    return query;
}

static void put_labels(struct cli *cli, struct value *body)
{
    struct value label = value_map_new();
    if (cli_option(cli, "en") != NULL) {
        value_put_c(&cli->arena, &label, "en", value_text(str_from(cli_option(cli, "en"))));
    }
    if (cli_option(cli, "el") != NULL) {
        value_put_c(&cli->arena, &label, "el", value_text(str_from(cli_option(cli, "el"))));
    }
    if (label.map.count > 0) {
        value_put_c(&cli->arena, body, "label", label);
    }
}

/* Makes one's own view of this name, or writes it anew. */
int cmd_view_save(struct cli *cli)
{
    const char *object = cli->positional[0];
    const char *name = cli->positional[1];
    struct value body = value_map_new();
    struct value former;
    struct value saved;
    int code = find_view(cli, name, object, true, &former);
    value_put_c(&cli->arena, &body, "query", query_of(cli));
    put_labels(cli, &body);
    if (cli_switch(cli, "default")) {
        value_put_c(&cli->arena, &body, "is_default", value_bool(true));
    }
    if (code == CLI_OK && cli_option(cli, "share") != NULL) {
        code = share_with(cli, cli_option(cli, "share"), &body);
    }
    if (code != CLI_OK) {
        return code;
    }
    if (former.kind == VALUE_MAP) {
        struct str id = value_get_text(&former, "id", STR(""));
        code = cli_call(cli, "PATCH",
                        arena_printf(&cli->arena, "/api/v1/views/" STR_FORMAT, STR_ARGS(id)), &body,
                        &saved);
    } else {
        value_put_c(&cli->arena, &body, "object", value_text(str_from(object)));
        value_put_c(&cli->arena, &body, "name", value_text(str_from(name)));
        code = cli_call(cli, "POST", STR("/api/v1/views"), &body, &saved);
    }
    if (code == CLI_OK) {
        cli_print_map(cli, &saved);
    }
    return code;
}

int cmd_view_delete(struct cli *cli)
{
    struct value view;
    struct value answer;
    int code = find_view(cli, cli->positional[0], cli_option(cli, "object"), false, &view);
    if (code == CLI_OK) {
        struct str id = value_get_text(&view, "id", STR(""));
        code = cli_call(cli, "DELETE",
                        arena_printf(&cli->arena, "/api/v1/views/" STR_FORMAT, STR_ARGS(id)), NULL,
                        &answer);
    }
    return code;
}

/* ---- territories ---- */

int cmd_territory_show(struct cli *cli)
{
    struct str id = STR("");
    struct value answer;
    int code = cli_find_by_name(cli, "territories", "territory", cli->positional[0], &id);
    if (code == CLI_OK) {
        code = cli_call(
            cli, "GET",
            arena_printf(&cli->arena, "/api/v1/territories/" STR_FORMAT "/coverage", STR_ARGS(id)),
            NULL, &answer);
    }
    if (code == CLI_OK) {
        cli_print_map(cli, &answer);
    }
    return code;
}

int cmd_territory_preview(struct cli *cli)
{
    static const struct cli_column columns[] = {{"object", "object", false},
                                                {"count", "now", true},
                                                {"wanted", "then", true},
                                                {"gained", "gained", true},
                                                {"lost", "lost", true}};
    struct str id = STR("");
    struct value body = value_map_new();
    struct value rules;
    struct value answer;
    struct error error = {0};
    if (json_decode(&cli->arena, str_from(cli->positional[1]), &rules, &error) != OK) {
        fprintf(stderr, "proxenos: the rules are not JSON: %s\n", error.detail);
        return CLI_USAGE;
    }
    value_put_c(&cli->arena, &body, "rules", rules);
    int code = cli_find_by_name(cli, "territories", "territory", cli->positional[0], &id);
    if (code == CLI_OK) {
        code = cli_call(
            cli, "POST",
            arena_printf(&cli->arena, "/api/v1/territories/" STR_FORMAT "/preview", STR_ARGS(id)),
            &body, &answer);
    }
    if (code == CLI_OK) {
        cli_print_rows(cli, value_get_c(&answer, "objects"), columns, COUNT_OF(columns));
    }
    return code;
}
