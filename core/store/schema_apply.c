/* From declared to stored schema: tables, columns and indexes are added, enums and lengths widened,
 * new defaults put into rows that lack them. What would lose or refuse stored values is an error
 * that names it. One lone unit on the writer; the new snapshot is published after its COMMIT. */
#include "columns.h"
#include "draft.h"
#include "findings.h"
#include "proxenos/base_json.h"
#include "schema_internal.h"
#include "sqlite/ddl.h"
#include "sqlite/record_plan.h"
#include "sqlite/record_sql.h"

#include <string.h>

struct applying {
    struct unit unit;
    struct store *store;
    const struct schema_source *sources;
    size_t source_count;
    struct schema *schema; /* built, one reference of our own */
    struct arena *error_arena;
    struct findings findings;
};

/* One object type on its way; lives in the unit's arena. */
struct change {
    struct tx *tx;
    struct findings *findings;
    const struct object_type *type;
    const struct object_type *before; /* as declared until now; NULL: not declared */
    struct known_field *known;
    size_t known_count;
    bool *refill; /* by field index: stored rows need a key or a computed value */
    bool any_refill;
    bool filled;         /* defaults went into stored rows */
    struct value *added; /* list of "object.field" for the log */
};

static void refuse(struct change *change, const struct field *field, struct str value,
                   const char *sentence)
{
    struct arena *arena = tx_arena(change->tx);
    struct str pointer =
        arena_printf(arena, STR_FORMAT ": objects." STR_FORMAT "." STR_FORMAT,
                     STR_ARGS(field->plugin), STR_ARGS(change->type->name), STR_ARGS(field->name));
    findings_add(change->findings, ERR_SCHEMA, pointer.at, value, STR(""),
                 STR_FORMAT "." STR_FORMAT " %s", STR_ARGS(change->type->name),
                 STR_ARGS(field->name), sentence);
}

/* ---- is the new declaration one the stored column can bear? ---- */

static const struct known_field *known_as(const struct change *change, const struct field *field)
{
    for (size_t i = 0; i < change->known_count; i++) {
        if (str_eq(change->known[i].name, field->name)) {
            return &change->known[i];
        }
    }
    return NULL;
}

static bool is_text_type(struct str type)
{
    static const char *const names[] = {"text", "long_text", "email",    "phone",   "url",
                                        "enum", "country",   "language", "duration"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (str_is(type, names[i])) {
            return true;
        }
    }
    return false;
}

static bool bears(const struct known_field *known, const struct field *field)
{
    bool same = str_is(known->type, field_type_name(field->type));
    bool widens = !known->many && is_text_type(known->type) &&
                  (field->type == FIELD_TEXT || field->type == FIELD_LONG_TEXT);
    return (same || widens) && known->many == field->many &&
           (field->to.len == 0 || str_eq(known->to, field->to)) &&
           (field->type != FIELD_DECIMAL || known->scale == field->scale);
}

static void refuse_kind(struct change *change, const struct known_field *known,
                        const struct field *field)
{
    struct str sentence = arena_printf(
        tx_arena(change->tx),
        "is stored as %s" STR_FORMAT "%s" STR_FORMAT
        "; a stored field keeps its type, scale and target: declare one with another name",
        known->many ? "many of " : "", STR_ARGS(known->type), known->to.len > 0 ? " to " : "",
        STR_ARGS(known->to));
    refuse(change, field, str_from(field_type_name(field->type)), sentence.at);
}

static bool words_kept(const struct field *before, const struct field *field)
{
    for (size_t i = 0; i < before->value_count; i++) {
        bool kept = false;
        for (size_t w = 0; w < field->value_count && !kept; w++) {
            kept = str_eq(before->values[i], field->values[w]);
        }
        if (!kept) {
            return false;
        }
    }
    return true;
}

static enum err check_narrowing(struct change *change, const struct field *before,
                                const struct field *field, struct error *error)
{
    struct db *db = change->tx->db;
    struct ddl_answer answer = {.any = false};
    enum err err = OK;
    bool texts = field->max_length > 0 && field->type != FIELD_SECRET;
    if (texts &&
        (before == NULL || before->max_length == 0 || field->max_length < before->max_length)) {
        err = ddl_any_row(db, change->type, field, DDL_LONGER, &answer, error);
        if (err == OK && answer.any) {
            refuse(change, field, STR(""), "holds longer texts than its new max: raise max");
        }
    }
    if (err == OK && field->type == FIELD_ENUM && (before == NULL || !words_kept(before, field))) {
        err = ddl_any_row(db, change->type, field, DDL_OTHER_WORD, &answer, error);
        if (err == OK && answer.any) {
            refuse(change, field, str_from(answer.word),
                   "has records with a word that is no longer declared: keep the word, or change "
                   "the records first");
        }
    }
    return err;
}

/* Rows without a value: filled with the default, or refused when the field is required. */
static enum err check_missing(struct change *change, const struct field *before,
                              const struct field *field, struct error *error)
{
    struct tx *tx = change->tx;
    struct ddl_answer answer = {.any = false};
    bool newly_required = field->required && (before == NULL || !before->required);
    if (field_many(field) || field->system || field->computed_source.len > 0 ||
        (before != NULL && !newly_required)) {
        return OK;
    }
    if (field->otherwise.kind != VALUE_NULL) {
        change->filled = true;
        return ddl_fill(tx->db, tx_arena(tx), change->type, field, error);
    }
    if (!newly_required) {
        return OK;
    }
    enum err err = ddl_any_row(tx->db, change->type, field, DDL_NULL, &answer, error);
    if (err == OK && answer.any) {
        refuse(change, field, STR(""),
               "is required now, and stored records lack it: give it a default");
    }
    return err;
}

/* ---- one field, one type ---- */

static void want_refill(struct change *change, const struct field *field)
{
    change->refill[field->index] = true;
    change->any_refill = true;
}

static enum err change_field(struct change *change, const struct field *field, struct error *error)
{
    struct tx *tx = change->tx;
    const struct known_field *known = known_as(change, field);
    const struct field *before =
        change->before == NULL ? NULL : object_field(change->before, field->name);
    enum err err = OK;
    if (known != NULL && !bears(known, field)) {
        refuse_kind(change, known, field);
        return OK;
    }
    if (known == NULL) {
        err = ddl_add_field(tx->db, change->type, field, error);
        value_push(tx_arena(tx), change->added,
                   value_text(arena_printf(tx_arena(tx), STR_FORMAT "." STR_FORMAT,
                                           STR_ARGS(change->type->name), STR_ARGS(field->name))));
    } else if (field->sorted_text && !known->keyed) {
        err = ddl_add_key(tx->db, change->type, field, error);
    }
    if (err == OK && known != NULL && field_stored(field)) {
        err = check_narrowing(change, before, field, error);
    }
    if (err == OK && field_stored(field)) {
        err = check_missing(change, known == NULL ? NULL : before, field, error);
    }
    bool keys = field->sorted_text && (known == NULL || !known->keyed);
    bool computes = field->computed != NULL &&
                    (before == NULL || !str_eq(before->computed_source, field->computed_source));
    if (field_stored(field) && (keys || computes)) {
        want_refill(change, field);
    }
    return err != OK ? err : ddl_remember(tx->db, change->type, field, error);
}

static enum err create_type(struct change *change, struct error *error)
{
    struct tx *tx = change->tx;
    enum err err = ddl_create_table(tx->db, change->type, error);
    for (int i = 0; i < change->type->field_count && err == OK; i++) {
        const struct field *field = &change->type->fields[i];
        err = field->computed_on_read ? OK : ddl_remember(tx->db, change->type, field, error);
    }
    value_push(tx_arena(tx), change->added, value_text(change->type->name));
    return err;
}

static enum err change_type(struct change *change, struct error *error)
{
    enum err err = OK;
    for (int i = SYS_COUNT; i < change->type->field_count && err == OK; i++) {
        const struct field *field = &change->type->fields[i];
        if (!field->computed_on_read) {
            err = change_field(change, field, error);
        }
    }
    /* What follows from a value that was just put in follows it. */
    for (int i = SYS_COUNT; i < change->type->field_count && change->filled; i++) {
        const struct field *field = &change->type->fields[i];
        if (field_stored(field) && (field->sorted_text || field->computed != NULL)) {
            want_refill(change, field);
        }
    }
    return err;
}

/* ---- rows whose keys or computed values are to be made ---- */

static enum err refill_row(struct change *change, int64_t id, struct error *error)
{
    struct tx *tx = change->tx;
    struct arena *arena = tx_arena(tx);
    struct record *record = NULL;
    enum err err = record_row_get(tx, change->type, id, &record, error);
    if (err != OK) {
        return err;
    }
    struct draft *draft = draft_new(arena, DRAFT_UPDATE, change->type, id);
    err = draft_compute(draft, record, tx->now_ms, arena, error);
    if (err != OK) {
        return err;
    }
    for (int i = SYS_COUNT; i < change->type->field_count; i++) {
        if (change->refill[i]) {
            draft_put(draft, &change->type->fields[i], record->values[i], arena);
        }
    }
    return record_row_update(tx, draft, record, change->refill, error);
}

/* Under the new snapshot, with memory of its own: there may be a million rows. */
static enum err refill(struct change *change, const struct schema *schema, struct error *error)
{
    struct unit scratch = {.scope = change->tx->scope};
    struct tx tx = *change->tx;
    struct change rows = *change;
    struct ddl_ids ids = {.after = INT64_MIN};
    arena_init(&scratch.arena);
    tx.unit = &scratch;
    tx.schema = schema;
    rows.tx = &tx;
    enum err err = ddl_next_ids(tx.db, change->type, &ids, error);
    while (err == OK && ids.count > 0) {
        for (size_t i = 0; i < ids.count && err == OK; i++) {
            err = refill_row(&rows, ids.ids[i], error);
        }
        arena_reset(&scratch.arena);
        err = err != OK ? err : ddl_next_ids(tx.db, change->type, &ids, error);
    }
    arena_deinit(&scratch.arena);
    return err;
}

/* ---- all of them ---- */

static enum err apply_type(struct applying *applying, struct tx *tx, const struct object_type *type,
                           struct value *added, struct error *error)
{
    struct change change = {.tx = tx,
                            .findings = &applying->findings,
                            .type = type,
                            .before = schema_object(tx->schema, type->name),
                            .refill = ARENA_ARRAY(tx_arena(tx), bool, (size_t)type->field_count),
                            .added = added};
    enum err err =
        ddl_known(tx->db, tx_arena(tx), type->name, &change.known, &change.known_count, error);
    if (err != OK) {
        return err;
    }
    err = change.known_count == 0 ? create_type(&change, error) : change_type(&change, error);
    if (err == OK && change.any_refill && applying->findings.count == 0) {
        err = refill(&change, applying->schema, error);
    }
    /* Last, so that refilled rows are not put into indexes one by one. */
    if (err == OK && applying->findings.count == 0) {
        err = ddl_indexes(tx->db, tx_arena(tx), type, error);
    }
    return err;
}

static enum err log_change(struct tx *tx, int64_t epoch, const struct value *added,
                           struct error *error)
{
    struct arena *arena = tx_arena(tx);
    struct value after = value_map_new();
    struct value payload = value_map_new();
    struct buf text;
    value_put_c(arena, &after, "epoch", value_int(epoch));
    value_put_c(arena, &after, "added", *added);
    value_put_c(arena, &payload, "after", after);
    buf_init(&text);
    json_encode(&text, &payload);
    struct log_entry entry = {.type = STR("schema.updated"),
                              .payload = arena_str(arena, buf_str(&text))};
    buf_deinit(&text);
    return log_append(tx, &entry, NULL, error);
}

static enum err apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct applying *applying = CONTAINER_OF(unit, struct applying, unit);
    struct schema *schema = applying->schema;
    struct value added = value_list_new();
    enum err err = OK;
    findings_init(&applying->findings, applying->error_arena, error);
    if (tx->schema->epoch > 0 &&
        memcmp(tx->schema->hash, schema->hash, sizeof(schema->hash)) == 0) {
        return OK;
    }
    schema->epoch = tx->schema->epoch + 1;
    record_plans_reset(tx->store);
    for (int i = 0; i < schema->object_count && err == OK; i++) {
        err = apply_type(applying, tx, &schema->objects[i], &added, error);
    }
    record_plans_reset(tx->store);
    if (err == OK && applying->findings.count > 0) {
        err = applying->findings.err;
    }
    if (err == OK) {
        err = ddl_save(tx->db, applying->sources, applying->source_count, schema->epoch, error);
    }
    if (err == OK) {
        err = log_change(tx, schema->epoch, &added, error);
    }
    if (err == OK) {
        schema_ref(schema);
        tx_publish_schema(tx, schema);
    }
    return err;
}

static void applied(struct unit *unit)
{
    (void)unit;
}

static bool has_core(const struct schema_source *sources, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (str_is(sources[i].plugin, "core")) {
            return true;
        }
    }
    return false;
}

enum err store_schema_apply(struct store *store, const struct schema_source *sources, size_t count,
                            const struct scope *scope, struct arena *error_arena,
                            struct error *error)
{
    struct arena arena;
    struct applying applying = {.store = store, .error_arena = error_arena};
    arena_init(&arena);
    struct schema_source *all = ARENA_ARRAY(&arena, struct schema_source, count + 1);
    size_t core = has_core(sources, count) ? 0 : 1;
    all[0] = core_schema(&arena);
    for (size_t i = 0; i < count; i++) {
        all[core + i] = sources[i];
    }
    applying.sources = all;
    applying.source_count = count + core;
    enum err err = schema_build(all, count + core, &applying.schema, error_arena, error);
    if (err == OK) {
        applying.unit.alone = true;
        applying.unit.scope = scope;
        applying.unit.apply = apply;
        applying.unit.done = applied;
        err = store_run(store, &applying.unit);
        if (err != OK && error != NULL) {
            *error = applying.unit.error;
        }
        unit_deinit(&applying.unit);
        schema_unref(applying.schema);
    }
    arena_deinit(&arena);
    return err;
}

/* ---- at open ---- */

enum err store_schema_load(struct store *store, struct db *db, struct error *error)
{
    struct arena arena;
    struct schema_source *sources = NULL;
    size_t count = 0;
    int64_t epoch = 0;
    struct schema *schema = NULL;
    arena_init(&arena);
    enum err err = ddl_load(db, &arena, &sources, &count, &epoch, error);
    if (err == OK) {
        err = schema_build(sources, count, &schema, NULL, error);
        if (err != OK) {
            error_prefix(error, "the stored schema: ");
        }
    }
    for (int i = 0; err == OK && i < schema->object_count; i++) {
        int64_t id = 0;
        err = ddl_max_id(db, &schema->objects[i], &id, error);
        ids_seen(store->ids, id);
    }
    if (err == OK) {
        schema->epoch = epoch;
        store_publish_schema(store, schema);
    } else {
        schema_unref(schema);
    }
    arena_deinit(&arena);
    return err;
}
