/* An import from its row in the table to its end: reads the file in batches, keeps two of them with
 * the writer, and stops at a batch's boundary, from which a later run goes on. Lane's thread.
 *
 *   read rows ──> drafts ──> before-hooks ──> unit (rows, errors, counters) ──> next batch
 *                                               │ disk full, busy: wait, submit again in order
 *                                               └ stopping: leave it, the next start goes on here
 */
#include "import.h"

#include "proxenos/base_log.h"
#include "proxenos/base_text.h"

/* ---- opening ---- */

static enum err on_position(void *context, const struct value *columns, int column_count,
                            struct error *error)
{
    ASSERT(column_count == JOB_COLUMN_COUNT);
    (void)error;
    struct import *import = context;
    import->offset = columns[JOB_OFFSET].integer;
    import->row_count = columns[JOB_ROWS].integer;
    import->line = columns[JOB_LINE].integer;
    return OK;
}

static bool has_column(const struct import *import, struct str name)
{
    bool has = false;
    for (int i = 0; i < import->bound_count; i++) {
        has = has || str_eq(import->bound[i]->column, name);
    }
    return has;
}

/* An amount whose currency stands in a column beside it: as the map says, or as exports write it.
 */
static enum err bind_currencies(struct import *import, struct error *error)
{
    for (int i = 0; i < import->bound_count; i++) {
        struct column_map *column = import->bound[i];
        if (column->field == NULL || column->field->type != FIELD_MONEY) {
            continue;
        }
        struct str usual =
            arena_printf(&import->arena, STR_FORMAT "_currency", STR_ARGS(column->column));
        if (column->currency_column.len == 0 && column->options.currency.len == 0 &&
            has_column(import, usual)) {
            column->currency_column = usual;
        }
        if (column->currency_column.len > 0 && !has_column(import, column->currency_column)) {
            return error_set(error, ERR_INVALID,
                             "the map names a column \"" STR_FORMAT
                             "\" that the file does not have",
                             STR_ARGS(utf8_cut(column->currency_column, 60)));
        }
    }
    return OK;
}

static enum err check_present(const struct import *import, const struct str *header, int count,
                              struct error *error)
{
    for (size_t i = 0; i < import->map.column_count; i++) {
        struct str column = import->map.columns[i].column;
        if (has_column(import, column)) {
            continue;
        }
        enum err err =
            error_set(error, ERR_INVALID,
                      "the map names a column \"" STR_FORMAT "\" that the file does not have",
                      STR_ARGS(utf8_cut(column, 60)));
        struct str nearest = text_nearest(column, header, (size_t)count);
        (void)snprintf(error->nearest, sizeof(error->nearest), STR_FORMAT,
                       STR_ARGS(utf8_cut(nearest, sizeof(error->nearest) - 1)));
        return err;
    }
    return OK;
}

static enum err bind_columns(struct import *import, struct error *error)
{
    int count = 0;
    const struct str *header = source_header(import->source, &count);
    import->bound = ARENA_ARRAY(&import->arena, struct column_map *, (size_t)count + 1);
    for (int i = 0; i < count; i++) {
        struct column_map *column = NULL;
        enum err err = map_column(&import->map, header[i], &column, error);
        for (int k = 0; err == OK && column->field != NULL && k < i; k++) {
            if (import->bound[k]->field == column->field) {
                err = error_set(error, ERR_INVALID,
                                "the columns \"" STR_FORMAT "\" and \"" STR_FORMAT
                                "\" both become " STR_FORMAT,
                                STR_ARGS(import->bound[k]->column), STR_ARGS(header[i]),
                                STR_ARGS(column->field->name));
            }
        }
        if (err == OK && column->by != NULL) {
            err = ref_bind(import, column, error);
        }
        if (err != OK) {
            return err;
        }
        import->bound[import->bound_count++] = column;
    }
    enum err err = check_present(import, header, count, error);
    if (err == OK) {
        err = bind_currencies(import, error);
    }
    return err == OK ? defaults_check(import, error) : err;
}

static bool column_fills(const struct import *import, const struct field *field)
{
    bool fills = str_is(import->spec.format, "ndjson");
    for (int i = 0; i < import->bound_count; i++) {
        fills = fills || import->bound[i]->field == field;
    }
    for (size_t i = 0; i < import->map.default_count; i++) {
        fills = fills || import->map.defaults[i].field == field;
    }
    return fills;
}

static enum err find_key(struct import *import, struct error *error)
{
    const struct field *key = &import->type->fields[SYS_EXTERNAL_ID];
    if (import->spec.key.len > 0) {
        enum err err = object_find_field(import->type, import->spec.key, &key, error);
        if (err != OK) {
            return err;
        }
    }
    if (column_fills(import, key)) {
        import->key = key;
        return OK;
    }
    if (import->spec.key.len > 0) {
        return error_set(error, ERR_INVALID, "no column becomes the key " STR_FORMAT,
                         STR_ARGS(key->name));
    }
    return import->spec.on_conflict == CONFLICT_ERROR
               ? OK
               : error_set(error, ERR_INVALID,
                           "skipping or updating existing records needs a key: name a unique field "
                           "that a column becomes, or map a column to external_id");
}

static enum err open_file(struct import *import, struct error *error)
{
    struct jobs *jobs = import->job->jobs;
    bool ndjson = str_is(import->spec.format, "ndjson");
    enum err err = source_open(spool_path(jobs, &import->arena, import->spec.file), ndjson,
                               import->map.separator, &import->source, error);
    if (err == OK && !ndjson) {
        err = bind_columns(import, error);
    }
    if (err == OK) {
        err = find_key(import, error);
    }
    if (err == OK && import->row_count > 0) {
        err = source_seek(import->source, import->offset, import->line, error);
    }
    return err;
}

static enum err import_open(struct import *import, struct error *error)
{
    struct job *job = import->job;
    struct value binds[] = {value_int(job->id)};
    enum err err = import_spec_read(&import->arena, job->spec, &import->spec, error);
    if (err == OK) {
        err = import_spec_check(job->jobs, import->scope, &import->spec, error);
    }
    if (err == OK) {
        err = schema_find_object(import->scope->schema, import->spec.object, &import->type, error);
    }
    if (err == OK) {
        err = map_read(&import->arena, import->scope, import->type, import->spec.map, &import->map,
                       error);
    }
    if (err == OK) {
        err = reader_table(import->reader, &transfer_tables, TRANSFER_JOB_GET, binds, 1,
                           on_position, import, error);
    }
    return err == OK ? open_file(import, error) : err;
}

static void import_close(struct import *import)
{
    list_foreach (node, &import->flight) {
        struct batch *batch = CONTAINER_OF(node, struct batch, in_flight);
        while (batch->away) {
            (void)mailbox_receive(import->job->mailbox, -1);
        }
        list_remove(node);
        batch_free(batch);
    }
    for (int i = 0; i < import->spare_count; i++) {
        batch_free(import->spare[i]);
    }
    source_close(import->source);
    refs_deinit(import);
    map_deinit(&import->by_name);
    map_deinit(&import->seen);
    arena_deinit(&import->arena);
    scope_unref(import->scope);
    mem_free(import);
}

static struct import *import_new(struct job *job, struct reader *reader)
{
    struct import *import = mem_zalloc(sizeof(*import));
    import->job = job;
    import->store = job->jobs->store;
    import->reader = reader;
    import->scope = job->scope;
    import->generation = auth_generation(job->jobs->options.auth);
    scope_ref(job->scope);
    arena_init(&import->arena);
    refs_init(import);
    map_init(&import->by_name);
    map_init(&import->seen);
    list_init(&import->flight);
    return import;
}

/* ---- reading ---- */

static struct batch *take_batch(struct import *import)
{
    struct batch *batch =
        import->spare_count > 0 ? import->spare[--import->spare_count] : batch_new(import);
    batch->number = ++import->batch_number;
    batch->first_row = import->row_count;
    return batch;
}

static enum err check_room(const struct import *import, const struct batch *batch,
                           struct error *error)
{
    if (batch->count >= IMPORT_ATOMIC_ROWS_MAX) {
        return error_set(error, ERR_LIMIT, "an atomic import takes up to %d rows",
                         IMPORT_ATOMIC_ROWS_MAX);
    }
    if (batch->arena.used_bytes > IMPORT_ATOMIC_BYTES) {
        return error_set(error, ERR_LIMIT, "the file is too large for an atomic import");
    }
    return jobs_stopping(import->job->jobs) ? ERR_STOPPING
           : job_cancelled(import->job)     ? ERR_CANCELLED
                                            : OK;
}

static bool batch_full(const struct import *import, const struct batch *batch)
{
    return !import->spec.atomic &&
           (batch->count >= IMPORT_BATCH_ROWS || batch->arena.used_bytes >= IMPORT_BATCH_BYTES);
}

static enum err read_batch(struct import *import, struct batch *batch, struct error *error)
{
    struct source_row cells;
    enum err err = OK;
    while (err == OK && !batch_full(import, batch)) {
        bool more = false;
        err = source_next(import->source, &cells, &more, error);
        if (err != OK || !more) {
            import->ended = err == OK;
            break;
        }
        if (import->spec.atomic) {
            err = check_room(import, batch, error);
        }
        if (err == OK) {
            err = row_build(import, batch, batch_row(batch), &cells, error);
        }
        import->row_count++;
        batch->end_offset = cells.end_offset;
        batch->end_line = cells.line + 1;
    }
    if (err == OK && import->spec.atomic) {
        err = batch_fix(batch, error);
    }
    return err;
}

/* ---- the writer's answers ---- */

static enum err must_end(const struct import *import)
{
    return jobs_stopping(import->job->jobs) ? ERR_STOPPING
           : job_cancelled(import->job)     ? ERR_CANCELLED
                                            : OK;
}

/* All of them wait for the first, so all are submitted again, in their order. */
static enum err submit_again(struct import *import)
{
    job_pause(import->job);
    enum err err = must_end(import);
    list_foreach (node, &import->flight) {
        if (err == OK) {
            err = batch_submit(CONTAINER_OF(node, struct batch, in_flight));
        }
    }
    return err_passes(err) ? OK : err;
}

static void wait_for(struct import *import, const struct batch *batch)
{
    while (batch->away) {
        (void)mailbox_receive(import->job->mailbox, -1);
    }
}

/* Until the oldest batch is written. */
static enum err settle_oldest(struct import *import, struct error *error)
{
    struct batch *oldest = CONTAINER_OF(list_first(&import->flight), struct batch, in_flight);
    for (;;) {
        bool again = false;
        wait_for(import, oldest);
        enum err err = batch_settle(oldest, &again);
        if (err == OK && !again) {
            list_remove(&oldest->in_flight);
            batch_reset(oldest);
            import->spare[import->spare_count++] = oldest;
            return OK;
        }
        if (again) {
            err = batch_submit(oldest);
        } else if (err_passes(err)) {
            list_foreach (node, &import->flight) {
                wait_for(import, CONTAINER_OF(node, struct batch, in_flight));
            }
            err = submit_again(import);
        } else {
            *error = *batch_error(oldest);
            error->next = NULL;
        }
        if (err != OK && !err_passes(err)) {
            return err;
        }
    }
}

static enum err settle_all(struct import *import, struct error *error)
{
    enum err err = OK;
    while (err == OK && !list_empty(&import->flight)) {
        err = settle_oldest(import, error);
    }
    return err;
}

/* ---- rights that change meanwhile ---- */

/* ERR_STALE: they are others now; the import is opened anew with them. A dry run keeps what it
 * began with, since what it knows of earlier rows is in memory alone. */
static enum err check_rights(struct import *import, struct error *error)
{
    struct job *job = import->job;
    int64_t generation = auth_generation(job->jobs->options.auth);
    const struct scope *now = NULL;
    if (job->user == 0 || generation == import->generation) {
        return OK;
    }
    enum err err = job_rights(job, &now, error);
    if (err != OK) {
        return err;
    }
    bool same = now == job->scope || import->spec.dry_run;
    if (same) {
        scope_unref(now);
        import->generation = generation;
        return OK;
    }
    scope_unref(job->scope);
    job->scope = now;
    return ERR_STALE;
}

/* ---- the whole ---- */

static enum err send_batch(struct import *import, struct batch *batch, struct error *error)
{
    int in_flight_max = import->spec.dry_run || import->spec.atomic ? 1 : IMPORT_IN_FLIGHT;
    enum err err = batch_hooks(batch);
    list_push(&import->flight, &batch->in_flight);
    if (err == OK) {
        err = batch_submit(batch);
        err = err_passes(err) ? OK : err; /* settling submits it again */
    }
    while (err == OK && (int)list_count(&import->flight) >= in_flight_max) {
        err = settle_oldest(import, error);
    }
    return err;
}

static enum err import_rows(struct import *import, struct error *error)
{
    enum err err = OK;
    while (err == OK && !import->ended) {
        err = must_end(import);
        if (err == OK) {
            err = check_rights(import, error);
        }
        if (err != OK) {
            break;
        }
        struct batch *batch = take_batch(import);
        err = read_batch(import, batch, error);
        if (err != OK || batch->count == 0) {
            batch_free(batch);
        } else {
            err = send_batch(import, batch, error);
        }
    }
    if (err == OK || err == ERR_CANCELLED || err == ERR_STALE) {
        struct error late = {0};
        enum err settled = settle_all(import, &late);
        if (settled != OK) {
            err = settled;
            *error = late;
        }
    }
    return err;
}

static enum err import_once(struct job *job, struct reader *reader, struct error *error)
{
    struct import *import = import_new(job, reader);
    enum err err = import_open(import, error);
    if (err == OK) {
        err = import_rows(import, error);
    }
    if (err == OK && import->failed_rows > 0) {
        err = error_set(error, ERR_VALIDATION,
                        "%lld of %lld rows are not valid, so nothing was imported",
                        (long long)import->failed_rows, (long long)import->row_count);
    }
    if (err == OK) {
        err = import_later(import, error);
    }
    import_close(import);
    return err;
}

void import_run(struct job *job, struct reader *reader)
{
    struct error why = {0};
    enum err err;
    do {
        err = import_once(job, reader, &why);
    } while (err == ERR_STALE);
    if (err == ERR_STOPPING) {
        return;
    }
    if (err == ERR_UNKNOWN_OBJECT) {
        log_warn("transfer", "a job waits for its object type object=" STR_FORMAT,
                 STR_ARGS(job->object));
        return;
    }
    enum job_state state = err == OK ? JOB_DONE : err == ERR_CANCELLED ? JOB_CANCELLED : JOB_FAILED;
    if (state == JOB_FAILED && why.err == OK) {
        (void)error_set(&why, err, "%s", err_text(err));
    }
    err = job_finish(job, state, state == JOB_FAILED ? &why : NULL, STR(""));
    if (err != OK && err != ERR_STOPPING) {
        log_error("transfer", "the end of an import cannot be written error=%s", err_code(err));
    }
}
