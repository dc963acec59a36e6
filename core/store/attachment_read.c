/* Files of records, read: only by way of the record. The reader's thread. */
#include "attachment.h"
#include "query.h"
#include "row_rules.h"
#include "sqlite/file_sql.h"
#include "sqlite/select.h"
#include "sqlite/statements.h"

struct value attachment_value(struct arena *arena, const struct attachment *attachment)
{
    struct value map = value_map_new();
    struct buf hash;
    buf_init(&hash);
    hex_encode(&hash, attachment->blob.hash, HASH_BYTES);
    value_put_c(arena, &map, "id", value_id(attachment->id));
    value_put_c(arena, &map, "name", value_text(arena_str(arena, attachment->name)));
    value_put_c(arena, &map, "media_type", value_text(arena_str(arena, attachment->media_type)));
    value_put_c(arena, &map, "bytes", value_int(attachment->blob.bytes));
    value_put_c(arena, &map, "hash", value_text(arena_str(arena, buf_str(&hash))));
    value_put_c(arena, &map, "added_at", value_time(attachment->added_at));
    value_put_c(arena, &map, "added_by", value_text(arena_str(arena, attachment->added_by)));
    buf_deinit(&hash);
    return map;
}

/* ---- rights ---- */

/* What rights are judged by; texts borrow from arena. ERR_NOT_FOUND without a sentence. */
static enum err read_head(struct reader *reader, const struct object_type *type, int64_t id,
                          struct arena *arena, struct record_head *out, struct error *error)
{
    struct db_stmt *stmt = NULL;
    struct buf sql;
    bool row = false;
    buf_init(&sql);
    sql_record_place(&sql, type);
    enum err err = db_cached(reader_db(reader), buf_str(&sql), &stmt, error);
    buf_deinit(&sql);
    if (err != OK) {
        return err;
    }
    db_bind_int(stmt, 1, id);
    err = db_step(stmt, &row, error);
    if (err == OK && row) {
        *out = (struct record_head){.owner = db_column_int(stmt, 0),
                                    .compartment = arena_str(arena, db_column_text(stmt, 1)),
                                    .archived = db_column_kind(stmt, 2) != DB_NULL};
        if (approval_is(type)) {
            out->subject = arena_str(arena, db_column_text(stmt, 3));
            out->subject_owner = db_column_int(stmt, 4);
        }
    }
    db_done(stmt);
    return err == OK && !row ? ERR_NOT_FOUND : err;
}

static enum err judge(struct reader *reader, const struct scope *scope,
                      const struct object_type *type, int64_t record, bool write,
                      struct error *error)
{
    const struct object_type *own = scope_type(scope, type);
    if (own == NULL || !scope_may(scope, own, VERB_READ)) {
        return error_set(error, ERR_FORBIDDEN, "your roles do not allow reading " STR_FORMAT,
                         STR_ARGS(type->name));
    }
    struct record_head head = {0};
    struct arena arena;
    arena_init(&arena);
    enum err err = read_head(reader, own, record, &arena, &head, error);
    if (err == OK && scope_rule(scope, own) != NULL) {
        err = sql_meets_rule(reader_db(reader), scope, own, record, &head.meets_rule, error);
    }
    if (err == OK && !record_readable(scope, own, &head)) {
        err = ERR_NOT_FOUND;
    }
    if (err == OK && write) {
        err = record_may(scope, own, VERB_UPDATE, &head, error);
    }
    arena_deinit(&arena);
    return err == ERR_NOT_FOUND ? record_missing(type, record, error) : err;
}

enum err reader_may_attach(struct reader *reader, const struct scope *scope,
                           const struct object_type *type, int64_t record, struct error *error)
{
    enum err err = judge(reader, scope, type, record, true, error);
    return err == OK && approval_is(type)
               ? error_set(error, ERR_READONLY, "approvals hold no files")
               : err;
}

/* ---- lists ---- */

static enum err each_row(struct reader *reader, const int64_t numbers[3], attachment_cb each,
                         void *context, struct error *error)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum err err = db_cached(reader_db(reader), sql_file_list, &stmt, error);
    if (err != OK) {
        return err;
    }
    for (int i = 0; i < 3; i++) {
        db_bind_int(stmt, i + 1, numbers[i]);
    }
    while ((err = db_step(stmt, &row, error)) == OK && row) {
        struct attachment one;
        attachment_row(stmt, &one);
        err = each(context, &one, error);
        if (err != OK) {
            break;
        }
    }
    db_done(stmt);
    return err;
}

/* Each argument is one thing that callers have at hand; a struct of them would say no more. */
// NOLINTNEXTLINE(readability-function-size)
enum err reader_attachments(struct reader *reader, const struct scope *scope,
                            const struct object_type *type, int64_t record, int64_t after,
                            int limit, attachment_cb each, void *context, struct error *error)
{
    const int64_t numbers[] = {record, after, limit > 0 ? limit : -1};
    bool entered = false;
    enum err err = reader_enter(reader, &entered, error);
    if (err != OK) {
        return err;
    }
    err = judge(reader, scope, type, record, false, error);
    if (err == OK) {
        err = each_row(reader, numbers, each, context, error);
    }
    reader_leave(reader, entered);
    return err;
}

struct wanted {
    struct arena *arena;
    struct attachment *out;
    int64_t id;
    bool found;
};

static enum err on_one(void *context, const struct attachment *attachment, struct error *error)
{
    (void)error;
    struct wanted *wanted = context;
    if (attachment->id == wanted->id) {
        wanted->found = true;
        *wanted->out = *attachment;
        wanted->out->name = arena_str(wanted->arena, attachment->name);
        wanted->out->media_type = arena_str(wanted->arena, attachment->media_type);
        wanted->out->added_by = arena_str(wanted->arena, attachment->added_by);
    }
    return OK;
}

// NOLINTNEXTLINE(readability-function-size)
enum err reader_attachment(struct reader *reader, const struct scope *scope,
                           const struct object_type *type, int64_t record, int64_t id,
                           struct arena *arena, struct attachment *out_attachment,
                           struct error *error)
{
    struct wanted wanted = {arena, out_attachment, id, false};
    /* The first one behind the id before it: this one, if it is there. */
    enum err err =
        reader_attachments(reader, scope, type, record, id - 1, 1, on_one, &wanted, error);
    if (err == OK && !wanted.found) {
        char text[ID_TEXT_LEN + 1];
        id_format(id, text);
        return error_set(error, ERR_NOT_FOUND, "there is no file %s here", text);
    }
    return err;
}
