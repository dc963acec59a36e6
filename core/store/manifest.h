/* manifest.json of a backup: which files it has, their lengths and SHA-256, and where its logs end.
 */
#ifndef PROXENOS_STORE_MANIFEST_H
#define PROXENOS_STORE_MANIFEST_H

#include "file.h"
#include "internal.h"

enum { MANIFEST_FILES_MAX = 8, MANIFEST_NAME_MAX = 64 };

struct manifest {
    int64_t made_at_ms;
    struct log_head log, access;
    struct manifest_file {
        char name[MANIFEST_NAME_MAX]; /* relative to the folder */
        struct file_facts facts;
    } files[MANIFEST_FILES_MAX];
    int file_count;
};

/* Hashes folder/name and adds it. */
enum err manifest_add(struct manifest *manifest, const char *folder, const char *name,
                      struct error *error) MUST_CHECK;
enum err manifest_write(const struct manifest *manifest, const char *folder,
                        struct error *error) MUST_CHECK;
/* ERR_NOT_FOUND: the folder is no (finished) backup. ERR_CORRUPT: it cannot be read, or names a
 * file that no backup has. */
enum err backup_manifest_read(const char *folder, struct manifest *out_manifest,
                              struct error *error) MUST_CHECK;
/* Compares the files in `folder` with it: ERR_CORRUPT names the first that differs. */
enum err manifest_check(const struct manifest *manifest, const char *folder,
                        struct error *error) MUST_CHECK;
bool manifest_has(const struct manifest *manifest, const char *name);

/* "folder/name", NUL behind; into the emptied buffer. */
const char *path_join(struct buf *out, const char *folder, const char *name);

#define DATABASE_FILE "proxenos.db"
#define AUDIT_FOLDER "audit"
#define BACKUPS_FOLDER "backups"
#define HEAD_FILE "audit/head"

#endif
