/* Files that hang on records. Content lies once in DATA/files under its SHA-256, on the disk before
 * the unit that names it commits; what it is called and what it hangs on is a row of the store's
 * own, reached only through the record: whoever may read the record may read its files, whoever may
 * change it may add and remove them, and for everybody else there is neither the one nor the other
 * (contract 25). Both leave entries in the record's log, "<object>.file_added" and
 * "….file_removed".
 */
#ifndef PROXENOS_STORE_FILE_PUBLIC_H
#define PROXENOS_STORE_FILE_PUBLIC_H

#include "proxenos/base_crypto.h"
#include "proxenos/base_media.h"
#include "proxenos/store_log.h"

enum {
    FILE_BYTES_DEFAULT_MAX = 64 << 20,
    FILES_PER_RECORD_DEFAULT_MAX = 1000,
    FILE_GRACE_DAYS_DEFAULT = 30,
    FILE_KINDS_MAX = 64
};
#define FILE_TOTAL_BYTES_DEFAULT_MAX ((int64_t)100 << 30)

struct file_limits {
    int64_t bytes_max; /* of one file */
    int64_t per_record_max;
    int64_t total_bytes_max; /* of all files, each counted as often as it hangs somewhere */
    int64_t grace_ms;        /* for which the content of a removed file is kept: so long can a merge
                                or a deletion be reverted whole */
    const struct media_kind *kinds[FILE_KINDS_MAX]; /* that are taken */
    size_t kind_count;
};
void file_limits_default(struct file_limits *limits);
/* What the operator says; before the first request. A copy is made. */
void store_file_limit(struct store *store, const struct file_limits *limits);
const struct file_limits *store_file_limits(const struct store *store);
bool file_kind_taken(const struct file_limits *limits, const struct media_kind *kind);

/* ---- content: a lane's thread, one at a time per writer and reader ---- */

struct blob_writer;
struct blob {
    unsigned char hash[HASH_BYTES];
    int64_t bytes;
};
/* Into a passing file, which the next start sweeps if nobody else does. */
enum err blob_open(struct store *store, const struct media_kind *kind,
                   struct blob_writer **out_writer, struct error *error) MUST_CHECK;
/* ERR_FILE_TYPE, ERR_LIMIT, ERR_DISK_FULL, ERR_IO; the writer is then good for blob_abort alone. */
enum err blob_write(struct blob_writer *writer, struct str bytes, struct error *error) MUST_CHECK;
/* Frees the writer. The content is on the disk under its hash when this returns OK, and is not
 * swept before blob_release: between the two a unit names it (tx_attach). */
enum err blob_finish(struct blob_writer *writer, struct blob *out_blob,
                     struct error *error) MUST_CHECK;
void blob_abort(struct blob_writer *writer);                     /* NULL is fine */
void blob_release(struct store *store, const struct blob *blob); /* any thread */

struct blob_reader;
/* ERR_CORRUPT when it is not there, or has another length. */
enum err blob_read_open(struct store *store, const struct blob *blob,
                        struct blob_reader **out_reader, struct error *error) MUST_CHECK;
/* Exactly len bytes from `at`. */
enum err blob_read(struct blob_reader *reader, void *into, size_t len, int64_t at,
                   struct error *error) MUST_CHECK;
void blob_read_close(struct blob_reader *reader); /* NULL is fine */

/* ---- what hangs on records ---- */

struct attachment {
    int64_t id, record;
    struct str name, media_type;
    struct blob blob;
    int64_t added_at;
    struct str added_by;
};
/* {"id","name","media_type","bytes","hash","added_at","added_by"}, in arena. */
struct value attachment_value(struct arena *arena, const struct attachment *attachment);

/* Inside apply. Needs the right to update the record: ERR_NOT_FOUND as for a missing record,
 * ERR_FORBIDDEN, ERR_READONLY for approvals, ERR_LIMIT, ERR_QUOTA. Name, media_type and blob are
 * given, the rest is filled in; texts borrow. */
enum err tx_attach(struct tx *tx, const struct object_type *type, int64_t record,
                   struct attachment *attachment, struct error *error) MUST_CHECK;
/* The content stays for the grace. ERR_NOT_FOUND for a missing file as for a missing record. */
enum err tx_detach(struct tx *tx, const struct object_type *type, int64_t record, int64_t id,
                   struct error *error) MUST_CHECK;
/* Erasure: all that hangs on the record or ever did, names included, without grace. Content that no
 * other record has is unlinked when the unit has committed (and, after a crash in between, at the
 * next start). The caller has judged the right to do so; tx's scope is named in the log. How many
 * there were goes to *out_count, which may be NULL. Takes the record's id alone: the record itself
 * may be gone. */
enum err tx_files_erase(struct tx *tx, const struct object_type *type, int64_t record,
                        int64_t *out_count, struct error *error) MUST_CHECK;

/* Texts live until the callback returns. */
typedef enum err (*attachment_cb)(void *context, const struct attachment *attachment,
                                  struct error *error);
/* In the order in which they were added, with an id above `after`, at most `limit` (0: all).
 * ERR_NOT_FOUND as for a missing record, ERR_FORBIDDEN. */
enum err reader_attachments(struct reader *reader, const struct scope *scope,
                            const struct object_type *type, int64_t record, int64_t after,
                            int limit, attachment_cb each, void *context,
                            struct error *error) MUST_CHECK;
/* One, its texts in arena. */
enum err reader_attachment(struct reader *reader, const struct scope *scope,
                           const struct object_type *type, int64_t record, int64_t id,
                           struct arena *arena, struct attachment *out_attachment,
                           struct error *error) MUST_CHECK;
/* OK when tx_attach would be let through now: asked before a body is taken. */
enum err reader_may_attach(struct reader *reader, const struct scope *scope,
                           const struct object_type *type, int64_t record,
                           struct error *error) MUST_CHECK;

/* ---- keeping: a lane's thread ---- */

/* Drops content whose grace is over, and what lies in the folder without a row. */
enum err store_files_sweep(struct store *store, int64_t *out_dropped,
                           struct error *error) MUST_CHECK;
struct files_report {
    int64_t checked, bytes, missing, altered;
    char finding[200]; /* the first */
};
/* Reads all content that hangs somewhere and compares hashes: ERR_CORRUPT names the first that is
 * missing or altered; all are counted. */
enum err reader_files_verify(struct reader *reader, progress_cb progress, void *context,
                             struct files_report *out_report, struct error *error) MUST_CHECK;

#endif
