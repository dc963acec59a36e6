/* Rules, indexes, computed fields and references of an object type. Second pass: all objects and
 * fields are known. Pure; one thread. */
#include "columns.h"
#include "schema_internal.h"

/* ---- references ---- */

static bool own_field(const struct object_type *type, struct str name)
{
    const struct field *field = object_field(type, name);
    return name.len == 0 || (field != NULL && !field->many && !field->computed_on_read);
}

static void check_acyclic(struct builder *builder, const struct object_type *type,
                          const struct field *field)
{
    const struct field *from = object_field(type, field->line_from);
    place_set(builder, STR_FORMAT ": objects." STR_FORMAT "." STR_FORMAT, STR_ARGS(field->plugin),
              STR_ARGS(type->name), STR_ARGS(field->name));
    if (field->acyclic && !str_eq(field->to, type->name)) {
        finding(builder, "acyclic", NULL,
                "acyclic is for a ref to the object's own type: to = \"" STR_FORMAT "\"",
                STR_ARGS(type->name));
    }
    if (field->line_from.len > 0 &&
        (from == NULL || from->type != FIELD_REF || !str_eq(from->to, field->to))) {
        finding(builder, "acyclic", NULL, "from names another ref to " STR_FORMAT,
                STR_ARGS(field->to));
    }
    if (!own_field(type, field->line_within) || !own_field(type, field->line_unless)) {
        finding(builder, "acyclic", NULL, "within and unless name fields of the object itself");
    }
}

void build_refs(struct builder *builder, struct object_parts *parts)
{
    struct object_type *type = parts->type;
    const struct schema *schema = builder->schema;
    for (int i = SYS_COUNT; i < type->field_count; i++) {
        const struct field *field = &type->fields[i];
        check_acyclic(builder, type, field);
        if (field->to.len == 0 || schema_object(schema, field->to) != NULL) {
            continue;
        }
        struct str *names =
            ARENA_ARRAY(builder->arena, struct str, (size_t)schema->object_count + 1);
        for (int o = 0; o < schema->object_count; o++) {
            names[o] = schema->objects[o].name;
        }
        place_set(builder, STR_FORMAT ": objects." STR_FORMAT "." STR_FORMAT,
                  STR_ARGS(field->plugin), STR_ARGS(type->name), STR_ARGS(field->name));
        finding_near(builder, "to", field->to, names, (size_t)schema->object_count, "object type");
    }
}

/* ---- expressions ---- */

static bool usable_in_expr(const struct field *field)
{
    return field->type != FIELD_SECRET && field->type != FIELD_JSON && field->type != FIELD_FILE;
}

/* Names of all fields that expressions may read. */
static size_t readable_names(struct builder *builder, const struct object_type *type,
                             struct str **out_names)
{
    struct str *names = ARENA_ARRAY(builder->arena, struct str, (size_t)type->field_count + 1);
    size_t count = 0;
    for (int i = 0; i < type->field_count; i++) {
        if (usable_in_expr(&type->fields[i])) {
            names[count++] = type->fields[i].name;
        }
    }
    *out_names = names;
    return count;
}

static const struct field *path_part(struct builder *builder, const struct object_type *type,
                                     struct str part, const char *key)
{
    const struct field *field = object_field(type, part);
    if (field != NULL && usable_in_expr(field)) {
        return field;
    }
    struct str *names = NULL;
    size_t count = readable_names(builder, type, &names);
    finding_near(builder, key, part, names, count, "field that an expression can read");
    return NULL;
}

/* The field at the end of a dotted path, each part before it a ref; NULL with a finding. */
static const struct field *path_end(struct builder *builder, const struct object_type *type,
                                    struct str path, const char *key, int *out_hops)
{
    struct str part;
    const struct field *field = NULL;
    *out_hops = -1;
    while (str_split(&path, '.', &part)) {
        if (field != NULL) {
            type = field->type == FIELD_REF ? schema_object(builder->schema, field->to) : NULL;
        }
        if (type == NULL) {
            finding(builder, key, NULL, STR_FORMAT " is no reference: nothing lies behind its dot",
                    STR_ARGS(field->name));
            return NULL;
        }
        field = path_part(builder, type, part, key);
        if (field == NULL) {
            return NULL;
        }
        (*out_hops)++;
    }
    return field;
}

/* ---- computed fields ---- */

static void check_computed_path(struct builder *builder, const struct object_type *type,
                                struct field *field, struct str path)
{
    int hops = 0;
    const struct field *end = path_end(builder, type, path, "computed", &hops);
    if (end == NULL) {
        return;
    }
    /* version, times and archiving change without the record's own fields being judged. */
    bool moving = end->system && end->index != SYS_OWNER && end->index != SYS_EXTERNAL_ID;
    if (hops == 0 && end->computed_source.len > 0 && end->index >= field->index) {
        finding(builder, "computed", NULL,
                "it uses " STR_FORMAT ": computed fields use only those declared before them",
                STR_ARGS(end->name));
    } else if (hops > 0 || end->computed_on_read || moving) {
        field->computed_on_read = true;
    }
}

static void build_one_computed(struct builder *builder, struct object_type *type,
                               struct field *field)
{
    struct error reason = {0};
    place_set(builder, STR_FORMAT ": objects." STR_FORMAT "." STR_FORMAT, STR_ARGS(field->plugin),
              STR_ARGS(type->name), STR_ARGS(field->name));
    struct value source = value_text(field->computed_source);
    if (expr_compile(builder->arena, field->computed_source, &field->computed, &reason) != OK) {
        finding(builder, "computed", &source, "%s: %s", reason.pointer, reason.detail);
        return;
    }
    const struct str *paths = NULL;
    size_t count = expr_paths(field->computed, &paths);
    /* What depends on the clock would be stale as soon as it is stored. */
    field->computed_on_read = expr_uses_clock(field->computed);
    for (size_t i = 0; i < count; i++) {
        check_computed_path(builder, type, field, paths[i]);
    }
    if (field->computed_on_read && (field->indexed || field->search)) {
        finding(builder, "computed", &source,
                "it reads other records or the clock, so it is computed on read and cannot be "
                "indexed or searched");
    }
}

void build_computed(struct builder *builder, struct object_parts *parts)
{
    struct object_type *type = parts->type;
    for (int i = SYS_COUNT; i < type->field_count; i++) {
        if (type->fields[i].computed_source.len > 0) {
            build_one_computed(builder, type, &type->fields[i]);
        }
    }
}

/* ---- rules ---- */

static void check_rule_paths(struct builder *builder, const struct object_type *type,
                             const struct rule *rule)
{
    const struct str *paths = NULL;
    size_t count = expr_paths(rule->expr, &paths);
    for (size_t i = 0; i < count; i++) {
        int hops = 0;
        const struct field *end = path_end(builder, type, paths[i], NULL, &hops);
        if (end != NULL && (hops > 0 || end->computed_on_read)) {
            finding(builder, NULL, NULL,
                    STR_FORMAT " is not the record's own: a rule reads stored fields of its record",
                    STR_ARGS(paths[i]));
        }
    }
}

static void add_rule(struct builder *builder, struct object_parts *parts,
                     const struct schema_source *source, const struct value *item)
{
    struct object_type *type = parts->type;
    (void)source;
    const struct value *name = option_at(item, 1, "name");
    const struct value *expr = option_at(item, 2, "expr");
    option_known(builder, item, "name expr message", 2);
    if (name == NULL || name->kind != VALUE_TEXT || !name_valid(name->text) || expr == NULL ||
        expr->kind != VALUE_TEXT) {
        finding(builder, NULL, item,
                "a rule is { \"name\", \"expression\", message = { en = …, el = … } }");
        return;
    }
    if (type->rule_count >= SCHEMA_RULES_MAX) {
        finding(builder, NULL, NULL, "an object type has at most %d rules", SCHEMA_RULES_MAX);
        return;
    }
    for (int i = 0; i < type->rule_count; i++) {
        if (str_eq(type->rules[i].name, name->text)) {
            finding(builder, NULL, name, "a rule of this name is there already");
            return;
        }
    }
    struct rule rule = {.name = name->text,
                        .source = expr->text,
                        .message = option_label(builder, item, "message")};
    struct error reason = {0};
    if (expr_compile(builder->arena, rule.source, &rule.expr, &reason) != OK) {
        finding(builder, NULL, expr, "%s: %s", reason.pointer, reason.detail);
        return;
    }
    check_rule_paths(builder, type, &rule);
    type->rules[type->rule_count++] = rule;
}

void build_rules(struct builder *builder, struct object_parts *parts)
{
    struct rule *room = mem_zalloc(sizeof(*room) * SCHEMA_RULES_MAX);
    struct object_type *type = parts->type;
    type->rules = room;
    each_part(builder, parts, "rules", add_rule);
    type->rules = arena_dup(builder->arena, room, sizeof(*room) * (size_t)type->rule_count);
    mem_free(room);
}

/* ---- indexes ---- */

static bool indexable(const struct field *field)
{
    return field_stored(field) && field->type != FIELD_JSON && field->type != FIELD_SECRET &&
           field->type != FIELD_LONG_TEXT;
}

static void not_indexable(struct builder *builder, const struct object_type *type, struct str name)
{
    struct str *names = ARENA_ARRAY(builder->arena, struct str, (size_t)type->field_count + 1);
    size_t count = 0;
    for (int i = 0; i < type->field_count; i++) {
        if (indexable(&type->fields[i])) {
            names[count++] = type->fields[i].name;
        }
    }
    finding_near(builder, NULL, name, names, count, "field that can be indexed");
}

static bool read_part(struct builder *builder, const struct object_type *type,
                      const struct value *item, struct index_part *out_part)
{
    if (item->kind != VALUE_TEXT || item->text.len == 0) {
        finding(builder, NULL, item, "an index is a list of field names, \"-\" for descending");
        return false;
    }
    bool descending = item->text.at[0] == '-';
    struct str name = str_sub(item->text, descending ? 1 : 0, item->text.len);
    const struct field *field = object_field(type, name);
    if (field == NULL || !indexable(field)) {
        not_indexable(builder, type, name);
        return false;
    }
    *out_part = (struct index_part){.field = field->index, .descending = descending};
    return true;
}

static void add_index(struct builder *builder, struct object_parts *parts,
                      const struct schema_source *source, const struct value *item)
{
    struct object_type *type = parts->type;
    (void)source;
    struct index index = {.unique = false};
    bool mixed = item->kind == VALUE_MAP && value_get_c(item, "unique") != NULL;
    size_t count = item->kind == VALUE_LIST ? item->list.count : item->map.count - (mixed ? 1 : 0);
    if (item->kind == VALUE_MAP) {
        option_known(builder, item, "unique", (int)COUNT_OF(index.parts));
        index.unique = option_bool(builder, item, "unique");
    }
    if (count == 0 || count > COUNT_OF(index.parts) || type->index_count >= SCHEMA_INDEXES_MAX) {
        finding(builder, NULL, item, "an index has 1 to %d fields, a type at most %d indexes",
                (int)COUNT_OF(index.parts), SCHEMA_INDEXES_MAX);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const struct value *part = option_at(item, (int)i + 1, "");
        struct value missing = value_null();
        if (!read_part(builder, type, part == NULL ? &missing : part, &index.parts[i])) {
            return;
        }
    }
    index.part_count = (int)count;
    type->indexes[type->index_count++] = index;
}

void build_indexes(struct builder *builder, struct object_parts *parts)
{
    struct object_type *type = parts->type;
    type->indexes = ARENA_ARRAY(builder->arena, struct index, SCHEMA_INDEXES_MAX);
    each_part(builder, parts, "indexes", add_index);
}
