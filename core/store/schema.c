/* The snapshot's look-ups, names and life. A snapshot is immutable once published; any thread that
 * holds it may read it. Built by schema_build.c. */
#include "schema_internal.h"

#include "proxenos/base_text.h"

#include <stdio.h>

static const char *const type_names[FIELD_TYPE_COUNT] = {
    "text",     "long_text", "integer",  "decimal", "money", "boolean", "date",
    "datetime", "duration",  "enum",     "ref",     "refs",  "email",   "phone",
    "url",      "country",   "language", "json",    "file",  "secret",  "id",
};
static const char *const class_names[CLASS_COUNT] = {"plain", "pii", "phi", "pan"};

const char *field_type_name(enum field_type type)
{
    ASSERT(type < FIELD_TYPE_COUNT);
    return type_names[type];
}

const char *field_class_name(enum field_class class)
{
    ASSERT(class < CLASS_COUNT);
    return class_names[class];
}

const struct object_type *schema_object(const struct schema *schema, struct str name)
{
    return map_get(&schema->by_name, name);
}

const struct object_type *schema_object_at(const struct schema *schema, struct str path)
{
    return map_get(&schema->by_path, path);
}

const struct field *object_field(const struct object_type *type, struct str name)
{
    return map_get(&type->field_by_name, name);
}

static void set_nearest(struct error *error, struct str nearest)
{
    if (error != NULL) {
        (void)snprintf(error->nearest, sizeof(error->nearest), STR_FORMAT, STR_ARGS(nearest));
    }
}

/* ": did you mean "x"?" or nothing. */
static const char *meant(struct str nearest, char text[64])
{
    text[0] = '\0';
    if (nearest.len > 0) {
        (void)snprintf(text, 64, ": did you mean " STR_FORMAT "?", STR_ARGS(nearest));
    }
    return text;
}

enum err schema_find_object(const struct schema *schema, struct str name,
                            const struct object_type **out_type, struct error *error)
{
    const struct object_type *type = schema_object(schema, name);
    if (type != NULL) {
        *out_type = type;
        return OK;
    }
    size_t count = (size_t)schema->object_count;
    struct str *names = mem_alloc(sizeof(*names) * (count + 1));
    for (size_t i = 0; i < count; i++) {
        names[i] = schema->objects[i].name;
    }
    char hint[64];
    struct str nearest = text_nearest(utf8_cut(name, 80), names, count);
    (void)error_set(error, ERR_UNKNOWN_OBJECT, "there is no object type " STR_FORMAT "%s",
                    STR_ARGS(utf8_cut(name, 80)), meant(nearest, hint));
    set_nearest(error, nearest);
    mem_free(names);
    return ERR_UNKNOWN_OBJECT;
}

enum err object_find_field(const struct object_type *type, struct str name,
                           const struct field **out_field, struct error *error)
{
    const struct field *field = object_field(type, name);
    if (field != NULL) {
        *out_field = field;
        return OK;
    }
    size_t count = (size_t)type->field_count;
    struct str *names = mem_alloc(sizeof(*names) * (count + 1));
    for (size_t i = 0; i < count; i++) {
        names[i] = type->fields[i].name;
    }
    char hint[64];
    struct str nearest = text_nearest(utf8_cut(name, 80), names, count);
    (void)error_set(error, ERR_UNKNOWN_FIELD, STR_FORMAT " has no field " STR_FORMAT "%s",
                    STR_ARGS(type->name), STR_ARGS(utf8_cut(name, 80)), meant(nearest, hint));
    set_nearest(error, nearest);
    mem_free(names);
    return ERR_UNKNOWN_FIELD;
}

/* ---- life ---- */

static int *references_of(const struct schema *schema)
{
    /* The count is the one part of a snapshot that changes; its holders see it as const. */
    union {
        const int *shared;
        int *counted;
    } count = {.shared = &schema->references};
    return count.counted;
}

void schema_free(struct schema *schema)
{
    if (schema == NULL) {
        return;
    }
    for (int i = 0; i < schema->object_count; i++) {
        map_deinit(&schema->objects[i].field_by_name);
    }
    map_deinit(&schema->by_name);
    map_deinit(&schema->by_path);
    arena_deinit(&schema->arena);
    mem_free(schema);
}

void schema_ref(const struct schema *schema)
{
    (void)__atomic_add_fetch(references_of(schema), 1, __ATOMIC_RELAXED);
}

void schema_unref(const struct schema *schema)
{
    if (schema == NULL) {
        return;
    }
    int left = __atomic_sub_fetch(references_of(schema), 1, __ATOMIC_ACQ_REL);
    ASSERT(left >= 0);
    if (left == 0) {
        union {
            const struct schema *shared;
            struct schema *owned;
        } last = {.shared = schema};
        schema_free(last.owned);
    }
}
