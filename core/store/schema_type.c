/* One object type from its stored to its new declaration: tables, columns and indexes are added,
 * enums and lengths widened, new defaults put into rows that lack them. What would lose or refuse
 * stored values is a finding that names it. Writer thread, inside a lone unit. */
#include "columns.h"
#include "custom.h"
#include "draft.h"
#include "migration.h"
#include "schema_change.h"
#include "schema_internal.h"
#include "sqlite/ddl.h"
#include "sqlite/record_sql.h"

/* One object type on its way; lives in the unit's arena. */
struct change {
    struct schema_change *whole;
    struct tx *tx;
    struct findings *findings;
    const struct object_type *type;
    const struct object_type *before; /* as declared until now; NULL: not declared */
    struct known_field *known;
    size_t known_count;
    bool *refill; /* by field index: stored rows need a key or a computed value */
    bool any_refill;
    bool filled; /* defaults went into stored rows */
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
        "; a stored field keeps its type, scale and target: declare one with another name, or "
        "write "
        "a migration with { change = \"" STR_FORMAT "." STR_FORMAT "\" }",
        known->many ? "many of " : "", STR_ARGS(known->type), known->to.len > 0 ? " to " : "",
        STR_ARGS(known->to), STR_ARGS(change->type->name), STR_ARGS(field->name));
    refuse(change, field, str_from(field_type_name(field->type)), sentence.at);
}

/* What a plugin makes narrower on purpose is said in a migration. */
static void refuse_narrower(struct change *change, const struct field *field, struct str value,
                            const char *sentence)
{
    struct str whole = arena_printf(tx_arena(change->tx),
                                    "%s; a migration with { narrow = \"" STR_FORMAT "." STR_FORMAT
                                    "\" } says what becomes of such values",
                                    sentence, STR_ARGS(change->type->name), STR_ARGS(field->name));
    refuse(change, field, value, str_is(field->plugin, CUSTOM_SOURCE) ? sentence : whole.at);
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

static bool is_number(const struct field *field)
{
    return field->type == FIELD_INTEGER || field->type == FIELD_DECIMAL ||
           field->type == FIELD_MONEY || field->type == FIELD_DATE || field->type == FIELD_DATETIME;
}

static bool limits_kept(const struct field *before, const struct field *field)
{
    bool least = field->min.kind == VALUE_NULL ||
                 (before->min.kind != VALUE_NULL && before->min.integer >= field->min.integer);
    bool most = field->max.kind == VALUE_NULL ||
                (before->max.kind != VALUE_NULL && before->max.integer <= field->max.integer);
    return least && most;
}

static enum err check_range(struct change *change, const struct field *before,
                            const struct field *field, struct error *error)
{
    struct ddl_answer answer = {.any = false};
    if (!is_number(field) || before == NULL || limits_kept(before, field)) {
        return OK;
    }
    enum err err = ddl_any_row(change->tx->db, change->type, field, DDL_OUTSIDE, &answer, error);
    if (err == OK && answer.any) {
        refuse_narrower(change, field, STR(""),
                        "holds values outside its new min and max: widen them");
    }
    return err;
}

static enum err check_narrowing(struct change *change, const struct field *before,
                                const struct field *field, struct error *error)
{
    struct db *db = change->tx->db;
    struct ddl_answer answer = {.any = false};
    enum err err = check_range(change, before, field, error);
    bool texts = field->max_length > 0 && field->type != FIELD_SECRET;
    if (err == OK && texts &&
        (before == NULL || before->max_length == 0 || field->max_length < before->max_length)) {
        err = ddl_any_row(db, change->type, field, DDL_LONGER, &answer, error);
        if (err == OK && answer.any) {
            refuse_narrower(change, field, STR(""),
                            "holds longer texts than its new max: raise max");
        }
    }
    if (err == OK && field->type == FIELD_ENUM && (before == NULL || !words_kept(before, field))) {
        err = ddl_any_row(db, change->type, field, DDL_OTHER_WORD, &answer, error);
        if (err == OK && answer.any) {
            refuse_narrower(change, field, str_from(answer.word),
                            "has records with a word that is no longer declared: keep the word, "
                            "or change the records first");
        }
    }
    return err;
}

static const char *refusal_of(const struct change *change, int64_t rows)
{
    return arena_printf(tx_arena(change->tx),
                        "is required now, and %lld stored record%s it: give it a default",
                        (long long)rows, rows == 1 ? " lacks" : "s lack")
        .at;
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
        refuse(change, field, STR(""), refusal_of(change, answer.rows));
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
    if (known == NULL && change->known_count >= SCHEMA_COLUMNS_MAX) {
        refuse(change, field, STR(""),
               "is one field too many: the values of too many are kept, "
               "archived ones included; drop some of those");
        return OK;
    }
    if (known == NULL) {
        err = ddl_add_field(tx->db, change->type, field, error);
        value_push(tx_arena(tx), &change->whole->added,
                   value_text(arena_printf(tx_arena(tx), STR_FORMAT "." STR_FORMAT,
                                           STR_ARGS(change->type->name), STR_ARGS(field->name))));
    } else if (field->sorted_text && !known->keyed) {
        err = ddl_add_key(tx->db, change->type, field, error);
    }
    /* Whose values a migration looks at, one by one, need no look here. */
    bool migrates =
        change->whole->migration != NULL &&
        migration_field_of(change->whole->migration, change->type->name, field->name) != NULL;
    if (err == OK && known != NULL && field_stored(field) && !migrates) {
        err = check_narrowing(change, before, field, error);
    }
    if (err == OK && field_stored(field) && !(migrates && field->otherwise.kind == VALUE_NULL)) {
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
    value_push(tx_arena(tx), &change->whole->added, value_text(change->type->name));
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

/* An index on many rows keeps all other writing waiting: it is made where that is known of. */
static enum err check_index(struct schema_change *whole, const struct object_type *type,
                            struct error *error)
{
    struct tx *tx = whole->tx;
    bool wanted = false;
    int64_t rows = 0;
    if (whole->index_rows_max == 0) {
        return OK;
    }
    enum err err = ddl_index_wanted(tx->db, tx_arena(tx), type, &wanted, error);
    if (err == OK && wanted) {
        err = ddl_count_rows(tx->db, type->name, whole->index_rows_max + 1, &rows, error);
    }
    if (err == OK && rows > whole->index_rows_max) {
        whole->index_waits = true;
        err = error_set(error, ERR_LIMIT,
                        "an index on more than %lld records of " STR_FORMAT " is made by a job",
                        (long long)whole->index_rows_max, STR_ARGS(type->name));
    }
    return err;
}

enum err schema_change_type(struct schema_change *whole, const struct object_type *type,
                            struct error *error)
{
    struct tx *tx = whole->tx;
    struct change change = {.whole = whole,
                            .tx = tx,
                            .findings = &whole->findings,
                            .type = type,
                            .before = schema_object(tx->schema, type->name),
                            .refill = ARENA_ARRAY(tx_arena(tx), bool, (size_t)type->field_count)};
    enum err err =
        ddl_known(tx->db, tx_arena(tx), type->name, &change.known, &change.known_count, error);
    if (err != OK) {
        return err;
    }
    err = change.known_count == 0 ? create_type(&change, error) : change_type(&change, error);
    if (err == OK && whole->migration != NULL && whole->findings.count == 0) {
        err = migration_rows(whole->migration, type, error);
    }
    if (err == OK && change.any_refill && whole->findings.count == 0) {
        err = refill(&change, whole->next, error);
    }
    if (err == OK && change.known_count > 0) {
        err = check_index(whole, type, error);
    }
    /* Last, so that refilled rows are not put into indexes one by one. */
    if (err == OK && whole->findings.count == 0) {
        err = ddl_indexes(tx->db, tx_arena(tx), type, error);
    }
    return err;
}
