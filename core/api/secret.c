/* Secrets of plugins: an administrator sets, changes and drops them; nobody reads them back. Loop
 * thread, but for `apply` (the writer's) and `run_list` (a reader's). */
#include "internal.h"

#include "proxenos/base_text.h"

enum change_kind { CHANGE_SET, CHANGE_ROTATE, CHANGE_DROP };

struct change {
    struct unit unit;
    struct call *call;
    enum change_kind kind;
    struct str plugin, name, value;
    char made[48]; /* of a rotation */
};

/* ---- which secret ---- */

/* The plugin's own declaration, or an answer: NULL. */
static const struct str *find_declared(struct call *call, size_t *out_count)
{
    struct str plugin = http_route_parameter(call->http, "name");
    const struct str *names = plugins_secrets(call->api->plugins, plugin, out_count);
    if (names == NULL) {
        call_fail(call, ERR_NOT_FOUND, "there is no plugin \"" STR_FORMAT "\"", STR_ARGS(plugin));
    }
    return names;
}

static bool find_name(struct call *call, struct str *out_name)
{
    size_t count = 0;
    const struct str *names = find_declared(call, &count);
    struct str name = http_route_parameter(call->http, "secret");
    for (size_t i = 0; names != NULL && i < count; i++) {
        if (str_eq(names[i], name)) {
            *out_name = names[i];
            return true;
        }
    }
    if (names != NULL) {
        struct str nearest = text_nearest(name, names, count);
        (void)error_at(&call->error, ERR_NOT_FOUND, "secret", NULL,
                       "can.secrets of the plugin does not name \"" STR_FORMAT "\"",
                       STR_ARGS(str_sub(name, 0, 60)));
        (void)snprintf(call->error.nearest, sizeof(call->error.nearest), STR_FORMAT,
                       STR_ARGS(nearest));
        call_problem(call, ERR_NOT_FOUND, &call->error, NULL);
    }
    return false;
}

/* ---- changing ---- */

static enum err log_change(struct change *change, struct tx *tx, struct error *error)
{
    static const char *const types[] = {[CHANGE_SET] = "plugin.secret_set",
                                        [CHANGE_ROTATE] = "plugin.secret_rotated",
                                        [CHANGE_DROP] = "plugin.secret_deleted"};
    struct value data = value_map_new();
    value_put_c(tx_arena(tx), &data, "plugin", value_text(change->plugin));
    value_put_c(tx_arena(tx), &data, "secret", value_text(change->name));
    return tx_emit(tx, str_from(types[change->kind]), &data, error);
}

static enum err apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct change *change = CONTAINER_OF(unit, struct change, unit);
    enum err err = change->kind == CHANGE_DROP
                       ? plugins_secret_drop(tx, change->plugin, change->name, error)
                       : plugins_secret_put(tx, change->plugin, change->name, change->value, error);
    return err == OK ? log_change(change, tx, error) : err;
}

static void on_changed(struct unit *unit)
{
    struct change *change = CONTAINER_OF(unit, struct change, unit);
    struct call *call = change->call;
    enum err err = unit->err;
    call->error = unit->error;
    call->error.next = NULL;
    crypto_wipe((char *)(uintptr_t)change->value.at, // NOLINT(performance-no-int-to-ptr)
                change->value.len);
    unit_deinit(unit);
    if (err != OK) {
        call_problem(call, err, &call->error, NULL);
        return;
    }
    http_respond(call->http, 204, NULL);
}

static void submit(struct call *call, enum change_kind kind, struct str name, struct str value)
{
    struct change *change = ARENA_NEW(call_arena(call), struct change);
    change->call = call;
    change->kind = kind;
    change->plugin = http_route_parameter(call->http, "name");
    change->name = name;
    change->value = value;
    if (kind == CHANGE_ROTATE) {
        token_make("", change->made, sizeof(change->made));
        change->value = str_from(change->made);
    }
    change->unit = (struct unit){.reply = loop_mailbox(call->api->loop),
                                 .apply = apply,
                                 .done = on_changed,
                                 .scope = call_scope(call),
                                 .request = call_request_id(call)};
    enum err err = store_submit(call->api->store, &change->unit);
    if (err != OK) {
        call_fail(call, err, "the secret cannot be written now");
    }
}

static void set_body(struct call *call)
{
    static const struct call_member members[] = {{"value", VALUE_TEXT}};
    struct str name;
    if (!call_knows_members(call, members, COUNT_OF(members)) || !find_name(call, &name)) {
        return;
    }
    struct str value = value_get_text(&call->body, "value", STR(""));
    if (value.len == 0) {
        (void)error_at(&call->error, ERR_REQUIRED, "/value", NULL, "value is the secret's text");
        call_problem(call, ERR_REQUIRED, &call->error, NULL);
        return;
    }
    submit(call, CHANGE_SET, name, value);
}

void set_secret(struct call *call)
{
    call_admin_body(call, set_body);
}

static void rotate_body(struct call *call)
{
    struct str name;
    if (call_knows_members(call, NULL, 0) && find_name(call, &name)) {
        submit(call, CHANGE_ROTATE, name, STR(""));
    }
}

void rotate_secret(struct call *call)
{
    call_admin_body(call, rotate_body);
}

void delete_secret(struct call *call)
{
    struct str name;
    if (call_admin(call) && find_name(call, &name)) {
        submit(call, CHANGE_DROP, name, STR(""));
    }
}

/* ---- listing ---- */

static const struct value *find_row(const struct value *rows, struct str name)
{
    for (size_t i = 0; i < rows->list.count; i++) {
        if (str_eq(value_get_text(&rows->list.items[i], "name", STR("")), name)) {
            return &rows->list.items[i];
        }
    }
    return NULL;
}

/* What is declared, set or not. */
static enum err run_list(struct call *call, struct reader *reader, struct error *error)
{
    struct arena *arena = call_arena(call);
    const struct value *declared = call->state;
    struct value rows = value_list_new();
    struct value list = value_list_new();
    enum err err =
        plugins_secrets_set(reader, http_route_parameter(call->http, "name"), arena, &rows, error);
    if (err != OK) {
        return err;
    }
    for (size_t i = 0; i < declared->list.count; i++) {
        struct str name = declared->list.items[i].text;
        const struct value *row = find_row(&rows, name);
        struct value shown = row != NULL ? value_copy(arena, row) : value_map_new();
        value_put_c(arena, &shown, "name", value_text(name));
        value_put_c(arena, &shown, "set", value_bool(row != NULL));
        value_push(arena, &list, shown);
    }
    buf_append_str(&call->out, STR("{\"data\":"));
    value_write_api(&call->out, &list);
    buf_append_char(&call->out, '}');
    return OK;
}

void list_secrets(struct call *call)
{
    size_t count = 0;
    const struct str *names = call_admin(call) ? find_declared(call, &count) : NULL;
    if (names == NULL) {
        return;
    }
    struct value *declared = ARENA_NEW(call_arena(call), struct value);
    *declared = value_list_new();
    for (size_t i = 0; i < count; i++) {
        value_push(call_arena(call), declared, value_text(names[i]));
    }
    call->state = declared;
    call_read(call, false, run_list);
}
