/* OpenAPI schemas of object types: fields as JSON Schema, without what the asking user may not see.
 * Loop thread. */
#include "openapi.h"

/* ---- small builders ---- */

struct value openapi_text(const char *string)
{
    return value_text(str_from(string));
}

void openapi_put(struct document *document, struct value *map, const char *key, struct value value)
{
    value_put_c(document->arena, map, key, value);
}

struct value openapi_pair(struct document *document, const char *key, struct value value)
{
    struct value map = value_map_new();
    openapi_put(document, &map, key, value);
    return map;
}

struct value openapi_reference(struct document *document, struct str name)
{
    return openapi_pair(document, "$ref",
                        value_text(arena_printf(document->arena, "#/components/schemas/" STR_FORMAT,
                                                STR_ARGS(name))));
}

struct value openapi_typed(struct document *document, const char *type)
{
    return openapi_pair(document, "type", openapi_text(type));
}

struct value openapi_nullable(struct document *document, const char *type)
{
    struct value types = value_list_new();
    value_push(document->arena, &types, openapi_text(type));
    value_push(document->arena, &types, openapi_text("null"));
    return openapi_pair(document, "type", types);
}

struct value openapi_list_of(struct document *document, struct value items)
{
    struct value list = openapi_typed(document, "array");
    openapi_put(document, &list, "items", items);
    return list;
}

/* "sales_order" → "SalesOrder". */
struct str openapi_type_name(struct document *document, struct str name, const char *behind)
{
    char *out = arena_alloc(document->arena, name.len + 1);
    size_t len = 0;
    bool upper = true;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];
        if (c == '_') {
            upper = true;
            continue;
        }
        if (upper && c >= 'a' && c <= 'z') {
            c = (char)(c - 'a' + 'A');
        }
        out[len++] = c;
        upper = false;
    }
    return arena_printf(document->arena, "%.*s%s", (int)len, out, behind);
}

/* ---- fields ---- */

static struct value enum_values(struct document *document, const struct field *field, bool or_null)
{
    struct value names = value_list_new();
    for (size_t i = 0; i < field->value_count; i++) {
        value_push(document->arena, &names, value_text(field->values[i]));
    }
    if (or_null) {
        value_push(document->arena, &names, value_null());
    }
    return names;
}

static struct value formatted(struct document *document, const char *format)
{
    struct value schema = openapi_nullable(document, "string");
    openapi_put(document, &schema, "format", openapi_text(format));
    return schema;
}

static struct value field_schema(struct document *document, const struct field *field)
{
    struct value schema = openapi_nullable(document, "string");
    switch (field->type) {
    case FIELD_INTEGER:
        schema = openapi_nullable(document, "integer");
        openapi_put(document, &schema, "format", openapi_text("int64"));
        break;
    case FIELD_DECIMAL:
        openapi_put(document, &schema, "pattern", openapi_text("^-?[0-9]+(\\.[0-9]+)?$"));
        break;
    case FIELD_MONEY: {
        struct value options = value_list_new();
        value_push(document->arena, &options, openapi_reference(document, STR("Money")));
        value_push(document->arena, &options, openapi_typed(document, "null"));
        schema = openapi_pair(document, "anyOf", options);
        break;
    }
    case FIELD_BOOLEAN:
        schema = openapi_nullable(document, "boolean");
        break;
    case FIELD_DATE:
        schema = formatted(document, "date");
        break;
    case FIELD_DATETIME:
        schema = formatted(document, "date-time");
        break;
    case FIELD_DURATION:
        schema = formatted(document, "duration");
        break;
    case FIELD_EMAIL:
        schema = formatted(document, "email");
        break;
    case FIELD_URL:
        schema = formatted(document, "uri");
        break;
    case FIELD_ENUM:
        openapi_put(document, &schema, "enum", enum_values(document, field, !field->many));
        break;
    case FIELD_REFS:
        schema = openapi_typed(document, "string");
        break;
    case FIELD_JSON:
        schema = value_map_new();
        break;
    case FIELD_TEXT:
    case FIELD_LONG_TEXT:
    case FIELD_REF:
    case FIELD_PHONE:
    case FIELD_COUNTRY:
    case FIELD_LANGUAGE:
    case FIELD_FILE:
    case FIELD_SECRET:
    case FIELD_ID:
    case FIELD_TYPE_COUNT:
        break;
    }
    if (field->many || field->type == FIELD_REFS) {
        if (field->type == FIELD_ENUM) {
            schema = openapi_typed(document, "string");
            openapi_put(document, &schema, "enum", enum_values(document, field, false));
        }
        schema = openapi_list_of(document, schema);
    }
    if (field->label.en.len > 0) {
        openapi_put(document, &schema, "description", value_text(field->label.en));
    }
    return schema;
}

static bool is_written(const struct document *document, const struct object_type *type,
                       const struct field *field)
{
    bool settable = !field->system || field->index == SYS_OWNER || field->index == SYS_EXTERNAL_ID;
    return settable && !field->readonly && field->computed == NULL &&
           document->scope->grants[type->index].fields[field->index] == FIELD_WRITABLE;
}

struct value openapi_read_schema(struct document *document, const struct object_type *type)
{
    struct value properties = value_map_new();
    struct value required = value_list_new();
    const uint8_t *access = document->scope->grants[type->index].fields;
    for (int i = 0; i < type->field_count; i++) {
        const struct field *field = &type->fields[i];
        if (access[i] == FIELD_HIDDEN || field->type == FIELD_SECRET) {
            continue;
        }
        struct value schema = field_schema(document, field);
        if (i == SYS_ID || i == SYS_VERSION) {
            schema = openapi_typed(document, i == SYS_ID ? "string" : "integer");
            value_push(document->arena, &required, value_text(field->name));
        }
        value_put(document->arena, &properties, field->name, schema);
    }
    struct value schema = openapi_typed(document, "object");
    openapi_put(document, &schema, "properties", properties);
    openapi_put(document, &schema, "required", required);
    return schema;
}

struct value openapi_write_schema(struct document *document, const struct object_type *type,
                                  bool create)
{
    struct value properties = value_map_new();
    struct value required = value_list_new();
    for (int i = 0; i < type->field_count; i++) {
        const struct field *field = &type->fields[i];
        if (!is_written(document, type, field)) {
            continue;
        }
        value_put(document->arena, &properties, field->name, field_schema(document, field));
        if (create && field->required && field->otherwise.kind == VALUE_NULL) {
            value_push(document->arena, &required, value_text(field->name));
        }
    }
    struct value schema = openapi_typed(document, "object");
    openapi_put(document, &schema, "properties", properties);
    if (required.list.count > 0) {
        openapi_put(document, &schema, "required", required);
    }
    openapi_put(document, &schema, "additionalProperties", value_bool(false));
    return schema;
}
