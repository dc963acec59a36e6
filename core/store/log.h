/* Reading the log inside the store: rows as entries, what a scope sees of them, the chain. */
#ifndef PROXENOS_STORE_LOG_INTERNAL_H
#define PROXENOS_STORE_LOG_INTERNAL_H

#include "internal.h"

/* The current row of a statement over all columns of the log; texts borrow from it. ERR_CORRUPT
 * when a hash has not its length. */
enum err log_row(struct db_stmt *stmt, struct log_entry *out_entry, struct error *error) MUST_CHECK;

/* The same of the access log; a hash of another length comes out as another hash. */
struct access_entry access_row(struct db_stmt *stmt);

/* How a scope looks at entries: reset its arena between two. */
struct log_view {
    struct reader *reader;
    const struct scope *scope;
    struct arena arena;
};
/* By the record as it is now: who may not see it today does not see its past either. Of a deleted
 * one only those who see all rows know. The type is the scope's own. */
enum err log_row_visible(struct log_view *view, const struct object_type *type, int64_t record,
                         bool *out_visible, struct error *error) MUST_CHECK;
/* Opens what is sealed and cuts what the scope may not read; *out_visible is false when nothing of
 * the entry is for it. */
enum err log_view_entry(struct log_view *view, struct log_entry *entry, bool *out_visible,
                        struct error *error) MUST_CHECK;

/* The ids that merges name, as the scope may know them: part of log_view_entry. */
enum err log_view_merge(struct log_view *view, const struct object_type *type,
                        struct log_entry *entry, bool *out_visible, struct error *error) MUST_CHECK;

/* All entries of one record as they are stored, without rights: as reader_log_raw. */
enum err reader_log_record(struct reader *reader, int64_t record, log_cb entry, void *context,
                           struct error *error) MUST_CHECK;

/* Walks the whole log and compares payload hashes and chain: ERR_CORRUPT names the first entry that
 * does not fit. Then the access log. The heads are those found at the ends. */
enum err log_verify(struct db *db, struct log_head *out_log, struct log_head *out_access,
                    struct error *error) MUST_CHECK;

#endif
