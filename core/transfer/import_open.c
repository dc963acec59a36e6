/* Opening an import: where it was, what the map makes of the file's columns, which field is the
 * key. Whatever is wrong with the whole is said here, before a row is imported. Lane's thread. */
#include "import.h"

#include "proxenos/base_text.h"

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

static enum err check_twice(const struct import *import, const struct column_map *column,
                            struct error *error)
{
    for (int i = 0; column->field != NULL && i < import->bound_count; i++) {
        if (import->bound[i]->field == column->field) {
            return error_set(error, ERR_INVALID,
                             "the columns \"" STR_FORMAT "\" and \"" STR_FORMAT
                             "\" both become " STR_FORMAT,
                             STR_ARGS(utf8_cut(import->bound[i]->column, 60)),
                             STR_ARGS(utf8_cut(column->column, 60)), STR_ARGS(column->field->name));
        }
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
        if (err == OK) {
            err = check_twice(import, column, error);
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

/* ---- a dry run begins anew ---- */

struct restart {
    struct unit unit;
    const struct job *job;
};

static enum err restart_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    const struct restart *restart = CONTAINER_OF(unit, struct restart, unit);
    static const int statements[] = {TRANSFER_JOB_RESTART, TRANSFER_ERROR_CLEAR,
                                     TRANSFER_NULL_CLEAR, TRANSFER_LATER_CLEAR};
    struct value binds[] = {value_int(restart->job->id)};
    enum err err = OK;
    for (size_t i = 0; i < COUNT_OF(statements) && err == OK; i++) {
        err = tx_table(tx, &transfer_tables, statements[i], binds, 1, NULL, NULL, error);
    }
    return err;
}

/* What it knew of earlier rows, which it never kept, was in memory alone. */
static enum err begin_anew(struct import *import, struct error *error)
{
    struct job *job = import->job;
    struct restart restart = {.job = job};
    enum err err = OK;
    do {
        restart.unit =
            (struct unit){.apply = restart_apply, .scope = import->scope, .request = job->request};
        err = store_run(import->store, &restart.unit);
        *error = restart.unit.error;
        error->next = NULL;
        unit_deinit(&restart.unit);
        if (err_passes(err)) {
            job_pause(job);
        }
    } while (err_passes(err) && !job_cancelled(job) && !jobs_stopping(job->jobs));
    import->offset = import->row_count = 0;
    import->line = 1;
    return err_passes(err) ? ERR_STOPPING : err;
}

/* ---- the whole ---- */

enum err import_open(struct import *import, struct error *error)
{
    struct job *job = import->job;
    struct value binds[] = {value_int(job->id)};
    enum err err = import_spec_read(&import->arena, job->spec, &import->spec, error);
    import->changeset = (struct changeset){
        .id = job->id,
        .name = arena_printf(&import->arena, "import of " STR_FORMAT " " STR_FORMAT,
                             STR_ARGS(import->spec.object), STR_ARGS(import->spec.file_name)),
        .kind = STR("import")};
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
    if (err == OK && import->spec.dry_run && import->row_count > 0) {
        err = begin_anew(import, error);
    }
    return err == OK ? open_file(import, error) : err;
}

void import_close(struct import *import)
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

struct import *import_new(struct job *job, struct reader *reader)
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
