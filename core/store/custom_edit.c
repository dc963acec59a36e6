/* Changes of the tree of what is declared at run time. What a declaration says is judged by
 * schema_build; here is what is there, archived or gone. Pure; one thread. */
#include "custom.h"
#include "proxenos/base_text.h"
#include "schema_internal.h"

#include <stdio.h>

bool custom_name(struct str name)
{
    return str_starts(name, STR("x_"));
}

/* ---- lists and maps without one of theirs ---- */

static struct value map_without(struct arena *arena, const struct value *map, struct str key)
{
    struct value rest = value_map_new();
    for (size_t i = 0; map != NULL && map->kind == VALUE_MAP && i < map->map.count; i++) {
        if (!str_eq(map->map.entries[i].key, key)) {
            value_put(arena, &rest, map->map.entries[i].key, map->map.entries[i].value);
        }
    }
    return rest;
}

/* A list of its own, with `value` at `at` instead of what is there; NULL: without it. */
static struct value list_with(struct arena *arena, const struct value *list, size_t at,
                              const struct value *value)
{
    struct value other = value_list_new();
    size_t count = list == NULL ? 0 : list->list.count;
    for (size_t i = 0; i < count; i++) {
        if (i != at) {
            value_push(arena, &other, list->list.items[i]);
        } else if (value != NULL) {
            value_push(arena, &other, *value);
        }
    }
    if (at >= count && value != NULL) {
        value_push(arena, &other, *value);
    }
    return other;
}

static const struct value *part(const struct value *tree, const char *first, const char *second,
                                struct str name)
{
    const struct value *at = value_get_c(tree, first);
    at = at == NULL || second == NULL ? at : value_get_c(at, second);
    at = at == NULL ? NULL : value_get(at, name);
    return at == NULL || at->kind == VALUE_NULL ? NULL : at;
}

/* tree.first[.second].name = value; NULL: gone. */
static void put_part(struct arena *arena, struct value *tree, const char *first, const char *second,
                     struct str name, const struct value *value)
{
    const struct value *outer = value_get_c(tree, first);
    const struct value *inner =
        second == NULL || outer == NULL ? outer : value_get_c(outer, second);
    struct value changed = map_without(arena, inner, name);
    if (value != NULL) {
        value_put(arena, &changed, name, *value);
    }
    if (second != NULL) {
        struct value whole = map_without(arena, outer, str_from(second));
        value_put_c(arena, &whole, second, changed);
        changed = whole;
    }
    struct value rest = map_without(arena, tree, str_from(first));
    value_put_c(arena, &rest, first, changed);
    *tree = rest;
}

const struct value *custom_field_named(const struct value *fields, struct str name, size_t *out_at)
{
    for (size_t i = 0; fields != NULL && i < fields->list.count; i++) {
        if (str_eq(value_get_text(&fields->list.items[i], "name", STR("")), name)) {
            *out_at = i;
            return &fields->list.items[i];
        }
    }
    return NULL;
}

const struct value *custom_fields(const struct value *tree, struct str object)
{
    const struct value *at = part(tree, custom_name(object) ? "objects" : "extend", NULL, object);
    const struct value *fields = at == NULL ? NULL : value_get_c(at, "fields");
    return fields != NULL && fields->kind == VALUE_LIST ? fields : NULL;
}

const struct value *custom_archived_fields(const struct value *tree, struct str object)
{
    return part(tree, "archived", "fields", object);
}

static void put_fields(struct arena *arena, struct value *tree, struct str object,
                       struct value fields)
{
    const char *where = custom_name(object) ? "objects" : "extend";
    const struct value *before = part(tree, where, NULL, object);
    struct value declared = map_without(arena, before, STR("fields"));
    value_put_c(arena, &declared, "fields", fields);
    bool none = !custom_name(object) && fields.list.count == 0;
    put_part(arena, tree, where, NULL, object, none ? NULL : &declared);
}

static void put_archived(struct arena *arena, struct value *tree, struct str object,
                         struct value fields)
{
    put_part(arena, tree, "archived", "fields", object, fields.list.count == 0 ? NULL : &fields);
}

/* ---- what is given ---- */

static enum err check_label(const struct value *given, const char *key, struct error *error)
{
    const struct value *label = value_get_c(given, key);
    size_t most = 0;
    if (label != NULL && label->kind == VALUE_TEXT) {
        most = label->text.len;
    }
    for (size_t i = 0; label != NULL && label->kind == VALUE_MAP && i < label->map.count; i++) {
        const struct value *text = &label->map.entries[i].value;
        most = MAX(most, text->kind == VALUE_TEXT ? text->text.len : 0);
    }
    if (most > CUSTOM_LABEL_BYTES_MAX) {
        char pointer[32];
        (void)snprintf(pointer, sizeof(pointer), "/%s", key);
        return error_at(error, ERR_LIMIT, pointer, NULL, "a label is at most %d bytes long",
                        CUSTOM_LABEL_BYTES_MAX);
    }
    return OK;
}

/* JSON gives names to all options, so that a declaration can be changed option by option. */
static enum err check_fields(const struct value *given, struct error *error)
{
    const struct value *fields = value_get_c(given, "fields");
    if (fields == NULL || fields->kind == VALUE_NULL) {
        return OK;
    }
    if (fields->kind != VALUE_LIST) {
        return error_at(error, ERR_SCHEMA, "/fields", NULL, "fields is a list of declarations");
    }
    if (fields->list.count > CUSTOM_FIELDS_MAX) {
        return error_at(error, ERR_LIMIT, "/fields", NULL,
                        "an object type has at most %d custom fields", CUSTOM_FIELDS_MAX);
    }
    for (size_t i = 0; i < fields->list.count; i++) {
        char pointer[32];
        (void)snprintf(pointer, sizeof(pointer), "/fields/%zu", i);
        if (value_get_text(&fields->list.items[i], "name", STR("")).len == 0) {
            return error_at(error, ERR_SCHEMA, pointer, NULL,
                            "a field is {\"name\": …, \"type\": …, …}");
        }
        enum err err = check_label(&fields->list.items[i], "label", error);
        if (err != OK) {
            return err;
        }
    }
    return OK;
}

static enum err check_given(const struct value *given, struct error *error)
{
    ASSERT(given != NULL && given->kind == VALUE_MAP);
    enum err err = check_label(given, "label", error);
    err = err == OK ? check_label(given, "plural", error) : err;
    return err == OK ? check_fields(given, error) : err;
}

/* `given` over what is declared; null takes an option away. */
static enum err merge(const struct custom_edit *edit, const struct value *before,
                      const char *untouched, struct value *out_after, struct error *error)
{
    const struct value *given = edit->given;
    struct value after = *before;
    enum err err = check_given(given, error);
    for (size_t i = 0; i < given->map.count && err == OK; i++) {
        struct str key = given->map.entries[i].key;
        if (str_is(key, "name") || str_is(key, untouched)) {
            char pointer[64];
            (void)snprintf(pointer, sizeof(pointer), "/" STR_FORMAT, STR_ARGS(key));
            return error_at(error, ERR_READONLY, pointer, NULL,
                            str_is(key, "name")
                                ? "a name stays: add another and archive this one"
                                : "fields are added, changed and archived one by one");
        }
        after = map_without(edit->arena, &after, key);
        if (given->map.entries[i].value.kind != VALUE_NULL) {
            value_put(edit->arena, &after, key, given->map.entries[i].value);
        }
    }
    *out_after = after;
    return err;
}

/* ---- object types ---- */

static enum err no_custom_object(const struct custom_edit *edit, struct error *error)
{
    const struct object_type *type = schema_object(edit->schema, edit->object);
    if (type != NULL && !custom_name(edit->object)) {
        return error_set(error, ERR_CONFLICT,
                         STR_FORMAT " is declared by " STR_FORMAT
                                    ": only custom object types (x_…) are changed here; custom "
                                    "fields can be added to it",
                         STR_ARGS(edit->object), STR_ARGS(type->plugin));
    }
    return error_set(error, ERR_NOT_FOUND, "there is no custom object type \"" STR_FORMAT "\"",
                     STR_ARGS(utf8_cut(edit->object, 60)));
}

static enum err add_object(const struct custom_edit *edit, struct value *tree, struct error *error)
{
    const struct value *objects = value_get_c(tree, "objects");
    const struct value *gone = value_path(tree, "archived.objects");
    size_t count =
        (objects == NULL ? 0 : objects->map.count) + (gone == NULL ? 0 : gone->map.count);
    enum err err = check_given(edit->given, error);
    if (err != OK) {
        return err;
    }
    if (!custom_name(edit->object) || !name_valid(edit->object)) {
        return error_at(error, ERR_SCHEMA, "/name", arena_cstr(edit->arena, edit->object),
                        "the name of a custom object type is x_, then a-z 0-9 and single _, at "
                        "most %d: such as x_vessel",
                        NAME_BYTES_MAX);
    }
    if (part(tree, "objects", NULL, edit->object) != NULL) {
        return error_at(error, ERR_CONFLICT, "/name", NULL, STR_FORMAT " is there already",
                        STR_ARGS(edit->object));
    }
    if (part(tree, "archived", "objects", edit->object) != NULL) {
        return error_at(error, ERR_CONFLICT, "/name", NULL,
                        STR_FORMAT " is archived: restore it, or drop it first",
                        STR_ARGS(edit->object));
    }
    if (count >= CUSTOM_OBJECTS_MAX) {
        return error_set(error, ERR_LIMIT, "there are at most %d custom object types",
                         CUSTOM_OBJECTS_MAX);
    }
    struct value declared = map_without(edit->arena, edit->given, STR("name"));
    put_part(edit->arena, tree, "objects", NULL, edit->object, &declared);
    return OK;
}

static enum err change_object(const struct custom_edit *edit, struct value *tree,
                              struct error *error)
{
    const struct value *before = part(tree, "objects", NULL, edit->object);
    struct value after = value_null();
    if (before == NULL) {
        return no_custom_object(edit, error);
    }
    enum err err = merge(edit, before, "fields", &after, error);
    if (err == OK) {
        put_part(edit->arena, tree, "objects", NULL, edit->object, &after);
    }
    return err;
}

static enum err archive_object(const struct custom_edit *edit, struct value *tree,
                               struct error *error)
{
    const struct value *declared = part(tree, "objects", NULL, edit->object);
    if (declared == NULL) {
        return no_custom_object(edit, error);
    }
    struct value kept = *declared;
    put_part(edit->arena, tree, "objects", NULL, edit->object, NULL);
    put_part(edit->arena, tree, "archived", "objects", edit->object, &kept);
    return OK;
}

static enum err take_archived_object(const struct custom_edit *edit, struct value *tree,
                                     struct error *error)
{
    const struct value *archived = part(tree, "archived", "objects", edit->object);
    if (archived == NULL) {
        bool there = part(tree, "objects", NULL, edit->object) != NULL;
        return there ? error_set(error, ERR_CONFLICT, STR_FORMAT " is not archived",
                                 STR_ARGS(edit->object))
                     : no_custom_object(edit, error);
    }
    struct value kept = *archived;
    put_part(edit->arena, tree, "archived", "objects", edit->object, NULL);
    if (edit->action == CUSTOM_RESTORE_OBJECT) {
        put_part(edit->arena, tree, "objects", NULL, edit->object, &kept);
    } else {
        put_archived(edit->arena, tree, edit->object, value_list_new());
    }
    return OK;
}

/* ---- fields ---- */

static enum err no_custom_field(const struct custom_edit *edit, struct error *error)
{
    const struct object_type *type = schema_object(edit->schema, edit->object);
    const struct field *field = type == NULL ? NULL : object_field(type, edit->field);
    if (field != NULL) {
        return error_set(error, ERR_CONFLICT,
                         STR_FORMAT "." STR_FORMAT " is declared by " STR_FORMAT
                                    ": only custom fields are changed here",
                         STR_ARGS(edit->object), STR_ARGS(edit->field),
                         field->system ? 4 : (int)field->plugin.len,
                         field->system ? "core" : field->plugin.at);
    }
    return error_set(error, ERR_NOT_FOUND, STR_FORMAT " has no custom field \"" STR_FORMAT "\"",
                     STR_ARGS(utf8_cut(edit->object, 60)), STR_ARGS(utf8_cut(edit->field, 60)));
}

static enum err check_new_field(const struct custom_edit *edit, const struct value *tree,
                                struct error *error)
{
    const struct value *fields = custom_fields(tree, edit->object);
    const struct value *archived = custom_archived_fields(tree, edit->object);
    size_t count =
        (fields == NULL ? 0 : fields->list.count) + (archived == NULL ? 0 : archived->list.count);
    size_t at = 0;
    if (!custom_name(edit->object) && !custom_name(edit->field)) {
        return error_at(error, ERR_SCHEMA, "/name", arena_cstr(edit->arena, edit->field),
                        "the name of a custom field begins with x_, so that no plugin's field can "
                        "collide with it: x_" STR_FORMAT,
                        STR_ARGS(utf8_cut(edit->field, NAME_BYTES_MAX - 2)));
    }
    if (custom_field_named(archived, edit->field, &at) != NULL) {
        return error_at(error, ERR_CONFLICT, "/name", NULL,
                        STR_FORMAT "." STR_FORMAT " is archived: restore it, or drop it first",
                        STR_ARGS(edit->object), STR_ARGS(edit->field));
    }
    if (custom_field_named(fields, edit->field, &at) != NULL) {
        return error_at(error, ERR_CONFLICT, "/name", NULL,
                        STR_FORMAT "." STR_FORMAT " is there already", STR_ARGS(edit->object),
                        STR_ARGS(edit->field));
    }
    if (count >= CUSTOM_FIELDS_MAX) {
        return error_set(error, ERR_LIMIT,
                         "an object type has at most %d custom fields, archived ones included",
                         CUSTOM_FIELDS_MAX);
    }
    return OK;
}

static enum err add_field(const struct custom_edit *edit, struct value *tree, struct error *error)
{
    const struct object_type *type = NULL;
    enum err err = schema_find_object(edit->schema, edit->object, &type, error);
    err = err == OK ? check_given(edit->given, error) : err;
    err = err == OK ? check_new_field(edit, tree, error) : err;
    if (err == OK) {
        const struct value *fields = custom_fields(tree, edit->object);
        put_fields(edit->arena, tree, edit->object,
                   list_with(edit->arena, fields, SIZE_MAX, edit->given));
    }
    return err;
}

static enum err change_field(const struct custom_edit *edit, struct value *tree,
                             struct error *error)
{
    size_t at = 0;
    const struct value *fields = custom_fields(tree, edit->object);
    const struct value *before = custom_field_named(fields, edit->field, &at);
    struct value after = value_null();
    if (before == NULL) {
        return no_custom_field(edit, error);
    }
    enum err err = merge(edit, before, "", &after, error);
    if (err == OK) {
        put_fields(edit->arena, tree, edit->object, list_with(edit->arena, fields, at, &after));
    }
    return err;
}

static enum err archive_field(const struct custom_edit *edit, struct value *tree,
                              struct error *error)
{
    size_t at = 0;
    const struct value *fields = custom_fields(tree, edit->object);
    const struct value *declared = custom_field_named(fields, edit->field, &at);
    if (declared == NULL) {
        return no_custom_field(edit, error);
    }
    const struct value *archived = custom_archived_fields(tree, edit->object);
    struct value with = list_with(edit->arena, archived, SIZE_MAX, declared);
    put_fields(edit->arena, tree, edit->object, list_with(edit->arena, fields, at, NULL));
    put_archived(edit->arena, tree, edit->object, with);
    return OK;
}

static enum err take_archived_field(const struct custom_edit *edit, struct value *tree,
                                    struct error *error)
{
    size_t at = 0;
    const struct value *archived = custom_archived_fields(tree, edit->object);
    const struct value *kept = custom_field_named(archived, edit->field, &at);
    const struct value *fields = custom_fields(tree, edit->object);
    if (kept == NULL) {
        bool there = custom_field_named(fields, edit->field, &at) != NULL;
        return there ? error_set(error, ERR_CONFLICT, STR_FORMAT "." STR_FORMAT " is not archived",
                                 STR_ARGS(edit->object), STR_ARGS(edit->field))
                     : no_custom_field(edit, error);
    }
    struct value back = list_with(edit->arena, fields, SIZE_MAX, kept);
    put_archived(edit->arena, tree, edit->object, list_with(edit->arena, archived, at, NULL));
    if (edit->action == CUSTOM_RESTORE_FIELD) {
        put_fields(edit->arena, tree, edit->object, back);
    }
    return OK;
}

/* ---- all of them ---- */

static void name_place(const struct custom_edit *edit, const struct value *tree,
                       char out_place[160])
{
    size_t at = 0;
    const char *where = custom_name(edit->object) ? "objects" : "extend";
    const struct value *fields = custom_fields(tree, edit->object);
    if (edit->field.len == 0) {
        (void)snprintf(out_place, 160, CUSTOM_SOURCE ": objects." STR_FORMAT,
                       STR_ARGS(edit->object));
    } else if (custom_field_named(fields, edit->field, &at) != NULL) {
        (void)snprintf(out_place, 160, CUSTOM_SOURCE ": %s." STR_FORMAT ".fields[%zu]", where,
                       STR_ARGS(edit->object), at + 1);
    } else {
        out_place[0] = '\0';
    }
}

enum err custom_edit(const struct custom_edit *edit, struct value *tree, char out_place[160],
                     struct error *error)
{
    static enum err (*const edits[CUSTOM_ACTION_COUNT])(const struct custom_edit *edit,
                                                        struct value *tree, struct error *error) = {
        [CUSTOM_ADD_OBJECT] = add_object,
        [CUSTOM_CHANGE_OBJECT] = change_object,
        [CUSTOM_ARCHIVE_OBJECT] = archive_object,
        [CUSTOM_RESTORE_OBJECT] = take_archived_object,
        [CUSTOM_DROP_OBJECT] = take_archived_object,
        [CUSTOM_ADD_FIELD] = add_field,
        [CUSTOM_CHANGE_FIELD] = change_field,
        [CUSTOM_ARCHIVE_FIELD] = archive_field,
        [CUSTOM_RESTORE_FIELD] = take_archived_field,
        [CUSTOM_DROP_FIELD] = take_archived_field,
    };
    enum err err = edits[edit->action](edit, tree, error);
    if (err == OK) {
        name_place(edit, tree, out_place);
    }
    return err;
}

/* ---- what of it can be declared ---- */

static bool declared_by(const struct schema_source *sources, size_t count, struct str object)
{
    bool found = custom_name(object);
    for (size_t i = 0; i < count && !found; i++) {
        const struct value *objects = value_get_c(&sources[i].tree, "objects");
        found = objects != NULL && value_get(objects, object) != NULL;
    }
    return found;
}

static struct value fields_there(struct arena *arena, const struct value *fields,
                                 const struct schema_source *sources, size_t count)
{
    struct value there = value_list_new();
    for (size_t i = 0; i < fields->list.count; i++) {
        struct str to = value_get_text(&fields->list.items[i], "to", STR(""));
        if (to.len == 0 || declared_by(sources, count, to)) {
            value_push(arena, &there, fields->list.items[i]);
        }
    }
    return there;
}

static struct value declared_there(struct arena *arena, const struct value *declared,
                                   const struct schema_source *sources, size_t count)
{
    struct value there = value_map_new();
    size_t entries = declared != NULL && declared->kind == VALUE_MAP ? declared->map.count : 0;
    for (size_t i = 0; i < entries; i++) {
        const struct value_entry *entry = &declared->map.entries[i];
        const struct value *fields = value_get_c(&entry->value, "fields");
        struct value one = entry->value;
        if (!declared_by(sources, count, entry->key)) {
            continue;
        }
        if (fields != NULL && fields->kind == VALUE_LIST) {
            one = map_without(arena, &entry->value, STR("fields"));
            value_put_c(arena, &one, "fields", fields_there(arena, fields, sources, count));
        }
        value_put(arena, &there, entry->key, one);
    }
    return there;
}

struct value custom_effective(struct arena *arena, const struct value *tree,
                              const struct schema_source *sources, size_t count)
{
    static const char *const keys[] = {"objects", "extend"};
    struct value effective = value_map_new();
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        value_put_c(arena, &effective, keys[i],
                    declared_there(arena, value_get_c(tree, keys[i]), sources, count));
    }
    return effective;
}
