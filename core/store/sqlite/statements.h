/* SQL of the engine: log, access log, migrations. Constants with bound parameters (style.md, C33).
 * The columns of the log are read and written in one order: see log_columns. */
#ifndef PROXENOS_STORE_SQLITE_STATEMENTS_H
#define PROXENOS_STORE_SQLITE_STATEMENTS_H

#include "proxenos/base.h"

struct object_type;

extern const struct str sql_log_insert; /* 17 values, in the order of enum log_column */
extern const struct str sql_log_last;   /* → seq, chain of the newest entry; no row: empty log */
extern const struct str
    sql_ids_given; /* → at of the newest entry, largest record, largest change-set; 0: none */
extern const struct str sql_log_chain_at; /* seq → chain */
extern const struct str sql_log_causes;   /* from seq → seq, cause, changeset of each */
extern const struct str sql_log_depth;    /* seq → depth, compartment */
/* record → a row when it was deleted where all may know of it */
extern const struct str sql_log_deleted_outside;
extern const struct str sql_log_max; /* → newest seq, 0 when empty */
/* after, to, from_ms, to_ms, limit → all columns; the variants add what follows as ?6 (and ?7). */
extern const struct str sql_log_up, sql_log_down;               /* all */
extern const struct str sql_log_up_record, sql_log_down_record; /* ?6 record */
extern const struct str sql_log_up_type, sql_log_down_type;     /* ?6 ≤ type < ?7 */

extern const struct str sql_log_up_changeset, sql_log_down_changeset; /* ?6 changeset */

extern const struct str sql_changeset_put;  /* the columns but the last; adds to what is there */
extern const struct str sql_changeset_mark; /* id, reverted_by */
extern const struct str sql_changeset_get;  /* id → all columns */
extern const struct str sql_changeset_down; /* before → all columns, newest first */

extern const struct str sql_access_insert;   /* 10 values, in the order of enum access_column */
extern const struct str sql_access_last;     /* → seq, chain */
extern const struct str sql_access_chain_at; /* seq → chain */
extern const struct str sql_access_up;       /* after, limit → all columns */

extern const struct str sql_migration_find;   /* module, number → hash */
extern const struct str sql_migration_count;  /* module → number of the last one */
extern const struct str sql_migration_insert; /* module, number, hash, at */
extern const char sql_migration_table[];      /* made before any migration can be recorded */

/* id → owner, compartment, archived_at of one record; appended. */
void sql_record_place(struct buf *out, const struct object_type *type);

enum log_column {
    LOG_SEQ,
    LOG_AT,
    LOG_TYPE,
    LOG_OBJECT,
    LOG_STATE,
    LOG_RECORD,
    LOG_VERSION,
    LOG_ACTOR,
    LOG_VIA,
    LOG_REQUEST,
    LOG_CAUSE,
    LOG_CHANGESET,
    LOG_DEPTH,
    LOG_COMPARTMENT,
    LOG_PAYLOAD,
    LOG_PAYLOAD_HASH,
    LOG_CHAIN,
    LOG_COLUMN_COUNT
};

enum changeset_column {
    CHANGESET_ID,
    CHANGESET_NAME,
    CHANGESET_KIND,
    CHANGESET_ACTOR,
    CHANGESET_USER,
    CHANGESET_AT,
    CHANGESET_REQUEST,
    CHANGESET_CREATED,
    CHANGESET_UPDATED,
    CHANGESET_DELETED,
    CHANGESET_FIRST_SEQ,
    CHANGESET_LAST_SEQ,
    CHANGESET_REVERTS,
    CHANGESET_HIDDEN_CREATED,
    CHANGESET_HIDDEN_UPDATED,
    CHANGESET_HIDDEN_DELETED,
    CHANGESET_COMPARTMENT,
    CHANGESET_REVERTED_BY
};

enum access_column {
    ACCESS_SEQ,
    ACCESS_AT,
    ACCESS_ACTION,
    ACCESS_OBJECT,
    ACCESS_RECORD,
    ACCESS_ACTOR,
    ACCESS_VIA,
    ACCESS_USER,
    ACCESS_DETAIL,
    ACCESS_CHAIN,
    ACCESS_COLUMN_COUNT
};

#endif
