/* The hits of one expression in one type that the scope may see, newest first, a page of them.
 *
 * Hits are looked up in their table one by one until the page is full. For those who see few rows
 * that may be none of a hundred thousand: after a trial the rows that they see are counted, and
 * when they are few, their texts are asked instead of the index. The reader's thread. */
#include <stdlib.h>

#include "search.h"
#include "sqlite/search_sql.h"

enum { TRIAL_STEPS = 20000, FEW_MAX = 2000, FEW_STEPS = 200000 };

static void give(struct search_walk *walk, int64_t id)
{
    walk->found(walk->context, id, walk->type_index);
    walk->select.before = id;
    walk->select.limit--;
}

/* ---- the rows that the scope sees ---- */

static int newest_first(const void *a, const void *b)
{
    int64_t one = *(const int64_t *)a;
    int64_t other = *(const int64_t *)b;
    return (one < other) - (one > other);
}

static enum err collect(struct search_few *few, struct db_stmt *stmt, struct error *error)
{
    bool row = false;
    enum err err = OK;
    while ((err = db_step(stmt, &row, error)) == OK && row) {
        if (few->count == FEW_MAX) {
            few->state = FEW_MANY;
            return OK;
        }
        few->ids[few->count++] = db_column_int(stmt, 0);
    }
    return err;
}

/* Whose steps are used up sees many, or cannot be told that he does not. */
static enum err read_seen(struct search_walk *walk, struct error *error)
{
    struct search_few *few = walk->few;
    struct db *db = reader_db(walk->reader);
    struct db_stmt *stmt = NULL;
    struct sql sql;
    sql_init(&sql, walk->arena, walk->scope, walk->select.type, 0);
    enum err err = search_sql_seen(&sql, db, walk->select.type, FEW_MAX + 1, &stmt, error);
    if (err != OK) {
        return err;
    }
    int64_t whole = db_steps(db);
    bool shorter = whole == 0 || FEW_STEPS < whole;
    db_limit_steps(db, shorter ? FEW_STEPS : whole);
    err = collect(few, stmt, error);
    db_done(stmt);
    db_limit_steps(db, whole);
    if (err == ERR_LIMIT && shorter) {
        few->state = FEW_MANY;
        err = OK;
    }
    qsort(few->ids, few->count, sizeof(*few->ids), newest_first);
    return err;
}

static enum err judge(struct search_walk *walk, struct str sql, int64_t id, int *out_rank,
                      struct error *error)
{
    struct str texts[SEARCH_FIELDS_MAX];
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum err err = db_cached(reader_db(walk->reader), sql, &stmt, error);
    if (err != OK) {
        return err;
    }
    db_bind_int(stmt, 1, id);
    err = db_step(stmt, &row, error);
    *out_rank = SEARCH_RANKS;
    if (err == OK && row) {
        for (int i = 0; i < walk->searched->count; i++) {
            texts[i] = db_column_text(stmt, i + 1); /* behind archived_at */
        }
        *out_rank = search_judge(walk->asked, walk->searched, texts);
    }
    db_done(stmt);
    return err;
}

/* Keeps those that are hits. */
static enum err judge_all(struct search_walk *walk, struct error *error)
{
    struct search_few *few = walk->few;
    struct buf sql;
    size_t kept = 0;
    enum err err = OK;
    buf_init(&sql);
    search_sql_record(&sql, walk->select.type, walk->searched->fields, walk->searched->count);
    for (size_t i = 0; i < few->count && err == OK; i++) {
        int rank = SEARCH_RANKS;
        err = judge(walk, buf_str(&sql), few->ids[i], &rank, error);
        if (err == OK && rank < SEARCH_RANKS) {
            few->ranks[kept] = (uint8_t)rank;
            few->ids[kept++] = few->ids[i];
        }
    }
    few->count = kept;
    buf_deinit(&sql);
    return err;
}

static enum err read_few(struct search_walk *walk, struct error *error)
{
    struct search_few *few = walk->few;
    few->state = FEW_KNOWN;
    few->count = 0;
    few->ids = ARENA_ARRAY(walk->arena, int64_t, FEW_MAX);
    few->ranks = ARENA_ARRAY(walk->arena, uint8_t, FEW_MAX);
    enum err err = read_seen(walk, error);
    return err == OK && few->state == FEW_KNOWN ? judge_all(walk, error) : err;
}

static void walk_few(struct search_walk *walk)
{
    const struct search_few *few = walk->few;
    for (size_t i = 0; i < few->count && walk->select.limit > 0; i++) {
        if (few->ranks[i] == walk->rank && few->ids[i] < walk->select.before) {
            give(walk, few->ids[i]);
        }
    }
}

/* ---- the records ---- */

/* steps 0: to the end. *out_ended is false when they were used up before. */
static enum err walk_records(struct search_walk *walk, int64_t steps, bool *out_ended,
                             struct error *error)
{
    struct db *db = reader_db(walk->reader);
    struct db_stmt *stmt = NULL;
    struct sql sql;
    bool row = false;
    int64_t whole = db_steps(db);
    bool shorter = steps > 0 && (whole == 0 || steps < whole);
    *out_ended = true;
    sql_init(&sql, walk->arena, walk->scope, walk->select.type, 0);
    enum err err = search_sql_start(&sql, db, &walk->select, &stmt, error);
    db_limit_steps(db, shorter ? steps : whole);
    while (err == OK && walk->select.limit > 0 && (err = db_step(stmt, &row, error)) == OK && row) {
        give(walk, db_column_int(stmt, 0));
    }
    db_done(stmt);
    db_limit_steps(db, whole);
    if (err == ERR_LIMIT && shorter) {
        *out_ended = false;
        err = OK;
    }
    return err;
}

enum err search_walk(struct search_walk *walk, struct error *error)
{
    const struct object_type *type = walk->select.type;
    struct error tried = {0};
    bool ended = false;
    enum err err = OK;
    if (walk->scope->grants[type->index].read_rows == ROWS_ALL) {
        return walk_records(walk, 0, &ended, error);
    }
    if (walk->few->state == FEW_UNKNOWN) {
        err = walk_records(walk, TRIAL_STEPS, &ended, &tried);
        if (err == OK && !ended) {
            err = read_few(walk, &tried);
        }
        if (err != OK && error != NULL) {
            *error = tried;
        }
    }
    if (err != OK || ended) {
        return err;
    }
    if (walk->few->state == FEW_KNOWN) {
        walk_few(walk);
        return OK;
    }
    return walk_records(walk, 0, &ended, error);
}
