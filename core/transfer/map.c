/* The import's map: which column becomes which field, and how. JSON as in docs/guides/import.md;
 * every name in it is judged before a row is read. Pure; any thread. */
#include "import.h"

#include "proxenos/base_json.h"
#include "proxenos/base_number.h"
#include "proxenos/base_text.h"

enum { NAME_SHOWN_MAX = 60 };

static void set_nearest(struct error *error, struct str nearest)
{
    if (error != NULL) {
        (void)snprintf(error->nearest, sizeof(error->nearest), STR_FORMAT,
                       STR_ARGS(utf8_cut(nearest, sizeof(error->nearest) - 1)));
    }
}

static enum err wrong(struct error *error, enum err err, struct str column, const char *key,
                      const char *sentence)
{
    char pointer[160];
    struct str shown = utf8_cut(column, NAME_SHOWN_MAX);
    (void)snprintf(pointer, sizeof(pointer), "/map/columns/" STR_FORMAT "%s%s", STR_ARGS(shown),
                   key[0] != '\0' ? "/" : "", key);
    return error_at(error, err, pointer, NULL, "column \"" STR_FORMAT "\" %s", STR_ARGS(shown),
                    sentence);
}

/* Unknown keys are refused, so that a misspelt option is not silently without effect. */
static enum err check_keys(const struct value *tree, const struct str *known, size_t count,
                           const char *pointer, struct error *error)
{
    for (size_t i = 0; i < tree->map.count; i++) {
        struct str key = tree->map.entries[i].key;
        bool found = false;
        for (size_t k = 0; k < count; k++) {
            found = found || str_eq(known[k], key);
        }
        if (!found) {
            struct str shown = utf8_cut(key, NAME_SHOWN_MAX);
            enum err err =
                error_at(error, ERR_INVALID, pointer, NULL,
                         "the map has no option \"" STR_FORMAT "\" here", STR_ARGS(shown));
            set_nearest(error, text_nearest(key, known, count));
            return err;
        }
    }
    return OK;
}

/* ---- fields ---- */

static enum field_access access_of(const struct scope *scope, const struct object_type *type,
                                   const struct field *field)
{
    return (enum field_access)scope->grants[type->index].fields[field->index];
}

static enum err find_field(const struct scope *scope, const struct object_type *type,
                           struct str name, enum field_access least, const struct field **out_field,
                           struct error *error)
{
    const struct field *field = object_field(type, name);
    if (field != NULL && access_of(scope, type, field) >= least) {
        *out_field = field;
        return OK;
    }
    struct arena arena;
    arena_init(&arena);
    struct str *names = ARENA_ARRAY(&arena, struct str, (size_t)type->field_count);
    size_t count = 0;
    for (int i = 0; i < type->field_count; i++) {
        if (access_of(scope, type, &type->fields[i]) >= least) {
            names[count++] = type->fields[i].name;
        }
    }
    struct str shown = utf8_cut(name, NAME_SHOWN_MAX);
    enum err err =
        error_set(error, ERR_UNKNOWN_FIELD, STR_FORMAT " has no field \"" STR_FORMAT "\"",
                  STR_ARGS(type->name), STR_ARGS(shown));
    set_nearest(error, text_nearest(name, names, count));
    arena_deinit(&arena);
    return err;
}

static bool by_name(const struct field *field)
{
    return field->type == FIELD_REF || field->type == FIELD_REFS;
}

static enum err set_ref(const struct import_map *map, struct column_map *column, struct str by,
                        struct error *error)
{
    if (!by_name(column->field)) {
        return wrong(error, ERR_INVALID, column->column, "ref", "is mapped to no reference");
    }
    if (column->field->type == FIELD_REFS) {
        return wrong(error, ERR_UNSUPPORTED, column->column, "ref",
                     "holds many references; they are imported by id");
    }
    enum err err =
        schema_find_object(map->scope->schema, column->field->to, &column->target, error);
    if (err == OK && !scope_may(map->scope, column->target, VERB_READ)) {
        err = wrong(error, ERR_FORBIDDEN, column->column, "ref",
                    "refers to objects that your roles do not let you read");
    }
    if (err == OK) {
        err = find_field(map->scope, column->target, by, FIELD_READABLE, &column->by, error);
    }
    if (err == OK && column->by->index == SYS_ID) {
        column->by = NULL; /* ids are what the field takes by itself */
        column->target = NULL;
    } else if (err == OK && column->by->type != FIELD_TEXT && column->by->type != FIELD_EMAIL) {
        err = wrong(error, ERR_INVALID, column->column, "ref",
                    "names a record by a field that is not text");
    }
    return err;
}

static enum err set_field(const struct import_map *map, struct column_map *column, struct str name,
                          struct error *error)
{
    size_t dot = 0;
    struct str field = name;
    struct str by = STR("");
    if (str_find(name, STR("."), &dot)) {
        field = str_sub(name, 0, dot);
        by = str_sub(name, dot + 1, name.len);
    }
    enum err err = find_field(map->scope, map->type, field, FIELD_READABLE, &column->field, error);
    ASSERT(err != OK || column->field != NULL);
    if (err == OK && (column->field->readonly ||
                      access_of(map->scope, map->type, column->field) != FIELD_WRITABLE)) {
        err = wrong(error, ERR_READONLY, column->column, "",
                    "is mapped to a field that cannot be "
                    "written");
    }
    if (err == OK && by.len > 0) {
        err = set_ref(map, column, by, error);
    }
    return err;
}

/* ---- one column ---- */

static enum err set_create(const struct import_map *map, struct column_map *column,
                           struct error *error)
{
    if (column->by == NULL) {
        return wrong(error, ERR_INVALID, column->column, "create",
                     "needs \"ref\" to make what is not found");
    }
    if (!scope_may(map->scope, column->target, VERB_CREATE) ||
        access_of(map->scope, column->target, column->by) != FIELD_WRITABLE) {
        return wrong(error, ERR_FORBIDDEN, column->column, "create",
                     "would make objects that your roles do not let you create");
    }
    column->create = true;
    return OK;
}

static enum err set_scale(struct column_map *column, struct str scale, struct error *error)
{
    if (str_is(scale, "thousands")) {
        column->shift = 3;
    } else if (str_is(scale, "millions")) {
        column->shift = 6;
    } else {
        return wrong(error, ERR_INVALID, column->column, "scale",
                     "has a scale that is neither "
                     "thousands nor millions");
    }
    return OK;
}

static enum err set_texts(struct column_map *column, const struct value *tree, const char *key,
                          struct value *out_texts, struct error *error)
{
    const struct value *texts = value_get_c(tree, key);
    if (texts == NULL) {
        return OK;
    }
    bool good = texts->kind == VALUE_MAP;
    for (size_t i = 0; good && i < texts->map.count; i++) {
        good = texts->map.entries[i].value.kind == VALUE_TEXT;
    }
    if (!good) {
        return wrong(error, ERR_INVALID, column->column, key, "needs an object of texts here");
    }
    *out_texts = *texts;
    return OK;
}

static enum err read_options(const struct import_map *map, struct column_map *column,
                             const struct value *tree, struct error *error)
{
    struct str by = value_get_text(tree, "ref", STR(""));
    struct str scale = value_get_text(tree, "scale", STR(""));
    column->options =
        (struct text_options){.date_layout = value_get_text(tree, "layout", STR("")),
                              .decimal_separator = value_get_text(tree, "decimal", STR("")),
                              .currency = value_get_text(tree, "currency", STR("")),
                              .true_words = value_get_text(tree, "true", STR(""))};
    column->currency_column = value_get_text(tree, "currency_column", STR(""));
    column->otherwise = value_get_text(tree, "default", STR(""));
    enum err err = by.len > 0 ? set_ref(map, column, by, error) : OK;
    if (err == OK && value_get_bool(tree, "create", false)) {
        err = set_create(map, column, error);
    }
    if (err == OK && scale.len > 0) {
        err = set_scale(column, scale, error);
    }
    if (err == OK && column->options.currency.len > 0 &&
        currency_digits(column->options.currency) < 0) {
        err = wrong(error, ERR_INVALID, column->column, "currency", "names an unknown currency");
    }
    if (err == OK) {
        err = set_texts(column, tree, "values", &column->values, error);
    }
    return err == OK ? set_texts(column, tree, "alias", &column->alias, error) : err;
}

static enum err read_column(const struct import_map *map, struct column_map *column,
                            const struct value *entry, struct error *error)
{
    static const struct str known[] = {
        STR_INIT("field"),   STR_INIT("ref"),    STR_INIT("values"),   STR_INIT("alias"),
        STR_INIT("default"), STR_INIT("create"), STR_INIT("layout"),   STR_INIT("decimal"),
        STR_INIT("scale"),   STR_INIT("true"),   STR_INIT("currency"), STR_INIT("currency_column")};
    char pointer[160];
    (void)snprintf(pointer, sizeof(pointer), "/map/columns/" STR_FORMAT,
                   STR_ARGS(utf8_cut(column->column, NAME_SHOWN_MAX)));
    if (entry->kind == VALUE_NULL) {
        return OK;
    }
    if (entry->kind == VALUE_TEXT) {
        return set_field(map, column, entry->text, error);
    }
    if (entry->kind != VALUE_MAP) {
        return wrong(error, ERR_INVALID, column->column, "",
                     "is mapped to a field's name, an object or null");
    }
    enum err err = check_keys(entry, known, COUNT_OF(known), pointer, error);
    struct str field = value_get_text(entry, "field", STR(""));
    if (err == OK && field.len == 0) {
        err = wrong(error, ERR_REQUIRED, column->column, "field", "names no field");
    }
    if (err == OK) {
        err = set_field(map, column, field, error);
    }
    return err == OK ? read_options(map, column, entry, error) : err;
}

/* ---- the whole ---- */

static enum err check_twice(const struct import_map *map, const struct column_map *column,
                            struct error *error)
{
    for (const struct column_map *at = map->columns; at < column && column->field != NULL; at++) {
        if (at->field == column->field) {
            return wrong(error, ERR_INVALID, column->column, "field",
                         "is mapped to a field that another column fills already");
        }
    }
    return OK;
}

static enum err read_columns(struct import_map *map, const struct value *tree, struct error *error)
{
    const struct value *columns = value_get_c(tree, "columns");
    if (columns == NULL) {
        return OK;
    }
    if (columns->kind != VALUE_MAP || columns->map.count > IMPORT_COLUMNS_MAX) {
        return error_at(error, ERR_INVALID, "/map/columns", NULL,
                        "columns is an object: the column's name and what it becomes");
    }
    map->columns = ARENA_ARRAY(map->arena, struct column_map, columns->map.count + 1);
    for (size_t i = 0; i < columns->map.count; i++) {
        struct column_map *column = &map->columns[map->column_count++];
        column->column = columns->map.entries[i].key;
        enum err err = read_column(map, column, &columns->map.entries[i].value, error);
        if (err == OK) {
            err = check_twice(map, column, error);
        }
        if (err != OK) {
            return err;
        }
    }
    return OK;
}

static enum err read_defaults(struct import_map *map, const struct value *tree, struct error *error)
{
    const struct value *defaults = value_get_c(tree, "defaults");
    if (defaults == NULL) {
        return OK;
    }
    if (defaults->kind != VALUE_MAP) {
        return error_at(error, ERR_INVALID, "/map/defaults", NULL,
                        "defaults is an object: a field's name and its text");
    }
    map->defaults = ARENA_ARRAY(map->arena, struct default_map, defaults->map.count + 1);
    for (size_t i = 0; i < defaults->map.count; i++) {
        const struct value_entry *entry = &defaults->map.entries[i];
        struct default_map *made = &map->defaults[map->default_count++];
        enum err err =
            find_field(map->scope, map->type, entry->key, FIELD_WRITABLE, &made->field, error);
        if (err == OK && entry->value.kind != VALUE_TEXT) {
            err = error_at(error, ERR_TYPE, "/map/defaults", NULL,
                           "the default of " STR_FORMAT " is a text", STR_ARGS(made->field->name));
        }
        if (err != OK) {
            return err;
        }
        made->text = entry->value.text;
    }
    return OK;
}

static enum err read_separator(struct import_map *map, const struct value *tree,
                               struct error *error)
{
    struct str separator = value_get_text(tree, "separator", STR(""));
    if (separator.len > 1 || (separator.len == 1 && separator.at[0] != ',' &&
                              separator.at[0] != ';' && separator.at[0] != '\t')) {
        return error_at(error, ERR_INVALID, "/map/separator", NULL,
                        "separator is \",\" \";\" or a tab");
    }
    if (separator.len == 1) {
        map->separator = separator.at[0];
    }
    return OK;
}

enum err map_read(struct arena *arena, const struct scope *scope, const struct object_type *type,
                  struct str text, struct import_map *out_map, struct error *error)
{
    static const struct str known[] = {STR_INIT("columns"), STR_INIT("defaults"),
                                       STR_INIT("separator")};
    struct import_map map = {.scope = scope, .type = type, .arena = arena};
    struct value tree = value_map_new();
    enum err err = OK;
    if (text.len > 0) {
        err = json_decode(arena, text, &tree, error);
        error_prefix(error, err != OK ? "map: " : "");
    }
    if (err == OK && tree.kind != VALUE_MAP) {
        err = error_at(error, ERR_INVALID, "/map", NULL, "the map is an object");
    }
    if (err == OK) {
        err = check_keys(&tree, known, COUNT_OF(known), "/map", error);
    }
    if (err == OK) {
        err = read_separator(&map, &tree, error);
    }
    if (err == OK) {
        err = read_columns(&map, &tree, error);
    }
    if (err == OK) {
        err = read_defaults(&map, &tree, error);
    }
    if (err == OK) {
        *out_map = map;
    }
    return err;
}

/* "price_currency" beside the money field "price". */
static bool names_currency(const struct import_map *map, struct str name)
{
    const struct str behind = STR("_currency");
    if (!str_ends(name, behind)) {
        return false;
    }
    const struct field *field = object_field(map->type, str_sub(name, 0, name.len - behind.len));
    return field != NULL && field->type == FIELD_MONEY &&
           access_of(map->scope, map->type, field) >= FIELD_READABLE;
}

/* Columns that an export shows and nobody sets: a file that was exported can be read again. */
static bool set_by_system(const struct import_map *map, struct str name)
{
    const struct field *field = object_field(map->type, name);
    if (field == NULL) {
        return names_currency(map, name);
    }
    if (field->index == SYS_COMPARTMENT && map->type->compartment == COMPARTMENT_NONE) {
        return true;
    }
    return (field->readonly || field->computed_source.len > 0) &&
           access_of(map->scope, map->type, field) >= FIELD_READABLE;
}

enum err map_column(const struct import_map *map, struct str column, struct column_map **out_column,
                    struct error *error)
{
    for (size_t i = 0; i < map->column_count; i++) {
        if (str_eq(map->columns[i].column, column)) {
            *out_column = &map->columns[i];
            return OK;
        }
    }
    struct column_map made = {.column = column};
    enum err err = OK;
    if (!set_by_system(map, column)) {
        err = set_field(map, &made, column, error);
    }
    if (err == ERR_UNKNOWN_FIELD) {
        char shown[100];
        (void)snprintf(shown, sizeof(shown), STR_FORMAT,
                       STR_ARGS(utf8_cut(column, NAME_SHOWN_MAX)));
        error_prefix(error, "column \"%s\" is neither in the map nor a field: ", shown);
    }
    if (err == OK) {
        made.column = arena_str(map->arena, column);
        *out_column = arena_dup(map->arena, &made, sizeof(made));
    }
    return err;
}
