/* A batch of rows as one unit of the store. batch_apply and all it calls run on the writer's
 * thread, perhaps several times (contract 1), so every result is set anew; the rest is the lane's.
 *
 *   plain          write ──> done
 *   dry run        trial ──> record      the trial is undone, what it found is then written
 *   atomic         trial ──> done        when all rows are good, else undone and ──> record */
#include "import.h"

#include "proxenos/base_text.h"

struct batch *batch_new(struct import *import)
{
    struct batch *batch = mem_zalloc(sizeof(*batch));
    batch->import = import;
    arena_init(&batch->arena);
    list_node_init(&batch->in_flight);
    return batch;
}

void batch_reset(struct batch *batch)
{
    unit_deinit(&batch->unit);
    unit_deinit(&batch->trial);
    arena_reset(&batch->arena);
    batch->unit = (struct unit){0};
    batch->trial = (struct unit){0};
    batch->count = 0;
    batch->tried = false;
}

void batch_free(struct batch *batch)
{
    if (batch != NULL) {
        batch_reset(batch);
        arena_deinit(&batch->arena);
        mem_free(batch->rows);
        mem_free(batch);
    }
}

struct row *batch_row(struct batch *batch)
{
    if (batch->count == batch->cap) {
        batch->cap = MAX(batch->cap * 2, IMPORT_BATCH_ROWS);
        batch->rows = mem_realloc(batch->rows, sizeof(struct row) * (size_t)batch->cap);
    }
    struct row *row = &batch->rows[batch->count++];
    *row = (struct row){0};
    return row;
}

/* ---- errors of rows ---- */

bool err_ends_unit(enum err err)
{
    return err == ERR_DISK_FULL || err == ERR_IO || err == ERR_CORRUPT || err == ERR_INTERNAL ||
           err == ERR_BUSY || err == ERR_STOPPING || err == ERR_MEMORY;
}

enum err error_row_write(struct tx *tx, const struct job *job, int64_t line, int position,
                         const struct row_error *row_error, struct error *error)
{
    struct value binds[] = {value_int(job->id),
                            value_int(line),
                            value_int(position),
                            value_text(row_error->column),
                            value_text(row_error->value),
                            value_text(str_from(err_code(row_error->err))),
                            value_text(row_error->reason),
                            value_text(row_error->nearest)};
    return tx_table(tx, &transfer_tables, TRANSFER_ERROR_ADD, binds, COUNT_OF(binds), NULL, NULL,
                    error);
}

/* ---- apply: rows ---- */

struct applying {
    struct batch *batch;
    struct tx *tx;
    struct error *error; /* of the unit */
};

/* OK: the row failed and is noted; else the unit ends. */
static enum err fail_row(struct applying *applying, struct row *row,
                         const struct column_map *column, const struct error *why)
{
    struct arena *arena = tx_arena(applying->tx);
    if (err_ends_unit(why->err)) {
        *applying->error = *why;
        return why->err;
    }
    row->outcome = ROW_FAILED;
    if (column != NULL) {
        row_error_put(&row->refusals, arena, column, why, str_from(why->value));
    } else {
        row_error_add(&row->refusals, arena, applying->batch->import, why);
    }
    return OK;
}

/* *out_made false: the row failed with it. */
static enum err make_needed(struct applying *applying, struct row *row, bool *out_made)
{
    struct batch *batch = applying->batch;
    bool dry_run = batch->import->spec.dry_run;
    *out_made = true;
    for (struct row_need *need = row->needs; need != NULL; need = need->next) {
        struct ref_make *make = need->make;
        struct error why = {0};
        if (make->batch != 0 && (!dry_run || make->batch == batch->number)) {
            continue;
        }
        if (tx_write(applying->tx, make->draft, NULL, &why) != OK) {
            *out_made = false;
            return fail_row(applying, row, make->column, &why);
        }
        make->batch = batch->number;
    }
    return OK;
}

static enum err find_existing(struct applying *applying, const struct row *row, int64_t *out_id)
{
    const struct import *import = applying->batch->import;
    *out_id = 0;
    if (import->spec.on_conflict == CONFLICT_ERROR || row->key.kind == VALUE_NULL) {
        return OK;
    }
    enum err err =
        tx_find_unique(applying->tx, import->type, import->key, &row->key, out_id, applying->error);
    return err == ERR_NOT_FOUND ? OK : err;
}

static enum err write_row(struct applying *applying, struct row *row, int64_t existing)
{
    struct error why = {0};
    if (existing == 0) {
        row->outcome = ROW_CREATED;
        enum err err = tx_import(applying->tx, row->create, NULL, &why);
        return err == OK ? OK : fail_row(applying, row, NULL, &why);
    }
    if (row->update == NULL) {
        row->outcome = ROW_SKIPPED;
        return OK;
    }
    struct draft update = *row->update;
    struct tx_result result = {0};
    update.id = existing;
    if (tx_import(applying->tx, &update, &result, &why) != OK) {
        return fail_row(applying, row, NULL, &why);
    }
    row->outcome = result.changed ? ROW_UPDATED : ROW_SKIPPED;
    return OK;
}

/* Dry run: an earlier row, undone meanwhile, had the same key. */
static enum err seen_row(struct applying *applying, struct row *row)
{
    const struct import *import = applying->batch->import;
    struct error why = {0};
    char pointer[64];
    if (import->spec.on_conflict != CONFLICT_ERROR) {
        row->outcome = import->spec.on_conflict == CONFLICT_UPDATE ? ROW_UPDATED : ROW_SKIPPED;
        return OK;
    }
    (void)snprintf(pointer, sizeof(pointer), "/" STR_FORMAT, STR_ARGS(import->key->name));
    (void)error_at(&why, ERR_UNIQUE, pointer, NULL, "an earlier row has the same " STR_FORMAT,
                   STR_ARGS(import->key->name));
    return fail_row(applying, row, NULL, &why);
}

static enum err apply_row(struct applying *applying, struct row *row)
{
    int64_t existing = 0;
    bool made = true;
    row->outcome = ROW_FAILED;
    row->refusals = NULL;
    if (row->errors != NULL) {
        return OK;
    }
    if (row->seen) {
        return seen_row(applying, row);
    }
    enum err err = make_needed(applying, row, &made);
    if (err == OK && made) {
        err = find_existing(applying, row, &existing);
    }
    return err == OK && made ? write_row(applying, row, existing) : err;
}

/* Atomic: references to rows further down, now that all are there. */
static enum err apply_fixes(struct applying *applying, struct row *row)
{
    for (struct row_later *later = row->later; later != NULL; later = later->next) {
        struct error why = {0};
        if (later->fix == NULL || row->outcome != ROW_CREATED) {
            continue;
        }
        if (tx_import(applying->tx, later->fix, NULL, &why) != OK) {
            return fail_row(applying, row, later->column, &why);
        }
    }
    return OK;
}

static enum err apply_rows(struct applying *applying)
{
    struct batch *batch = applying->batch;
    enum err err = OK;
    for (int i = 0; i < batch->count; i++) {
        for (struct row_need *need = batch->rows[i].needs; need != NULL; need = need->next) {
            need->make->batch = need->make->batch == batch->number ? 0 : need->make->batch;
        }
    }
    for (int i = 0; i < batch->count && err == OK; i++) {
        err = apply_row(applying, &batch->rows[i]);
    }
    for (int i = 0; i < batch->count && err == OK; i++) {
        err = apply_fixes(applying, &batch->rows[i]);
    }
    return err;
}

static void count_rows(struct batch *batch)
{
    batch->created = batch->updated = batch->skipped = batch->failed = 0;
    for (int i = 0; i < batch->count; i++) {
        switch (batch->rows[i].outcome) {
        case ROW_FAILED:
            batch->failed++;
            break;
        case ROW_CREATED:
            batch->created++;
            break;
        case ROW_UPDATED:
            batch->updated++;
            break;
        case ROW_SKIPPED:
            batch->skipped++;
            break;
        }
    }
}

/* ---- apply: what is written of them ---- */

static bool kept(const struct row *row)
{
    return row->outcome == ROW_CREATED || row->outcome == ROW_UPDATED;
}

static enum err write_errors(struct applying *applying, const struct row *row)
{
    const struct row_error *at = row->errors != NULL ? row->errors : row->refusals;
    enum err err = OK;
    for (int position = 0; at != NULL && err == OK; at = at->next) {
        err = error_row_write(applying->tx, applying->batch->import->job, row->line, position++, at,
                              applying->error);
    }
    return err;
}

static enum err write_later(struct applying *applying, const struct row *row)
{
    for (const struct row_later *later = row->later; later != NULL; later = later->next) {
        struct value binds[] = {value_int(applying->batch->import->job->id), value_int(row->line),
                                value_text(later->column->field->name), value_int(row->create->id),
                                value_text(later->text)};
        enum err err = later->fix != NULL || row->outcome != ROW_CREATED
                           ? OK
                           : tx_table(applying->tx, &transfer_tables, TRANSFER_LATER_ADD, binds,
                                      COUNT_OF(binds), NULL, NULL, applying->error);
        if (err != OK) {
            return err;
        }
    }
    return OK;
}

static enum err write_nulls(struct applying *applying)
{
    const struct batch *batch = applying->batch;
    const struct object_type *type = batch->import->type;
    for (int field = 0; field < type->field_count; field++) {
        int64_t count = 0;
        for (int i = 0; i < batch->count; i++) {
            const struct row *row = &batch->rows[i];
            count += row->null_refs != NULL && kept(row) ? row->null_refs[field] : 0;
        }
        struct value binds[] = {value_int(batch->import->job->id),
                                value_text(type->fields[field].name), value_int(count)};
        enum err err = count == 0 ? OK
                                  : tx_table(applying->tx, &transfer_tables, TRANSFER_NULL_ADD,
                                             binds, COUNT_OF(binds), NULL, NULL, applying->error);
        if (err != OK) {
            return err;
        }
    }
    return OK;
}

/* Does any of its rows go into a compartment? */
static bool goes_inside(const struct batch *batch)
{
    bool inside = false;
    for (int i = 0; i < batch->count; i++) {
        const struct draft *draft = batch->rows[i].create;
        inside = inside || (draft != NULL && draft->set[SYS_COMPARTMENT] != 0 &&
                            draft->values[SYS_COMPARTMENT].kind == VALUE_TEXT);
    }
    return inside;
}

/* The guard on the number of rows makes every batch count once, in its order. */
static enum err advance(struct applying *applying)
{
    const struct batch *batch = applying->batch;
    struct value binds[] = {value_int(batch->import->job->id), value_int(batch->first_row),
                            value_int(batch->end_offset),      value_int(batch->count),
                            value_int(batch->end_line),        value_int(batch->created),
                            value_int(batch->updated),         value_int(batch->skipped),
                            value_int(batch->failed),          value_int(0),
                            value_bool(goes_inside(batch))};
    enum err err = tx_table(applying->tx, &transfer_tables, TRANSFER_JOB_ADVANCE, binds,
                            COUNT_OF(binds), NULL, NULL, applying->error);
    if (err == OK && tx_changes(applying->tx) == 0) {
        err = error_set(applying->error, ERR_CONFLICT,
                        "the job has moved on without this batch of rows");
    }
    return err;
}

static enum err write_report(struct applying *applying)
{
    struct batch *batch = applying->batch;
    enum err err = advance(applying);
    for (int i = 0; i < batch->count && err == OK; i++) {
        err = write_errors(applying, &batch->rows[i]);
        if (err == OK) {
            err = write_later(applying, &batch->rows[i]);
        }
    }
    return err == OK ? write_nulls(applying) : err;
}

static enum err batch_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct batch *batch = CONTAINER_OF(unit, struct batch, unit);
    struct applying applying = {batch, tx, error};
    enum err err = OK;
    if (!batch->tried) {
        err = apply_rows(&applying);
        count_rows(batch);
    }
    return err == OK ? write_report(&applying) : err;
}

static enum err trial_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct batch *batch = CONTAINER_OF(unit, struct batch, trial);
    struct applying applying = {batch, tx, error};
    batch->tried = false;
    enum err err = apply_rows(&applying);
    count_rows(batch);
    if (err == OK && batch->failed == 0 && !batch->import->spec.dry_run) {
        return write_report(&applying);
    }
    if (err != OK) {
        return err;
    }
    batch->tried = true;
    return error_set(error, ERR_CANCELLED, "tried only");
}

/* ---- the lane's side ---- */

static void batch_done(struct unit *unit)
{
    CONTAINER_OF(unit, struct batch, unit)->away = false;
}

static void trial_done(struct unit *unit)
{
    CONTAINER_OF(unit, struct batch, trial)->away = false;
}

/* Atomic and refused: nothing was kept, only the reasons are. */
static void keep_none(struct batch *batch)
{
    if (batch->import->spec.atomic && !batch->import->spec.dry_run) {
        for (int i = 0; i < batch->count; i++) {
            batch->rows[i].outcome = ROW_FAILED;
        }
        batch->import->failed_rows = batch->failed;
        batch->created = batch->updated = batch->skipped = 0;
    }
}

enum err batch_submit(struct batch *batch)
{
    struct import *import = batch->import;
    bool trial = (import->spec.dry_run || import->spec.atomic) && !batch->tried;
    struct unit *unit = trial ? &batch->trial : &batch->unit;
    unit_deinit(unit);
    *unit = (struct unit){.apply = trial ? trial_apply : batch_apply,
                          .done = trial ? trial_done : batch_done,
                          .reply = import->job->mailbox,
                          .scope = import->scope,
                          .request = import->job->request,
                          .changeset = &import->changeset};
    batch->away = true;
    enum err err = store_submit(import->store, unit);
    if (err != OK) {
        batch->away = false;
        unit->err = error_set(&unit->error, err, "%s", err_text(err));
    }
    return err;
}

const struct error *batch_error(const struct batch *batch)
{
    return batch->unit.apply != NULL ? &batch->unit.error : &batch->trial.error;
}

enum err batch_settle(struct batch *batch, bool *out_again)
{
    ASSERT(!batch->away);
    *out_again = false;
    if (batch->unit.apply != NULL) {
        return batch->unit.err;
    }
    if (batch->trial.err == ERR_CANCELLED && batch->tried) {
        keep_none(batch);
        *out_again = true;
        return OK;
    }
    batch->tried = false;
    return batch->trial.err;
}
