/* Keys of records, how far they are, dismissed pairs (duplicate_sql.h). */
#include "duplicate_sql.h"

const char duplicate_tables[] =
    "create table duplicate_key (rules integer not null, key integer not null, "
    "record integer not null, primary key (rules, key, record)) without rowid;"
    "create table duplicate_state (object text primary key, rules integer not null, "
    "position integer not null, ready integer not null) without rowid;"
    "create table duplicate_scan (id integer primary key, object text not null, "
    "user integer not null, rules integer not null, at integer not null, "
    "done integer not null, position integer not null, "
    "compared integer not null, pairs integer not null, groups integer not null, "
    "cut_blocks integer not null, cut integer not null);"
    "create table duplicate_pair (scan integer not null, a integer not null, b integer not null, "
    "points real not null, primary key (scan, a, b)) without rowid;"
    "create table duplicate_group (scan integer not null, number integer not null, "
    "record integer not null, primary key (scan, number, record)) without rowid;"
    "create table duplicate_dismissed (a integer not null, b integer not null, "
    "object text not null, by text not null, at integer not null, primary key (a, b)) "
    "without rowid;"
    "create index duplicate_dismissed_object on duplicate_dismissed (object, at);";

static enum err run_once(struct db_stmt *stmt, struct error *error)
{
    bool row = false;
    enum err err = db_step(stmt, &row, error);
    db_done(stmt);
    return err;
}

/* A statement of three numbers. */
static enum err run_three(struct db *db, struct str sql, const int64_t numbers[3],
                          struct error *error)
{
    struct db_stmt *stmt = NULL;
    enum err err = db_cached(db, sql, &stmt, error);
    if (err != OK) {
        return err;
    }
    for (int i = 0; i < 3; i++) {
        db_bind_int(stmt, i + 1, numbers[i]);
    }
    return run_once(stmt, error);
}

/* ---- keys ---- */

enum err duplicate_row_add(struct db *db, int64_t rules, int64_t key, int64_t record,
                           struct error *error)
{
    const int64_t numbers[3] = {rules, key, record};
    return run_three(db,
                     STR("insert into duplicate_key (rules, key, record) values (?1, ?2, ?3) "
                         "on conflict do nothing"),
                     numbers, error);
}

enum err duplicate_row_drop(struct db *db, int64_t rules, int64_t key, int64_t record,
                            struct error *error)
{
    const int64_t numbers[3] = {rules, key, record};
    return run_three(db,
                     STR("delete from duplicate_key where rules = ?1 and key = ?2 and record = ?3"),
                     numbers, error);
}

static enum err take_entries(struct db_stmt *stmt, size_t most, struct duplicate_entry *entries,
                             size_t *out_count, struct error *error)
{
    bool row = false;
    size_t count = 0;
    enum err err = OK;
    while (count < most && (err = db_step(stmt, &row, error)) == OK && row) {
        entries[count++] = (struct duplicate_entry){.key = db_column_int(stmt, 0),
                                                    .record = db_column_int(stmt, 1)};
    }
    db_done(stmt);
    *out_count = count;
    return err;
}

// NOLINTNEXTLINE(readability-function-size): what is looked for, and where it goes
enum err duplicate_row_block(struct db *db, int64_t rules, int64_t key, size_t most,
                             struct duplicate_entry *entries, size_t *out_count,
                             struct error *error)
{
    struct db_stmt *stmt = NULL;
    enum err err = db_cached(db,
                             STR("select key, record from duplicate_key where rules = ?1 and "
                                 "key = ?2 order by record"),
                             &stmt, error);
    if (err != OK) {
        return err;
    }
    db_bind_int(stmt, 1, rules);
    db_bind_int(stmt, 2, key);
    return take_entries(stmt, most, entries, out_count, error);
}

// NOLINTNEXTLINE(readability-function-size): what is looked for, and where it goes
enum err duplicate_row_walk(struct db *db, int64_t rules, int64_t after, size_t most,
                            struct duplicate_entry *entries, size_t *out_count, struct error *error)
{
    struct db_stmt *stmt = NULL;
    enum err err = db_cached(db,
                             STR("select key, record from duplicate_key where rules = ?1 and "
                                 "key > ?2 order by key, record"),
                             &stmt, error);
    if (err != OK) {
        return err;
    }
    db_bind_int(stmt, 1, rules);
    db_bind_int(stmt, 2, after);
    return take_entries(stmt, most, entries, out_count, error);
}

enum err duplicate_row_rules(struct db *db, int64_t after, int64_t *out_rules, struct error *error)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum err err = db_cached(
        db, STR("select ifnull(min(rules), 0) from duplicate_key where rules > ?1"), &stmt, error);
    if (err != OK) {
        return err;
    }
    db_bind_int(stmt, 1, after);
    err = db_step(stmt, &row, error);
    *out_rules = err == OK && row ? db_column_int(stmt, 0) : 0;
    db_done(stmt);
    return err;
}

enum err duplicate_row_sweep(struct db *db, int64_t rules, int64_t most, int64_t *out_dropped,
                             struct error *error)
{
    struct db_stmt *stmt = NULL;
    enum err err = db_cached(db,
                             STR("delete from duplicate_key where rules = ?1 and (key, record) in "
                                 "(select key, record from duplicate_key where rules = ?1 "
                                 "order by key, record limit ?2)"),
                             &stmt, error);
    if (err != OK) {
        return err;
    }
    db_bind_int(stmt, 1, rules);
    db_bind_int(stmt, 2, most);
    err = run_once(stmt, error);
    *out_dropped = err == OK ? db_changes(db) : 0;
    return err;
}

/* ---- state ---- */

enum err duplicate_state_get(struct db *db, struct str object, struct duplicate_state *out_state,
                             struct error *error)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    *out_state = (struct duplicate_state){0};
    enum err err =
        db_cached(db, STR("select rules, position, ready from duplicate_state where object = ?1"),
                  &stmt, error);
    if (err != OK) {
        return err;
    }
    db_bind_text(stmt, 1, object);
    err = db_step(stmt, &row, error);
    if (err == OK && row) {
        *out_state = (struct duplicate_state){.rules = db_column_int(stmt, 0),
                                              .position = db_column_int(stmt, 1),
                                              .ready = db_column_int(stmt, 2) != 0};
    }
    db_done(stmt);
    return err;
}

enum err duplicate_state_put(struct db *db, struct str object, const struct duplicate_state *state,
                             struct error *error)
{
    struct db_stmt *stmt = NULL;
    enum err err = db_cached(db,
                             STR("insert into duplicate_state (object, rules, position, ready) "
                                 "values (?1, ?2, ?3, ?4) on conflict (object) do update set "
                                 "rules = excluded.rules, position = excluded.position, "
                                 "ready = excluded.ready"),
                             &stmt, error);
    if (err != OK) {
        return err;
    }
    db_bind_text(stmt, 1, object);
    db_bind_int(stmt, 2, state->rules);
    db_bind_int(stmt, 3, state->position);
    db_bind_int(stmt, 4, state->ready ? 1 : 0);
    return run_once(stmt, error);
}

/* ---- dismissed pairs ---- */

enum err duplicate_dismissed_put(struct db *db, const struct duplicate_dismissed *pair,
                                 bool *out_new, struct error *error)
{
    struct db_stmt *stmt = NULL;
    enum err err = db_cached(db,
                             STR("insert into duplicate_dismissed (a, b, object, by, at) values "
                                 "(?1, ?2, ?3, ?4, ?5) on conflict do nothing"),
                             &stmt, error);
    if (err != OK) {
        return err;
    }
    db_bind_int(stmt, 1, pair->a);
    db_bind_int(stmt, 2, pair->b);
    db_bind_text(stmt, 3, pair->object);
    db_bind_text(stmt, 4, pair->by);
    db_bind_int(stmt, 5, pair->at_ms);
    err = run_once(stmt, error);
    *out_new = err == OK && db_changes(db) > 0;
    return err;
}

enum err duplicate_dismissed_drop(struct db *db, int64_t a, int64_t b, bool *out_was,
                                  struct error *error)
{
    struct db_stmt *stmt = NULL;
    enum err err =
        db_cached(db, STR("delete from duplicate_dismissed where a = ?1 and b = ?2"), &stmt, error);
    if (err != OK) {
        return err;
    }
    db_bind_int(stmt, 1, a);
    db_bind_int(stmt, 2, b);
    err = run_once(stmt, error);
    *out_was = err == OK && db_changes(db) > 0;
    return err;
}

enum err duplicate_dismissed_is(struct db *db, int64_t a, int64_t b, bool *out_is,
                                struct error *error)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum err err = db_cached(db, STR("select 1 from duplicate_dismissed where a = ?1 and b = ?2"),
                             &stmt, error);
    if (err != OK) {
        return err;
    }
    db_bind_int(stmt, 1, MIN(a, b));
    db_bind_int(stmt, 2, MAX(a, b));
    err = db_step(stmt, &row, error);
    db_done(stmt);
    *out_is = err == OK && row;
    return err;
}

enum err duplicate_dismissed_each(struct db *db, struct str object, duplicate_dismissed_cb each,
                                  void *context, struct error *error)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum err err = db_cached(db,
                             STR("select a, b, by, at from duplicate_dismissed where object = ?1 "
                                 "order by at desc"),
                             &stmt, error);
    if (err != OK) {
        return err;
    }
    db_bind_text(stmt, 1, object);
    while ((err = db_step(stmt, &row, error)) == OK && row) {
        struct duplicate_dismissed pair = {.object = object,
                                           .a = db_column_int(stmt, 0),
                                           .b = db_column_int(stmt, 1),
                                           .by = db_column_text(stmt, 2),
                                           .at_ms = db_column_int(stmt, 3)};
        err = each(context, &pair, error);
        if (err != OK) {
            break;
        }
    }
    db_done(stmt);
    return err;
}
