/* SQL of the files that hang on records. Rows stay when a file is removed (removed_at), so that the
 * history can say what it was called and a revert can bring it back; content without any row that
 * is not removed is loose since then, or since 0: to be dropped at once. */
#ifndef PROXENOS_STORE_SQLITE_FILE_SQL_H
#define PROXENOS_STORE_SQLITE_FILE_SQL_H

#include "proxenos/base.h"

/* The columns of the statements that give attachments. */
enum file_column {
    FILE_ID,
    FILE_OBJECT,
    FILE_RECORD,
    FILE_NAME,
    FILE_MEDIA_TYPE,
    FILE_BYTES,
    FILE_HASH,
    FILE_ADDED_AT,
    FILE_ADDED_BY,
    FILE_REMOVED_AT
};
extern const struct str sql_file_add;    /* all columns but the last */
extern const struct str sql_file_remove; /* id, at */
extern const struct str sql_file_revive; /* id, record */
extern const struct str sql_file_get;    /* id → columns, removed ones too */
extern const struct str sql_file_list; /* record, after, limit → columns of those that are there */
extern const struct str sql_file_count;  /* record → how many are there */
extern const struct str sql_file_all;    /* record → columns, removed ones too */
extern const struct str sql_file_forget; /* record: all its rows are gone */
extern const struct str sql_file_of;     /* hash → columns of one that is there */

extern const struct str sql_content_put;   /* hash, bytes: is held by somebody again */
extern const struct str sql_content_get;   /* hash → bytes, loose_at */
extern const struct str sql_content_loose; /* hash, at: unless somebody holds it */
extern const struct str sql_content_due;   /* at, limit → hash of those loose since then */
extern const struct str sql_content_drop;  /* hash, at: if it is loose since then */
extern const struct str sql_content_all;   /* → hash, bytes, loose_at */
extern const struct str sql_content_known; /* → 1; no row in a store from before there were files */

extern const struct str sql_total_add; /* bytes, files: may be negative */
extern const struct str sql_total_get; /* → bytes, files */

#endif
