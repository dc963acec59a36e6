/* Scans for duplicates: how far they are, the pairs found, the groups made of them
 * (duplicate_sql.h). */
#include "duplicate_sql.h"

static enum err run_once(struct db_stmt *stmt, struct error *error)
{
    bool row = false;
    enum err err = db_step(stmt, &row, error);
    db_done(stmt);
    return err;
}

static enum err run_two(struct db *db, struct str sql, int64_t first, int64_t second,
                        struct error *error)
{
    struct db_stmt *stmt = NULL;
    enum err err = db_cached(db, sql, &stmt, error);
    if (err != OK) {
        return err;
    }
    db_bind_int(stmt, 1, first);
    db_bind_int(stmt, 2, second);
    return run_once(stmt, error);
}

/* ---- scans ---- */

static struct duplicate_scan scan_of(struct db_stmt *stmt, struct arena *arena)
{
    return (struct duplicate_scan){.id = db_column_int(stmt, 0),
                                   .object = arena_str(arena, db_column_text(stmt, 1)),
                                   .user = db_column_int(stmt, 2),
                                   .rules = db_column_int(stmt, 3),
                                   .at_ms = db_column_int(stmt, 4),
                                   .done = db_column_int(stmt, 5) != 0,
                                   .compared = db_column_int(stmt, 7),
                                   .pairs = db_column_int(stmt, 8),
                                   .groups = db_column_int(stmt, 9),
                                   .cut_blocks = db_column_int(stmt, 10),
                                   .cut = db_column_int(stmt, 11) != 0};
}

#define SCAN_COLUMNS                                                                               \
    "id, object, user, rules, at, done, position, compared, pairs, groups, cut_blocks, cut"

// NOLINTNEXTLINE(readability-function-size): what is looked for, and where it goes
enum err duplicate_scan_get(struct db *db, struct arena *arena, int64_t id, struct str object,
                            int64_t user, struct duplicate_scan *out_scan, int64_t *out_position,
                            struct error *error)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    struct str by_id = STR("select " SCAN_COLUMNS " from duplicate_scan where id = ?1");
    struct str newest = STR("select " SCAN_COLUMNS " from duplicate_scan where object = ?1 and "
                            "user = ?2 order by id desc limit 1");
    enum err err = db_cached(db, id != 0 ? by_id : newest, &stmt, error);
    if (err != OK) {
        return err;
    }
    if (id != 0) {
        db_bind_int(stmt, 1, id);
    } else {
        db_bind_text(stmt, 1, object);
        db_bind_int(stmt, 2, user);
    }
    err = db_step(stmt, &row, error);
    if (err == OK && row) {
        *out_scan = scan_of(stmt, arena);
        *out_position = db_column_int(stmt, 6);
    }
    db_done(stmt);
    return err == OK && !row ? ERR_NOT_FOUND : err;
}

enum err duplicate_scan_put(struct db *db, const struct duplicate_scan *scan, int64_t position,
                            struct error *error)
{
    struct db_stmt *stmt = NULL;
    enum err err =
        db_cached(db,
                  STR("insert into duplicate_scan (" SCAN_COLUMNS ") values "
                      "(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) on "
                      "conflict (id) do update set rules = excluded.rules, "
                      "at = excluded.at, done = excluded.done, position = excluded.position, "
                      "compared = excluded.compared, pairs = excluded.pairs, "
                      "groups = excluded.groups, cut_blocks = excluded.cut_blocks, "
                      "cut = excluded.cut"),
                  &stmt, error);
    if (err != OK) {
        return err;
    }
    const int64_t numbers[] = {scan->rules,  scan->at_ms,      scan->done ? 1 : 0,
                               position,     scan->compared,   scan->pairs,
                               scan->groups, scan->cut_blocks, scan->cut ? 1 : 0};
    db_bind_int(stmt, 1, scan->id);
    db_bind_text(stmt, 2, scan->object);
    db_bind_int(stmt, 3, scan->user);
    for (int i = 0; i < (int)COUNT_OF(numbers); i++) {
        db_bind_int(stmt, 4 + i, numbers[i]);
    }
    return run_once(stmt, error);
}

static enum err forget_part(struct db *db, struct str sql, const struct duplicate_scan *but,
                            struct error *error)
{
    struct db_stmt *stmt = NULL;
    enum err err = db_cached(db, sql, &stmt, error);
    if (err != OK) {
        return err;
    }
    db_bind_text(stmt, 1, but->object);
    db_bind_int(stmt, 2, but->user);
    db_bind_int(stmt, 3, but->id);
    return run_once(stmt, error);
}

#define FORMER "(select id from duplicate_scan where object = ?1 and user = ?2 and id <> ?3)"

enum err duplicate_scan_forget(struct db *db, const struct duplicate_scan *but, struct error *error)
{
    enum err err =
        forget_part(db, STR("delete from duplicate_pair where scan in " FORMER), but, error);
    if (err == OK) {
        err = forget_part(db, STR("delete from duplicate_group where scan in " FORMER), but, error);
    }
    if (err == OK) {
        err = forget_part(
            db, STR("delete from duplicate_scan where object = ?1 and user = ?2 and id <> ?3"), but,
            error);
    }
    return err;
}

/* ---- pairs ---- */

enum err duplicate_pair_add(struct db *db, int64_t scan, const struct duplicate_pair *pair,
                            bool *out_new, struct error *error)
{
    struct db_stmt *stmt = NULL;
    enum err err = db_cached(db,
                             STR("insert into duplicate_pair (scan, a, b, points) "
                                 "select ?1, ?2, ?3, ?4 where not exists (select 1 from "
                                 "duplicate_dismissed where a = ?2 and b = ?3) "
                                 "on conflict do nothing"),
                             &stmt, error);
    if (err != OK) {
        return err;
    }
    db_bind_int(stmt, 1, scan);
    db_bind_int(stmt, 2, pair->a);
    db_bind_int(stmt, 3, pair->b);
    db_bind_real(stmt, 4, pair->points);
    err = run_once(stmt, error);
    *out_new = err == OK && db_changes(db) > 0;
    return err;
}

enum err duplicate_pair_each(struct db *db, int64_t scan, duplicate_pair_cb each, void *context,
                             struct error *error)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum err err =
        db_cached(db, STR("select a, b, points from duplicate_pair where scan = ?1 order by a, b"),
                  &stmt, error);
    if (err != OK) {
        return err;
    }
    db_bind_int(stmt, 1, scan);
    while ((err = db_step(stmt, &row, error)) == OK && row) {
        struct duplicate_pair pair = {.a = db_column_int(stmt, 0),
                                      .b = db_column_int(stmt, 1),
                                      .points = db_column_real(stmt, 2)};
        each(context, &pair);
    }
    db_done(stmt);
    return err;
}

enum err duplicate_pair_forget(struct db *db, int64_t scan, struct error *error)
{
    return run_two(db, STR("delete from duplicate_pair where scan = ?1 and ?2 = 0"), scan, 0,
                   error);
}

/* ---- groups ---- */

enum err duplicate_group_add(struct db *db, int64_t scan, int64_t group, int64_t record,
                             struct error *error)
{
    struct db_stmt *stmt = NULL;
    enum err err = db_cached(db,
                             STR("insert into duplicate_group (scan, number, record) values "
                                 "(?1, ?2, ?3) on conflict do nothing"),
                             &stmt, error);
    if (err != OK) {
        return err;
    }
    db_bind_int(stmt, 1, scan);
    db_bind_int(stmt, 2, group);
    db_bind_int(stmt, 3, record);
    return run_once(stmt, error);
}

// NOLINTNEXTLINE(readability-function-size): what is looked for, and where it goes
enum err duplicate_group_next(struct db *db, int64_t scan, int64_t after, size_t most,
                              int64_t *out_group, int64_t *records, size_t *out_count,
                              struct error *error)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    size_t count = 0;
    *out_group = 0;
    *out_count = 0;
    enum err err = db_cached(db,
                             STR("select number, record from duplicate_group where scan = ?1 and "
                                 "number > ?2 order by number, record"),
                             &stmt, error);
    if (err != OK) {
        return err;
    }
    db_bind_int(stmt, 1, scan);
    db_bind_int(stmt, 2, after);
    while (count < most && (err = db_step(stmt, &row, error)) == OK && row) {
        int64_t group = db_column_int(stmt, 0);
        if (*out_group != 0 && group != *out_group) {
            break;
        }
        *out_group = group;
        records[count++] = db_column_int(stmt, 1);
    }
    db_done(stmt);
    *out_count = count;
    return err;
}
