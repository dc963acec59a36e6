/* Whole files: reading, copying, hashing, syncing, for what is kept beside the database. Never for
 * the open database itself: closing a descriptor of it would drop SQLite's locks. Any thread that
 * may wait for the disk. */
#ifndef PROXENOS_STORE_FILE_H
#define PROXENOS_STORE_FILE_H

#include "proxenos/base.h"
#include "proxenos/base_crypto.h"

/* Up to len bytes from `at` on, fewer only at the end of the file; -1 with errno. */
int64_t file_read_at(int fd, void *into, size_t len, int64_t at);
/* ERR_DISK_FULL, ERR_IO; `name` is for the sentence. */
enum err file_write_all(int fd, const void *bytes, size_t len, const char *name,
                        struct error *error) MUST_CHECK;
/* Copies from the start of `from` to the new file `to` (0600) and syncs it. ERR_CONFLICT when it is
 * there already. */
enum err file_copy(int from, const char *to, struct error *error) MUST_CHECK;
struct file_facts {
    int64_t bytes;
    unsigned char hash[HASH_BYTES];
};
enum err file_facts(const char *path, struct file_facts *out_facts, struct error *error) MUST_CHECK;
/* A new file with this content, synced. */
enum err file_create(const char *path, struct str content, struct error *error) MUST_CHECK;
/* Up to limit bytes; appended. ERR_NOT_FOUND, ERR_LIMIT, ERR_IO. */
enum err file_read(const char *path, size_t limit, struct buf *out, struct error *error) MUST_CHECK;
/* Its entries are on the disk when this returns. */
enum err folder_sync(const char *folder, struct error *error) MUST_CHECK;
/* ERR_NOT_FOUND when there is none, ERR_CONFLICT when something is in it. */
enum err folder_empty(const char *folder, struct error *error) MUST_CHECK;

#endif
