/* Tables, columns and indexes of object types, and the store's memory of what it declared before.
 * All in the caller's transaction; writer thread, or the thread that opens the store. */
#ifndef PROXENOS_STORE_SQLITE_DDL_H
#define PROXENOS_STORE_SQLITE_DDL_H

#include "../internal.h"

/* ---- what is there: every column ever made, also of fields no longer declared ---- */

struct known_field {
    struct str name, type, to;
    bool many, keyed; /* keyed: has its collation key beside it */
    int scale;
};
enum err ddl_known(struct db *db, struct arena *arena, struct str object,
                   struct known_field **out_fields, size_t *out_count,
                   struct error *error) MUST_CHECK;
enum err ddl_remember(struct db *db, const struct object_type *type, const struct field *field,
                      struct error *error) MUST_CHECK;

/* ---- tables ---- */

enum err ddl_create_table(struct db *db, const struct object_type *type,
                          struct error *error) MUST_CHECK;
/* The field's columns, or its link table. */
enum err ddl_add_field(struct db *db, const struct object_type *type, const struct field *field,
                       struct error *error) MUST_CHECK;
/* The collation key alone: the text's column is there. */
enum err ddl_add_key(struct db *db, const struct object_type *type, const struct field *field,
                     struct error *error) MUST_CHECK;
/* Makes the indexes that the type wants and drops those it does not want any more. ERR_SCHEMA when
 * rows stand against a unique one. */
enum err ddl_indexes(struct db *db, struct arena *arena, const struct object_type *type,
                     struct error *error) MUST_CHECK;

/* Does the type want an index that is not there? */
enum err ddl_index_wanted(struct db *db, struct arena *arena, const struct object_type *type,
                          bool *out_wanted, struct error *error) MUST_CHECK;

/* ---- what is taken away (ddl_drop.c): of fields and types that are not declared any more ---- */

/* Records that hold a value in this field; they are looked at one by one. */
enum err ddl_count_values(struct db *db, struct str object, const struct known_field *field,
                          int64_t *out_rows, struct error *error) MUST_CHECK;
/* Rows of the type's table, counted up to `most`. 0 when there is no such table. */
enum err ddl_count_rows(struct db *db, struct str object, int64_t most, int64_t *out_rows,
                        struct error *error) MUST_CHECK;
/* Its columns or its links, and the memory of it; no index may be on it. */
enum err ddl_drop_field(struct db *db, struct str object, const struct known_field *field,
                        struct error *error) MUST_CHECK;
/* The table, all links, and the memory of them. */
enum err ddl_drop_table(struct db *db, struct arena *arena, struct str object,
                        struct error *error) MUST_CHECK;

/* ---- rows that a change of declaration concerns ---- */

enum ddl_question { DDL_NULL, DDL_LONGER, DDL_OUTSIDE, DDL_OTHER_WORD };
/* Is there a row without a value, with a longer text than max_length, with a number outside min and
 * max, with a word that is not
 * declared? */
struct ddl_answer {
    bool any;
    int64_t rows;   /* DDL_NULL: how many */
    char word[128]; /* DDL_OTHER_WORD: the first such word, cut */
};
enum err ddl_any_row(struct db *db, const struct object_type *type, const struct field *field,
                     enum ddl_question question, struct ddl_answer *out_answer,
                     struct error *error) MUST_CHECK;
/* Puts the default where there is none. */
enum err ddl_fill(struct db *db, struct arena *arena, const struct object_type *type,
                  const struct field *field, struct error *error) MUST_CHECK;
/* Some ids greater than `after`, in order; none at the end. */
struct ddl_ids {
    int64_t after; /* moves on with each call; start with INT64_MIN */
    int64_t ids[256];
    size_t count;
};
enum err ddl_next_ids(struct db *db, const struct object_type *type, struct ddl_ids *ids,
                      struct error *error) MUST_CHECK;
enum err ddl_max_id(struct db *db, const struct object_type *type, int64_t *out_id,
                    struct error *error) MUST_CHECK;

/* ---- the declarations themselves ---- */

enum err ddl_save(struct db *db, const struct schema_source *sources, size_t count, int64_t epoch,
                  struct error *error) MUST_CHECK;
/* *out_epoch 0: nothing stored. */
enum err ddl_load(struct db *db, struct arena *arena, struct schema_source **out_sources,
                  size_t *out_count, int64_t *out_epoch, struct error *error) MUST_CHECK;

#endif
