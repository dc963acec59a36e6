/* Approvals inside the store: their records as the parts of it read and write them. Writer thread,
 * unless said otherwise. */
#ifndef PROXENOS_STORE_APPROVAL_INTERNAL_H
#define PROXENOS_STORE_APPROVAL_INTERNAL_H

#include "proxenos/store_approval.h"
#include "record_write.h"

/* ---- approval.c ---- */

const struct object_type *approval_type(const struct tx *tx);
/* Fields by name. Any thread. */
const struct value *approval_get(const struct record *approval, const char *name);
struct str approval_text(const struct record *approval, const char *name); /* "": none */
int64_t approval_number(const struct record *approval, const char *name, int64_t otherwise);
void approval_put(struct tx *tx, struct draft *draft, const char *name, struct value value);
struct str approval_id_text(struct arena *arena, int64_t id);
/* Makes it, about this record as it is; NULL: about itself. */
enum err approval_create(struct tx *tx, struct draft *draft, const struct record *subject,
                         int64_t *out_seq, struct error *error) MUST_CHECK;
/* One that the unit's scope may read. */
enum err approval_load(struct tx *tx, int64_t id, struct record **out_approval,
                       struct error *error) MUST_CHECK;
/* The record it is about, still as it was looked at; ERR_VOID. One about none names itself. */
enum err approval_subject(struct tx *tx, const struct record *approval,
                          const struct object_type **out_type, int64_t *out_id,
                          struct error *error) MUST_CHECK;
enum err approval_check_content(struct tx *tx, const struct record *approval,
                                const struct object_type *type, int64_t id,
                                struct error *error) MUST_CHECK;

/* ---- approval_end.c ---- */

/* Writes the draft, which ends the approval in this state with this reason, and tells the flow. */
enum err approval_end(struct tx *tx, struct draft *draft, const char *state, struct str reason,
                      struct record **out_after, struct error *error) MUST_CHECK;
/* An event beside the record, in its compartment: "approval.voted" … */
enum err approval_tell(struct tx *tx, const char *type, const struct record *approval,
                       struct value *more, struct error *error) MUST_CHECK;

/* ---- approval_person.c ---- */

/* Whose vote it is: the voter's own (0) or that of one who is away. */
enum err approval_principal(struct tx *tx, const struct record *approval, int64_t wanted,
                            int64_t *out_principal, struct error *error) MUST_CHECK;

#endif
