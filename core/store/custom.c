/* Changes of what is declared at run time, as units; and the list of it. Writer thread, but for
 * reader_custom. */
#include "custom.h"

#include "proxenos/base_json.h"
#include "schema_change.h"
#include "schema_past.h"
#include "sqlite/ddl.h"

#include <stdio.h>
#include <string.h>

static const char *const events[CUSTOM_ACTION_COUNT] = {
    [CUSTOM_ADD_OBJECT] = "schema.object_added",
    [CUSTOM_CHANGE_OBJECT] = "schema.object_changed",
    [CUSTOM_ARCHIVE_OBJECT] = "schema.object_archived",
    [CUSTOM_RESTORE_OBJECT] = "schema.object_restored",
    [CUSTOM_DROP_OBJECT] = "schema.object_dropped",
    [CUSTOM_ADD_FIELD] = "schema.field_added",
    [CUSTOM_CHANGE_FIELD] = "schema.field_changed",
    [CUSTOM_ARCHIVE_FIELD] = "schema.field_archived",
    [CUSTOM_RESTORE_FIELD] = "schema.field_restored",
    [CUSTOM_DROP_FIELD] = "schema.field_dropped",
};

const char *custom_action_event(enum custom_action action)
{
    ASSERT(action < CUSTOM_ACTION_COUNT);
    return events[action];
}

static bool drops(const struct custom_change *change)
{
    return change->action == CUSTOM_DROP_OBJECT || change->action == CUSTOM_DROP_FIELD;
}

/* ---- findings of the whole, as places in what was given ---- */

/* "2]": the number, and the bracket behind it. */
static const char *read_position(const char *text, int *out_position)
{
    *out_position = 0;
    while (*text >= '0' && *text <= '9' && *out_position < SCHEMA_COLUMNS_MAX) {
        *out_position = *out_position * 10 + (*text++ - '0');
    }
    return *text == ']' ? text + 1 : text;
}

/* "[2].type" → "/1/type": positions count from 1 in a schema, from 0 in JSON pointers. */
static void pointer_of(const char *rest, struct buf *out)
{
    int position = 0;
    while (*rest != '\0') {
        char one = *rest++;
        if (one == '[') {
            rest = read_position(rest, &position);
            buf_printf(out, "/%d", position - 1);
            continue;
        }
        if (one == '.') {
            one = '/';
        }
        buf_append_char(out, one);
    }
}

/* "custom: extend.organisation.fields[2].max" is "/max" to who sent that field. */
static void relate(struct error *error, const char *place)
{
    struct buf pointer;
    size_t len = strlen(place);
    const char *rest = error->pointer + len;
    if (len == 0 || strncmp(error->pointer, place, len) != 0 ||
        (*rest != '\0' && *rest != '.' && *rest != '[')) {
        return;
    }
    buf_init(&pointer);
    pointer_of(rest, &pointer);
    (void)snprintf(error->pointer, sizeof(error->pointer), "%s", buf_cstr(&pointer));
    buf_deinit(&pointer);
}

/* ---- dropping ---- */

/* Says how many values would go, and of which schema: another count is another token. */
static struct str token_of(struct arena *arena, const struct custom_change *change, int64_t rows)
{
    unsigned char hash[HASH_BYTES];
    struct str said =
        arena_printf(arena, STR_FORMAT "." STR_FORMAT " %lld", STR_ARGS(change->object),
                     STR_ARGS(change->field), (long long)rows);
    hash_of(said.at, said.len, hash);
    return arena_printf(arena, "%lld-%02x%02x%02x%02x", (long long)rows, hash[0], hash[1], hash[2],
                        hash[3]);
}

static const struct known_field *known_named(const struct known_field *known, size_t count,
                                             struct str name)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq(known[i].name, name)) {
            return &known[i];
        }
    }
    return NULL;
}

static enum err count_lost(struct tx *tx, const struct custom_change *change,
                           const struct known_field *known, int64_t *out_rows, struct error *error)
{
    *out_rows = 0;
    if (change->action == CUSTOM_DROP_OBJECT) {
        return ddl_count_rows(tx->db, change->object, INT64_MAX, out_rows, error);
    }
    return known == NULL ? OK : ddl_count_values(tx->db, change->object, known, out_rows, error);
}

static enum err confirm(struct tx *tx, struct custom_change *change, int64_t rows,
                        struct error *error)
{
    struct str token = token_of(tx_arena(tx), change, rows);
    value_put_c(tx_arena(tx), &change->result, "rows", value_int(rows));
    if ((change->dry_run && change->confirm.len == 0) || str_eq(change->confirm, token)) {
        return OK;
    }
    value_put_c(tx_arena(tx), &change->result, "confirm", value_text(token));
    return error_set(error, ERR_CONFLICT,
                     "%s %lld record%s for good, with all that is stored of %s: send confirm=%s "
                     "if that is what you want",
                     change->action == CUSTOM_DROP_OBJECT ? "this takes away" : "this empties",
                     (long long)rows, rows == 1 ? "" : "s",
                     change->action == CUSTOM_DROP_OBJECT ? "them" : "the field", token.at);
}

static enum err drop(struct tx *tx, struct custom_change *change, struct error *error)
{
    struct known_field *known = NULL;
    size_t count = 0;
    int64_t rows = 0;
    enum err err = ddl_known(tx->db, tx_arena(tx), change->object, &known, &count, error);
    if (err != OK) {
        return err;
    }
    const struct known_field *field = known_named(known, count, change->field);
    err = count_lost(tx, change, field, &rows, error);
    err = err == OK ? confirm(tx, change, rows, error) : err;
    if (err != OK || change->dry_run) {
        return err;
    }
    if (change->action == CUSTOM_DROP_OBJECT) {
        return count == 0 ? OK : ddl_drop_table(tx->db, tx_arena(tx), change->object, error);
    }
    err = field == NULL ? OK : ddl_drop_field(tx->db, change->object, field, error);
    return err == OK ? past_dropped(tx, change->object, change->field, error) : err;
}

/* ---- the unit ---- */

static enum err check_ask(const struct custom_change *change, const struct tx *tx,
                          struct error *error)
{
    if (!tx->scope->admin) {
        return error_set(error, ERR_FORBIDDEN, "only administrators may change the schema");
    }
    if (change->epoch != 0 && change->epoch != tx->schema->epoch) {
        return error_set(error, ERR_STALE,
                         "the schema is at epoch %lld, not at %lld: read it and decide again",
                         (long long)tx->schema->epoch, (long long)change->epoch);
    }
    return OK;
}

static struct str name_of(const struct custom_change *change, struct str asked,
                          enum custom_action add)
{
    bool given = asked.len == 0 && change->action == add && change->given != NULL;
    return given ? value_get_text(change->given, "name", STR("")) : asked;
}

static void show(struct custom_change *change, const struct schema_change *whole, struct tx *tx,
                 bool same)
{
    struct arena *arena = tx_arena(tx);
    int64_t epoch = same ? tx->schema->epoch : whole->next->epoch;
    value_put_c(arena, &change->result, "object", value_text(change->object));
    if (change->field.len > 0) {
        value_put_c(arena, &change->result, "field", value_text(change->field));
    }
    value_put_c(arena, &change->result, "epoch", value_int(epoch));
    if (!same && whole->added.list.count > 0) {
        value_put_c(arena, &change->result, "added", whole->added);
    }
}

static enum err write_log(struct custom_change *change, struct tx *tx, struct error *error)
{
    struct arena *arena = tx_arena(tx);
    struct value data = value_copy(arena, &change->result);
    if (change->given != NULL) {
        value_put_c(arena, &data, "declared", *change->given);
    }
    if (change->backup.len > 0) {
        value_put_c(arena, &data, "backup", value_text(change->backup));
    }
    return schema_change_log(tx, events[change->action], &data, error);
}

/* The schema without "custom", which is made anew from the tree. */
static enum err load_sources(struct tx *tx, struct schema_wish *wish, struct error *error)
{
    struct schema_source *all = NULL;
    size_t count = 0;
    int64_t epoch = 0;
    enum err err = ddl_load(tx->db, tx_arena(tx), &all, &count, &epoch, error);
    wish->sources = all;
    for (size_t i = 0; i < count && err == OK; i++) {
        if (!str_is(all[i].plugin, CUSTOM_SOURCE)) {
            all[wish->count++] = all[i];
        }
    }
    return err;
}

static enum err change_all(struct custom_change *change, struct tx *tx, const struct value *tree,
                           struct error *error)
{
    struct schema_wish wish = {.custom = tree, .error_arena = tx_arena(tx)};
    int64_t most = change->index_rows_max > 0 ? change->index_rows_max : CUSTOM_INDEX_ROWS_MAX;
    struct schema_change whole = {
        .tx = tx, .always = drops(change), .index_rows_max = most == INT64_MAX ? 0 : most};
    bool same = false;
    enum err err = load_sources(tx, &wish, error);
    err = err == OK ? schema_change_run(&whole, &wish, &same, error) : err;
    change->index_waits = whole.index_waits;
    if (err == OK) {
        show(change, &whole, tx, same);
        err = custom_save(tx->db, tree, error);
    }
    if (err == OK && drops(change)) {
        err = drop(tx, change, error);
        err = err == OK ? past_load(tx->db, whole.next, error) : err;
    }
    return err == OK ? write_log(change, tx, error) : err;
}

static enum err apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct custom_change *change = CONTAINER_OF(unit, struct custom_change, unit);
    struct value tree = value_null();
    char place[160] = "";
    change->result = value_map_new();
    change->index_waits = false;
    change->object = name_of(change, change->object, CUSTOM_ADD_OBJECT);
    change->field = name_of(change, change->field, CUSTOM_ADD_FIELD);
    struct custom_edit edit = {.action = change->action,
                               .object = change->object,
                               .field = change->field,
                               .given = change->given,
                               .schema = tx->schema,
                               .arena = tx_arena(tx)};
    enum err err = check_ask(change, tx, error);
    err = err == OK ? custom_load(tx->db, tx_arena(tx), &tree, error) : err;
    err = err == OK ? custom_edit(&edit, &tree, place, error) : err;
    if (err != OK) {
        return err;
    }
    err = change_all(change, tx, &tree, error);
    char second[160]; /* where references and computed values are looked at */
    (void)snprintf(second, sizeof(second), CUSTOM_SOURCE ": objects." STR_FORMAT "." STR_FORMAT,
                   STR_ARGS(change->object), STR_ARGS(change->field));
    for (struct error *one = error; err == ERR_SCHEMA && one != NULL; one = one->next) {
        relate(one, place);
        relate(one, change->field.len > 0 ? second : "");
    }
    return err == OK && change->dry_run ? error_set(error, ERR_CANCELLED, "dry run") : err;
}

void custom_change_init(struct custom_change *change)
{
    ASSERT(change->action < CUSTOM_ACTION_COUNT && change->unit.scope != NULL);
    change->unit.apply = apply;
    change->unit.alone = true;
    change->result = value_null();
}

/* ---- the list ---- */

static size_t entries_of(const struct value *map)
{
    return map != NULL && map->kind == VALUE_MAP ? map->map.count : 0;
}

/* One declaration, without its fields: they are in a list of their own. */
static struct value listed(struct arena *arena, const char *key, struct str name,
                           const struct value *declared, bool archived)
{
    struct value one = value_map_new();
    value_put_c(arena, &one, key, value_text(name));
    for (size_t i = 0; i < entries_of(declared); i++) {
        if (!str_is(declared->map.entries[i].key, "fields")) {
            value_put(arena, &one, declared->map.entries[i].key, declared->map.entries[i].value);
        }
    }
    value_put_c(arena, &one, "archived", value_bool(archived));
    return one;
}

static void put_objects(struct arena *arena, struct value *list, const struct value *objects,
                        bool archived)
{
    for (size_t i = 0; i < entries_of(objects); i++) {
        const struct value_entry *entry = &objects->map.entries[i];
        value_push(arena, list, listed(arena, "name", entry->key, &entry->value, archived));
    }
}

/* What fields are put into the list with. */
struct fields_list {
    struct arena *arena;
    const struct schema *schema;
    struct value rows;
    bool archived;
};

static void put_fields_of(struct fields_list *list, struct str object, const struct value *fields)
{
    const struct object_type *type = schema_object(list->schema, object);
    size_t count = fields != NULL && fields->kind == VALUE_LIST ? fields->list.count : 0;
    for (size_t i = 0; i < count; i++) {
        const struct value *declared = &fields->list.items[i];
        struct value one = listed(list->arena, "object", object, declared, list->archived);
        struct str name = value_get_text(declared, "name", STR(""));
        bool there = type != NULL && object_field(type, name) != NULL;
        value_put_c(list->arena, &one, "waiting", value_bool(!list->archived && !there));
        value_push(list->arena, &list->rows, one);
    }
}

/* Fields in a list, or in the `fields` of an object type's declaration. */
static void put_fields(struct fields_list *list, const struct value *objects, bool archived)
{
    list->archived = archived;
    for (size_t i = 0; i < entries_of(objects); i++) {
        const struct value *fields = &objects->map.entries[i].value;
        fields = fields->kind == VALUE_MAP ? value_get_c(fields, "fields") : fields;
        put_fields_of(list, objects->map.entries[i].key, fields);
    }
}

enum err reader_custom(struct reader *reader, struct arena *arena, struct value *out_list,
                       struct error *error)
{
    struct value tree = value_null();
    struct value objects = value_list_new();
    struct fields_list fields = {.arena = arena, .rows = value_list_new()};
    enum err err = custom_load(reader_db(reader), arena, &tree, error);
    if (err != OK) {
        return err;
    }
    const struct schema *schema = fields.schema = store_schema(reader_store(reader));
    put_objects(arena, &objects, value_get_c(&tree, "objects"), false);
    put_objects(arena, &objects, value_path(&tree, "archived.objects"), true);
    put_fields(&fields, value_get_c(&tree, "objects"), false);
    put_fields(&fields, value_get_c(&tree, "extend"), false);
    put_fields(&fields, value_path(&tree, "archived.objects"), true);
    put_fields(&fields, value_path(&tree, "archived.fields"), true);
    *out_list = value_map_new();
    value_put_c(arena, out_list, "epoch", value_int(schema->epoch));
    value_put_c(arena, out_list, "objects", objects);
    value_put_c(arena, out_list, "fields", fields.rows);
    schema_unref(schema);
    return OK;
}
