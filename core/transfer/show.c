/* What is told of jobs: one, the list, the rows that failed. Others' jobs are not there for anybody
 * but administrators. show and list on the loop; errors on any thread with a reader of its own. */
#include "internal.h"

#include "proxenos/base_json.h"
#include "proxenos/format.h"

struct showing {
    struct jobs *jobs;
    struct arena *arena;
    const struct scope *scope;
    struct value list;
};

static bool may_see(const struct scope *scope, const struct value *columns)
{
    /* What is put into a compartment is no administrator's to see. */
    return (scope->admin && columns[JOB_INNER].integer == 0) ||
           str_eq(columns[JOB_ACTOR].text, scope->actor);
}

static struct value json_column(struct arena *arena, const struct value *column)
{
    struct value value = value_null();
    if (column->kind == VALUE_TEXT &&
        json_decode(arena, arena_str(arena, column->text), &value, NULL) != OK) {
        return value_null();
    }
    return value;
}

struct nulls {
    struct arena *arena;
    struct value map;
};

static enum err on_null(void *context, const struct value *columns, int column_count,
                        struct error *error)
{
    (void)column_count;
    (void)error;
    struct nulls *nulls = context;
    value_put(nulls->arena, &nulls->map, arena_str(nulls->arena, columns[0].text),
              value_int(columns[1].integer));
    return OK;
}

static enum err on_any(void *context, const struct value *columns, int column_count,
                       struct error *error)
{
    (void)columns;
    (void)column_count;
    (void)error;
    *(bool *)context = true;
    return OK;
}

static struct value counts_of(struct arena *arena, const struct value *columns)
{
    static const struct {
        const char *name;
        enum job_column column;
    } counts[] = {{"read", JOB_READ},          {"created", JOB_CREATED},
                  {"updated", JOB_UPDATED},    {"skipped", JOB_SKIPPED},
                  {"failed", JOB_FAILED_ROWS}, {"unresolved", JOB_UNRESOLVED}};
    struct value map = value_map_new();
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        value_put_c(arena, &map, counts[i].name, value_int(columns[counts[i].column].integer));
    }
    return map;
}

static struct value progress_of(struct arena *arena, const struct job *job,
                                const struct value *columns)
{
    bool done_whole = str_is(columns[JOB_STATE].text, "done");
    int64_t total = columns[JOB_TOTAL].integer;
    int64_t done = done_whole ? total : columns[JOB_OFFSET].integer;
    if (job != NULL && !str_is(columns[JOB_KIND].text, "import")) {
        done = __atomic_load_n(&job->done_bytes, __ATOMIC_RELAXED);
        total = __atomic_load_n(&job->total_bytes, __ATOMIC_RELAXED);
    }
    struct value map = value_map_new();
    value_put_c(arena, &map, "done_bytes", value_int(done));
    value_put_c(arena, &map, "total_bytes", value_int(total));
    return map;
}

/* The table knows what is finished; whether the rest waits or runs is only in memory. */
static struct value state_of(struct arena *arena, const struct job *job,
                             const struct value *columns)
{
    bool running = job != NULL && __atomic_load_n(&job->running, __ATOMIC_ACQUIRE);
    return columns[JOB_FINISHED_AT].kind == VALUE_NULL && running
               ? value_text(STR("running"))
               : value_text(arena_str(arena, columns[JOB_STATE].text));
}

static struct value time_or_null(const struct value *column)
{
    return column->kind == VALUE_NULL ? value_null() : value_time(column->integer);
}

static struct value text_or_null(struct arena *arena, struct str text)
{
    return text.len > 0 ? value_text(arena_str(arena, text)) : value_null();
}

static enum err on_job(void *context, const struct value *columns, int column_count,
                       struct error *error)
{
    ASSERT(column_count == JOB_COLUMN_COUNT);
    (void)error;
    struct showing *showing = context;
    struct arena *arena = showing->arena;
    if (!may_see(showing->scope, columns)) {
        return OK;
    }
    const struct job *job = job_find(showing->jobs, columns[JOB_ID].integer);
    struct value row = value_map_new();
    struct value spec = json_column(arena, &columns[JOB_SPEC]);
    value_put_c(arena, &row, "id", value_id(columns[JOB_ID].integer));
    value_put_c(arena, &row, "kind", value_text(arena_str(arena, columns[JOB_KIND].text)));
    value_put_c(arena, &row, "object", text_or_null(arena, columns[JOB_OBJECT].text));
    value_put_c(arena, &row, "state", state_of(arena, job, columns));
    if (spec.kind == VALUE_MAP && spec.map.count > 0 && columns[JOB_FILE].text.len > 0) {
        value_put_c(arena, &row, "file_name",
                    text_or_null(arena, value_get_text(&spec, "file_name", STR(""))));
        value_put_c(arena, &row, "dry_run", value_bool(value_get_bool(&spec, "dry_run", false)));
    }
    value_put_c(arena, &row, "progress", progress_of(arena, job, columns));
    value_put_c(arena, &row, "counts", counts_of(arena, columns));
    value_put_c(arena, &row, "result", json_column(arena, &columns[JOB_RESULT]));
    value_put_c(arena, &row, "error", json_column(arena, &columns[JOB_ERROR]));
    value_put_c(arena, &row, "created_at", time_or_null(&columns[JOB_CREATED_AT]));
    value_put_c(arena, &row, "finished_at", time_or_null(&columns[JOB_FINISHED_AT]));
    value_put_c(arena, &row, "by", value_text(arena_str(arena, columns[JOB_ACTOR].text)));
    value_push(arena, &showing->list, row);
    return OK;
}

static enum err no_such_job(int64_t job, struct error *error)
{
    char id[ID_TEXT_LEN + 1];
    id_format(job, id);
    return error_at(error, ERR_NOT_FOUND, NULL, id, "there is no job %s", id);
}

/* Null counts and whether there are errors, beside what the row says. */
static enum err add_details(struct jobs *jobs, struct arena *arena, int64_t job, struct value *row,
                            struct error *error)
{
    struct nulls nulls = {.arena = arena, .map = value_map_new()};
    struct value binds[] = {value_int(job)};
    bool errors = false;
    enum err err = reader_table(jobs->reader, &transfer_tables, TRANSFER_NULL_LIST, binds, 1,
                                on_null, &nulls, error);
    if (err == OK) {
        err = reader_table(jobs->reader, &transfer_tables, TRANSFER_ERROR_ANY, binds, 1, on_any,
                           &errors, error);
    }
    struct value counts = *value_get_c(row, "counts");
    value_put_c(arena, &counts, "null_refs", nulls.map);
    value_put_c(arena, row, "counts", counts);
    value_put_c(arena, row, "errors", value_bool(errors));
    return err;
}

enum err jobs_show(struct jobs *jobs, const struct scope *scope, int64_t job, struct arena *arena,
                   struct value *out_job, struct error *error)
{
    struct showing showing = {
        .jobs = jobs, .arena = arena, .scope = scope, .list = value_list_new()};
    struct value binds[] = {value_int(job)};
    enum err err = reader_table(jobs->reader, &transfer_tables, TRANSFER_JOB_GET, binds, 1, on_job,
                                &showing, error);
    if (err == OK && showing.list.list.count == 0) {
        err = no_such_job(job, error);
    }
    if (err == OK) {
        err = add_details(jobs, arena, job, &showing.list.list.items[0], error);
    }
    if (err == OK) {
        *out_job = showing.list.list.items[0];
    }
    return err;
}

struct value jobs_list(struct jobs *jobs, const struct scope *scope, struct arena *arena)
{
    struct showing showing = {
        .jobs = jobs, .arena = arena, .scope = scope, .list = value_list_new()};
    struct value binds[] = {value_int(scope->admin ? 1 : 0), value_text(scope->actor),
                            value_int(JOBS_LIST_MAX)};
    if (reader_table(jobs->reader, &transfer_tables, TRANSFER_JOB_LIST, binds, COUNT_OF(binds),
                     on_job, &showing, NULL) != OK) {
        return value_list_new();
    }
    return showing.list;
}

/* ---- cancelling ---- */

struct seeing {
    const struct scope *scope;
    bool seen, finished;
};

static enum err on_seen(void *context, const struct value *columns, int column_count,
                        struct error *error)
{
    (void)column_count;
    (void)error;
    struct seeing *seeing = context;
    seeing->seen = may_see(seeing->scope, columns);
    seeing->finished = columns[JOB_FINISHED_AT].kind != VALUE_NULL;
    return OK;
}

static enum err see(struct reader *reader, const struct scope *scope, int64_t job,
                    struct seeing *seeing, struct error *error)
{
    struct value binds[] = {value_int(job)};
    *seeing = (struct seeing){.scope = scope};
    enum err err =
        reader_table(reader, &transfer_tables, TRANSFER_JOB_GET, binds, 1, on_seen, seeing, error);
    return err == OK && !seeing->seen ? no_such_job(job, error) : err;
}

enum err jobs_cancel(struct jobs *jobs, const struct scope *scope, int64_t id, struct error *error)
{
    struct seeing seeing;
    enum err err = see(jobs->reader, scope, id, &seeing, error);
    if (err != OK) {
        return err;
    }
    struct job *job = job_find(jobs, id);
    if (seeing.finished) {
        return error_set(error, ERR_CONFLICT, "the job has ended already");
    }
    if (job == NULL) {
        job_end_row(jobs, id, JOB_CANCELLED, NULL); /* it waits for its object type */
        return OK;
    }
    __atomic_store_n(&job->cancel, true, __ATOMIC_RELEASE);
    mailbox_wake(job->mailbox);
    return OK;
}

/* ---- the rows that failed ---- */

struct listing {
    struct buf *out;
    bool any;
};

static enum err on_error_row(void *context, const struct value *columns, int column_count,
                             struct error *error)
{
    (void)error;
    struct listing *listing = context;
    char line[24];
    (void)snprintf(line, sizeof(line), "%lld", (long long)columns[0].integer);
    listing->any = true;
    csv_write_raw(listing->out, true, str_from(line));
    for (int i = 1; i < column_count; i++) {
        if (columns[i].text.len > 0) {
            csv_write_text(listing->out, false, columns[i].text);
        } else {
            csv_write_raw(listing->out, false, STR(""));
        }
    }
    csv_write_end(listing->out);
    return OK;
}

enum err jobs_errors(struct reader *reader, const struct scope *scope, int64_t job, struct buf *out,
                     struct error *error)
{
    struct seeing seeing;
    struct value binds[] = {value_int(job)};
    struct listing listing = {.out = out};
    size_t before = out->len;
    enum err err = see(reader, scope, job, &seeing, error);
    if (err != OK) {
        return err;
    }
    buf_append_str(out, STR("line,column,value,reason,nearest,code\r\n"));
    err = reader_table(reader, &transfer_tables, TRANSFER_ERROR_LIST, binds, 1, on_error_row,
                       &listing, error);
    if (err == OK && !listing.any) {
        err = error_set(error, ERR_NOT_FOUND, "no row of this job has failed");
    }
    if (err != OK) {
        out->len = before;
    }
    return err;
}
