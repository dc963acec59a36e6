/* References to rows further down in the same file (a subsidiary before its parent): imported
 * empty, noted in transfer_later, set here when the file has been read. What still names nobody
 * becomes an entry of the errors; its row stays. Lane's thread, but for later_apply (writer). */
#include "import.h"

#include "proxenos/base_text.h"

struct later_row {
    int64_t line, record;
    struct str field, text;
    struct draft *fix; /* NULL: `why` */
    struct row_error *why;
    struct row_error *refused; /* result of apply, in the unit's arena */
};

struct resolving {
    struct unit unit;
    struct import *import;
    struct arena arena;
    struct later_row rows[IMPORT_BATCH_ROWS];
    int count;
    bool away;
};

/* ---- apply ---- */

static enum err drop_row(struct resolving *resolving, struct tx *tx, const struct later_row *row,
                         struct error *error)
{
    struct value binds[] = {value_int(resolving->import->job->id), value_int(row->line),
                            value_text(row->field)};
    return tx_table(tx, &transfer_tables, TRANSFER_LATER_DROP, binds, COUNT_OF(binds), NULL, NULL,
                    error);
}

static enum err set_row(struct resolving *resolving, struct tx *tx, struct later_row *row,
                        struct error *error)
{
    struct error why = {0};
    row->refused = NULL;
    if (row->fix == NULL || resolving->import->spec.dry_run ||
        tx_import(tx, row->fix, NULL, &why) == OK) {
        return OK;
    }
    if (err_ends_unit(why.err)) {
        *error = why;
        return why.err;
    }
    row_error_add(&row->refused, tx_arena(tx), resolving->import, &why);
    return OK;
}

static enum err later_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct resolving *resolving = CONTAINER_OF(unit, struct resolving, unit);
    enum { POSITION_FIRST = 1000 }; /* behind the row's own errors */
    int64_t unresolved = 0;
    enum err err = OK;
    for (int i = 0; i < resolving->count && err == OK; i++) {
        struct later_row *row = &resolving->rows[i];
        err = set_row(resolving, tx, row, error);
        const struct row_error *why = row->why != NULL ? row->why : row->refused;
        if (err == OK && why != NULL) {
            unresolved++;
            err = error_row_write(tx, resolving->import->job, row->line, POSITION_FIRST + i, why,
                                  error);
        }
        if (err == OK) {
            err = drop_row(resolving, tx, row, error);
        }
    }
    if (err == OK && unresolved > 0) {
        struct value binds[] = {value_int(resolving->import->job->id), value_int(unresolved)};
        err = tx_table(tx, &transfer_tables, TRANSFER_JOB_UNRESOLVED, binds, COUNT_OF(binds), NULL,
                       NULL, error);
    }
    return err;
}

static void later_done(struct unit *unit)
{
    CONTAINER_OF(unit, struct resolving, unit)->away = false;
}

/* ---- resolving ---- */

static enum err on_later(void *context, const struct value *columns, int column_count,
                         struct error *error)
{
    (void)column_count;
    (void)error;
    struct resolving *resolving = context;
    struct later_row *row = &resolving->rows[resolving->count++];
    *row = (struct later_row){.line = columns[0].integer,
                              .field = arena_str(&resolving->arena, columns[1].text),
                              .record = columns[2].integer,
                              .text = arena_str(&resolving->arena, columns[3].text)};
    return OK;
}

static const struct column_map *column_for(const struct import *import, struct str field)
{
    for (int i = 0; i < import->bound_count; i++) {
        const struct column_map *column = import->bound[i];
        if (column->ref != NULL && str_eq(column->field->name, field)) {
            return column;
        }
    }
    size_t position = 0;
    struct str key;
    void *column = NULL;
    while (map_next(&import->by_name, &position, &key, &column)) {
        const struct column_map *named = column;
        if (named->ref != NULL && str_eq(named->field->name, field)) {
            return named;
        }
    }
    /* NDJSON after a restart: no row has brought the name again. */
    for (size_t i = 0; i < import->map.column_count; i++) {
        if (import->map.columns[i].by != NULL &&
            str_eq(import->map.columns[i].field->name, field)) {
            return &import->map.columns[i];
        }
    }
    return NULL;
}

/* NULL: why. */
static struct draft *fix_draft(struct import *import, struct arena *arena, int64_t record,
                               const struct column_map *column, int64_t target, struct error *why)
{
    struct draft *draft = NULL;
    struct value map = value_map_new();
    value_put(arena, &map, column->field->name, value_id(target));
    enum err err = draft_make(import->store, import->scope, DRAFT_UPDATE, import->type, record,
                              &map, arena, &draft, why);
    return err == OK ? draft : NULL;
}

static enum err nobody(struct import *import, const struct column_map *column, struct str text,
                       const struct ref_answer *answer, struct error *why, struct error *error)
{
    struct str nearest = STR("");
    enum err err = answer->many ? OK : ref_nearest(import, column, text, &nearest, error);
    (void)error_set(why, ERR_REFERENCE, "%s " STR_FORMAT " has this " STR_FORMAT "%s",
                    answer->many ? "more than one" : "no", STR_ARGS(column->target->name),
                    STR_ARGS(column->by->name),
                    answer->many ? "" : ", neither stored nor in this file");
    (void)snprintf(why->nearest, sizeof(why->nearest), STR_FORMAT,
                   STR_ARGS(utf8_cut(nearest, sizeof(why->nearest) - 1)));
    return err;
}

static enum err resolve(struct resolving *resolving, struct later_row *row, struct error *error)
{
    struct import *import = resolving->import;
    const struct column_map *column = column_for(import, row->field);
    struct ref_answer answer = {0};
    struct error why = {0};
    if (column == NULL || column->ref == NULL) {
        return error_set(error, ERR_INTERNAL, "a reference of line %lld has no column",
                         (long long)row->line);
    }
    enum err err = ref_find(import, column, row->text, &answer, error);
    if (err != OK) {
        return err;
    }
    if (answer.id == 0 || answer.many) {
        err = nobody(import, column, row->text, &answer, &why, error);
    } else {
        row->fix = fix_draft(import, &resolving->arena, row->record, column, answer.id, &why);
    }
    if (why.err != OK) {
        row_error_put(&row->why, &resolving->arena, column, &why, row->text);
    }
    return err;
}

static enum err submit_once(struct resolving *resolving, struct error *error)
{
    struct import *import = resolving->import;
    struct job *job = import->job;
    unit_deinit(&resolving->unit);
    resolving->unit = (struct unit){.apply = later_apply,
                                    .done = later_done,
                                    .reply = job->mailbox,
                                    .scope = import->scope,
                                    .request = job->request,
                                    .changeset = &import->changeset};
    enum err err = store_submit(import->store, &resolving->unit);
    if (err != OK) {
        return error_set(error, err, "%s", err_text(err));
    }
    resolving->away = true;
    while (resolving->away) {
        (void)mailbox_receive(job->mailbox, -1);
    }
    *error = resolving->unit.error;
    error->next = NULL;
    return resolving->unit.err;
}

/* Submits until it is in or must not be. */
static enum err submit(struct resolving *resolving, struct error *error)
{
    struct job *job = resolving->import->job;
    enum err err = submit_once(resolving, error);
    while (err_passes(err) && !job_cancelled(job) && !jobs_stopping(job->jobs)) {
        job_pause(job);
        err = submit_once(resolving, error);
    }
    return err_passes(err) ? ERR_STOPPING : err;
}

static enum err resolve_some(struct resolving *resolving, struct error *error)
{
    struct import *import = resolving->import;
    struct value binds[] = {value_int(import->job->id), value_int(IMPORT_BATCH_ROWS)};
    resolving->count = 0;
    arena_reset(&resolving->arena);
    enum err err = reader_table(import->reader, &transfer_tables, TRANSFER_LATER_LIST, binds,
                                COUNT_OF(binds), on_later, resolving, error);
    for (int i = 0; i < resolving->count && err == OK; i++) {
        err = resolve(resolving, &resolving->rows[i], error);
    }
    return err == OK && resolving->count > 0 ? submit(resolving, error) : err;
}

enum err import_later(struct import *import, struct error *error)
{
    struct resolving *resolving = mem_zalloc(sizeof(*resolving));
    enum err err = OK;
    resolving->import = import;
    arena_init(&resolving->arena);
    do {
        if (job_cancelled(import->job)) {
            err = ERR_CANCELLED;
        } else if (jobs_stopping(import->job->jobs)) {
            err = ERR_STOPPING;
        } else {
            err = resolve_some(resolving, error);
        }
    } while (err == OK && resolving->count > 0);
    unit_deinit(&resolving->unit);
    arena_deinit(&resolving->arena);
    mem_free(resolving);
    return err;
}

/* ---- atomic ---- */

static enum err fix_one(struct batch *batch, struct row *row, struct row_later *later,
                        struct error *error)
{
    struct import *import = batch->import;
    struct ref_answer answer = {0};
    struct error why = {0};
    enum err err = ref_find(import, later->column, later->text, &answer, error);
    if (err == OK && (answer.id == 0 || answer.many)) {
        err = nobody(import, later->column, later->text, &answer, &why, error);
    } else if (err == OK && row->create != NULL) {
        later->fix =
            fix_draft(import, &batch->arena, row->create->id, later->column, answer.id, &why);
    }
    if (err == OK && why.err != OK) {
        row_error_put(&row->errors, &batch->arena, later->column, &why, later->text);
    }
    return err;
}

enum err batch_fix(struct batch *batch, struct error *error)
{
    enum err err = OK;
    for (int i = 0; i < batch->count && err == OK; i++) {
        struct row *row = &batch->rows[i];
        for (struct row_later *later = row->later; later != NULL && err == OK;
             later = later->next) {
            err = fix_one(batch, row, later, error);
        }
    }
    return err;
}
