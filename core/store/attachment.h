/* Files of records, inside the store: what deleting, merging and reverting do with them. Writer
 * thread, inside a unit's apply. */
#ifndef PROXENOS_STORE_ATTACHMENT_H
#define PROXENOS_STORE_ATTACHMENT_H

#include "driver.h"
#include "log.h"
#include "proxenos/store_file.h"
#include "record_write.h"

#define FILE_ADDED ".file_added"
#define FILE_REMOVED ".file_removed"

/* The entry tells of a file, not of the record's fields. */
bool attachment_entry(const struct log_entry *entry);
/* Puts the file's name into the payload of such an entry, in arena: names stand nowhere in the log,
 * so that erasing them is deleting rows. */
enum err attachment_name_entry(struct db *db, struct arena *arena, struct log_entry *entry,
                               struct error *error) MUST_CHECK;
/* The record is deleted: its files go with it. */
enum err attachments_end(struct tx *tx, const struct record *record,
                         struct error *error) MUST_CHECK;
/* All files of one record hang on the other afterwards; how many. */
enum err attachments_move(struct tx *tx, const struct record *from, const struct record *to,
                          int64_t *out_count, struct error *error) MUST_CHECK;
/* Does it hang on this record now? */
enum err attachment_held(struct tx *tx, int64_t record, int64_t id, bool *out_held,
                         struct error *error) MUST_CHECK;
/* Is any there? */
enum err attachments_any(struct tx *tx, int64_t record, bool *out_any,
                         struct error *error) MUST_CHECK;
/* Takes an entry of a file back, under the rights of tx's scope. ERR_RULE with a sentence when what
 * came after stands in the way, or the content is gone. */
enum err attachment_undo(struct tx *tx, const struct object_type *type,
                         const struct log_entry *entry, struct error *error) MUST_CHECK;

/* The current row; texts borrow from the statement. */
void attachment_row(struct db_stmt *stmt, struct attachment *out);

/* ---- for the parts of it ---- */

enum { LOOSE_AT_ONCE = 0 };
/* What an entry is about. */
struct attachment_telling {
    const struct record *record;
    const char *verb;
    const char *other_key; /* "moved_to", "moved_from"; NULL: neither */
    int64_t other;
};
enum err attachment_tell(struct tx *tx, const struct attachment_telling *telling,
                         const struct attachment *attachment, struct error *error) MUST_CHECK;
/* A statement whose binds are these numbers. */
enum err attachment_run(struct tx *tx, struct str sql, const int64_t *numbers, int count,
                        struct error *error) MUST_CHECK;
/* The same with the hash and one number. */
enum err attachment_content(struct tx *tx, struct str sql, const struct blob *blob, int64_t number,
                            struct error *error) MUST_CHECK;
enum err attachment_total(struct tx *tx, int64_t bytes, int64_t files,
                          struct error *error) MUST_CHECK;
/* The record as it is, for who may change it. */
enum err attachment_record(struct tx *tx, const struct object_type *type, int64_t id,
                           struct record **out_record, struct error *error) MUST_CHECK;
/* ERR_LIMIT, ERR_QUOTA when one more of this size has no room. */
enum err attachment_room(struct tx *tx, int64_t record, int64_t bytes,
                         struct error *error) MUST_CHECK;
/* One by its id, removed or not, its texts in the unit's arena. ERR_NOT_FOUND without a sentence.
 */
enum err attachment_find(struct tx *tx, int64_t id, struct attachment *out, bool *out_removed,
                         struct error *error) MUST_CHECK;
enum err attachment_remove(struct tx *tx, const struct attachment *attachment,
                           struct error *error) MUST_CHECK;
/* All of a record, without names, in the unit's arena: what follows changes the rows. */
struct found_files {
    struct attachment *files;
    bool *removed;
    size_t count;
};
enum err attachment_all(struct tx *tx, int64_t record, struct found_files *out,
                        struct error *error) MUST_CHECK;

#endif
