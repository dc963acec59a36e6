/* Content on the disk, inside the store: DATA/files/ab/cd/<64 hex digits>. */
#ifndef PROXENOS_STORE_BLOB_H
#define PROXENOS_STORE_BLOB_H

#include <pthread.h>
#include <sys/types.h>

#include "internal.h"
#include "proxenos/store_file.h"

#define FILES_FOLDER "files"
enum { BLOB_PATH_MAX = 4096 };

/* What a disk can refuse: replaced where a test lets it fail. */
struct blob_io {
    ssize_t (*write)(int fd, const void *bytes, size_t len);
    int (*sync)(int fd);
    int (*rename)(const char *from, const char *to);
};

/* A hash that is pinned belongs to an upload that is on its way to its unit: between the two there
 * is a file without a row, which nobody may take for garbage. */
struct blobs {
    pthread_mutex_t lock;
    struct map pins; /* hash → count (as pointer); lock */
    struct blob_io io;
    struct file_limits limits;
};

/* Makes store->blobs and removes what killed uploads left; at open. */
enum err blobs_open(struct store *store, struct error *error) MUST_CHECK;
void blobs_close(struct store *store); /* fine when not open */
/* "folder/files/ab/cd/<hash>", NUL behind, into the emptied buffer. */
const char *blob_path(struct buf *out, const char *folder, const unsigned char hash[HASH_BYTES]);
/* Makes files/ab/cd below the folder, synced. */
enum err blob_make_folders(const struct blob_io *io, const char *folder,
                           const unsigned char hash[HASH_BYTES], struct error *error) MUST_CHECK;
enum err blob_sync_folder(const struct blob_io *io, const char *folder,
                          const unsigned char hash[HASH_BYTES], struct error *error) MUST_CHECK;
/* Unlinks it unless it is pinned, or `needed` says so, which is asked while no upload can come
 * between. Any thread. */
void blob_unlink(struct store *store, const unsigned char hash[HASH_BYTES],
                 bool (*needed)(void *context, const unsigned char hash[HASH_BYTES]),
                 void *context);
extern const struct blob_io blob_io_real;

/* ---- keeping (attachment_keep.c) ---- */

enum content_state { CONTENT_WHOLE, CONTENT_MISSING, CONTENT_ALTERED };
enum content_state content_check(const char *folder, const unsigned char hash[HASH_BYTES],
                                 int64_t bytes);
/* What a database knows of; holder is who has it ("file … of matter …"), empty when it is loose. */
struct content {
    unsigned char hash[HASH_BYTES];
    int64_t bytes;
    struct str holder;
};
typedef enum err (*content_cb)(void *context, const struct content *content, struct error *error);
enum err contents_each(struct db *db, content_cb each, void *context,
                       struct error *error) MUST_CHECK;
/* Of all that hangs somewhere, each as often as it does. */
enum err contents_total(struct db *db, int64_t *out_bytes, struct error *error) MUST_CHECK;
/* blob_backup.c: copies what the database `db` knows of from one folder to another, comparing
 * hashes on the way. ERR_CORRUPT names what is missing or altered. */
enum err blobs_copy(struct db *db, const char *from, const char *to, progress_cb progress,
                    void *context, struct error *error) MUST_CHECK;
/* The same by the database that lies in the folder `by`; `to` NULL: compared alone. */
enum err blobs_copy_by(const char *by, const char *from, const char *to, progress_cb progress,
                       void *context, struct error *error) MUST_CHECK;
/* Compares them all. */
enum err blobs_check(struct db *db, const char *folder, progress_cb progress, void *context,
                     struct error *error) MUST_CHECK;

#endif
