/* Reading the log: in order or newest first, narrowed by pattern, object, record and time, under a
 * scope or raw. The reader's thread. */
#include "log.h"
#include "proxenos/store_log.h"
#include "sqlite/statements.h"

static enum err hash_column(struct db_stmt *stmt, int column, unsigned char out[HASH_BYTES],
                            struct error *error)
{
    struct str bytes = db_column_text(stmt, column);
    if (bytes.len != HASH_BYTES) {
        return error_set(error, ERR_CORRUPT, "entry %lld of the log has a hash of %zu bytes",
                         (long long)db_column_int(stmt, LOG_SEQ), bytes.len);
    }
    memcpy(out, bytes.at, HASH_BYTES);
    return OK;
}

enum err log_row(struct db_stmt *stmt, struct log_entry *out_entry, struct error *error)
{
    *out_entry = (struct log_entry){.seq = db_column_int(stmt, LOG_SEQ),
                                    .at_ms = db_column_int(stmt, LOG_AT),
                                    .type = db_column_text(stmt, LOG_TYPE),
                                    .object = db_column_text(stmt, LOG_OBJECT),
                                    .state = db_column_text(stmt, LOG_STATE),
                                    .record = db_column_int(stmt, LOG_RECORD),
                                    .version = db_column_int(stmt, LOG_VERSION),
                                    .actor = db_column_text(stmt, LOG_ACTOR),
                                    .via = db_column_text(stmt, LOG_VIA),
                                    .request = db_column_text(stmt, LOG_REQUEST),
                                    .cause = db_column_int(stmt, LOG_CAUSE),
                                    .changeset = db_column_int(stmt, LOG_CHANGESET),
                                    .depth = (int)db_column_int(stmt, LOG_DEPTH),
                                    .compartment = db_column_text(stmt, LOG_COMPARTMENT),
                                    .payload = db_column_text(stmt, LOG_PAYLOAD)};
    enum err err = hash_column(stmt, LOG_PAYLOAD_HASH, out_entry->payload_hash, error);
    return err == OK ? hash_column(stmt, LOG_CHAIN, out_entry->chain, error) : err;
}

/* ---- which statement ---- */

/* An entry that is delivered costs about so many VM steps; one that is passed over far fewer. */
enum { STEPS_PER_ENTRY = 60 };

/* "organisation." … "organisation/": types that begin with this word and a point. Empty when the
 * question names none. */
struct type_range {
    struct str from, to;
};

static struct type_range type_range(struct arena *arena, const struct log_query *query)
{
    struct str word = query->object;
    if (word.len == 0) {
        struct str rest = query->pattern;
        if (!str_split(&rest, '.', &word) || rest.at == NULL || str_is(word, "*")) {
            return (struct type_range){{NULL, 0}, {NULL, 0}};
        }
    }
    return (struct type_range){arena_printf(arena, STR_FORMAT ".", STR_ARGS(word)),
                               arena_printf(arena, STR_FORMAT "/", STR_ARGS(word))};
}

/* Entries from, exclusive, to, inclusive. */
struct seq_range {
    int64_t from, to;
};

/* What one call looks at. A reader with a step budget must come back in time and yet move on, even
 * when nothing fits for a million entries: so it is given a window, and the caller goes on from
 * *out_last. */
static struct seq_range seq_range(struct reader *reader, const struct log_query *query,
                                  int64_t newest)
{
    bool down = query->newest_first;
    int64_t look = query->look_max > 0 ? query->look_max : INT64_MAX;
    if (db_steps(reader->db) > 0 && query->limit > 0) {
        look = MIN(look, MAX(1, db_steps(reader->db) / STEPS_PER_ENTRY));
    }
    struct seq_range range = {down ? 0 : query->after, newest};
    if (down && query->after > 0) {
        range.to = MIN(newest, query->after - 1);
    }
    bool indexed = query->record != 0 || query->changeset != 0;
    if (!indexed && down) {
        range.from = MAX(0, range.to - MIN(look, range.to));
    } else if (!indexed && look < range.to - range.from) {
        range.to = range.from + look;
    }
    return range;
}

static enum err open_query(struct reader *reader, const struct log_query *query,
                           struct seq_range seqs, struct arena *arena, struct db_stmt **out_stmt,
                           struct error *error)
{
    struct type_range range = type_range(arena, query);
    bool down = query->newest_first;
    struct str sql = down ? sql_log_down : sql_log_up;
    if (query->record != 0) {
        sql = down ? sql_log_down_record : sql_log_up_record;
    } else if (query->changeset != 0) {
        sql = down ? sql_log_down_changeset : sql_log_up_changeset;
    } else if (range.from.len > 0) {
        sql = down ? sql_log_down_type : sql_log_up_type;
    }
    struct db_stmt *stmt = NULL;
    enum err err = db_cached(reader->db, sql, &stmt, error);
    if (err != OK) {
        return err;
    }
    db_bind_int(stmt, 1, seqs.from);
    db_bind_int(stmt, 2, seqs.to);
    db_bind_int(stmt, 3, query->from_ms > 0 ? query->from_ms : INT64_MIN);
    db_bind_int(stmt, 4, query->to_ms > 0 ? query->to_ms : INT64_MAX);
    db_bind_int(stmt, 5, -1); /* rights are judged here, so is the limit */
    if (query->record != 0 || query->changeset != 0) {
        db_bind_int(stmt, 6, query->record != 0 ? query->record : query->changeset);
    } else if (range.from.len > 0) {
        db_bind_text(stmt, 6, range.from);
        db_bind_text(stmt, 7, range.to);
    }
    *out_stmt = stmt;
    return OK;
}

/* ---- walking ---- */

struct walk {
    const struct log_query *query;
    struct log_view view;
    log_cb entry;
    void *context;
    int64_t delivered, last;
};

static enum err walk_row(struct walk *walk, struct db_stmt *stmt, struct error *error)
{
    const struct log_query *query = walk->query;
    struct log_entry entry;
    enum err err = log_row(stmt, &entry, error);
    if (err != OK) {
        return err;
    }
    if (!log_pattern_match(query->pattern, &entry) ||
        (query->object.len > 0 && !str_eq(query->object, entry.object))) {
        return OK;
    }
    arena_reset(&walk->view.arena);
    bool visible = false;
    err = log_view_entry(&walk->view, &entry, &visible, error);
    if (err != OK || !visible) {
        return err;
    }
    walk->delivered++;
    walk->last = entry.seq;
    return walk->entry(walk->context, &entry, error);
}

static enum err walk_rows(struct walk *walk, struct db_stmt *stmt, struct error *error)
{
    int64_t limit = walk->query->limit > 0 ? walk->query->limit : INT64_MAX;
    enum err err = OK;
    bool row = false;
    while (walk->delivered < limit && (err = db_step(stmt, &row, error)) == OK && row) {
        err = walk_row(walk, stmt, error);
        if (err != OK) {
            return err;
        }
    }
    return err;
}

/* Each argument is one thing that callers have at hand; a struct of them would say no more. */
// NOLINTNEXTLINE(readability-function-size)
enum err reader_log(struct reader *reader, const struct scope *scope, const struct log_query *query,
                    log_cb entry, void *context, int64_t *out_last, struct error *error)
{
    bool entered = false;
    enum err err = reader_enter(reader, &entered, error);
    if (err != OK) {
        return err;
    }
    struct walk walk = {.query = query,
                        .view = {.reader = reader, .scope = scope},
                        .entry = entry,
                        .context = context};
    struct arena arena;
    arena_init(&arena);
    arena_init(&walk.view.arena);
    struct db_stmt *stmt = NULL;
    int64_t newest = reader_seq(reader);
    struct seq_range seqs = seq_range(reader, query, newest);
    err = open_query(reader, query, seqs, &arena, &stmt, error);
    if (err == OK) {
        err = walk_rows(&walk, stmt, error);
        db_done(stmt);
    }
    reader_leave(reader, entered);
    arena_deinit(&walk.view.arena);
    arena_deinit(&arena);
    if (err == OK) {
        bool more = query->limit > 0 && walk.delivered >= query->limit;
        int64_t older = seqs.from > 0 ? seqs.from + 1 : 0;
        int64_t end = query->newest_first ? older : MAX(seqs.to, query->after);
        *out_last = more ? walk.last : end;
    }
    return err;
}

static enum err raw_rows(struct db_stmt *stmt, log_cb entry, void *context, struct error *error)
{
    enum err err = OK;
    bool row = false;
    while ((err = db_step(stmt, &row, error)) == OK && row) {
        struct log_entry found;
        err = log_row(stmt, &found, error);
        if (err == OK) {
            err = entry(context, &found, error);
        }
        if (err != OK) {
            break;
        }
    }
    db_done(stmt);
    return err;
}

static void bind_all(struct db_stmt *stmt, int64_t after, int64_t limit)
{
    db_bind_int(stmt, 1, after);
    db_bind_int(stmt, 2, INT64_MAX);
    db_bind_int(stmt, 3, INT64_MIN);
    db_bind_int(stmt, 4, INT64_MAX);
    db_bind_int(stmt, 5, limit > 0 ? limit : -1);
}

enum err reader_log_raw(struct reader *reader, int64_t after, int64_t limit, log_cb entry,
                        void *context, struct error *error)
{
    struct db_stmt *stmt = NULL;
    enum err err = db_cached(reader->db, sql_log_up, &stmt, error);
    if (err != OK) {
        return err;
    }
    bind_all(stmt, after, limit);
    return raw_rows(stmt, entry, context, error);
}

enum err reader_log_record(struct reader *reader, int64_t record, log_cb entry, void *context,
                           struct error *error)
{
    struct db_stmt *stmt = NULL;
    enum err err = db_cached(reader->db, sql_log_up_record, &stmt, error);
    if (err != OK) {
        return err;
    }
    bind_all(stmt, 0, 0);
    db_bind_int(stmt, 6, record);
    return raw_rows(stmt, entry, context, error);
}
