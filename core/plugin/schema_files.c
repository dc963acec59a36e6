/* A plugin's declarations from its files: schema.lua, or schema/NAME.lua one per topic, or both,
 * joined into one tree. A type is declared once; a file may extend a type of another file, which is
 * the same as saying it there. Any thread. */
#include "proxenos/plugin_source.h"

struct joining {
    struct arena *arena;
    struct value objects, extend;
    struct value declared_in; /* type → file */
    struct error *error;
};

bool plugin_schema_file(struct str name)
{
    return str_is(name, "schema.lua") ||
           (str_starts(name, STR("schema/")) && str_ends(name, STR(".lua")));
}

/* An empty table arrives as a list. */
static bool is_table(const struct value *value)
{
    return value->kind == VALUE_MAP || (value->kind == VALUE_LIST && value->list.count == 0);
}

static enum err refuse(struct joining *joining, struct str file, struct str path,
                       const char *sentence)
{
    struct str place =
        arena_printf(joining->arena, STR_FORMAT ": " STR_FORMAT, STR_ARGS(file), STR_ARGS(path));
    return error_at(joining->error, ERR_SCHEMA, place.at, NULL, "%s", sentence);
}

static enum err add_object(struct joining *joining, struct str file,
                           const struct value_entry *entry)
{
    const struct value *other = value_get(&joining->declared_in, entry->key);
    if (other != NULL) {
        struct str path = arena_printf(joining->arena, "objects." STR_FORMAT, STR_ARGS(entry->key));
        struct str sentence = arena_printf(joining->arena,
                                           "it is declared in " STR_FORMAT
                                           " already: declare it once, or `extend` it",
                                           STR_ARGS(other->text));
        return refuse(joining, file, path, sentence.at);
    }
    value_put(joining->arena, &joining->declared_in, entry->key, value_text(file));
    value_put(joining->arena, &joining->objects, entry->key, entry->value);
    return OK;
}

/* type.<key> and more.<key>, lists both, become one. */
static void append(struct joining *joining, struct value *type, const struct value *more,
                   struct str key)
{
    const struct value *from = value_get(more, key);
    const struct value *there = value_get(type, key);
    struct value list = value_list_new();
    for (size_t i = 0; there != NULL && there->kind == VALUE_LIST && i < there->list.count; i++) {
        value_push(joining->arena, &list, there->list.items[i]);
    }
    for (size_t i = 0; i < from->list.count; i++) {
        value_push(joining->arena, &list, from->list.items[i]);
    }
    value_put(joining->arena, type, key, list);
}

/* types.<entry> grows by what the entry says: fields, indexes, rules. */
static enum err grow(struct joining *joining, struct value *types, struct str file,
                     const struct value_entry *entry)
{
    struct str path = arena_printf(joining->arena, "extend." STR_FORMAT, STR_ARGS(entry->key));
    const struct value *there = value_get(types, entry->key);
    struct value type = value_map_new();
    if (!is_table(&entry->value)) {
        return refuse(joining, file, path, "{ fields = …, indexes = …, rules = … } stands here");
    }
    for (size_t i = 0; there != NULL && there->kind == VALUE_MAP && i < there->map.count; i++) {
        value_put(joining->arena, &type, there->map.entries[i].key, there->map.entries[i].value);
    }
    for (size_t i = 0; entry->value.kind == VALUE_MAP && i < entry->value.map.count; i++) {
        const struct value_entry *part = &entry->value.map.entries[i];
        bool known = str_is(part->key, "fields") || str_is(part->key, "indexes") ||
                     str_is(part->key, "rules");
        if (!known || (part->value.kind != VALUE_LIST)) {
            return refuse(joining, file, path, "it is lists of fields, indexes and rules");
        }
        append(joining, &type, &entry->value, part->key);
    }
    value_put(joining->arena, types, entry->key, type);
    return OK;
}

enum part { OBJECTS, EXTEND };

static enum err take_part(struct joining *joining, struct str file, const struct value *tree,
                          enum part part)
{
    const char *key = part == OBJECTS ? "objects" : "extend";
    const struct value *entries = value_get_c(tree, key);
    enum err err = OK;
    if (entries == NULL || entries->kind == VALUE_NULL) {
        return OK;
    }
    if (!is_table(entries)) {
        return refuse(joining, file, str_from(key), "a table of object types stands here");
    }
    for (size_t i = 0; err == OK && entries->kind == VALUE_MAP && i < entries->map.count; i++) {
        const struct value_entry *entry = &entries->map.entries[i];
        bool own = value_get(&joining->objects, entry->key) != NULL;
        err = part == OBJECTS
                  ? add_object(joining, file, entry)
                  : grow(joining, own ? &joining->objects : &joining->extend, file, entry);
    }
    return err;
}

static enum err check_keys(struct joining *joining, struct str file, const struct value *tree)
{
    if (!is_table(tree)) {
        return refuse(joining, file, STR("1"), "a schema is a table { objects = …, extend = … }");
    }
    for (size_t i = 0; tree->kind == VALUE_MAP && i < tree->map.count; i++) {
        struct str key = tree->map.entries[i].key;
        if (!str_is(key, "objects") && !str_is(key, "extend")) {
            return refuse(joining, file, key, "a schema has `objects` and `extend`, nothing else");
        }
    }
    return OK;
}

static enum err join(struct joining *joining, const struct bind_file *const *files,
                     const struct value *trees, size_t count)
{
    enum err err = OK;
    for (size_t i = 0; i < count && err == OK; i++) {
        err = check_keys(joining, files[i]->name, &trees[i]);
    }
    /* All types first: a file may extend what stands in a later one. */
    for (int part = OBJECTS; part <= EXTEND; part++) {
        for (size_t i = 0; i < count && err == OK; i++) {
            err = take_part(joining, files[i]->name, &trees[i], (enum part)part);
        }
    }
    return err;
}

enum err plugin_schema_read(struct arena *arena, const struct bind_file *files, size_t file_count,
                            struct value *out_tree, struct error *error)
{
    struct joining joining = {.arena = arena,
                              .objects = value_map_new(),
                              .extend = value_map_new(),
                              .declared_in = value_map_new(),
                              .error = error};
    const struct bind_file **found = ARENA_ARRAY(arena, const struct bind_file *, file_count + 1);
    struct value *trees = ARENA_ARRAY(arena, struct value, file_count + 1);
    size_t count = 0;
    enum err err = OK;
    *out_tree = value_null();
    for (size_t i = 0; i < file_count && err == OK; i++) {
        if (plugin_schema_file(files[i].name)) {
            found[count] = &files[i];
            err = lua_read_data(arena, arena_cstr(arena, files[i].name), files[i].text, ERR_SCHEMA,
                                &trees[count++], error);
        }
    }
    if (err != OK || count == 0) {
        return err;
    }
    /* One file is taken as it stands: whoever builds types from it says what is wrong in it. */
    if (count == 1 && str_is(found[0]->name, "schema.lua")) {
        *out_tree = trees[0];
        return OK;
    }
    err = join(&joining, found, trees, count);
    if (err == OK) {
        *out_tree = value_map_new();
        value_put_c(arena, out_tree, "objects", joining.objects);
        value_put_c(arena, out_tree, "extend", joining.extend);
    }
    return err;
}
