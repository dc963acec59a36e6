/* POST /api/v1/:object/:id/access-export: all that is held on a person, for that person (GDPR 15
 * and 20), as one JSON document: the record, records about it and records that refer to it, their
 * history, approvals, who looked, where else its values are kept. Under the rights of who asks, and
 * noted in the access log. A job writes the file; GET /api/v1/jobs/:id/file gives it. Loop thread,
 * but for the job (its own) and reading the file (a lane's). */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxenos/store_erasure.h"
#include "proxenos/store_file.h"

enum {
    FILE_BYTES_MAX = 256 << 20,
    FLUSH_BYTES = 256 << 10,
    PATH_BYTES_MAX = 4096,
    NAME_BYTES_MAX = 80,
    LOOK_ENTRIES = 1000,
    PEOPLE_RECORDS_MAX = 10000 /* whose accesses and history are told */
};

struct writing_out {
    struct job_run *run;
    struct store *store;
    struct reader *reader;
    const struct object_type *type;
    int64_t id;
    struct buf out;
    int fd;
    int64_t bytes, records, events, accesses;
    bool first;       /* in the list that is being written */
    struct map used;  /* object types, by name */
    struct map about; /* ids whose history and accesses are told */
    struct str relation;
    const struct field *by;
};

/* ---- the file ---- */

static enum err flush(struct writing_out *writing, bool last, struct error *error)
{
    struct buf *out = &writing->out;
    size_t at = 0;
    if (!last && out->len < FLUSH_BYTES) {
        return OK;
    }
    writing->bytes += (int64_t)out->len;
    if (writing->bytes > FILE_BYTES_MAX) {
        return error_set(error, ERR_LIMIT,
                         "more is held than %d MiB: export by object type instead",
                         FILE_BYTES_MAX >> 20);
    }
    while (at < out->len) {
        ssize_t put = write(writing->fd, out->at + at, out->len - at);
        if (put < 0 && errno != EINTR) {
            return error_set(error, errno == ENOSPC ? ERR_DISK_FULL : ERR_IO,
                             "the export cannot be written: %s", strerror(errno));
        }
        at += put > 0 ? (size_t)put : 0;
    }
    buf_reset(out);
    return last && fsync(writing->fd) != 0
               ? error_set(error, ERR_IO, "the export cannot be kept: %s", strerror(errno))
               : OK;
}

static void key(struct writing_out *writing, const char *name)
{
    buf_printf(&writing->out, ",\"%s\":", name);
}

static void next_item(struct writing_out *writing)
{
    buf_append_str(&writing->out, writing->first ? STR("\n") : STR(",\n"));
    writing->first = false;
}

static enum err go_on(struct writing_out *writing, struct error *error)
{
    struct job_run *run = writing->run;
    if (!run->progress(run, writing->records, 0)) {
        return error_set(error, ERR_CANCELLED, "it was interrupted");
    }
    return flush(writing, false, error);
}

/* ---- records ---- */

static enum err on_record(void *context, const struct record *record, struct error *error)
{
    struct writing_out *writing = context;
    struct buf *out = &writing->out;
    bool first = true;
    bool about = str_is(writing->relation, "self") || str_is(writing->relation, "about");
    next_item(writing);
    buf_append_char(out, '{');
    json_write_key(out, STR("object"), &first);
    json_write_text(out, record->type->name);
    json_write_key(out, STR("relation"), &first);
    json_write_text(out, writing->relation);
    if (writing->by != NULL) {
        json_write_key(out, STR("by"), &first);
        json_write_text(out, writing->by->name);
    }
    json_write_key(out, STR("record"), &first);
    record_write_json(out, record);
    buf_append_char(out, '}');
    writing->records++;
    (void)map_set(&writing->used, record->type->name, writing);
    if (about && writing->about.count < PEOPLE_RECORDS_MAX) {
        (void)map_set_int(&writing->about, record->id, (void *)(uintptr_t)record->type);
    }
    return go_on(writing, error);
}

static enum err ask(struct writing_out *writing, const struct object_type *type,
                    struct value filter, struct error *error)
{
    struct arena arena;
    struct query query = {
        .type = type, .limit = QUERY_LIMIT_MAX, .archived = writing->run->scope->audit};
    struct error unseen = {0};
    arena_init(&arena);
    enum err err = filter_from_value(&arena, &filter, &query.filter, &unseen);
    if (err == OK) {
        err = query_bind(&query, writing->run->scope, &arena, &unseen);
    }
    /* What the asker may not see is no part of his answer. */
    err = err == OK ? reader_each(writing->reader, &query, on_record, writing, error) : OK;
    arena_deinit(&arena);
    return err;
}

static enum err ask_field(struct writing_out *writing, const struct object_type *type,
                          const struct field *field, struct error *error)
{
    struct arena *arena = writing->run->arena;
    char id[ID_TEXT_LEN + 1];
    struct value filter = value_map_new();
    struct value test = value_map_new();
    id_format(writing->id, id);
    value_put_c(arena, &test, field->type == FIELD_REFS ? "has" : "eq",
                value_text(arena_str(arena, str_from(id))));
    value_put(arena, &filter, field->name, test);
    writing->by = field;
    writing->relation = str_eq(type->subject, field->name) ? STR("about") : STR("refers");
    return ask(writing, type, filter, error);
}

static enum err ask_named(struct writing_out *writing, const char *name, struct error *error)
{
    struct arena *arena = writing->run->arena;
    const struct object_type *type = schema_object(writing->run->scope->schema, str_from(name));
    char id[ID_TEXT_LEN + 1];
    struct value filter = value_map_new();
    if (type == NULL || !scope_may(writing->run->scope, type, VERB_READ)) {
        return OK;
    }
    id_format(writing->id, id);
    value_put_c(arena, &filter, "object", value_text(writing->type->name));
    value_put_c(arena, &filter, "record", value_text(arena_str(arena, str_from(id))));
    writing->by = NULL;
    writing->relation = str_from(name);
    return ask(writing, type, filter, error);
}

static enum err ask_type(struct writing_out *writing, const struct object_type *type,
                         struct error *error)
{
    enum err err = OK;
    if (!scope_may(writing->run->scope, type, VERB_READ)) {
        return OK;
    }
    for (int i = 0; i < type->field_count && err == OK; i++) {
        if (str_eq(type->fields[i].to, writing->type->name)) {
            err = ask_field(writing, type, &type->fields[i], error);
        }
    }
    return err;
}

static enum err write_records(struct writing_out *writing, struct error *error)
{
    const struct schema *schema = writing->run->scope->schema;
    struct record *self = NULL;
    enum err err = reader_get(writing->reader, writing->run->scope, writing->type, writing->id,
                              writing->run->arena, &self, error);
    key(writing, "records");
    buf_append_char(&writing->out, '[');
    writing->first = true;
    writing->relation = STR("self");
    if (err == OK) {
        err = on_record(writing, self, error);
    }
    for (int i = 0; i < schema->object_count && err == OK; i++) {
        err = ask_type(writing, &schema->objects[i], error);
    }
    if (err == OK) {
        err = ask_named(writing, "approval", error);
    }
    if (err == OK) {
        err = ask_named(writing, "legal_hold", error);
    }
    buf_append_char(&writing->out, ']');
    return err;
}

/* ---- what happened to them, who looked ---- */

static void write_time(struct buf *out, int64_t at_ms)
{
    value_write_api(out, &(struct value){.kind = VALUE_TIME, .integer = at_ms});
}

static enum err on_entry(void *context, const struct log_entry *entry, struct error *error)
{
    struct writing_out *writing = context;
    struct buf *out = &writing->out;
    char id[ID_TEXT_LEN + 1];
    bool first = true;
    id_format(entry->record, id);
    next_item(writing);
    buf_append_char(out, '{');
    json_write_key(out, STR("type"), &first);
    json_write_text(out, entry->type);
    json_write_key(out, STR("id"), &first);
    json_write_text(out, str_from(id));
    json_write_key(out, STR("at"), &first);
    write_time(out, entry->at_ms);
    json_write_key(out, STR("actor"), &first);
    json_write_text(out, entry->actor);
    json_write_key(out, STR("via"), &first);
    json_write_text(out, entry->via);
    json_write_key(out, STR("data"), &first);
    buf_append_str(out, entry->payload);
    buf_append_char(out, '}');
    writing->events++;
    return go_on(writing, error);
}

static enum err write_history(struct writing_out *writing, struct error *error)
{
    struct str name;
    void *type = NULL;
    enum err err = OK;
    key(writing, "history");
    buf_append_char(&writing->out, '[');
    writing->first = true;
    for (size_t at = 0; err == OK && map_next(&writing->about, &at, &name, &type);) {
        int64_t record = 0;
        int64_t last = 0;
        memcpy(&record, name.at, sizeof(record));
        struct log_query query = {.record = record,
                                  .object = ((const struct object_type *)type)->name};
        err = reader_log(writing->reader, writing->run->scope, &query, on_entry, writing, &last,
                         error);
    }
    buf_append_char(&writing->out, ']');
    return err;
}

static enum err on_file(void *context, const struct attachment *attachment, struct error *error)
{
    struct writing_out *writing = context;
    struct value file = attachment_value(writing->run->arena, attachment);
    value_put_c(writing->run->arena, &file, "record", value_id(attachment->record));
    next_item(writing);
    value_write_api(&writing->out, &file);
    return go_on(writing, error);
}

/* Their names; the files themselves are asked for one by one. */
static enum err write_files(struct writing_out *writing, struct error *error)
{
    struct str name;
    void *type = NULL;
    enum err err = OK;
    key(writing, "files");
    buf_append_char(&writing->out, '[');
    writing->first = true;
    for (size_t at = 0; err == OK && map_next(&writing->about, &at, &name, &type);) {
        int64_t record = 0;
        memcpy(&record, name.at, sizeof(record));
        err = reader_attachments(writing->reader, writing->run->scope, type, record, 0, 0, on_file,
                                 writing, error);
        err = err == ERR_NOT_FOUND || err == ERR_FORBIDDEN ? OK : err;
    }
    buf_append_char(&writing->out, ']');
    return err;
}

struct looking {
    struct writing_out *writing;
    int64_t last, count;
};

static enum err on_access(void *context, const struct access_entry *entry, struct error *error)
{
    struct looking *looking = context;
    struct writing_out *writing = looking->writing;
    struct buf *out = &writing->out;
    bool first = true;
    looking->last = entry->seq;
    looking->count++;
    if (entry->record == 0 || map_get_int(&writing->about, entry->record) == NULL) {
        return OK;
    }
    next_item(writing);
    buf_append_char(out, '{');
    json_write_key(out, STR("action"), &first);
    json_write_text(out, entry->action);
    json_write_key(out, STR("object"), &first);
    json_write_text(out, entry->object);
    json_write_key(out, STR("at"), &first);
    write_time(out, entry->at_ms);
    json_write_key(out, STR("actor"), &first);
    json_write_text(out, entry->actor);
    buf_append_char(out, '}');
    writing->accesses++;
    return go_on(writing, error);
}

static enum err write_accesses(struct writing_out *writing, struct error *error)
{
    struct looking looking = {.writing = writing, .count = LOOK_ENTRIES};
    enum err err = OK;
    key(writing, "accesses");
    buf_append_char(&writing->out, '[');
    writing->first = true;
    while (err == OK && looking.count == LOOK_ENTRIES) {
        looking.count = 0;
        err =
            reader_access(writing->reader, looking.last, LOOK_ENTRIES, on_access, &looking, error);
    }
    buf_append_char(&writing->out, ']');
    return err;
}

/* ---- where else, and what it is called ---- */

static bool on_look(void *context, int64_t done, int64_t total)
{
    struct job_run *run = context;
    return run->progress(run, done, total);
}

static enum err write_elsewhere(struct writing_out *writing, struct error *error)
{
    static const char *const parts[] = {"kept", "mentions", "mentions_count"};
    struct erasure_run look = {.store = writing->store,
                               .reader = writing->reader,
                               .scope = writing->run->scope,
                               .request = STR("job"),
                               .object = writing->type->name,
                               .id = writing->id,
                               .dry_run = true,
                               .cancel_runs = true,
                               .progress = on_look,
                               .context = writing->run,
                               .arena = writing->run->arena};
    enum err err = store_erase(&look, error);
    for (size_t i = 0; i < COUNT_OF(parts) && err == OK; i++) {
        const struct value *part = value_get_c(&look.report, parts[i]);
        if (part != NULL) {
            key(writing, parts[i]);
            value_write_api(&writing->out, part);
        }
    }
    return err;
}

static void write_label(struct buf *out, struct label label)
{
    bool first = true;
    buf_append_char(out, '{');
    json_write_key(out, STR("en"), &first);
    json_write_text(out, label.en);
    json_write_key(out, STR("el"), &first);
    json_write_text(out, label.el);
    buf_append_char(out, '}');
}

static void write_type(struct buf *out, const struct object_type *type)
{
    bool first = true;
    buf_append_str(out, STR("{\"label\":"));
    write_label(out, type->label);
    buf_append_str(out, STR(",\"fields\":{"));
    for (int i = SYS_COUNT; i < type->field_count; i++) {
        json_write_key(out, type->fields[i].name, &first);
        write_label(out, type->fields[i].label);
    }
    buf_append_str(out, STR("}}"));
}

static void write_labels(struct writing_out *writing)
{
    const struct schema *schema = writing->run->scope->schema;
    bool first = true;
    key(writing, "labels");
    buf_append_char(&writing->out, '{');
    for (int i = 0; i < schema->object_count; i++) {
        if (map_get(&writing->used, schema->objects[i].name) != NULL) {
            json_write_key(&writing->out, schema->objects[i].name, &first);
            write_type(&writing->out, &schema->objects[i]);
        }
    }
    buf_append_char(&writing->out, '}');
}

static enum err write_all(struct writing_out *writing, struct error *error)
{
    struct env *env = store_env(writing->store);
    struct buf *out = &writing->out;
    char id[ID_TEXT_LEN + 1];
    bool first = true;
    id_format(writing->id, id);
    buf_append_char(out, '{');
    json_write_key(out, STR("object"), &first);
    json_write_text(out, writing->type->name);
    json_write_key(out, STR("id"), &first);
    json_write_text(out, str_from(id));
    json_write_key(out, STR("made_at"), &first);
    write_time(out, env->now_ms(env));
    json_write_key(out, STR("made_by"), &first);
    json_write_text(out, writing->run->scope->actor);
    enum err err = write_records(writing, error);
    err = err == OK ? write_history(writing, error) : err;
    err = err == OK ? write_files(writing, error) : err;
    err = err == OK ? write_accesses(writing, error) : err;
    err = err == OK ? write_elsewhere(writing, error) : err;
    if (err == OK) {
        write_labels(writing);
        buf_append_str(out, STR("}\n"));
        err = flush(writing, true, error);
    }
    return err;
}

/* ---- the job ---- */

static void file_path(struct store *store, struct str name, char path[PATH_BYTES_MAX])
{
    (void)snprintf(path, PATH_BYTES_MAX, "%s/exports/" STR_FORMAT, store_folder(store),
                   STR_ARGS(name));
}

static enum err open_file(struct writing_out *writing, struct str name, struct error *error)
{
    char path[PATH_BYTES_MAX];
    (void)snprintf(path, sizeof(path), "%s/exports", store_folder(writing->store));
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        return error_set(error, ERR_IO, "%s cannot be made: %s", path, strerror(errno));
    }
    file_path(writing->store, name, path);
    writing->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    return writing->fd < 0
               ? error_set(error, ERR_IO, "%s cannot be made: %s", path, strerror(errno))
               : OK;
}

static void tell(struct writing_out *writing, struct str name)
{
    struct job_run *run = writing->run;
    run->result = value_map_new();
    value_put_c(run->arena, &run->result, "file", value_text(arena_str(run->arena, name)));
    value_put_c(run->arena, &run->result, "bytes", value_int(writing->bytes));
    value_put_c(run->arena, &run->result, "records", value_int(writing->records));
    value_put_c(run->arena, &run->result, "events", value_int(writing->events));
    value_put_c(run->arena, &run->result, "accesses", value_int(writing->accesses));
}

static enum err run_export(struct job_run *run, void *context, struct error *error)
{
    struct api *api = context;
    struct str name = value_get_text(run->params, "file", STR(""));
    struct writing_out writing = {
        .run = run,
        .store = api->store,
        .reader = run->thread_context,
        .fd = -1,
        .type = schema_object(run->scope->schema, value_get_text(run->params, "object", STR("")))};
    char path[PATH_BYTES_MAX];
    if (writing.type == NULL || !scope_may(run->scope, writing.type, VERB_ACCESS_EXPORT) ||
        id_parse(value_get_text(run->params, "id", STR("")), &writing.id) != OK) {
        return error_set(error, ERR_FORBIDDEN,
                         "whoever began this export may not make it any more");
    }
    buf_init(&writing.out);
    map_init(&writing.used);
    map_init(&writing.about);
    enum err err = open_file(&writing, name, error);
    if (err == OK) {
        err = write_all(&writing, error);
    }
    if (writing.fd >= 0) {
        (void)close(writing.fd);
    }
    if (err == OK) {
        tell(&writing, name);
    } else {
        file_path(api->store, name, path);
        (void)unlink(path);
    }
    map_deinit(&writing.about);
    map_deinit(&writing.used);
    buf_deinit(&writing.out);
    return err;
}

void register_access_export(struct api *api)
{
    struct job_kind export = {
        .name = "access_export", .resumes = true, .run = run_export, .context = api};
    jobs_register(api->jobs, &export);
}

/* ---- the request ---- */

static enum err run_start(struct call *call, struct reader *reader, struct error *error)
{
    struct record *record = NULL;
    return reader_get(reader, call_scope(call), call->type, call->id, call_arena(call), &record,
                      error);
}

void export_access(struct call *call)
{
    struct arena *arena = call_arena(call);
    char ids[2][ID_TEXT_LEN + 1];
    struct reader *reader = NULL;
    if (!call_find_type(call) || !call_find_id(call) || !call_knows_parameters(call, NULL, 0)) {
        return;
    }
    if (!scope_may(call_scope(call), call->type, VERB_ACCESS_EXPORT)) {
        call_fail(call, ERR_FORBIDDEN, "your roles do not allow access exports of " STR_FORMAT,
                  STR_ARGS(call->type->name));
        return;
    }
    if (!object_erasable(call->type)) {
        call_fail(call, ERR_INVALID, "records of " STR_FORMAT " are about no person by themselves",
                  STR_ARGS(call->type->name));
        return;
    }
    enum err err = api_reader(call->api, &reader, &call->error);
    if (err == OK) {
        err = run_start(call, reader, &call->error);
    }
    if (err != OK) {
        call_problem(call, err, &call->error, NULL);
        return;
    }
    struct value params = value_map_new();
    struct job_start *start = ARENA_NEW(arena, struct job_start);
    id_format(call->id, ids[0]);
    id_format(ids_next(store_ids(call->api->store)), ids[1]);
    value_put_c(arena, &params, "object", value_text(call->type->name));
    value_put_c(arena, &params, "id", value_id(call->id));
    value_put_c(arena, &params, "file",
                value_text(arena_printf(arena, "access-%s-%s.json", ids[0], ids[1])));
    *start = (struct job_start){.scope = call_scope(call),
                                .request = call_request_id(call),
                                .done = job_started,
                                .context = call};
    store_access(call->api->store, call_scope(call), STR("access_export"), call->type->name,
                 call->id, STR(""));
    err = jobs_start_kind(call->api->jobs, start, STR("access_export"), &params);
    if (err != OK) {
        call_problem(call, err, &start->error, NULL);
    }
}

/* ---- the file, given ---- */

static enum err read_whole(struct call *call, const char *path, struct error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t got = 1;
    if (fd < 0) {
        return error_set(error, ERR_GONE, "the file is not kept any more");
    }
    while (got > 0 && call->out.len <= FILE_BYTES_MAX) {
        char *room = buf_reserve(&call->out, FLUSH_BYTES);
        got = read(fd, room, FLUSH_BYTES);
        call->out.len += got > 0 ? (size_t)got : 0;
    }
    (void)close(fd);
    return got < 0 ? error_set(error, ERR_IO, "the file cannot be read: %s", strerror(errno)) : OK;
}

static enum err run_file(struct call *call, struct reader *reader, struct error *error)
{
    char path[PATH_BYTES_MAX];
    (void)reader;
    file_path(call->api->store, *(struct str *)call->state, path);
    return read_whole(call, path, error);
}

/* Its own job's alone, as jobs are shown: a name from a row, never from the request. */
void get_job_file(struct call *call)
{
    struct value job;
    if (!call_find_id(call)) {
        return;
    }
    enum err err = jobs_show(call->api->jobs, call_scope(call), call->id, call_arena(call), &job,
                             &call->error);
    const struct value *result = err == OK ? value_get_c(&job, "result") : NULL;
    bool kind = err == OK && str_is(value_get_text(&job, "kind", STR("")), "access_export");
    struct str name = kind && result != NULL && result->kind == VALUE_MAP
                          ? value_get_text(result, "file", STR(""))
                          : STR("");
    if (err == OK && name.len == 0) {
        err = error_set(&call->error, ERR_NOT_FOUND, "this job has made no file");
    }
    if (err != OK) {
        call_problem(call, err, &call->error, NULL);
        return;
    }
    struct str *kept = ARENA_NEW(call_arena(call), struct str);
    *kept = arena_str(call_arena(call), name);
    call->state = kept;
    http_header(
        call->http, "Content-Disposition",
        arena_printf(call_arena(call), "attachment; filename=\"" STR_FORMAT "\"", STR_ARGS(name)));
    http_header(call->http, "Cache-Control", STR("no-store"));
    call_read(call, false, run_file);
}
