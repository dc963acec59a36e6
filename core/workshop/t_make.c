/* t.<object type>(fields): a record with what the test gave, and for each required field that it
 * did not give a value that is valid and different from the last one's. Main thread. */
#include "internal.h"

#include "proxenos/base_time.h"

enum { MAKE_DEPTH_MAX = 6 };

/* Valid by their check digits, as far as the formats have one. */
static const struct {
    const char *format, *value;
} examples[] = {
    {"vat", "EL094259216"},
    {"afm", "094259216"},
    {"amka", "01013099997"},
    {"lei", "213800WSGIIZCXF1P572"},
    {"iban", "GR1601101250000000012300695"},
    {"bic", "ETHNGRAA"},
    {"isin", "US0378331005"},
    {"gln", "4006381333931"},
    {"gtin", "4006381333931"},
    {"imo", "9319466"},
    {"luhn", "4242424242424242"},
    {"currency", "EUR"},
};

static enum err make(struct test *test, const struct object_type *type, const struct value *given,
                     int depth, struct value *out, struct error *error);

static struct value make_text(struct test *test, const struct object_type *type,
                              const struct field *field)
{
    struct arena *arena = &test->world->arena;
    for (size_t i = 0; field->format.len > 0 && i < COUNT_OF(examples); i++) {
        if (str_is(field->format, examples[i].format)) {
            return value_text(str_from(examples[i].value));
        }
    }
    struct str text = arena_printf(arena, STR_FORMAT " %d", STR_ARGS(type->name), test->made);
    bool title = type->title_field == field->index;
    if (!title) {
        text = arena_printf(arena, STR_FORMAT " %d", STR_ARGS(field->name), test->made);
    }
    int64_t most = field->max_length > 0 ? field->max_length : (int64_t)text.len;
    return value_text(str_sub(text, 0, (size_t)MIN(most, (int64_t)text.len)));
}

static struct value make_number(const struct field *field)
{
    struct value value = field->min.kind == VALUE_NULL ? value_int(1) : field->min;
    value.kind = field->type == FIELD_DECIMAL ? VALUE_DECIMAL : VALUE_INT;
    value.scale = (uint8_t)field->scale;
    return value;
}

static enum err make_ref(struct test *test, const struct field *field, int depth, struct value *out,
                         struct error *error)
{
    const struct schema *schema = store_schema(test->world->parts.store);
    const struct object_type *type = schema_object(schema, field->to);
    struct value none = value_map_new();
    struct value record = value_null();
    enum err err = OK;
    if (type == NULL || depth == MAKE_DEPTH_MAX) {
        err = error_set(error, ERR_LIMIT, "give \"" STR_FORMAT "\": it refers on and on",
                        STR_ARGS(field->name));
    } else {
        err = make(test, type, &none, depth + 1, &record, error);
    }
    const struct value *id = value_get_c(&record, "id");
    *out = id == NULL ? value_null() : *id;
    schema_unref(schema);
    return err;
}

/* False: it is none of these. */
static bool make_contact(struct test *test, const struct field *field, struct value *out)
{
    struct arena *arena = &test->world->arena;
    int made = test->made;
    if (field->type == FIELD_EMAIL) {
        *out = value_text(arena_printf(arena, "person%d@example.com", made));
    } else if (field->type == FIELD_PHONE) {
        *out = value_text(arena_printf(arena, "+30210%07d", 1000000 + made));
    } else if (field->type == FIELD_URL) {
        *out = value_text(arena_printf(arena, "https://example.com/%d", made));
    } else if (field->type == FIELD_COUNTRY) {
        *out = value_text(STR("GR"));
    } else if (field->type == FIELD_LANGUAGE) {
        *out = value_text(STR("el"));
    } else {
        return false;
    }
    return true;
}

static void as_list(struct arena *arena, struct value *value)
{
    struct value list = value_list_new();
    value_push(arena, &list, *value);
    *value = list;
}

static enum err make_value(struct test *test, const struct object_type *type,
                           const struct field *field, int depth, struct value *out,
                           struct error *error)
{
    struct arena *arena = &test->world->arena;
    int64_t now_ms = test_env_ms(test->world->options.env);
    enum err err = OK;
    switch (field->type) {
    case FIELD_TEXT:
    case FIELD_LONG_TEXT:
    case FIELD_SECRET:
        *out = make_text(test, type, field);
        return OK;
    case FIELD_INTEGER:
    case FIELD_DECIMAL:
        *out = make_number(field);
        return OK;
    case FIELD_MONEY:
        *out = (struct value){.kind = VALUE_MONEY, .currency = "EUR", .integer = 100};
        return OK;
    case FIELD_BOOLEAN:
        *out = value_bool(false);
        return OK;
    case FIELD_DATE:
        *out = value_date(now_ms / 86400000);
        return OK;
    case FIELD_DATETIME:
        *out = value_time(now_ms);
        return OK;
    case FIELD_DURATION:
        *out = value_text(STR("P1D"));
        return OK;
    case FIELD_JSON:
        *out = value_map_new();
        return OK;
    case FIELD_ENUM:
        *out = value_text(field->values[0]);
        if (field->many) {
            as_list(arena, out);
        }
        return OK;
    case FIELD_REF:
        return make_ref(test, field, depth, out, error);
    case FIELD_REFS:
        err = make_ref(test, field, depth, out, error);
        as_list(arena, out);
        return err;
    case FIELD_EMAIL:
    case FIELD_PHONE:
    case FIELD_URL:
    case FIELD_COUNTRY:
    case FIELD_LANGUAGE:
    case FIELD_FILE:
    case FIELD_ID:
    case FIELD_TYPE_COUNT:
        break;
    }
    return make_contact(test, field, out)
               ? OK
               : error_set(error, ERR_REQUIRED,
                           "give \"" STR_FORMAT "\": no value can be made up for it",
                           STR_ARGS(field->name));
}

/* The state of a new record is the machine's word. */
static bool is_wanted(const struct object_type *type, const struct field *field,
                      const struct value *given)
{
    bool state = type->machine != NULL && type->machine->field == field->index;
    return field->required && !field->system && !state && field->computed == NULL &&
           field->otherwise.kind == VALUE_NULL && value_get(given, field->name) == NULL;
}

static enum err make(struct test *test, const struct object_type *type, const struct value *given,
                     int depth, struct value *out, struct error *error)
{
    struct arena *arena = &test->world->arena;
    struct value fields = value_map_new();
    enum err err = OK;
    test->made++;
    for (size_t i = 0; i < given->map.count; i++) {
        value_put(arena, &fields, given->map.entries[i].key, given->map.entries[i].value);
    }
    for (int i = 0; err == OK && i < type->field_count; i++) {
        const struct field *field = &type->fields[i];
        struct value value = value_null();
        if (is_wanted(type, field, given)) {
            err = make_value(test, type, field, depth, &value, error);
            value_put(arena, &fields, field->name, value);
        }
    }
    struct value args = value_list_new();
    value_push(arena, &args, value_text(type->name));
    value_push(arena, &args, fields);
    return err == OK ? t_create(test, &args, out, error) : err;
}

enum err t_make(struct test *test, const struct value *args, struct value *out, struct error *error)
{
    const struct schema *schema = NULL;
    const struct object_type *type = NULL;
    struct value none = value_map_new();
    const struct value *given = t_arg(args, 1);
    if (given != NULL && given->kind != VALUE_MAP) {
        return error_set(error, ERR_TYPE, "a table of fields is needed here, not %s",
                         value_kind_name(given));
    }
    struct error unknown = {0};
    enum err err = t_type(test, t_arg(args, 0), &schema, &type, &unknown);
    if (err != OK) {
        *error = unknown;
        (void)snprintf(error->detail, sizeof(error->detail),
                       "t has no function \"" STR_FORMAT "\", and there is no object type of that "
                       "name",
                       STR_ARGS(t_arg(args, 0)->text));
        return err;
    }
    err = make(test, type, given == NULL ? &none : given, 0, out, error);
    schema_unref(schema);
    return err;
}
