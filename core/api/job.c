/* Uploads and jobs. An upload is spooled under its hash; a job names the hash. Loop thread, but for
 * the kinds' `run` (a lane's). */
#include "internal.h"

#include "proxenos/store_file.h"
#include "proxenos/store_search.h"

#include <errno.h>
#include <sys/stat.h>

/* ---- uploads ---- */

enum { UPLOAD_GATHER_BYTES = 64 * 1024 };

struct upload {
    struct spool *spool;
    int64_t bytes;
    enum err err;
    /* Pieces may be of one byte each: the disk gets them together. */
    size_t gathered;
    char gather[UPLOAD_GATHER_BYTES];
};

static void upload_flush(struct call *call, struct upload *upload)
{
    if (upload->err == OK && upload->gathered > 0) {
        upload->err = spool_write(upload->spool, upload->gather, upload->gathered, &call->error);
    }
    upload->gathered = 0;
}

static void on_chunk(struct http_request *http, struct str bytes)
{
    struct call *call = request_call(http);
    struct upload *upload = call->state;
    upload->bytes += (int64_t)bytes.len;
    while (bytes.len > 0) {
        size_t room = UPLOAD_GATHER_BYTES - upload->gathered;
        size_t len = bytes.len < room ? bytes.len : room;
        memcpy(upload->gather + upload->gathered, bytes.at, len);
        upload->gathered += len;
        bytes = str_sub(bytes, len, bytes.len);
        if (upload->gathered == UPLOAD_GATHER_BYTES) {
            upload_flush(call, upload);
        }
    }
}

static void on_uploaded(struct http_request *http, enum err err)
{
    struct call *call = request_call(http);
    struct upload *upload = call->state;
    unsigned char hash[HASH_BYTES];
    upload_flush(call, upload);
    err = upload->err != OK ? upload->err : err;
    if (err != OK) {
        spool_abort(upload->spool);
        call_problem(call, err, &call->error, NULL);
        return;
    }
    err = spool_finish(upload->spool, hash, &call->error);
    if (err != OK) {
        call_problem(call, err, &call->error, NULL);
        return;
    }
    buf_append_str(&call->out, STR("{\"file\":\""));
    hex_encode(&call->out, hash, sizeof(hash));
    buf_printf(&call->out, "\",\"bytes\":%lld}", (long long)upload->bytes);
    call_respond(call, 201);
}

void create_upload(struct call *call)
{
    static const struct http_body_sink sink = {.chunk = on_chunk, .done = on_uploaded};
    struct upload *upload = ARENA_NEW(call_arena(call), struct upload);
    call->state = upload;
    enum err err = spool_open(call->api->jobs, UPLOAD_BYTES_MAX, &upload->spool, &call->error);
    if (err != OK) {
        call_problem(call, err, &call->error, NULL);
        return;
    }
    http_collect_stream(call->http, UPLOAD_BYTES_MAX, &sink);
}

/* ---- starting ---- */

void job_started(struct job_start *start)
{
    struct call *call = start->context;
    if (start->err != OK) {
        call_problem(call, start->err, &start->error, NULL);
        return;
    }
    struct value answer = value_map_new();
    char id[ID_TEXT_LEN + 1];
    id_format(start->job, id);
    value_put_c(call_arena(call), &answer, "id", value_text(str_from(id)));
    value_put_c(call_arena(call), &answer, "reattached", value_bool(start->reattached));
    http_header(call->http, "Location", arena_printf(call_arena(call), "/api/v1/jobs/%s", id));
    call_respond_value(call, 202, &answer);
}

static enum err read_conflict(struct str text, enum on_conflict *out, struct error *error)
{
    static const char *const names[] = {
        [CONFLICT_ERROR] = "error", [CONFLICT_SKIP] = "skip", [CONFLICT_UPDATE] = "update"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (str_is(text, names[i])) {
            *out = (enum on_conflict)i;
            return OK;
        }
    }
    return error_at(error, ERR_INVALID, "/on_conflict", NULL,
                    "on_conflict is error, skip or update");
}

static enum err read_import(struct call *call, struct import_spec *spec, struct error *error)
{
    const struct value *body = &call->body;
    *spec = (struct import_spec){.object = value_get_text(body, "object", STR("")),
                                 .file_name = value_get_text(body, "file_name", STR("")),
                                 .format = value_get_text(body, "format", STR("csv")),
                                 .key = value_get_text(body, "key", STR("")),
                                 .dry_run = value_get_bool(body, "dry_run", false),
                                 .atomic = value_get_bool(body, "atomic", false)};
    if (hex_decode(value_get_text(body, "file", STR("")), spec->file, sizeof(spec->file)) != OK) {
        return error_at(error, ERR_INVALID, "/file", NULL,
                        "file is the hash that POST /uploads answered");
    }
    const struct value *map = value_get_c(body, "map");
    if (map != NULL && map->kind != VALUE_NULL) {
        struct buf text;
        buf_init(&text);
        json_encode(&text, map);
        spec->map = arena_str(call_arena(call), buf_str(&text));
        buf_deinit(&text);
    }
    struct str duplicates = value_get_text(body, "duplicates", STR("check"));
    spec->allow_duplicates = str_is(duplicates, "allow");
    if (!spec->allow_duplicates && !str_is(duplicates, "check")) {
        return error_at(error, ERR_INVALID, "/duplicates", NULL, "duplicates is check or allow");
    }
    return read_conflict(value_get_text(body, "on_conflict", STR("error")), &spec->on_conflict,
                         error);
}

static const struct call_member import_members[] = {
    {"kind", VALUE_TEXT},      {"object", VALUE_TEXT},      {"file", VALUE_TEXT},
    {"file_name", VALUE_TEXT}, {"format", VALUE_TEXT},      {"map", VALUE_NULL},
    {"key", VALUE_TEXT},       {"on_conflict", VALUE_TEXT}, {"dry_run", VALUE_BOOL},
    {"atomic", VALUE_BOOL},    {"duplicates", VALUE_TEXT},
};

static void start_job(struct call *call)
{
    struct job_start *start = ARENA_NEW(call_arena(call), struct job_start);
    *start = (struct job_start){.scope = call_scope(call),
                                .request = call_request_id(call),
                                .done = job_started,
                                .context = call};
    struct str kind = value_get_text(&call->body, "kind", STR("import"));
    enum err err = OK;
    if (str_is(kind, "import")) {
        if (!call_knows_members(call, import_members, COUNT_OF(import_members))) {
            return;
        }
        err = read_import(call, &start->import, &call->error);
        if (err == OK) {
            err = jobs_import(call->api->jobs, start);
        }
    } else if (!call_admin(call)) {
        return;
    } else if (str_is(kind, "erasure") || str_is(kind, "access_export")) {
        /* These look at the person first, with the rights on it. */
        err = error_at(&call->error, ERR_INVALID, "/kind", NULL,
                       "this job begins with a request on the record itself: POST "
                       "/api/v1/<objects>/{id}/erase or /access-export");
    } else {
        err = jobs_start_kind(call->api->jobs, start, kind, &call->body);
    }
    if (err != OK) {
        call_problem(call, err, start->error.err != OK ? &start->error : &call->error, NULL);
    }
}

void create_job(struct call *call)
{
    call_with_body(call, start_job);
}

/* ---- looking ---- */

void list_jobs(struct call *call)
{
    struct value answer = value_map_new();
    struct value jobs = jobs_list(call->api->jobs, call_scope(call), call_arena(call));
    value_put_c(call_arena(call), &answer, "data", jobs);
    call_respond_value(call, 200, &answer);
}

void get_job(struct call *call)
{
    struct value job;
    if (!call_find_id(call)) {
        return;
    }
    enum err err = jobs_show(call->api->jobs, call_scope(call), call->id, call_arena(call), &job,
                             &call->error);
    if (err != OK) {
        call_problem(call, err, &call->error, NULL);
        return;
    }
    call_respond_value(call, 200, &job);
}

void cancel_job(struct call *call)
{
    if (!call_find_id(call)) {
        return;
    }
    enum err err = jobs_cancel(call->api->jobs, call_scope(call), call->id, &call->error);
    if (err != OK) {
        call_problem(call, err, &call->error, NULL);
        return;
    }
    buf_append_str(&call->out, STR("{\"cancelling\":true}"));
    call_respond(call, 202);
}

static enum err run_errors(struct call *call, struct reader *reader, struct error *error)
{
    return jobs_errors(reader, call_scope(call), call->id, &call->out, error);
}

void get_job_errors(struct call *call)
{
    if (call_find_id(call)) {
        call->content_type = "text/csv; charset=utf-8";
        call_read(call, false, run_errors);
    }
}

/* ---- kinds of the API's own ---- */

static bool on_progress(void *context, int64_t done, int64_t total)
{
    struct job_run *run = context;
    return run->progress(run, done, total);
}

static enum err run_verify(struct job_run *run, void *context, struct error *error)
{
    (void)context;
    struct audit_checkpoint known = {0};
    struct str text = value_get_text(run->params, "checkpoint", STR(""));
    enum err err = text.len > 0 ? audit_checkpoint_parse(text, &known, error) : OK;
    if (err != OK) {
        return err;
    }
    struct audit_report report = {0};
    err = audit_verify(run->thread_context, text.len > 0 ? &known : NULL, on_progress, run, &report,
                       error);
    struct files_report files = {0};
    if (err == OK) {
        err = reader_files_verify(run->thread_context, on_progress, run, &files, error);
    }
    struct buf chain;
    buf_init(&chain);
    base64_encode(&chain, report.chain, sizeof(report.chain));
    run->result = value_map_new();
    value_put_c(run->arena, &run->result, "verified", value_bool(err == OK));
    value_put_c(run->arena, &run->result, "entries", value_int(report.entries));
    value_put_c(run->arena, &run->result, "last_seq", value_int(report.last_seq));
    value_put_c(run->arena, &run->result, "bad_seq",
                report.bad_seq != 0 ? value_int(report.bad_seq) : value_null());
    value_put_c(
        run->arena, &run->result, "finding",
        value_text(arena_str(
            run->arena, str_from(report.finding[0] != '\0' ? report.finding : files.finding))));
    value_put_c(run->arena, &run->result, "files", value_int(files.checked));
    value_put_c(run->arena, &run->result, "files_missing", value_int(files.missing));
    value_put_c(run->arena, &run->result, "files_altered", value_int(files.altered));
    value_put_c(run->arena, &run->result, "chain",
                value_text(arena_str(run->arena, buf_str(&chain))));
    buf_deinit(&chain);
    return err;
}

static enum err run_backup(struct job_run *run, void *context, struct error *error)
{
    struct api *api = context;
    struct str folder = value_get_text(run->params, "folder", STR(""));
    if (folder.len == 0 || folder.at[0] != '/') {
        return error_at(error, ERR_INVALID, "/folder", NULL,
                        "folder is the absolute path of a new folder on the service's machine");
    }
    const char *path = arena_cstr(run->arena, folder);
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        return error_at(error, ERR_IO, "/folder", path, "the folder cannot be made: %s",
                        strerror(errno));
    }
    enum err err = store_backup(api->store, path, on_progress, run, error);
    if (err == OK) {
        run->result = value_map_new();
        value_put_c(run->arena, &run->result, "folder", value_text(arena_str(run->arena, folder)));
    }
    return err;
}

static enum err run_reindex(struct job_run *run, void *context, struct error *error)
{
    struct api *api = context;
    return store_search_rebuild(api->store, on_progress, run, error);
}

void register_jobs(struct api *api)
{
    struct job_kind reindex = {
        .name = "reindex", .resumes = false, .run = run_reindex, .context = api};
    struct job_kind verify = {.name = "verify", .resumes = true, .run = run_verify, .context = api};
    struct job_kind backup = {
        .name = "backup", .resumes = false, .run = run_backup, .context = api};
    jobs_register(api->jobs, &reindex);
    jobs_register(api->jobs, &verify);
    jobs_register(api->jobs, &backup);
    register_uninstall(api);
    register_flow_jobs(api);
    register_schema_jobs(api);
    register_duplicates(api);
    register_erasure(api);
    register_access_export(api);
}
