/* module: store. Declarations and values: any JSON is built into a schema or refused with a place;
 * what is built is described, and built again it is the same; any value is taken by a field of it,
 * and then taken again as it came out, or refused. The input is a schema and, behind a line of
 * three dashes, a record. */
#include <stdint.h>
#include <string.h>

#include "proxenos/base_json.h"
#include "proxenos/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_findings(const struct error *error)
{
    for (; error != NULL; error = error->next) {
        ASSERT(error->err == ERR_SCHEMA);
        ASSERT(error->pointer[0] != '\0' && error->detail[0] != '\0');
    }
}

static enum err build(struct arena *arena, struct str text, struct schema **out_schema)
{
    struct error error = {0};
    struct schema_source sources[2] = {core_schema(arena), {.plugin = STR("fuzz")}};
    if (json_decode(arena, text, &sources[1].tree, NULL) != OK) {
        return ERR_JSON;
    }
    enum err err = schema_build(sources, 2, out_schema, arena, &error);
    if (err != OK) {
        check_findings(&error);
    }
    return err;
}

/* What a field took, it takes again, unchanged. */
static void check_value(struct arena *arena, const struct field *field, const struct value *plain)
{
    struct value typed, again;
    struct error error = {0};
    if (field_value(field, plain, arena, &typed, &error) != OK) {
        ASSERT(error.detail[0] != '\0');
        return;
    }
    ASSERT(field_value(field, &typed, arena, &again, &error) == OK);
    ASSERT(value_equal(&typed, &again));
    if (plain->kind == VALUE_TEXT) {
        static const struct text_options options = {.currency = {"EUR", 3}};
        (void)!field_value_text(field, plain->text, &options, arena, &typed, &error);
    }
}

static void check_values(struct arena *arena, const struct schema *schema,
                         const struct value *record)
{
    size_t entries = record->kind == VALUE_MAP ? record->map.count : 0;
    for (int o = 0; o < schema->object_count; o++) {
        for (size_t i = 0; i < entries; i++) {
            const struct value_entry *entry = &record->map.entries[i];
            const struct field *field = object_field(&schema->objects[o], entry->key);
            if (field != NULL) {
                check_value(arena, field, &entry->value);
            }
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = {0};
    struct str text = {(const char *)data, size};
    struct schema *schema = NULL;
    struct schema *same = NULL;
    struct value record;
    size_t at = 0;
    struct str second = STR("");
    if (str_find(text, STR("\n---\n"), &at)) {
        second = str_sub(text, at + 5, size);
        text = str_sub(text, 0, at);
    }
    if (build(&arena, text, &schema) == OK) {
        ASSERT(build(&arena, text, &same) == OK);
        ASSERT(memcmp(schema->hash, same->hash, sizeof(schema->hash)) == 0);
        if (json_decode(&arena, second, &record, NULL) == OK) {
            check_values(&arena, schema, &record);
        }
    }
    schema_unref(schema);
    schema_unref(same);
    arena_deinit(&arena);
    return 0;
}
