/* The rows of a migration: each value is changed and held against its new declaration; a record
 * whose values change has a new version and an entry in the log, as any change. Writer thread,
 * inside a lone unit. */
#include "draft.h"
#include "migration.h"
#include "record_write.h"
#include "writer.h"

#include <string.h>

struct rows {
    struct migration *migration;
    struct tx *tx;
    const struct object_type *type;
    struct migration_field *fields[MIGRATION_FIELDS_MAX];
    size_t field_count;
};

/* ---- one value ---- */

struct looking {
    const struct migration_field *moved;
    const struct record *record;
    const struct value *value;
};

static struct value look_up(void *context, struct str path)
{
    const struct looking *looking = context;
    const struct value *found = NULL;
    if (str_eq(path, looking->moved->field) || str_eq(path, looking->moved->before.name)) {
        return *looking->value;
    }
    found = record_value(looking->record, path);
    return found == NULL ? value_null() : *found;
}

static enum err transform(const struct rows *rows, const struct migration_field *moved,
                          const struct record *record, struct value *value, struct error *error)
{
    enum err err = OK;
    for (size_t i = 0; i < moved->step_count && err == OK; i++) {
        const struct migration_step *step = moved->steps[i];
        struct looking looking = {.moved = moved, .record = record, .value = value};
        struct expr_env env = {.lookup = look_up, .context = &looking, .now_ms = rows->tx->now_ms};
        struct value made = value_null();
        if (step->expr != NULL) {
            err = expr_eval(step->expr, &env, tx_arena(rows->tx), &made, error);
            *value = err == OK ? made : *value;
        } else if (step->map != NULL && value->kind == VALUE_TEXT) {
            const struct value *other = value_get(step->map, value->text);
            *value = other != NULL ? *other : *value;
        }
    }
    return err;
}

/* A text goes into a field of another kind as it would from a file. */
static bool fits(const struct field *field, const struct value *value, struct arena *arena,
                 struct value *out_value)
{
    struct error reason = {0};
    bool words =
        field->type == FIELD_TEXT || field->type == FIELD_LONG_TEXT || field->type == FIELD_ENUM;
    if (value->kind == VALUE_NULL) {
        *out_value = *value;
        return !field->required;
    }
    if (value->kind == VALUE_TEXT && !words &&
        field_value_text(field, value->text, NULL, arena, out_value, &reason) == OK) {
        return true;
    }
    struct value plain = *value;
    if (words && value->kind != VALUE_TEXT) {
        struct buf text;
        buf_init(&text);
        value_write_api(&text, value);
        plain = value_text(arena_str(arena, buf_str(&text)));
        buf_deinit(&text);
    }
    return field_value(field, &plain, arena, out_value, &reason) == OK;
}

static const struct value *misfit_rule(const struct migration_field *moved)
{
    const struct value *rule = NULL;
    for (size_t i = 0; i < moved->step_count; i++) {
        rule = moved->steps[i]->on_misfit != NULL ? moved->steps[i]->on_misfit : rule;
    }
    return rule;
}

static void count_misfit(const struct rows *rows, struct migration_field *moved, int64_t id,
                         const struct value *value)
{
    moved->misfits++;
    if (moved->misfits > 1) {
        return;
    }
    moved->first_misfit = id;
    bool shown = moved->next->class == CLASS_PLAIN;
    moved->misfit_value =
        shown ? arena_str(rows->migration->arena, findings_show(tx_arena(rows->tx), value))
              : STR("");
}

/* False: it does not fit, which has been counted. */
static bool fit(const struct rows *rows, struct migration_field *moved, int64_t id,
                struct value *value)
{
    const struct value *rule = misfit_rule(moved);
    struct value typed = value_null();
    bool good = fits(moved->next, value, tx_arena(rows->tx), &typed);
    if (!good && rule != NULL && !(rule->kind == VALUE_TEXT && str_is(rule->text, "fail"))) {
        const struct value *named = value_get_c(rule, "value");
        struct value other = named != NULL ? *named : *rule;
        if (rule->kind == VALUE_TEXT && str_is(rule->text, "null")) {
            other = value_null();
        }
        good = fits(moved->next, &other, tx_arena(rows->tx), &typed);
    }
    if (!good) {
        count_misfit(rows, moved, id, value);
    }
    *value = typed;
    return good;
}

/* What a record stands against is told as the step's, so that one plugin fails and not all; a full
 * disk stays what it is. */
static enum err refuse_row(const struct rows *rows, const struct migration_field *moved, int64_t id,
                           struct error *error)
{
    enum { STATUS_UNPROCESSABLE = 422, STATUS_CONFLICT = 409 };
    char text[ID_TEXT_LEN + 1];
    struct error why = *error;
    int status = err_status(why.err);
    if (status != STATUS_UNPROCESSABLE && status != STATUS_CONFLICT) {
        return why.err;
    }
    id_format(id, text);
    if (moved->step_count == 0) {
        error_prefix(error, STR_FORMAT " %s: ", STR_ARGS(rows->type->name), text);
        return why.err;
    }
    return migration_refuse(moved->steps[moved->step_count - 1], error, STR_FORMAT " %s: %.300s",
                            STR_ARGS(rows->type->name), text, why.detail);
}

/* ---- one row ---- */

static enum err change_field(const struct rows *rows, struct migration_field *moved,
                             const struct record *record, struct draft *draft, bool *out_changed,
                             struct error *error)
{
    struct tx *tx = rows->tx;
    const struct value *now = &record->values[moved->next->index];
    struct value value = *now;
    enum err err = OK;
    if (moved->aside) {
        err = aside_read(tx->db, tx_arena(tx), moved, record->id, &value, error);
    }
    if (err != OK || (moved->aside && value.kind == VALUE_NULL && moved->step_count == 0)) {
        return err;
    }
    err = transform(rows, moved, record, &value, error);
    if (err != OK) {
        return refuse_row(rows, moved, record->id, error);
    }
    /* A new column has its default already. */
    bool filled = moved->aside && value.kind == VALUE_NULL && now->kind != VALUE_NULL;
    if (filled || !fit(rows, moved, record->id, &value) || value_equal(now, &value)) {
        return OK;
    }
    draft_put(draft, moved->next, value, tx_arena(tx));
    for (size_t i = 0; i < moved->step_count; i++) {
        moved->steps[i]->rows++;
    }
    *out_changed = true;
    return OK;
}

static enum err change_row(const struct rows *rows, int64_t id, struct error *error)
{
    struct tx *tx = rows->tx;
    struct record *record = NULL;
    bool changed = false;
    struct draft *draft = draft_new(tx_arena(tx), DRAFT_UPDATE, rows->type, id);
    enum err err = record_row_get(tx, rows->type, id, &record, error);
    for (size_t i = 0; i < rows->field_count && err == OK; i++) {
        err = change_field(rows, rows->fields[i], record, draft, &changed, error);
    }
    if (err != OK || !changed) {
        return err;
    }
    struct writing writing = {.tx = tx, .draft = draft, .trusted = true, .revert = true};
    err = record_apply(&writing, NULL, error);
    return err == OK ? OK : refuse_row(rows, rows->fields[0], id, error);
}

/* ---- all of them ---- */

/* What is pending is written, so that memory is that of a batch, not of a million records. */
static enum err end_batch(struct tx *tx, struct arena *batch, struct error *error)
{
    enum err err = log_flush(tx, error);
    tx->entries = NULL;
    tx->entries_end = &tx->entries;
    tx->entry_count = 0;
    if (batch != NULL) {
        arena_reset(batch);
    }
    return err;
}

static enum err change_rows(struct rows *rows, struct arena *batch, struct error *error)
{
    struct ddl_ids ids = {.after = INT64_MIN};
    struct tx *tx = rows->tx;
    enum err err = ddl_next_ids(tx->db, rows->type, &ids, error);
    while (err == OK && ids.count > 0) {
        for (size_t i = 0; i < ids.count && err == OK; i++) {
            err = change_row(rows, ids.ids[i], error);
        }
        err = err == OK ? end_batch(tx, batch, error) : err;
        err = err == OK ? ddl_next_ids(tx->db, rows->type, &ids, error) : err;
    }
    return err;
}

/* Each batch has memory of its own, unless what it voids must be told after the COMMIT. */
static enum err change_in_batches(struct rows *rows, struct error *error)
{
    struct tx *tx = rows->tx;
    struct unit *unit = tx->unit;
    const struct schema *schema = tx->schema;
    struct unit scratch = {
        .scope = unit->scope, .request = unit->request, .cause = unit->cause, .alone = true};
    bool told = !tx->store->approvals_known || tx->store->approvals_wait;
    enum err err = end_batch(tx, NULL, error);
    if (err != OK) {
        return err;
    }
    arena_init(&scratch.arena);
    tx->schema = rows->migration->whole->next;
    tx->unit = told ? unit : &scratch;
    err = change_rows(rows, told ? NULL : &scratch.arena, error);
    tx->unit = unit;
    tx->schema = schema;
    arena_deinit(&scratch.arena);
    return err;
}

static enum err refuse_misfits(const struct migration_field *moved, struct error *error)
{
    char text[ID_TEXT_LEN + 1];
    id_format(moved->first_misfit, text);
    if (moved->step_count == 0) {
        return error_set(error, ERR_SCHEMA,
                         "values of " STR_FORMAT "." STR_FORMAT " cannot be put back: %s does not "
                         "fit",
                         STR_ARGS(moved->object), STR_ARGS(moved->field), text);
    }
    return migration_refuse(
        moved->steps[moved->step_count - 1], error,
        "%lld record%s not fit " STR_FORMAT "." STR_FORMAT ", the first is %s (" STR_FORMAT
        "): say on_misfit = \"null\" or a value, or change them first",
        (long long)moved->misfits, moved->misfits == 1 ? " does" : "s do", STR_ARGS(moved->object),
        STR_ARGS(moved->field), text, STR_ARGS(str_sub(moved->misfit_value, 0, 60)));
}

enum err migration_rows(struct migration *migration, const struct object_type *type,
                        struct error *error)
{
    struct migration_field **fields = migration->fields;
    struct rows *rows = ARENA_NEW(migration->arena, struct rows);
    rows->migration = migration;
    rows->tx = migration->whole->tx;
    rows->type = type;
    for (size_t i = 0; i < migration->field_count; i++) {
        if (str_eq(fields[i]->object, type->name) && fields[i]->next != NULL) {
            rows->fields[rows->field_count++] = fields[i];
        }
    }
    enum err err = rows->field_count == 0 ? OK : change_in_batches(rows, error);
    for (size_t i = 0; i < rows->field_count && err == OK; i++) {
        err = rows->fields[i]->misfits > 0 ? refuse_misfits(rows->fields[i], error) : OK;
    }
    return err;
}
