/* The schema as data: for the API, OpenAPI, Lua types, and for the hash that tells two snapshots
 * apart. Any thread. */
#include "columns.h"
#include "schema_internal.h"

#include "proxenos/base_crypto.h"
#include "proxenos/base_json.h"
#include "proxenos/base_number.h"

static const char *const on_delete_names[] = {"restrict", "clear", "cascade"};
static const char *const compartment_names[] = {"none", "optional", "required"};

static void put_text(struct arena *arena, struct value *map, const char *key, struct str text)
{
    if (text.len > 0) {
        value_put_c(arena, map, key, value_text(text));
    }
}

static void put_flag(struct arena *arena, struct value *map, const char *key, bool flag)
{
    if (flag) {
        value_put_c(arena, map, key, value_bool(true));
    }
}

static void put_label(struct arena *arena, struct value *map, const char *key, struct label label)
{
    struct value texts = value_map_new();
    put_text(arena, &texts, "en", label.en);
    put_text(arena, &texts, "el", label.el);
    if (texts.map.count > 0) {
        value_put_c(arena, map, key, texts);
    }
}

static void put_value(struct arena *arena, struct value *map, const char *key,
                      const struct value *value)
{
    if (value->kind != VALUE_NULL) {
        value_put_c(arena, map, key, *value);
    }
}

static struct value words_of(struct arena *arena, const struct field *field)
{
    struct value words = value_list_new();
    for (size_t i = 0; i < field->value_count; i++) {
        struct value word = value_map_new();
        value_put_c(arena, &word, "name", value_text(field->values[i]));
        put_label(arena, &word, "label", field->value_labels[i]);
        value_push(arena, &words, word);
    }
    return words;
}

static bool has_length(const struct field *field)
{
    return field->max_length > 0;
}

static void put_line(struct arena *arena, struct value *map, const struct field *field)
{
    struct value line = value_map_new();
    put_text(arena, &line, "from", field->line_from);
    put_text(arena, &line, "within", field->line_within);
    put_text(arena, &line, "unless", field->line_unless);
    if (field->line_from.len > 0) {
        value_put_c(arena, map, "acyclic", line);
    }
}

static void put_type_options(struct arena *arena, struct value *map, const struct field *field)
{
    if (field->type == FIELD_ENUM) {
        value_put_c(arena, map, "of", words_of(arena, field));
    }
    if (field->type == FIELD_DECIMAL) {
        value_put_c(arena, map, "scale", value_int(field->scale));
    }
    if (field->to.len > 0) {
        put_text(arena, map, "to", field->to);
        put_text(arena, map, "on_delete", str_from(on_delete_names[field->on_delete]));
        put_flag(arena, map, "acyclic", field->acyclic);
        put_line(arena, map, field);
    }
    if (has_length(field)) {
        value_put_c(arena, map, "max", value_int(field->max_length));
    }
    put_text(arena, map, "format", field->format);
    put_text(arena, map, "pattern", field->pattern_source);
    put_value(arena, map, "min", &field->min);
    put_value(arena, map, "max", &field->max);
    put_value(arena, map, "default", &field->otherwise);
    put_text(arena, map, "computed", field->computed_source);
    put_flag(arena, map, "computed_on_read", field->computed_on_read);
}

static struct value describe_field(struct arena *arena, const struct field *field)
{
    struct value map = value_map_new();
    put_text(arena, &map, "name", field->name);
    put_text(arena, &map, "type", str_from(field_type_name(field->type)));
    put_label(arena, &map, "label", field->label);
    put_flag(arena, &map, "system", field->system);
    put_flag(arena, &map, "required", field->required);
    put_flag(arena, &map, "unique", field->unique);
    put_flag(arena, &map, "many", field->many);
    put_flag(arena, &map, "readonly", field->readonly);
    put_flag(arena, &map, "search", field->search);
    put_flag(arena, &map, "index", field->indexed);
    if (field->class != CLASS_PLAIN) {
        put_text(arena, &map, "class", str_from(field_class_name(field->class)));
    }
    put_type_options(arena, &map, field);
    put_text(arena, &map, "plugin", field->plugin);
    return map;
}

static struct value describe_machine(struct arena *arena, const struct object_type *type)
{
    const struct machine *machine = type->machine;
    const struct field *field = &type->fields[machine->field];
    struct value map = value_map_new();
    struct value moves = value_list_new();
    for (size_t i = 0; i < machine->move_count; i++) {
        struct value move = value_map_new();
        put_text(arena, &move, "from", field->values[machine->moves[i].from]);
        put_text(arena, &move, "to", field->values[machine->moves[i].to]);
        put_flag(arena, &move, "four_eyes", machine->moves[i].four_eyes);
        put_text(arena, &move, "role", machine->moves[i].role);
        value_push(arena, &moves, move);
    }
    put_text(arena, &map, "field", field->name);
    put_text(arena, &map, "initial", field->values[machine->initial]);
    value_put_c(arena, &map, "moves", moves);
    return map;
}

static struct value describe_indexes(struct arena *arena, const struct object_type *type)
{
    struct value indexes = value_list_new();
    for (int i = 0; i < type->index_count; i++) {
        const struct index *index = &type->indexes[i];
        struct value map = value_map_new();
        struct value parts = value_list_new();
        for (int p = 0; p < index->part_count; p++) {
            const struct field *field = &type->fields[index->parts[p].field];
            value_push(arena, &parts,
                       value_text(arena_printf(arena, "%s" STR_FORMAT,
                                               index->parts[p].descending ? "-" : "",
                                               STR_ARGS(field->name))));
        }
        value_put_c(arena, &map, "fields", parts);
        put_flag(arena, &map, "unique", index->unique);
        value_push(arena, &indexes, map);
    }
    return indexes;
}

static struct value describe_rules(struct arena *arena, const struct object_type *type)
{
    struct value rules = value_list_new();
    for (int i = 0; i < type->rule_count; i++) {
        struct value map = value_map_new();
        put_text(arena, &map, "name", type->rules[i].name);
        put_text(arena, &map, "expr", type->rules[i].source);
        put_label(arena, &map, "message", type->rules[i].message);
        value_push(arena, &rules, map);
    }
    return rules;
}

struct value schema_describe(struct arena *arena, const struct object_type *type)
{
    struct value map = value_map_new();
    put_text(arena, &map, "name", type->name);
    put_text(arena, &map, "path", type->path);
    put_text(arena, &map, "plugin", type->plugin);
    put_label(arena, &map, "label", type->label);
    put_label(arena, &map, "plural", type->plural);
    put_text(arena, &map, "title", type->title);
    put_text(arena, &map, "icon", type->icon);
    put_flag(arena, &map, "track", type->track);
    put_text(arena, &map, "compartment", str_from(compartment_names[type->compartment]));
    put_text(arena, &map, "subject", type->subject);
    struct value fields = value_list_new();
    for (int i = 0; i < type->field_count; i++) {
        value_push(arena, &fields, describe_field(arena, &type->fields[i]));
    }
    value_put_c(arena, &map, "fields", fields);
    if (type->machine != NULL) {
        value_put_c(arena, &map, "states", describe_machine(arena, type));
    }
    value_put_c(arena, &map, "indexes", describe_indexes(arena, type));
    value_put_c(arena, &map, "rules", describe_rules(arena, type));
    if (type->duplicates != NULL) {
        value_put_c(arena, &map, "duplicates", describe_duplicates(arena, type));
    }
    return map;
}

void schema_hash(struct schema *schema)
{
    struct arena arena;
    struct buf text;
    arena_init(&arena);
    buf_init(&text);
    for (int i = 0; i < schema->object_count; i++) {
        struct value described = schema_describe(&arena, &schema->objects[i]);
        json_encode(&text, &described);
    }
    hash_of(text.at == NULL ? "" : text.at, text.len, schema->hash);
    buf_deinit(&text);
    arena_deinit(&arena);
}
