/* Records for tests, through the API as a user would: t.create, update, delete, get, find. Main
 * thread. */
#include "internal.h"

/* ---- arguments ---- */

const struct value *t_arg(const struct value *args, size_t index)
{
    const struct value *value = index < args->list.count ? &args->list.items[index] : NULL;
    return value == NULL || value->kind == VALUE_NULL ? NULL : value;
}

enum err t_text(const struct value *args, size_t index, const char *what, struct str *out,
                struct error *error)
{
    const struct value *value = t_arg(args, index);
    if (value == NULL || value->kind != VALUE_TEXT) {
        return error_set(error, ERR_TYPE, "%s is needed here, not %s", what,
                         value == NULL ? "nothing" : value_kind_name(value));
    }
    *out = value->text;
    return OK;
}

/* An id, or a record that has one. */
static enum err id_arg(const struct value *args, size_t index, struct str *out, struct error *error)
{
    const struct value *value = t_arg(args, index);
    const struct value *id = value == NULL ? NULL : value_get_c(value, "id");
    if (id != NULL && id->kind == VALUE_TEXT) {
        *out = id->text;
        return OK;
    }
    return t_text(args, index, "an id or a record", out, error);
}

/* A map; absent: an empty one. */
static enum err map_arg(const struct value *args, size_t index, struct value *out,
                        struct error *error)
{
    const struct value *value = t_arg(args, index);
    if (value != NULL && value->kind != VALUE_MAP) {
        return error_set(error, ERR_TYPE, "a table of fields is needed here, not %s",
                         value_kind_name(value));
    }
    *out = value == NULL ? value_map_new() : *value;
    return OK;
}

enum err t_type(struct test *test, const struct value *name, const struct schema **out_hold,
                const struct object_type **out_type, struct error *error)
{
    if (name == NULL || name->kind != VALUE_TEXT) {
        return error_set(error, ERR_TYPE, "the name of an object type is needed here");
    }
    const struct schema *schema = store_schema(test->world->parts.store);
    enum err err = schema_find_object(schema, name->text, out_type, error);
    if (err != OK) {
        schema_unref(schema);
        return err;
    }
    *out_hold = schema;
    return OK;
}

/* ---- records in and out ---- */

/* Where a field refers to a record, the record itself may stand for its id. */
static struct value plain_ref(struct arena *arena, const struct value *value)
{
    const struct value *id = value_get_c(value, "id");
    if (id != NULL) {
        return *id;
    }
    if (value->kind != VALUE_LIST) {
        return *value;
    }
    struct value list = value_list_new();
    for (size_t i = 0; i < value->list.count; i++) {
        value_push(arena, &list, plain_ref(arena, &value->list.items[i]));
    }
    return list;
}

struct value t_plain(struct arena *arena, const struct object_type *type,
                     const struct value *fields)
{
    struct value map = value_map_new();
    for (size_t i = 0; i < fields->map.count; i++) {
        const struct value_entry *entry = &fields->map.entries[i];
        const struct field *field = object_field(type, entry->key);
        bool ref = field != NULL && (field->type == FIELD_REF || field->type == FIELD_REFS);
        value_put(arena, &map, entry->key, ref ? plain_ref(arena, &entry->value) : entry->value);
    }
    return map;
}

struct value t_typed(struct arena *arena, const struct object_type *type,
                     const struct value *record)
{
    struct value map = value_map_new();
    for (size_t i = 0; record->kind == VALUE_MAP && i < record->map.count; i++) {
        const struct value_entry *entry = &record->map.entries[i];
        const struct field *field = object_field(type, entry->key);
        struct value value = entry->value;
        struct value typed;
        if (field != NULL && field->type != FIELD_ID && field->type != FIELD_REF &&
            field->type != FIELD_REFS && field_value(field, &value, arena, &typed, NULL) == OK) {
            value = value_copy(arena, &typed); /* an enum's word is the schema's */
        }
        value_put(arena, &map, entry->key, value);
    }
    return map;
}

/* ---- operations ---- */

static struct str record_target(struct world *world, const struct object_type *type, struct str id)
{
    return arena_printf(&world->arena, "/api/v1/" STR_FORMAT "%s" STR_FORMAT, STR_ARGS(type->path),
                        id.len > 0 ? "/" : "", STR_ARGS(world_encode(world, id)));
}

/* One request about one record, then what follows from it. */
static enum err change(struct test *test, const struct object_type *type, struct world_call *call,
                       struct value *out, struct error *error)
{
    struct world *world = test->world;
    call->role = test->role;
    enum err err = world_call(world, call, error);
    if (err != OK) {
        return err;
    }
    if (call->answer.kind == VALUE_MAP) {
        *out = t_typed(&world->arena, type, &call->answer);
    }
    return world_settle(world, error);
}

enum err t_create(struct test *test, const struct value *args, struct value *out,
                  struct error *error)
{
    const struct schema *schema = NULL;
    const struct object_type *type = NULL;
    struct value fields = value_map_new();
    enum err err = map_arg(args, 1, &fields, error);
    if (err == OK) {
        err = t_type(test, t_arg(args, 0), &schema, &type, error);
    }
    if (err != OK) {
        return err;
    }
    ASSERT(type != NULL);
    struct value body = t_plain(&test->world->arena, type, &fields);
    struct world_call call = {
        .method = "POST", .target = record_target(test->world, type, STR("")), .body = &body};
    err = change(test, type, &call, out, error);
    schema_unref(schema);
    return err;
}

enum err t_update(struct test *test, const struct value *args, struct value *out,
                  struct error *error)
{
    const struct schema *schema = NULL;
    const struct object_type *type = NULL;
    struct value fields = value_map_new();
    struct str id = STR("");
    enum err err = id_arg(args, 1, &id, error);
    if (err == OK) {
        err = map_arg(args, 2, &fields, error);
    }
    if (err == OK) {
        err = t_type(test, t_arg(args, 0), &schema, &type, error);
    }
    if (err != OK) {
        return err;
    }
    ASSERT(type != NULL);
    struct value body = t_plain(&test->world->arena, type, &fields);
    struct world_call call = {
        .method = "PATCH", .target = record_target(test->world, type, id), .body = &body};
    err = change(test, type, &call, out, error);
    schema_unref(schema);
    return err;
}

static enum err one(struct test *test, const struct value *args, const char *method,
                    struct value *out, struct error *error)
{
    const struct schema *schema = NULL;
    const struct object_type *type = NULL;
    struct str id = STR("");
    enum err err = id_arg(args, 1, &id, error);
    if (err == OK) {
        err = t_type(test, t_arg(args, 0), &schema, &type, error);
    }
    if (err != OK) {
        return err;
    }
    ASSERT(type != NULL);
    struct world_call call = {.method = method, .target = record_target(test->world, type, id)};
    err = change(test, type, &call, out, error);
    schema_unref(schema);
    return err;
}

enum err t_delete(struct test *test, const struct value *args, struct value *out,
                  struct error *error)
{
    return one(test, args, "DELETE", out, error);
}

enum err t_get(struct test *test, const struct value *args, struct value *out, struct error *error)
{
    enum err err = one(test, args, "GET", out, error);
    return err == ERR_NOT_FOUND ? OK : err;
}

enum err t_search(struct test *test, const struct object_type *type, const struct value *query,
                  struct value *out_answer, struct error *error)
{
    struct world *world = test->world;
    struct world_call call = {.method = "POST",
                              .target = arena_printf(&world->arena, "/api/v1/" STR_FORMAT "/search",
                                                     STR_ARGS(type->path)),
                              .body = query,
                              .role = test->role};
    enum err err = world_call(world, &call, error);
    if (err == OK) {
        *out_answer = call.answer;
    }
    return err;
}

enum err t_find(struct test *test, const struct value *args, struct value *out, struct error *error)
{
    const struct schema *schema = NULL;
    const struct object_type *type = NULL;
    struct value query = value_map_new(), answer = value_null();
    enum err err = map_arg(args, 1, &query, error);
    if (err == OK) {
        err = t_type(test, t_arg(args, 0), &schema, &type, error);
    }
    if (err != OK) {
        return err;
    }
    ASSERT(type != NULL);
    err = t_search(test, type, &query, &answer, error);
    const struct value *rows = err == OK ? value_get_c(&answer, "data") : NULL;
    *out = value_list_new();
    for (size_t i = 0; rows != NULL && i < rows->list.count; i++) {
        value_push(&test->world->arena, out,
                   t_typed(&test->world->arena, type, &rows->list.items[i]));
    }
    schema_unref(schema);
    return err;
}
