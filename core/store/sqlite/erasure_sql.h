/* Statements of erasures and holds. */
#ifndef PROXENOS_STORE_SQLITE_ERASURE_SQL_H
#define PROXENOS_STORE_SQLITE_ERASURE_SQL_H

#include "../erasure.h"
#include "ddl.h"

/* A payload of the log as it is stored; in arena. ERR_NOT_FOUND. */
enum err erasure_sql_payload(struct db *db, int64_t seq, struct arena *arena, struct log_entry *out,
                             struct error *error) MUST_CHECK;
enum err erasure_sql_replace(struct db *db, int64_t seq, struct str payload,
                             struct error *error) MUST_CHECK;

struct erasure_row {
    int64_t id, at_ms;
    struct str object, actor, via, reason; /* in arena */
    enum erasure_state state;
};
/* Makes the row or raises its state; never lowers it. */
enum err erasure_sql_put(struct db *db, const struct erasure_row *row,
                         struct error *error) MUST_CHECK;
/* state 0: there is none. arena may be NULL: texts are left out. */
enum err erasure_sql_get(struct db *db, int64_t id, struct arena *arena,
                         struct erasure_row *out_row, struct error *error) MUST_CHECK;
enum err erasure_sql_any_open(struct db *db, bool *out_any, struct error *error) MUST_CHECK;
enum err erasure_sql_any(struct db *db, bool *out_any, struct error *error) MUST_CHECK;

/* Columns and link tables of fields that are no longer declared. */
enum err erasure_sql_undeclared(struct db *db, struct arena *arena, const struct object_type *type,
                                int64_t id, struct error *error) MUST_CHECK;
/* Ids > after of records whose ref field says `target`; at most 500. */
enum err erasure_sql_referring(struct db *db, const struct object_type *type,
                               const struct field *field, int64_t target, struct ddl_ids *ids,
                               struct error *error) MUST_CHECK;

/* A hold on the record at this time: its id, 0: none. The reason is in arena. */
enum err hold_sql_find(struct db *db, const struct object_type *holds, struct str object,
                       struct str record, int64_t now_ms, struct arena *arena, int64_t *out_id,
                       struct str *out_reason, struct error *error) MUST_CHECK;

/* Vacuum: every page written anew, none left over. Between transactions. */
enum err scrub_sql_vacuum(struct db *db, struct error *error) MUST_CHECK;

#endif
