/* Reading for scripts: SQL through a reader, merged with the drafts of the unit of work when there
 * is one (contract 16); one record, by id or by a unique field; rights and history. Executor;
 * nothing here raises. */
#include "usage.h"

#include "proxenos/base_json.h"
#include "proxenos/store_file.h"
#include "proxenos/store_history.h"

/* ---- rights ---- */

enum err capable(struct call *call, struct str object, uint32_t verb,
                 const struct object_type **out_type, struct error *error)
{
    const struct scope *own = call->host->scope;
    bool reads = verb == VERB_READ;
    const struct object_type *type = NULL;
    enum err err = schema_find_object(own->schema, object, &type, error);
    if (err != OK) {
        return err;
    }
    if (!reads && call->host->read_only) {
        return error_set(error, ERR_CAPABILITY, "this shell only reads: begin it with --write");
    }
    if (!scope_may(own, type, verb)) {
        return error_at(error, ERR_CAPABILITY, NULL, NULL,
                        "%s " STR_FORMAT
                        " is not among the plugin's capabilities; add \"" STR_FORMAT "\" to can.%s",
                        reads ? "reading" : "writing", STR_ARGS(type->name), STR_ARGS(type->name),
                        reads ? "read" : "write");
    }
    if (call->scope == NULL) {
        return error_set(error, ERR_UNAUTHENTICATED, "nobody is logged in");
    }
    err = schema_find_object(call->scope->schema, object, &type, error);
    if (err == OK && !scope_may(call->scope, type, verb)) {
        return error_set(error, ERR_FORBIDDEN, "your roles do not allow %s " STR_FORMAT,
                         reads ? "reading" : "writing", STR_ARGS(type->name));
    }
    *out_type = type;
    return err;
}

/* ---- readers ---- */

enum err read_begin(struct call *call, struct read_turn *out_turn, struct error *error)
{
    *out_turn = (struct read_turn){.own = call->work == NULL};
    if (call->flow != NULL && call->work == NULL) {
        return error_set(error, ERR_INVALID,
                         "a flow reads inside flow:step alone, so that a replay sees what it saw");
    }
    if (call->work != NULL) {
        return overlay_reader(call->work->overlay, &out_turn->reader, error);
    }
    return executor_reader_take(host_executor(call->host), &out_turn->reader, error);
}

void read_end(struct call *call, struct read_turn *turn)
{
    if (turn->own && turn->reader != NULL) {
        executor_reader_give(host_executor(call->host), turn->reader);
    }
}

struct overlay *overlay_of(const struct call *call)
{
    return call->work == NULL ? NULL : call->work->overlay;
}

/* ---- one ---- */

enum err read_get(struct call *call, const struct object_type *type, int64_t id,
                  struct record **out_record, struct error *error)
{
    struct overlay *overlay = overlay_of(call);
    struct touched *touched = overlay == NULL ? NULL : map_get_int(&overlay->by_id, id);
    if (touched != NULL) {
        call->work->depends |= (uint64_t)1 << touched->work->index;
        if (touched->record == NULL || touched->type != type) {
            return error_set(error, ERR_NOT_FOUND, "there is no such " STR_FORMAT,
                             STR_ARGS(type->name));
        }
        *out_record = touched->record;
        usage_read(call, 1);
        return OK;
    }
    struct read_turn turn;
    enum err err = read_begin(call, &turn, error);
    if (err == OK) {
        err = reader_get(turn.reader, call->scope, type, id, &call->scratch, out_record, error);
        read_end(call, &turn);
        usage_read(call, err == OK ? 1 : 0);
    }
    return err;
}

/* ---- by a unique field ---- */

static bool has_value(const struct touched *touched, const struct field *field,
                      const struct value *value)
{
    return touched->record != NULL && touched->record->has[field->index] == RECORD_HAS &&
           value_equal(&touched->record->values[field->index], value);
}

/* Among the drafts first; a record that SQL finds counts only while no draft has touched it. */
enum err read_unique(struct call *call, const struct object_type *type, const struct field *field,
                     const struct value *plain, int64_t *out_id, struct error *error)
{
    const struct overlay *overlay = overlay_of(call);
    struct value value;
    struct read_turn turn;
    int64_t id = 0;
    enum err err = field_value(field, plain, &call->scratch, &value, error);
    if (err != OK) {
        return err;
    }
    for (struct touched *touched = overlay == NULL ? NULL : overlay->newest; touched != NULL;
         touched = touched->older) {
        if (touched->type == type && has_value(touched, field, &value) &&
            map_get_int(&overlay->by_id, touched->id) == touched) {
            call->work->depends |= (uint64_t)1 << touched->work->index;
            *out_id = touched->id;
            return OK;
        }
    }
    err = read_begin(call, &turn, error);
    if (err != OK) {
        return err;
    }
    err = reader_find_unique(turn.reader, call->scope, field, type, &value, &call->scratch, &id,
                             error);
    read_end(call, &turn);
    bool touched = err == OK && overlay != NULL && map_get_int(&overlay->by_id, id) != NULL;
    *out_id = err == OK && !touched ? id : 0;
    return err == ERR_NOT_FOUND ? OK : err;
}

/* ---- history ---- */

struct telling {
    struct arena *arena;
    struct value rows;
};

static enum err on_entry(void *context, const struct log_entry *entry, struct error *error)
{
    (void)error;
    struct telling *telling = context;
    struct arena *arena = telling->arena;
    struct value row = value_map_new();
    struct value payload = value_null();
    value_put_c(arena, &row, "type", value_text(arena_str(arena, entry->type)));
    value_put_c(arena, &row, "version", value_int(entry->version));
    value_put_c(arena, &row, "at", value_time(entry->at_ms));
    value_put_c(arena, &row, "actor", value_text(arena_str(arena, entry->actor)));
    value_put_c(arena, &row, "via", value_text(arena_str(arena, entry->via)));
    if (json_decode(arena, arena_str(arena, entry->payload), &payload, NULL) == OK) {
        for (size_t i = 0; payload.kind == VALUE_MAP && i < payload.map.count; i++) {
            value_put(arena, &row, payload.map.entries[i].key, payload.map.entries[i].value);
        }
    }
    value_push(arena, &telling->rows, row);
    return OK;
}

enum err read_history(struct call *call, const struct object_type *type, int64_t id,
                      struct value *out_rows, struct error *error)
{
    enum { HISTORY_MAX = 1000 };
    struct telling telling = {.arena = &call->scratch, .rows = value_list_new()};
    struct log_query query = {.limit = HISTORY_MAX, .object = type->name, .record = id};
    struct read_turn turn;
    int64_t last = 0;
    enum err err = read_begin(call, &turn, error);
    if (err == OK) {
        err = reader_log(turn.reader, call->scope, &query, on_entry, &telling, &last, error);
        read_end(call, &turn);
    }
    if (err == OK) {
        *out_rows = telling.rows;
        usage_read(call, telling.rows.list.count);
    }
    return err;
}

/* ---- files ---- */

static enum err on_file(void *context, const struct attachment *attachment, struct error *error)
{
    (void)error;
    struct telling *telling = context;
    value_push(telling->arena, &telling->rows, attachment_value(telling->arena, attachment));
    return OK;
}

enum err read_files(struct call *call, const struct object_type *type, int64_t id,
                    struct value *out_rows, struct error *error)
{
    enum { FILES_MAX = 1000 };
    struct telling telling = {.arena = &call->scratch, .rows = value_list_new()};
    struct read_turn turn;
    enum err err = read_begin(call, &turn, error);
    if (err == OK) {
        err = reader_attachments(turn.reader, call->scope, type, id, 0, FILES_MAX, on_file,
                                 &telling, error);
        read_end(call, &turn);
    }
    if (err == OK) {
        *out_rows = telling.rows;
        usage_read(call, telling.rows.list.count);
    }
    return err;
}

/* ---- as of a moment ---- */

enum err read_as_of(struct call *call, const struct object_type *type, int64_t id, int64_t at_ms,
                    struct record **out_record, struct error *error)
{
    struct read_turn turn;
    enum err err = read_begin(call, &turn, error);
    if (err == OK) {
        err = reader_as_of(turn.reader, call->scope, type, id, at_ms, &call->scratch, out_record,
                           error);
        read_end(call, &turn);
        usage_read(call, err == OK ? 1 : 0);
    }
    return err;
}
