/* `duplicates` of an object type: blocks, comparisons, thresholds (store_duplicate.h). Second pass:
 * all fields are known. Pure; one thread. */
#include "columns.h"
#include "proxenos/base_crypto.h"
#include "proxenos/base_json.h"
#include "proxenos/store_duplicate.h"
#include "schema_internal.h"

#include <math.h>

static const struct str how_names[SIMILAR_HOW_COUNT] = {
    [SIMILAR_EXACT] = {"exact", 5},   [SIMILAR_NAME] = {"name", 4},
    [SIMILAR_TEXT] = {"text", 4},     [SIMILAR_WORDS] = {"words", 5},
    [SIMILAR_DIGITS] = {"digits", 6}, [SIMILAR_PHONE] = {"phone", 5},
    [SIMILAR_EMAIL] = {"email", 5},   [SIMILAR_DATE] = {"date", 4},
    [SIMILAR_NUMBER] = {"number", 6},
};
/* From here down a likeness is none. */
static const double how_least[SIMILAR_HOW_COUNT] = {
    [SIMILAR_EXACT] = 0.99, [SIMILAR_NAME] = 0.75,  [SIMILAR_TEXT] = 0.6,
    [SIMILAR_WORDS] = 0.7,  [SIMILAR_DIGITS] = 0.6, [SIMILAR_PHONE] = 0.75,
    [SIMILAR_EMAIL] = 0.8,  [SIMILAR_DATE] = 0.7,   [SIMILAR_NUMBER] = 0.9,
};
static const struct str on_create_names[] = {[DUPLICATE_REFUSE] = {"refuse", 6},
                                             [DUPLICATE_WARN] = {"warn", 4},
                                             [DUPLICATE_OFF] = {"off", 3}};

static const double AGAINST_USUAL = 0.5;   /* of the weight, when nothing is said */
static const double POINTS_MOST = 1000000; /* of a threshold; a weight is at most a hundredth */

const char *similar_how_name(enum similar_how how)
{
    return how_names[how].at;
}

struct reading {
    struct builder *builder;
    struct object_type *type;
    struct duplicate_rules *rules;
};

/* ---- fields ---- */

static bool comparable(const struct field *field)
{
    bool shown = !field->system || field->index == SYS_EXTERNAL_ID;
    return shown && field_stored(field) && field->type != FIELD_JSON &&
           field->type != FIELD_SECRET && field->type != FIELD_FILE &&
           field->type != FIELD_LONG_TEXT;
}

static const struct field *find_field(struct reading *reading, struct str name)
{
    const struct object_type *type = reading->type;
    const struct field *field = object_field(type, name);
    if (field != NULL && comparable(field)) {
        return field;
    }
    struct arena *arena = reading->builder->arena;
    struct str *names = ARENA_ARRAY(arena, struct str, (size_t)type->field_count + 1);
    size_t count = 0;
    for (int i = 0; i < type->field_count; i++) {
        if (comparable(&type->fields[i])) {
            names[count++] = type->fields[i].name;
        }
    }
    finding_near(reading->builder, NULL, name, names, count, "field that can be compared");
    return NULL;
}

static bool is_text(const struct field *field)
{
    return field->type == FIELD_TEXT || field->type == FIELD_EMAIL || field->type == FIELD_PHONE ||
           field->type == FIELD_URL;
}

static bool is_day(const struct field *field)
{
    return field->type == FIELD_DATE || field->type == FIELD_DATETIME;
}

static bool is_number(const struct field *field)
{
    return field->type == FIELD_INTEGER || field->type == FIELD_DECIMAL ||
           field->type == FIELD_MONEY;
}

static enum similar_how how_usual(const struct field *field)
{
    return field->type == FIELD_EMAIL   ? SIMILAR_EMAIL
           : field->type == FIELD_PHONE ? SIMILAR_PHONE
           : is_text(field)             ? SIMILAR_TEXT
           : is_day(field)              ? SIMILAR_DATE
           : is_number(field)           ? SIMILAR_NUMBER
                                        : SIMILAR_EXACT;
}

static bool how_fits(enum similar_how how, const struct field *field)
{
    return how == SIMILAR_EXACT || (how == SIMILAR_DATE && is_day(field)) ||
           (how == SIMILAR_NUMBER && is_number(field)) ||
           (how != SIMILAR_DATE && how != SIMILAR_NUMBER && is_text(field));
}

/* ---- numbers ---- */

/* False with a finding; absent: *out stays. */
static bool read_number(struct reading *reading, const struct value *map, const char *key,
                        double most, double *out)
{
    const struct value *value = map->kind == VALUE_MAP ? value_get_c(map, key) : NULL;
    if (value == NULL || value->kind == VALUE_NULL) {
        return true;
    }
    double number = value->kind == VALUE_INT    ? (double)value->integer
                    : value->kind == VALUE_REAL ? value->real
                                                : -1;
    if (!(number >= 0) || number > most) {
        finding(reading->builder, key, value, "%s is a number from 0 to %.0f", key, most);
        return false;
    }
    *out = number;
    return true;
}

/* Of m and u, as log2 of how much likelier the outcome is in a true duplicate. */
static bool read_chances(struct reading *reading, const struct value *item,
                         struct duplicate_compare *compare)
{
    double m = -1;
    double u = -1;
    if (!read_number(reading, item, "m", 1, &m) || !read_number(reading, item, "u", 1, &u)) {
        return false;
    }
    if (m < 0 && u < 0) {
        return true;
    }
    if (m <= 0 || m >= 1 || u <= 0 || u >= m) {
        finding(reading->builder, "m", NULL,
                "m and u are chances with 0 < u < m < 1: how often the field agrees in true "
                "duplicates, and how often in others");
        return false;
    }
    compare->weight = log2(m / u);
    compare->against = log2((1 - u) / (1 - m));
    return true;
}

static bool read_weights(struct reading *reading, const struct value *item,
                         struct duplicate_compare *compare)
{
    bool good = read_chances(reading, item, compare) &&
                read_number(reading, item, "weight", POINTS_MOST / 100, &compare->weight);
    if (good && compare->against < 0) {
        compare->against = compare->weight * AGAINST_USUAL;
    }
    good = good && read_number(reading, item, "against", POINTS_MOST / 100, &compare->against) &&
           read_number(reading, item, "least", 1, &compare->least);
    if (good && compare->weight <= 0) {
        finding(reading->builder, "weight", NULL,
                "a comparison has a weight, or m and u: what agreement is worth");
        return false;
    }
    if (good && compare->least >= 1) {
        finding(reading->builder, "least", NULL, "least is a likeness below 1");
        return false;
    }
    return good;
}

/* ---- compare ---- */

static bool find_how(struct str word, enum similar_how *out_how)
{
    for (size_t i = 0; i < SIMILAR_HOW_COUNT; i++) {
        if (str_eq(word, how_names[i])) {
            *out_how = (enum similar_how)i;
            return true;
        }
    }
    return false;
}

static bool read_how(struct reading *reading, const struct value *item, const struct field *field,
                     enum similar_how *out_how)
{
    const struct value *given = item->kind == VALUE_MAP ? value_get_c(item, "how") : NULL;
    *out_how = how_usual(field);
    if (given == NULL || given->kind == VALUE_NULL) {
        return true;
    }
    struct str word = given->kind == VALUE_TEXT ? given->text : STR("");
    if (!find_how(word, out_how)) {
        finding_near(reading->builder, "how", word, how_names, SIMILAR_HOW_COUNT, "way to compare");
        return false;
    }
    if (!how_fits(*out_how, field)) {
        finding(reading->builder, "how", given, "%s does not compare a field of type %s",
                how_names[*out_how].at, field_type_name(field->type));
        return false;
    }
    return true;
}

static void read_compare(struct reading *reading, const struct value *item)
{
    struct duplicate_rules *rules = reading->rules;
    bool table = item->kind == VALUE_MAP || item->kind == VALUE_LIST;
    const struct value *name = table ? option_at(item, 1, "field") : NULL;
    if (table) {
        option_known(reading->builder, item, "field how weight against least m u", 1);
    }
    if (name == NULL || name->kind != VALUE_TEXT) {
        finding(reading->builder, NULL, item,
                "a comparison is { \"field\", how = \"name\", weight = 4 }");
        return;
    }
    const struct field *field = find_field(reading, name->text);
    if (field == NULL) {
        return;
    }
    struct duplicate_compare compare = {.field = field->index, .against = -1};
    if (!read_how(reading, item, field, &compare.how)) {
        return;
    }
    compare.least = how_least[compare.how];
    for (int i = 0; i < rules->compare_count; i++) {
        if (rules->compares[i].field == field->index && rules->compares[i].how == compare.how) {
            finding(reading->builder, NULL, name, "it is compared so already");
            return;
        }
    }
    if (read_weights(reading, item, &compare)) {
        rules->compares[rules->compare_count++] = compare;
    }
}

/* ---- block ---- */

static bool part_how(const struct field *field, struct str word, struct duplicate_part *part)
{
    int64_t length = 0;
    if (str_is(word, "sound") || str_is(word, "digits")) {
        part->how = str_is(word, "sound") ? BLOCK_SOUND : BLOCK_DIGITS;
        return is_text(field);
    }
    if (str_is(word, "year")) {
        part->how = BLOCK_YEAR;
        return is_day(field);
    }
    part->how = BLOCK_START;
    bool good = str_to_int64(word, &length) == OK && length >= 1 && length <= 20;
    part->length = good ? (int)length : 0;
    return good && is_text(field);
}

static bool read_part(struct reading *reading, const struct value *item,
                      struct duplicate_part *out_part)
{
    struct str name = item->kind == VALUE_TEXT ? item->text : STR("");
    size_t colon = 0;
    bool told = str_find(name, STR(":"), &colon);
    struct str word = told ? str_sub(name, colon + 1, name.len) : STR("");
    const struct field *field = find_field(reading, told ? str_sub(name, 0, colon) : name);
    if (field == NULL) {
        return false;
    }
    *out_part = (struct duplicate_part){.field = field->index};
    if (told && !part_how(field, word, out_part)) {
        finding(reading->builder, NULL, item,
                "behind the colon of a text stands sound, digits or a number of characters (1 to "
                "20), of a date year");
        return false;
    }
    return true;
}

static void read_block(struct reading *reading, const struct value *item)
{
    struct duplicate_rules *rules = reading->rules;
    struct duplicate_block block = {.part_count = 0};
    size_t count = item->kind == VALUE_LIST ? item->list.count : 0;
    if (item->kind == VALUE_TEXT) {
        count = 1;
    }
    if (count == 0 || count > DUPLICATE_PARTS_MAX) {
        finding(reading->builder, NULL, item,
                "a block is a list of 1 to %d fields: { \"family_name:sound\", \"postcode\" }",
                DUPLICATE_PARTS_MAX);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const struct value *part = item->kind == VALUE_TEXT ? item : &item->list.items[i];
        if (!read_part(reading, part, &block.parts[i])) {
            return;
        }
    }
    block.part_count = (int)count;
    rules->blocks[rules->block_count++] = block;
}

/* ---- the whole ---- */

typedef void (*read_one)(struct reading *reading, const struct value *item);

static void read_list(struct reading *reading, const struct value *tree, const char *key, int most,
                      read_one one)
{
    struct builder *builder = reading->builder;
    const struct object_type *type = reading->type;
    const struct value *items = NULL;
    size_t count = 0;
    place_set(builder, STR_FORMAT ": objects." STR_FORMAT ".duplicates", STR_ARGS(type->plugin),
              STR_ARGS(type->name));
    if (!option_list(builder, value_get_c(tree, key), key, &items, &count)) {
        return;
    }
    if (count == 0 || count > (size_t)most) {
        finding(builder, key, NULL, "%s is a list of 1 to %d", key, most);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        place_set(builder, STR_FORMAT ": objects." STR_FORMAT ".duplicates.%s[%d]",
                  STR_ARGS(type->plugin), STR_ARGS(type->name), key, (int)i + 1);
        one(reading, &items[i]);
    }
}

static double most_points(const struct duplicate_rules *rules)
{
    double sum = 0;
    for (int i = 0; i < rules->compare_count; i++) {
        sum += rules->compares[i].weight;
    }
    return sum;
}

static void read_thresholds(struct reading *reading, const struct value *tree)
{
    struct builder *builder = reading->builder;
    struct duplicate_rules *rules = reading->rules;
    double most = most_points(rules);
    place_set(builder, STR_FORMAT ": objects." STR_FORMAT ".duplicates",
              STR_ARGS(reading->type->plugin), STR_ARGS(reading->type->name));
    if (!read_number(reading, tree, "threshold", POINTS_MOST, &rules->threshold)) {
        return;
    }
    if (rules->threshold <= 0 || (builder->findings.count == 0 && rules->threshold > most)) {
        finding(builder, "threshold", value_get_c(tree, "threshold"),
                "threshold is how many points make a candidate: more than 0, at most what all "
                "fields together give (%.2f)",
                most);
        return;
    }
    rules->sure = most;
    if (read_number(reading, tree, "sure", POINTS_MOST, &rules->sure) &&
        rules->sure < rules->threshold) {
        finding(builder, "sure", value_get_c(tree, "sure"),
                "sure is how many points leave no doubt: not less than the threshold");
    }
}

static void read_on_create(struct reading *reading, const struct value *tree)
{
    struct str word = option_text(reading->builder, tree, "on_create");
    for (size_t i = 0; i < COUNT_OF(on_create_names); i++) {
        if (str_eq(word, on_create_names[i])) {
            reading->rules->on_create = (enum duplicate_on_create)i;
            return;
        }
    }
    if (word.len > 0) {
        finding_near(reading->builder, "on_create", word, on_create_names,
                     COUNT_OF(on_create_names), "answer to a create");
    }
}

/* What the stored keys depend on: other rules make other keys. */
static void hash_keys(const struct object_type *type, struct duplicate_rules *rules)
{
    struct buf text;
    buf_init(&text);
    buf_append_str(&text, type->name);
    for (int i = 0; i < rules->block_count; i++) {
        const struct duplicate_block *block = &rules->blocks[i];
        buf_append_char(&text, '\n');
        for (int p = 0; p < block->part_count; p++) {
            const struct field *field = &type->fields[block->parts[p].field];
            buf_printf(&text, STR_FORMAT " %d %d %s %d ", STR_ARGS(field->name),
                       (int)block->parts[p].how, block->parts[p].length,
                       field_type_name(field->type), field->required);
            buf_append_str(&text, field->computed_source);
            json_encode(&text, &field->otherwise); /* rows without a value may get it */
        }
    }
    hash_of(text.at, text.len, rules->hash);
    buf_deinit(&text);
}

void build_duplicates(struct builder *builder, struct object_parts *parts)
{
    struct arena *arena = builder->arena;
    const struct value *tree = value_get_c(parts->tree, "duplicates");
    place_set(builder, STR_FORMAT ": objects." STR_FORMAT, STR_ARGS(parts->type->plugin),
              STR_ARGS(parts->type->name));
    if (tree == NULL || tree->kind == VALUE_NULL) {
        return;
    }
    if (tree->kind != VALUE_MAP) {
        finding(builder, "duplicates", tree,
                "duplicates is { block = { … }, compare = { … }, threshold = … }");
        return;
    }
    struct duplicate_rules *rules = ARENA_NEW(arena, struct duplicate_rules);
    struct reading reading = {.builder = builder, .type = parts->type, .rules = rules};
    rules->blocks = ARENA_ARRAY(arena, struct duplicate_block, DUPLICATE_BLOCKS_MAX);
    rules->compares = ARENA_ARRAY(arena, struct duplicate_compare, DUPLICATE_COMPARES_MAX);
    place_set(builder, STR_FORMAT ": objects." STR_FORMAT ".duplicates",
              STR_ARGS(parts->type->plugin), STR_ARGS(parts->type->name));
    option_known(builder, tree, "block compare threshold sure on_create", 0);
    read_on_create(&reading, tree);
    read_list(&reading, tree, "block", DUPLICATE_BLOCKS_MAX, read_block);
    read_list(&reading, tree, "compare", DUPLICATE_COMPARES_MAX, read_compare);
    read_thresholds(&reading, tree);
    hash_keys(parts->type, rules);
    parts->type->duplicates = rules;
}

/* ---- as data ---- */

static struct value describe_part(struct arena *arena, const struct object_type *type,
                                  const struct duplicate_part *part)
{
    static const char *const words[] = {[BLOCK_WHOLE] = "",
                                        [BLOCK_SOUND] = ":sound",
                                        [BLOCK_START] = ":",
                                        [BLOCK_DIGITS] = ":digits",
                                        [BLOCK_YEAR] = ":year"};
    struct str name = type->fields[part->field].name;
    if (part->how == BLOCK_START) {
        return value_text(arena_printf(arena, STR_FORMAT ":%d", STR_ARGS(name), part->length));
    }
    return value_text(arena_printf(arena, STR_FORMAT "%s", STR_ARGS(name), words[part->how]));
}

static struct value describe_compare(struct arena *arena, const struct object_type *type,
                                     const struct duplicate_compare *compare)
{
    struct value map = value_map_new();
    value_put_c(arena, &map, "field", value_text(type->fields[compare->field].name));
    value_put_c(arena, &map, "how", value_text(how_names[compare->how]));
    value_put_c(arena, &map, "weight", value_real(compare->weight));
    value_put_c(arena, &map, "against", value_real(compare->against));
    value_put_c(arena, &map, "least", value_real(compare->least));
    return map;
}

struct value describe_duplicates(struct arena *arena, const struct object_type *type)
{
    const struct duplicate_rules *rules = type->duplicates;
    struct value map = value_map_new();
    struct value blocks = value_list_new();
    struct value compares = value_list_new();
    for (int i = 0; i < rules->block_count; i++) {
        struct value parts = value_list_new();
        for (int p = 0; p < rules->blocks[i].part_count; p++) {
            value_push(arena, &parts, describe_part(arena, type, &rules->blocks[i].parts[p]));
        }
        value_push(arena, &blocks, parts);
    }
    for (int i = 0; i < rules->compare_count; i++) {
        value_push(arena, &compares, describe_compare(arena, type, &rules->compares[i]));
    }
    value_put_c(arena, &map, "block", blocks);
    value_put_c(arena, &map, "compare", compares);
    value_put_c(arena, &map, "threshold", value_real(rules->threshold));
    value_put_c(arena, &map, "sure", value_real(rules->sure));
    value_put_c(arena, &map, "on_create", value_text(on_create_names[rules->on_create]));
    return map;
}
