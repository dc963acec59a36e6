/* SQL of the search index: FTS5 tables in a file of their own, one per object type, whose rowid is
 * the record's id. Its columns are named by position, since FTS5 keeps some names for itself. */
#ifndef PROXENOS_STORE_SQLITE_SEARCH_SQL_H
#define PROXENOS_STORE_SQLITE_SEARCH_SQL_H

#include "select.h"

extern const char search_sql_tables[];     /* made when they are not there */
extern const struct str search_sql_get;    /* key → value */
extern const struct str search_sql_put;    /* key, value */
extern const struct str search_sql_forget; /* key */
extern const struct str search_sql_types;  /* → key of each type */
extern const struct str sql_log_touched;   /* after, to → seq, object, record, type; of the log */

/* For each: appended. */
void search_sql_create(struct buf *out, struct str type, int columns);
void search_sql_drop(struct buf *out, struct str type);
void search_sql_insert(struct buf *out, struct str type, int columns);  /* id, columns */
void search_sql_delete(struct buf *out, struct str type);               /* id */
void search_sql_count(struct buf *out, const struct object_type *type); /* → records there are */
/* id → archived_at, the fields: texts, each in one column */
void search_sql_record(struct buf *out, const struct object_type *type,
                       const struct field *const *fields, int count);
/* On a reader that has the index attached: `match`, ids below `before` → ids, newest first, of
 * records that the scope may see. */
struct search_select {
    const struct object_type *type;
    struct str match;
    int64_t before;
    int limit;
};
enum err search_sql_start(struct sql *sql, struct db *db, const struct search_select *select,
                          struct db_stmt **out_stmt, struct error *error) MUST_CHECK;
/* → ids of the records that the scope may see, in no order, at most `limit`. */
enum err search_sql_seen(struct sql *sql, struct db *db, const struct object_type *type, int limit,
                         struct db_stmt **out_stmt, struct error *error) MUST_CHECK;
enum err search_sql_attach(struct db *db, const char *path, struct error *error) MUST_CHECK;

/* What the columns of a type's table stand for, in the attached index; empty: there is none. */
enum err search_sql_known(struct db *db, struct str type, struct arena *arena,
                          struct str *out_signature, struct error *error) MUST_CHECK;

/* Merges all segments of a type's table into one. */
void search_sql_optimize(struct buf *out, struct str type);

#endif
