/* Sealing inside the store: secret fields under the store's master key, classed fields of log
 * payloads under a key per data subject (contract 3). Keys are in their own file: erasing a person
 * is deleting one row there. */
#ifndef PROXENOS_STORE_SEAL_H
#define PROXENOS_STORE_SEAL_H

#include "internal.h"

/* A secret field's value as it is stored: bytes in arena, bound to this record and field. Any
 * thread. */
struct value seal_secret(struct store *store, struct arena *arena, const struct object_type *type,
                         const struct field *field, int64_t record, struct str plain);
/* Appends {"key":"<id>","data":"<base64>"} of plain, under the subject's key, made if it has none.
 * Writer thread; the key reaches the disk by seal_before_commit. */
enum err seal_write(struct store *store, int64_t subject, struct str plain, struct buf *out,
                    struct error *error) MUST_CHECK;
/* Erases the subject: its key is gone from the file when this returns. What was sealed with it
 * cannot be opened any more by anybody. Writer thread. */
enum err seal_forget(struct store *store, int64_t subject, struct error *error) MUST_CHECK;

/* Writes the key file anew, so that no page of it holds a dropped key. Writer thread, between
 * groups. */
enum err seal_scrub(struct store *store, struct error *error) MUST_CHECK;

#endif
