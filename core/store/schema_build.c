/* Builds a snapshot from declarations: objects first, then their fields, then what refers to both.
 * All findings are collected, so that an author corrects a file once. Pure; one thread. */
#include "custom.h"
#include "schema_internal.h"

#include <stdlib.h>

/* ---- walking the parts of one object type ---- */

static void each_item(struct builder *builder, struct object_parts *parts,
                      const struct schema_source *source, const char *key, part_cb each)
{
    const char *where = source == parts->source ? "objects" : "extend";
    const struct value *part = value_get_c(&source->tree, where);
    const struct value *tree = part == NULL ? NULL : value_get(part, parts->type->name);
    const struct value *items = NULL;
    size_t count = 0;
    if (tree == NULL || tree->kind != VALUE_MAP) {
        return;
    }
    place_set(builder, STR_FORMAT ": %s." STR_FORMAT, STR_ARGS(source->plugin), where,
              STR_ARGS(parts->type->name));
    if (!option_list(builder, value_get_c(tree, key), key, &items, &count)) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        place_set(builder, STR_FORMAT ": %s." STR_FORMAT ".%s[%d]", STR_ARGS(source->plugin), where,
                  STR_ARGS(parts->type->name), key, (int)i + 1);
        if (items[i].kind == VALUE_LIST || items[i].kind == VALUE_MAP) {
            each(builder, parts, source, &items[i]);
        } else {
            finding(builder, NULL, &items[i], "a table stands here");
        }
    }
}

void each_part(struct builder *builder, struct object_parts *parts, const char *key, part_cb each)
{
    each_item(builder, parts, parts->source, key, each);
    for (size_t i = 0; i < builder->source_count; i++) {
        if (&builder->sources[i] != parts->source) {
            each_item(builder, parts, &builder->sources[i], key, each);
        }
    }
}

/* ---- first pass: which objects there are ---- */

static int by_name(const void *a, const void *b)
{
    const struct object_parts *left = a;
    const struct object_parts *right = b;
    return str_cmp(left->type->name, right->type->name);
}

/* Empty tables arrive as lists: a table without entries has no kind of its own in Lua. */
static bool is_table(const struct value *value)
{
    return value->kind == VALUE_MAP || (value->kind == VALUE_LIST && value->list.count == 0);
}

static bool add_object(struct builder *builder, const struct schema_source *source,
                       const struct value_entry *entry, struct object_parts *parts)
{
    place_set(builder, STR_FORMAT ": objects." STR_FORMAT, STR_ARGS(source->plugin),
              (int)MIN(entry->key.len, 60), entry->key.at);
    if (!name_valid(entry->key)) {
        finding(builder, NULL, NULL, "a name is a-z, then a-z 0-9 and single _, at most %d",
                NAME_BYTES_MAX);
        return false;
    }
    if (!is_table(&entry->value)) {
        finding(builder, NULL, &entry->value, "an object type is a table");
        return false;
    }
    if (custom_name(entry->key) != str_is(source->plugin, CUSTOM_SOURCE)) {
        finding(builder, NULL, NULL, CUSTOM_NAMES);
        return false;
    }
    const struct object_type *other = map_get(&builder->schema->by_name, entry->key);
    if (other != NULL) {
        finding(builder, NULL, NULL,
                STR_FORMAT " is declared by " STR_FORMAT " already; `extend` adds fields to it",
                STR_ARGS(entry->key), STR_ARGS(other->plugin));
        return false;
    }
    struct object_type *type = ARENA_NEW(builder->arena, struct object_type);
    type->name = entry->key;
    type->plugin = source->plugin;
    (void)map_set(&builder->schema->by_name, type->name, type);
    *parts = (struct object_parts){.type = type, .source = source, .tree = &entry->value};
    return true;
}

static int add_source(struct builder *builder, const struct schema_source *source, int count)
{
    place_set(builder, STR_FORMAT ": schema", STR_ARGS(source->plugin));
    if (!is_table(&source->tree)) {
        finding(builder, NULL, &source->tree, "a schema is a table { objects = …, extend = … }");
        return count;
    }
    option_known(builder, &source->tree, "objects extend", 0);
    const struct value *objects = value_get_c(&source->tree, "objects");
    if (objects == NULL || objects->kind == VALUE_NULL) {
        return count;
    }
    if (!is_table(objects)) {
        finding(builder, "objects", objects, "objects is a table: { contract = { … }, … }");
        return count;
    }
    int first = count;
    size_t entries = objects->kind == VALUE_MAP ? objects->map.count : 0;
    for (size_t i = 0; i < entries && count < SCHEMA_OBJECTS_MAX; i++) {
        count += add_object(builder, source, &objects->map.entries[i], &builder->parts[count]);
    }
    qsort(&builder->parts[first], (size_t)(count - first), sizeof(builder->parts[0]), by_name);
    return count;
}

/* The objects move into one array, in their final order; names then lead to it. */
static void settle_objects(struct builder *builder, int count)
{
    struct schema *schema = builder->schema;
    schema->objects = ARENA_ARRAY(builder->arena, struct object_type, (size_t)count + 1);
    schema->object_count = count;
    for (int i = 0; i < count; i++) {
        schema->objects[i] = *builder->parts[i].type;
        schema->objects[i].index = i;
        map_init(&schema->objects[i].field_by_name);
        builder->parts[i].type = &schema->objects[i];
        (void)map_set(&schema->by_name, schema->objects[i].name, &schema->objects[i]);
    }
}

static void check_extension(struct builder *builder, const struct schema_source *source,
                            const struct value_entry *entry)
{
    const struct schema *schema = builder->schema;
    place_set(builder, STR_FORMAT ": extend", STR_ARGS(source->plugin));
    const struct object_type *type = schema_object(schema, entry->key);
    if (type == NULL) {
        struct str *names =
            ARENA_ARRAY(builder->arena, struct str, (size_t)schema->object_count + 1);
        for (int i = 0; i < schema->object_count; i++) {
            names[i] = schema->objects[i].name;
        }
        finding_near(builder, NULL, entry->key, names, (size_t)schema->object_count, "object type");
        return;
    }
    place_set(builder, STR_FORMAT ": extend." STR_FORMAT, STR_ARGS(source->plugin),
              STR_ARGS(entry->key));
    if (custom_name(entry->key)) {
        finding(builder, NULL, NULL, "a custom object type is not extended by plugins");
    } else if (!is_table(&entry->value)) {
        finding(builder, NULL, &entry->value, "{ fields = …, indexes = …, rules = … }");
    } else if (str_eq(type->plugin, source->plugin)) {
        finding(builder, NULL, NULL, "a plugin's own object type is not extended but declared");
    } else {
        option_known(builder, &entry->value, "fields indexes rules", 0);
    }
}

static void check_extensions(struct builder *builder, const struct schema_source *source)
{
    const struct value *extend = value_get_c(&source->tree, "extend");
    if (extend == NULL || extend->kind == VALUE_NULL) {
        return;
    }
    place_set(builder, STR_FORMAT ": extend", STR_ARGS(source->plugin));
    if (!is_table(extend)) {
        finding(builder, NULL, extend, "extend is a table: { organisation = { fields = … } }");
        return;
    }
    size_t entries = extend->kind == VALUE_MAP ? extend->map.count : 0;
    for (size_t i = 0; i < entries; i++) {
        check_extension(builder, source, &extend->map.entries[i]);
    }
}

/* ---- the whole ---- */

static void build_parts(struct builder *builder)
{
    int count = builder->schema->object_count;
    for (int i = 0; i < count; i++) {
        build_fields(builder, &builder->parts[i]);
    }
    for (int i = 0; i < count; i++) {
        build_head(builder, &builder->parts[i]);
        build_machine(builder, &builder->parts[i]);
    }
    /* Dotted paths may lead into any other type, so all of them have their fields by now. */
    for (int i = 0; i < count; i++) {
        build_refs(builder, &builder->parts[i]);
        build_computed(builder, &builder->parts[i]);
        build_rules(builder, &builder->parts[i]);
        build_indexes(builder, &builder->parts[i]);
        build_duplicates(builder, &builder->parts[i]);
    }
}

static void copy_sources(struct builder *builder, const struct schema_source *sources)
{
    struct schema_source *copies =
        ARENA_ARRAY(builder->arena, struct schema_source, builder->source_count + 1);
    for (size_t i = 0; i < builder->source_count; i++) {
        copies[i].plugin = arena_str(builder->arena, sources[i].plugin);
        copies[i].tree = value_copy(builder->arena, &sources[i].tree);
    }
    builder->sources = copies;
}

enum err schema_build(const struct schema_source *sources, size_t count, struct schema **out_schema,
                      struct arena *error_arena, struct error *error)
{
    struct schema *schema = mem_zalloc(sizeof(*schema));
    schema->references = 1;
    arena_init(&schema->arena);
    map_init(&schema->by_name);
    map_init(&schema->by_path);
    struct builder builder = {.schema = schema, .arena = &schema->arena, .source_count = count};
    findings_init(&builder.findings, error_arena, error);
    builder.parts = mem_zalloc(sizeof(*builder.parts) * SCHEMA_OBJECTS_MAX);
    copy_sources(&builder, sources);
    int objects = 0;
    for (size_t i = 0; i < count; i++) {
        objects = add_source(&builder, &builder.sources[i], objects);
    }
    settle_objects(&builder, objects);
    for (size_t i = 0; i < count; i++) {
        check_extensions(&builder, &builder.sources[i]);
    }
    build_parts(&builder);
    mem_free(builder.parts);
    if (builder.findings.count > 0) {
        schema_free(schema);
        return builder.findings.err;
    }
    schema_hash(schema);
    *out_schema = schema;
    return OK;
}
