/* schema list|show, and object types and fields of one's own: add, change, archive, restore, drop.
 * Options of a declaration are NAME=VALUE, JSON where it is JSON. */
#include "internal.h"

/* ---- looking ---- */

/* Labels are shown in English, as all of the command line's. */
static struct value label_of(const struct value *declared)
{
    const struct value *label = value_get_c(declared, "label");
    const struct value *english = label == NULL ? NULL : value_get_c(label, "en");
    if (english != NULL) {
        return *english;
    }
    return label != NULL && label->kind == VALUE_TEXT ? *label : value_null();
}

static const char *state_of(const struct value *declared)
{
    if (value_get_bool(declared, "archived", false)) {
        return "archived";
    }
    return value_get_bool(declared, "waiting", false) ? "waiting" : "declared";
}

static void add_rows(struct cli *cli, struct value *rows, const struct value *list, bool fields)
{
    for (size_t i = 0; list != NULL && list->kind == VALUE_LIST && i < list->list.count; i++) {
        const struct value *declared = &list->list.items[i];
        struct str name = value_get_text(declared, "name", STR(""));
        struct value row = value_map_new();
        value_put_c(&cli->arena, &row, "object",
                    value_text(fields ? value_get_text(declared, "object", STR("")) : name));
        value_put_c(&cli->arena, &row, "field", fields ? value_text(name) : value_null());
        value_put_c(&cli->arena, &row, "type",
                    value_text(value_get_text(declared, "type", STR(""))));
        value_put_c(&cli->arena, &row, "label", label_of(declared));
        value_put_c(&cli->arena, &row, "state", value_text(str_from(state_of(declared))));
        value_push(&cli->arena, rows, row);
    }
}

int cmd_schema_list(struct cli *cli)
{
    static const struct cli_column columns[] = {{"object", "object", false},
                                                {"field", "field", false},
                                                {"type", "type", false},
                                                {"label", "label", false},
                                                {"state", "state", false}};
    struct value answer;
    struct value rows = value_list_new();
    int code = cli_call(cli, "GET", STR("/api/v1/schema/objects"), NULL, &answer);
    if (code != CLI_OK) {
        return code;
    }
    if (cli->format == CLI_JSON) {
        cli_print_map(cli, &answer);
        return CLI_OK;
    }
    add_rows(cli, &rows, value_get_c(&answer, "objects"), false);
    add_rows(cli, &rows, value_get_c(&answer, "fields"), true);
    cli_print_rows(cli, &rows, columns, COUNT_OF(columns));
    return CLI_OK;
}

int cmd_schema_show(struct cli *cli)
{
    static const struct cli_column columns[] = {{"name", "name", false},
                                                {"type", "type", false},
                                                {"label", "label", false},
                                                {"required", "required", false},
                                                {"plugin", "declared by", false}};
    struct value answer;
    struct value rows = value_list_new();
    struct str target = cli_target(cli, "schema", cli->positional[0], "");
    int code = cli_call(cli, "GET", target, NULL, &answer);
    if (code != CLI_OK) {
        return code;
    }
    const struct value *fields = value_get_c(&answer, "fields");
    if (cli->format == CLI_JSON) {
        cli_print_map(cli, &answer);
        return CLI_OK;
    }
    for (size_t i = 0; fields != NULL && i < fields->list.count; i++) {
        struct value row = value_copy(&cli->arena, &fields->list.items[i]);
        if (!value_get_bool(&row, "system", false)) {
            value_put_c(&cli->arena, &row, "label", label_of(&row));
            value_push(&cli->arena, &rows, row);
        }
    }
    cli_print_rows(cli, &rows, columns, COUNT_OF(columns));
    return CLI_OK;
}

/* ---- changing ---- */

/* /schema/objects[/OBJECT[/fields[/FIELD]]] by the first `names` arguments. */
static void target_of(struct cli *cli, int names, struct buf *target)
{
    buf_init(target);
    buf_append_str(target, STR("/api/v1/schema/objects"));
    if (names > 0) {
        cli_path(target, str_from(cli->positional[0]));
    }
    if (names > 1) {
        buf_append_str(target, STR("/fields"));
        cli_path(target, str_from(cli->positional[1]));
    }
}

/* What takes long was made a job: it is waited for. */
static int end_change(struct cli *cli, int code, const struct value *answer)
{
    struct value job;
    struct str id = value_get_text(answer, "id", STR(""));
    if (code != CLI_OK) {
        return code;
    }
    if (id.len == 0) {
        cli_print_map(cli, answer);
        return CLI_OK;
    }
    code = cli_wait_job(cli, id, &job);
    if (code == CLI_OK) {
        const struct value *result = value_get_c(&job, "result");
        cli_print_map(cli, result != NULL && result->kind == VALUE_MAP ? result : &job);
    }
    return code;
}

static int send(struct cli *cli, const char *method, struct buf *target, const struct value *body)
{
    struct value answer = value_null();
    if (cli_switch(cli, "dry-run")) {
        cli_query(target, "dry_run", STR("true"));
    }
    int code = cli_call(cli, method, buf_str(target), body, &answer);
    buf_deinit(target);
    return end_change(cli, code, &answer);
}

static int read_options(struct cli *cli, int from, struct value *body)
{
    int code = CLI_OK;
    for (int i = from; i < cli->positional_count && code == CLI_OK; i++) {
        code = cli_add_pair(cli, cli->positional[i], body);
    }
    return code;
}

/* A declaration in a file (--file), NAME=VALUE over it. */
static int read_file(struct cli *cli, struct value *body)
{
    const char *path = cli_option(cli, "file");
    struct str text;
    struct error error = {0};
    if (path == NULL) {
        return CLI_OK;
    }
    int code = cli_read_file(cli, path, &text);
    if (code == CLI_OK && json_decode(&cli->arena, text, body, &error) != OK) {
        fprintf(stderr, "proxenos: %s: %s\n", path, error.detail);
        code = CLI_FAILED;
    } else if (code == CLI_OK && body->kind != VALUE_MAP) {
        fprintf(stderr, "proxenos: %s: a declaration is an object\n", path);
        code = CLI_FAILED;
    }
    return code;
}

int cmd_schema_add_object(struct cli *cli)
{
    struct buf target;
    struct value body = value_map_new();
    int code = read_file(cli, &body);
    value_put_c(&cli->arena, &body, "name", value_text(str_from(cli->positional[0])));
    code = code == CLI_OK ? read_options(cli, 1, &body) : code;
    if (code != CLI_OK) {
        return code;
    }
    target_of(cli, 0, &target);
    return send(cli, "POST", &target, &body);
}

int cmd_schema_change_object(struct cli *cli)
{
    struct buf target;
    struct value body = value_map_new();
    int code = read_options(cli, 1, &body);
    if (code != CLI_OK) {
        return code;
    }
    target_of(cli, 1, &target);
    return send(cli, "PATCH", &target, &body);
}

int cmd_schema_add_field(struct cli *cli)
{
    struct buf target;
    struct value body = value_map_new();
    value_put_c(&cli->arena, &body, "name", value_text(str_from(cli->positional[1])));
    value_put_c(&cli->arena, &body, "type", value_text(str_from(cli->positional[2])));
    int code = read_options(cli, 3, &body);
    if (code != CLI_OK) {
        return code;
    }
    target_of(cli, 1, &target);
    buf_append_str(&target, STR("/fields"));
    return send(cli, "POST", &target, &body);
}

int cmd_schema_change_field(struct cli *cli)
{
    struct buf target;
    struct value body = value_map_new();
    int code = read_options(cli, 2, &body);
    if (code != CLI_OK) {
        return code;
    }
    target_of(cli, 2, &target);
    return send(cli, "PATCH", &target, &body);
}

static int archive(struct cli *cli)
{
    struct buf target;
    target_of(cli, cli->positional_count, &target);
    return send(cli, "DELETE", &target, NULL);
}

static int restore(struct cli *cli)
{
    struct buf target;
    target_of(cli, cli->positional_count, &target);
    buf_append_str(&target, STR("/restore"));
    return send(cli, "POST", &target, NULL);
}

/* First without a token: the answer says what would go, and the token. */
static int drop(struct cli *cli)
{
    struct buf target;
    struct value answer = value_null();
    target_of(cli, cli->positional_count, &target);
    cli_query(&target, "drop", STR("true"));
    if (cli_switch(cli, "dry-run")) {
        return send(cli, "DELETE", &target, NULL);
    }
    struct net_call call = {.method = "DELETE", .target = buf_str(&target)};
    int code = cli_try(cli, &call, &answer);
    struct str token = value_get_text(&answer, "confirm", STR(""));
    if (code == CLI_FAILED && token.len > 0) {
        fprintf(stderr, "%lld records lose what is stored; a backup is made first\n",
                (long long)value_get_int(&answer, "rows", 0));
        if (!cli_switch(cli, "yes") && !cli_says_yes("Drop it?")) {
            fprintf(stderr, "proxenos: nothing was done; say --yes if you want it\n");
            buf_deinit(&target);
            return CLI_FAILED;
        }
        cli_query(&target, "confirm", token);
        code = cli_call(cli, "DELETE", buf_str(&target), NULL, &answer);
    } else if (code == CLI_FAILED) {
        cli_print_problem(&answer, call.status);
    }
    buf_deinit(&target);
    return end_change(cli, code, &answer);
}

int cmd_schema_archive_object(struct cli *cli)
{
    return archive(cli);
}

int cmd_schema_restore_object(struct cli *cli)
{
    return restore(cli);
}

int cmd_schema_drop_object(struct cli *cli)
{
    return drop(cli);
}

int cmd_schema_archive_field(struct cli *cli)
{
    return archive(cli);
}

int cmd_schema_restore_field(struct cli *cli)
{
    return restore(cli);
}

int cmd_schema_drop_field(struct cli *cli)
{
    return drop(cli);
}
