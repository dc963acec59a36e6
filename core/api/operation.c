/* What operators and curious users look at: schema, plugins, the bus, the audit head, plugins'
 * commands. Loop thread. */
#include "internal.h"

void call_respond_list(struct call *call, struct value rows)
{
    struct value answer = value_map_new();
    value_put_c(call_arena(call), &answer, "data", rows);
    call_respond_value(call, 200, &answer);
}

/* ---- schema, as this user sees it ---- */

/* Fields that the scope may not see are not there. */
static struct value shown_fields(struct arena *arena, const struct object_type *type,
                                 const struct scope_grant *grant, const struct value *all)
{
    struct value fields = value_list_new();
    for (size_t i = 0; i < all->list.count; i++) {
        const struct value *field = &all->list.items[i];
        const struct field *known = object_field(type, value_get_text(field, "name", STR("")));
        if (known != NULL && grant->fields[known->index] != FIELD_HIDDEN) {
            value_push(arena, &fields, *field);
        }
    }
    return fields;
}

/* Which fields pair records is the administrators' to know: some of them may be hidden. */
static struct value shown_duplicates(struct call *call, const struct value *all)
{
    static const char *const open[] = {"threshold", "sure", "on_create"};
    struct value shown = value_map_new();
    if (call_scope(call)->admin) {
        return *all;
    }
    for (size_t i = 0; i < COUNT_OF(open); i++) {
        value_put_c(call_arena(call), &shown, open[i], *value_get_c(all, open[i]));
    }
    return shown;
}

static struct value describe_type(struct call *call, const struct object_type *type)
{
    struct arena *arena = call_arena(call);
    struct value whole = schema_describe(arena, type);
    const struct scope_grant *grant = &call_scope(call)->grants[type->index];
    struct value shown = value_map_new();
    for (size_t i = 0; i < whole.map.count; i++) {
        const struct value_entry *entry = &whole.map.entries[i];
        bool fields = str_is(entry->key, "fields") && entry->value.kind == VALUE_LIST;
        bool duplicates = str_is(entry->key, "duplicates");
        value_put(arena, &shown, entry->key,
                  fields       ? shown_fields(arena, type, grant, &entry->value)
                  : duplicates ? shown_duplicates(call, &entry->value)
                               : entry->value);
    }
    return shown;
}

void get_schemas(struct call *call)
{
    const struct scope *scope = call_scope(call);
    struct value rows = value_list_new();
    for (int i = 0; i < scope->schema->object_count; i++) {
        if (scope->grants[i].verbs != 0) {
            value_push(call_arena(call), &rows, describe_type(call, &scope->schema->objects[i]));
        }
    }
    call_respond_list(call, rows);
}

void get_schema(struct call *call)
{
    const struct scope *scope = call_scope(call);
    struct str name = http_route_parameter(call->http, "object");
    const struct object_type *type = schema_object(scope->schema, name);
    type = type != NULL ? type : schema_object_at(scope->schema, name);
    if (type == NULL || scope->grants[type->index].verbs == 0) {
        call_refuse_type(call, name, false);
        return;
    }
    struct value described = describe_type(call, type);
    call_respond_value(call, 200, &described);
}

/* ---- for administrators and auditors ---- */

bool call_operator(struct call *call)
{
    if (call_scope(call)->admin || call_scope(call)->audit) {
        return true;
    }
    call_fail(call, ERR_FORBIDDEN, "only administrators and auditors may look at this");
    return false;
}

void get_checkpoint(struct call *call)
{
    if (!call_operator(call)) {
        return;
    }
    struct audit_checkpoint checkpoint;
    struct buf text;
    buf_init(&text);
    audit_checkpoint_now(call->api->store, &checkpoint);
    audit_checkpoint_format(&checkpoint, &text);
    struct value answer = value_map_new();
    value_put_c(call_arena(call), &answer, "seq", value_int(checkpoint.seq));
    value_put_c(call_arena(call), &answer, "text", value_text(buf_str(&text)));
    call_respond_value(call, 200, &answer);
    buf_deinit(&text);
}

/* ---- plugins' commands ---- */

void list_commands(struct call *call)
{
    call_respond_list(call, plugins_commands(call->api->plugins, call_arena(call)));
}

static void on_command_done(struct command_call *command)
{
    struct call *call = command->context;
    if (command->err != OK) {
        call_problem(call, command->err, &command->error, NULL);
        return;
    }
    struct value answer = value_map_new();
    value_put_c(call_arena(call), &answer, "output", value_text(command->output));
    value_put_c(call_arena(call), &answer, "parts", command->parts);
    value_put_c(call_arena(call), &answer, "exit_code", value_int(command->exit_code));
    call_respond_value(call, 200, &answer);
}

static void command_body(struct call *call)
{
    struct command_call *command = ARENA_NEW(call_arena(call), struct command_call);
    const struct value *args = value_get_c(&call->body, "args");
    const struct value *given = value_get_c(&call->body, "given");
    bool words = given != NULL && given->kind == VALUE_LIST;
    *command = (struct command_call){.plugin = http_route_parameter(call->http, "plugin"),
                                     .words = value_get_text(&call->body, "words", STR("")),
                                     .args = args != NULL ? *args : value_map_new(),
                                     .words_given = words ? *given : value_list_new(),
                                     .format = value_get_text(&call->body, "format", STR("")),
                                     .language = value_get_text(&call->body, "language", STR("")),
                                     .scope = call_scope(call),
                                     .request = call_request_id(call),
                                     .arena = call_arena(call),
                                     .done = on_command_done,
                                     .context = call};
    plugins_command(call->api->plugins, command);
}

void run_command(struct call *call)
{
    call_with_body(call, command_body);
}
