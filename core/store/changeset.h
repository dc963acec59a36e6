/* Change-sets inside the store: what the log tells them, and how they are found. */
#ifndef PROXENOS_STORE_CHANGESET_INTERNAL_H
#define PROXENOS_STORE_CHANGESET_INTERNAL_H

#include "internal.h"
#include "proxenos/store_changeset.h"

/* An entry was appended. Writer thread. */
void changeset_count(struct tx *tx, const struct log_entry *entry);
/* Writes the row, or adds to it, when there is something to add: at the unit's end too. */
enum err changeset_flush(struct tx *tx, struct error *error) MUST_CHECK;
/* reverted_by 0: it is in force again. */
enum err changeset_mark(struct tx *tx, int64_t id, int64_t reverted_by,
                        struct error *error) MUST_CHECK;
/* On any connection. ERR_NOT_FOUND for what the scope is not shown. */
enum err changeset_find(struct db *db, const struct scope *scope, int64_t id, changeset_cb each,
                        void *context, struct error *error) MUST_CHECK;

/* What it led to, itself included, by seq. In the unit's arena. */
struct effects {
    int64_t *seqs;
    size_t count;
};
enum err effects_find(struct tx *tx, int64_t changeset, int64_t first_seq, struct effects *out,
                      struct error *error) MUST_CHECK;

#endif
