/* Drafts inside the store: rights on fields by name, collation keys, whole records. */
#ifndef PROXENOS_STORE_DRAFT_H
#define PROXENOS_STORE_DRAFT_H

#include "internal.h"

/* What the scope may do with this field, also when type comes from another snapshot. */
enum field_access draft_access(const struct scope *scope, const struct object_type *type,
                               const struct field *field);
/* An empty draft: nothing set. */
struct draft *draft_new(struct arena *arena, enum draft_kind kind, const struct object_type *type,
                        int64_t id);
/* Sets a typed value and its collation key. Any thread that owns the draft. */
void draft_put(const struct draft *draft, const struct field *field, struct value value,
               struct arena *arena);
/* The list that a many-valued field holds when the draft is applied to what it held. */
struct value draft_list(struct arena *arena, const struct draft *draft, const struct field *field,
                        const struct value *before);
/* The computed fields alone, as draft_validate does it: for rows that the schema's change concerns.
 */
enum err draft_compute(const struct draft *draft, struct record *whole, int64_t now_ms,
                       struct arena *arena, struct error *error) MUST_CHECK;
/* A value that counts as missing for `required`. */
bool value_missing(const struct value *value);

#endif
