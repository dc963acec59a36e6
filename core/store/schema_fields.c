/* Fields of an object type: from declarations, its own first, then those that other plugins add.
 * Pure; one thread. */
#include "custom.h"
#include "schema_internal.h"

#include "field_value.h"

#include "proxenos/base_number.h"
#include "proxenos/base_text.h"

#include <stdio.h>

#define BIT(type) (1u << FIELD_##type)

enum {
    WORDS = BIT(EMAIL) | BIT(PHONE) | BIT(URL) | BIT(COUNTRY) | BIT(LANGUAGE),
    NUMBERS = BIT(INTEGER) | BIT(DECIMAL) | BIT(DATE) | BIT(DATETIME),
    EVERY = (1u << FIELD_TYPE_COUNT) - 1
};

static const char field_keys[] =
    "name type label required class readonly unique default min max pattern format computed "
    "search index of many scale to on_delete acyclic";

/* Which options mean something for which types; the others of field_keys do for all. */
static const struct applies {
    const char *key;
    uint32_t types;
} applies[] = {
    {"unique", BIT(TEXT) | WORDS | NUMBERS | BIT(ENUM) | BIT(REF)},
    {"default", EVERY & ~(uint32_t)(BIT(REF) | BIT(REFS) | BIT(FILE) | BIT(SECRET))},
    {"min", BIT(TEXT) | BIT(LONG_TEXT) | NUMBERS | BIT(MONEY) | BIT(SECRET)},
    {"max", BIT(TEXT) | BIT(LONG_TEXT) | WORDS | NUMBERS | BIT(MONEY) | BIT(SECRET)},
    {"pattern", BIT(TEXT) | BIT(LONG_TEXT)},
    {"format", BIT(TEXT)},
    {"computed", BIT(TEXT) | BIT(LONG_TEXT) | NUMBERS | BIT(MONEY) | BIT(BOOLEAN) | BIT(ENUM)},
    {"search", BIT(TEXT) | BIT(LONG_TEXT) | WORDS},
    {"index", BIT(TEXT) | WORDS | NUMBERS | BIT(MONEY) | BIT(BOOLEAN) | BIT(ENUM) | BIT(REF)},
    {"of", BIT(ENUM)},
    {"many", BIT(ENUM)},
    {"scale", BIT(DECIMAL)},
    {"to", BIT(REF) | BIT(REFS)},
    {"on_delete", BIT(REF) | BIT(REFS)},
    {"acyclic", BIT(REF)},
};

static void check_applies(struct builder *builder, const struct value *item, enum field_type type)
{
    for (size_t i = 0; i < COUNT_OF(applies); i++) {
        const struct value *value = value_get_c(item, applies[i].key);
        if (value != NULL && (applies[i].types & (1u << type)) == 0) {
            finding(builder, applies[i].key, value, "%s means nothing for a field of type %s",
                    applies[i].key, field_type_name(type));
        }
    }
}

static bool read_type(struct builder *builder, const struct value *item, struct field *field)
{
    struct str names[FIELD_TYPE_COUNT];
    const struct value *word = option_at(item, 2, "type");
    if (word == NULL || word->kind != VALUE_TEXT) {
        finding(builder, "type", word, "a field needs a type behind its name, such as \"text\"");
        return false;
    }
    for (int i = 0; i < FIELD_ID; i++) {
        names[i] = str_from(field_type_name((enum field_type)i));
        if (str_eq(names[i], word->text)) {
            field->type = (enum field_type)i;
            return true;
        }
    }
    finding_near(builder, "type", word->text, names, FIELD_ID, "field type");
    return false;
}

static void read_class(struct builder *builder, const struct value *item, struct field *field)
{
    struct str names[CLASS_COUNT];
    struct str word = option_text(builder, item, "class");
    if (word.len == 0) {
        return;
    }
    for (int i = 0; i < CLASS_COUNT; i++) {
        names[i] = str_from(field_class_name((enum field_class)i));
        if (str_eq(names[i], word)) {
            field->class = (enum field_class)i;
            return;
        }
    }
    finding_near(builder, "class", word, names, CLASS_COUNT, "field class");
}

static void read_on_delete(struct builder *builder, const struct value *item, struct field *field)
{
    static const struct str words[] = {{"restrict", 8}, {"clear", 5}, {"cascade", 7}};
    struct str word = option_text(builder, item, "on_delete");
    field->on_delete = field->type == FIELD_REFS ? DELETE_CLEAR : DELETE_RESTRICT;
    if (word.len == 0) {
        return;
    }
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (str_eq(words[i], word)) {
            field->on_delete = (enum on_delete)i;
            return;
        }
    }
    finding_near(builder, "on_delete", word, words, COUNT_OF(words), "way to delete");
}

/* ---- enums ---- */

static bool word_usable(struct str word)
{
    for (size_t i = 0; i < word.len; i++) {
        if ((unsigned char)word.at[i] < 0x20 || word.at[i] == ';' || word.at[i] == 0x7f) {
            return false;
        }
    }
    return word.len > 0 && word.len <= WORD_BYTES_MAX;
}

/* "won", or { "won", { en = …, el = … } }, or { "won", label = … }. */
static void read_word(struct builder *builder, const struct value *item, struct field *field)
{
    const struct value *word = item->kind == VALUE_TEXT ? item : option_at(item, 1, "name");
    bool table = item->kind == VALUE_LIST || item->kind == VALUE_MAP;
    if (word == NULL || word->kind != VALUE_TEXT || !word_usable(word->text)) {
        finding(builder, "of", item, "a value is a text of 1 to %d bytes without ; or controls",
                WORD_BYTES_MAX);
        return;
    }
    for (size_t i = 0; i < field->value_count; i++) {
        if (str_eq(field->values[i], word->text)) {
            finding(builder, "of", word, "the value stands there twice");
            return;
        }
    }
    struct label label = {{NULL, 0}, {NULL, 0}};
    if (table) {
        option_known(builder, item, "name label", 2);
        label = label_of(builder, option_at(item, 2, "label"), "of");
    }
    field->values[field->value_count] = word->text;
    field->value_labels[field->value_count] = label;
    field->value_count++;
}

static void read_words(struct builder *builder, const struct value *item, struct field *field)
{
    const struct value *words = NULL;
    size_t count = 0;
    if (!option_list(builder, value_get_c(item, "of"), "of", &words, &count)) {
        return;
    }
    if (count == 0 || count > SCHEMA_WORDS_MAX) {
        finding(builder, "of", NULL, "an enum has 1 to %d values: of = { \"first\", … }",
                SCHEMA_WORDS_MAX);
        return;
    }
    field->values = ARENA_ARRAY(builder->arena, struct str, count);
    field->value_labels = ARENA_ARRAY(builder->arena, struct label, count);
    for (size_t i = 0; i < count; i++) {
        read_word(builder, &words[i], field);
    }
}

/* ---- limits ---- */

static int64_t read_length(struct builder *builder, const struct value *item, const char *key,
                           int64_t otherwise, int64_t most)
{
    const struct value *value = value_get_c(item, key);
    if (value == NULL || value->kind == VALUE_NULL) {
        return otherwise;
    }
    if (value->kind != VALUE_INT || value->integer < 0 || value->integer > most) {
        finding(builder, key, value, "%s is a number of characters, 0 to %lld", key,
                (long long)most);
        return otherwise;
    }
    return value->integer;
}

static void read_text_limits(struct builder *builder, const struct value *item, struct field *field)
{
    int64_t most = field->type == FIELD_LONG_TEXT ? LONG_TEXT_LENGTH_MAX : TEXT_LENGTH_MAX;
    most = field->type == FIELD_URL ? 2000 : most;
    field->max_length = read_length(builder, item, "max", most, most);
    int64_t least = read_length(builder, item, "min", 0, field->max_length);
    if (least > 0) {
        field->min = value_int(least);
    }
}

/* A limit or default is a value of the field itself: converted as a record's value would be. */
static void read_value(struct builder *builder, const struct value *item, const char *key,
                       const struct field *field, struct value *out_value)
{
    const struct value *plain = value_get_c(item, key);
    if (plain == NULL || plain->kind == VALUE_NULL) {
        return;
    }
    struct error reason = {0};
    if (field_value(field, plain, builder->arena, out_value, &reason) != OK) {
        finding(builder, key, plain, "%s", reason.detail);
    }
}

static void read_range(struct builder *builder, const struct value *item, struct field *field)
{
    static const char *const keys[] = {"min", "max"};
    struct value limits[2] = {value_null(), value_null()};
    for (int i = 0; i < 2; i++) {
        const struct value *plain = value_get_c(item, keys[i]);
        if (field->type != FIELD_MONEY) {
            read_value(builder, item, keys[i], field, &limits[i]);
        } else if (plain != NULL && plain->kind == VALUE_INT) {
            limits[i] = *plain;
        } else if (plain != NULL && plain->kind != VALUE_NULL) {
            finding(builder, keys[i], plain, "a limit of money is a number of minor units");
        }
    }
    bool both = limits[0].kind != VALUE_NULL && limits[1].kind != VALUE_NULL;
    if (both && limits[0].integer > limits[1].integer) {
        finding(builder, "min", value_get_c(item, "min"), "min is greater than max");
    }
    field->min = limits[0];
    field->max = limits[1];
}

static void read_scale(struct builder *builder, const struct value *item, struct field *field)
{
    const struct value *scale = value_get_c(item, "scale");
    field->scale = 2;
    if (scale == NULL || scale->kind == VALUE_NULL) {
        return;
    }
    if (scale->kind != VALUE_INT || scale->integer < 0 || scale->integer > DECIMAL_SCALE_MAX) {
        finding(builder, "scale", scale, "scale is a number of digits, 0 to %d", DECIMAL_SCALE_MAX);
        return;
    }
    field->scale = (int)scale->integer;
}

/* ---- text ---- */

static void read_format(struct builder *builder, const struct value *item, struct field *field)
{
    field->format = option_text(builder, item, "format");
    if (field->format.len > 0 && !check_known(field->format)) {
        const struct str *names = NULL;
        size_t count = check_names(&names);
        finding_near(builder, "format", field->format, names, count, "format");
        field->format = STR("");
    }
    field->pattern_source = option_text(builder, item, "pattern");
    struct error reason = {0};
    if (field->pattern_source.len > 0 &&
        pattern_compile(builder->arena, field->pattern_source, &field->pattern, &reason) != OK) {
        finding(builder, "pattern", value_get_c(item, "pattern"), "%s", reason.detail);
    }
}

/* true, or { from = "person", within = "organisation", unless = "ended_on" }. */
static void read_acyclic(struct builder *builder, const struct value *item, struct field *field)
{
    const struct value *said = value_get_c(item, "acyclic");
    if (said == NULL || said->kind != VALUE_MAP) {
        field->acyclic = option_bool(builder, item, "acyclic");
        return;
    }
    option_known(builder, said, "from within unless", 0);
    field->line_from = option_text(builder, said, "from");
    field->line_within = option_text(builder, said, "within");
    field->line_unless = option_text(builder, said, "unless");
    if (field->line_from.len == 0) {
        finding(builder, "acyclic", NULL,
                "acyclic = { from = … } names the ref that it leads from");
    }
}

static void read_by_type(struct builder *builder, const struct value *item, struct field *field)
{
    uint32_t bit = 1u << field->type;
    if ((bit & (BIT(TEXT) | BIT(LONG_TEXT) | WORDS | BIT(FILE) | BIT(SECRET))) != 0) {
        read_text_limits(builder, item, field);
        read_format(builder, item, field);
    } else if ((bit & (NUMBERS | BIT(MONEY))) != 0) {
        if (field->type == FIELD_DECIMAL) {
            read_scale(builder, item, field);
        }
        read_range(builder, item, field);
    } else if (field->type == FIELD_ENUM) {
        read_words(builder, item, field);
    } else if (field->type == FIELD_REF || field->type == FIELD_REFS) {
        field->to = option_text(builder, item, "to");
        field->many = field->type == FIELD_REFS;
        read_on_delete(builder, item, field);
        if (field->to.len == 0) {
            finding(builder, "to", NULL, "a %s names its object type: to = \"organisation\"",
                    field_type_name(field->type));
        }
    }
}

static void check_together(struct builder *builder, const struct value *item, struct field *field)
{
    static const char *const single[] = {"unique", "index", "computed"};
    for (size_t i = 0; i < COUNT_OF(single) && field->many && field->type == FIELD_ENUM; i++) {
        if (value_get_c(item, single[i]) != NULL) {
            finding(builder, single[i], NULL, "%s means nothing together with many", single[i]);
        }
    }
    if (field->computed_source.len > 0) {
        field->readonly = true;
        if (field->required || field->unique || value_get_c(item, "default") != NULL) {
            finding(builder, "computed", NULL,
                    "a computed field is neither required nor unique and has no default");
        }
    }
    if (field->type == FIELD_FILE && (field->required || value_get_c(item, "default") != NULL)) {
        finding(builder, "type", NULL,
                "a file is attached to a record that is there: it is neither required nor has it a "
                "default");
    }
    if (field->on_delete == DELETE_CLEAR && field->required && field->to.len > 0) {
        finding(builder, "on_delete", NULL, "a required reference cannot be cleared");
    }
}

bool build_field(struct builder *builder, const struct value *item, struct field *field)
{
    const struct value *name = option_at(item, 1, "name");
    if (name == NULL || name->kind != VALUE_TEXT || !name_valid(name->text)) {
        finding(
            builder, "name", name,
            "a field is { \"name\", \"type\", … }; a name is a-z, then a-z 0-9 and single _, at "
            "most %d",
            NAME_BYTES_MAX);
        return false;
    }
    *field = (struct field){.name = name->text};
    option_known(builder, item, field_keys, 2);
    if (!read_type(builder, item, field)) {
        return true;
    }
    check_applies(builder, item, field->type);
    field->required = option_bool(builder, item, "required");
    field->unique = option_bool(builder, item, "unique");
    field->readonly = option_bool(builder, item, "readonly");
    field->search = option_bool(builder, item, "search");
    field->indexed = option_bool(builder, item, "index") || field->type == FIELD_REF;
    field->many = option_bool(builder, item, "many");
    read_acyclic(builder, item, field);
    field->label = option_label(builder, item, "label");
    field->computed_source = option_text(builder, item, "computed");
    read_class(builder, item, field);
    read_by_type(builder, item, field);
    read_value(builder, item, "default", field, &field->otherwise);
    check_together(builder, item, field);
    return true;
}

/* ---- all fields of one type ---- */

static void add_field(struct builder *builder, struct object_parts *parts,
                      const struct schema_source *source, const struct value *item)
{
    struct object_type *type = parts->type;
    if (type->field_count >= SCHEMA_FIELDS_MAX) {
        finding(builder, NULL, NULL, "an object type has at most %d fields", SCHEMA_FIELDS_MAX);
        return;
    }
    struct field field;
    if (!build_field(builder, item, &field)) {
        return;
    }
    bool free_name = custom_name(type->name); /* all of its fields are custom ones */
    if (!free_name && custom_name(field.name) != str_is(source->plugin, CUSTOM_SOURCE)) {
        finding(builder, "name", NULL, CUSTOM_NAMES);
        return;
    }
    const struct field *other = object_field(type, field.name);
    if (other != NULL) {
        finding(builder, "name", NULL, "%s" STR_FORMAT " is there already, from " STR_FORMAT,
                other->system ? "the system field " : "", STR_ARGS(field.name),
                STR_ARGS(other->plugin));
        return;
    }
    field.plugin = source->plugin;
    field.index = type->field_count;
    type->fields[type->field_count++] = field;
    (void)map_set(&type->field_by_name, field.name, &type->fields[field.index]);
}

void build_fields(struct builder *builder, struct object_parts *parts)
{
    struct object_type *type = parts->type;
    /* Room for the most there may be, given back below: a snapshot keeps what it needs alone. */
    struct field *room = mem_zalloc(sizeof(*room) * SCHEMA_FIELDS_MAX);
    type->fields = room;
    build_system_fields(type);
    for (int i = 0; i < type->field_count; i++) {
        (void)map_set(&type->field_by_name, room[i].name, &room[i]);
    }
    each_part(builder, parts, "fields", add_field);
    size_t count = (size_t)type->field_count;
    type->fields = arena_dup(builder->arena, room, sizeof(*room) * count);
    for (size_t i = 0; i < count; i++) {
        (void)map_set(&type->field_by_name, type->fields[i].name, &type->fields[i]);
    }
    mem_free(room);
}
