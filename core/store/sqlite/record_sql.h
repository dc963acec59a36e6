/* One record's rows: the statements behind tx_write and tx_get. Writer thread only: the connection
 * is the writing one. SQL is made once per object type and kept until the schema changes. */
#ifndef PROXENOS_STORE_SQLITE_RECORD_SQL_H
#define PROXENOS_STORE_SQLITE_RECORD_SQL_H

#include "../internal.h"

/* The whole record without secrets (ABSENT) and without what is computed on read (ABSENT). Values
 * in arena. ERR_NOT_FOUND with no sentence of its own. */
enum err record_row_get(struct tx *tx, const struct object_type *type, int64_t id,
                        struct record **out_record, struct error *error) MUST_CHECK;
/* What rights are judged by. ERR_NOT_FOUND when there is no such record. */
struct record_head {
    int64_t owner;               /* 0: none */
    const struct record *record; /* whole; NULL: the unit's scope has no rule for its type */
    struct str compartment;
    bool meets_rule; /* where the record is not at hand: sql_meets_rule said so */
    bool archived;
    struct str subject;    /* of an approval: the type that it is about, … */
    int64_t subject_owner; /* … and that record's owner */
};
enum err record_row_head(struct tx *tx, const struct object_type *type, int64_t id,
                         struct record_head *out_head, struct error *error) MUST_CHECK;
/* Values from whole, secrets and collation keys from draft. ERR_UNIQUE without saying which. */
enum err record_row_insert(struct tx *tx, const struct draft *draft, const struct record *whole,
                           struct error *error) MUST_CHECK;
/* The columns of the fields with changed[index]; link tables too. */
enum err record_row_update(struct tx *tx, const struct draft *draft, const struct record *whole,
                           const bool *changed, struct error *error) MUST_CHECK;
/* The row and its own links. */
enum err record_row_delete(struct tx *tx, const struct object_type *type, int64_t id,
                           struct error *error) MUST_CHECK;
/* Another record of the same compartment with whole's values in these stored fields. Null values
 * match nothing. *out_id 0: none. */
enum err record_row_same(struct tx *tx, const struct record *whole, const struct index_part *parts,
                         int part_count, int64_t *out_id, struct error *error) MUST_CHECK;
/* A record by a field's value, whatever its compartment; *out_id 0: none. */
enum err record_row_find(struct tx *tx, const struct object_type *type, const struct field *field,
                         const struct value *value, int64_t *out_id,
                         struct error *error) MUST_CHECK;
/* All records of a type whose text field holds this, whatever their compartments; ERR_LIMIT past
 * `most`. Writer thread. */
struct texts_found {
    const struct object_type *type;
    const struct field *field;
    int64_t *ids; /* in the unit's arena */
    size_t count;
};
enum err record_row_by_text(struct tx *tx, struct texts_found *found, struct str text, size_t most,
                            struct error *error) MUST_CHECK;
/* The records of a type that refer to one record by one field (ref, refs). */
struct referrers {
    const struct object_type *type;
    const struct field *field;
    int64_t *ids; /* in the unit's arena */
    size_t count;
};
/* Fills ids and count; ERR_LIMIT past `most`. */
enum err record_row_referrers(struct tx *tx, struct referrers *referrers, int64_t target,
                              size_t most, struct error *error) MUST_CHECK;
/* Ids of the pending approvals about a record, or asked for by a run; `approvals` is their object
 * type. */
enum pending_by { PENDING_RECORD, PENDING_RUN };
enum err record_row_pending(struct tx *tx, const struct object_type *approvals, enum pending_by by,
                            struct str id, int64_t **out_ids, size_t *out_count,
                            struct error *error) MUST_CHECK;
/* Is any approval pending? */
enum err record_row_any_pending(struct tx *tx, const struct object_type *approvals, bool *out_any,
                                struct error *error) MUST_CHECK;

#endif
