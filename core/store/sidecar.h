/* The heads of both logs, kept outside the database: what proves at the next start that it has not
 * lost its end. */
#ifndef PROXENOS_STORE_SIDECAR_H
#define PROXENOS_STORE_SIDECAR_H

#include "internal.h"

/* Opens (creates) folder/audit/head and reads what was written last into sidecar->log and ->access
 * (zero when nothing was). ERR_IO. */
enum err sidecar_open(struct sidecar *sidecar, const char *folder, struct error *error) MUST_CHECK;
/* Writes both heads when a second has passed since the last time or `now_ns` is 0; syncs them each
 * minute or when it is 0. A failure is logged and tried again later: the sidecar may lag. */
void sidecar_write(struct sidecar *sidecar, const struct log_head *log,
                   const struct log_head *access, int64_t now_ns);
void sidecar_close(struct sidecar *sidecar);
/* Compares with the database's own heads: it may be ahead of the sidecar on the same chain, never
 * behind. ERR_CORRUPT. */
enum err sidecar_check(const struct sidecar *sidecar, struct db *db,
                       struct error *error) MUST_CHECK;
/* Reads a sidecar without opening a store (restore). ERR_NOT_FOUND when there is none. */
enum err sidecar_read(const char *path, struct log_head *out_log, struct log_head *out_access,
                      struct error *error) MUST_CHECK;
/* Writes one into a new file, synced (backup). */
enum err sidecar_save(const char *path, const struct log_head *log, const struct log_head *access,
                      struct error *error) MUST_CHECK;

#endif
