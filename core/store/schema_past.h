/* What fields were called before: an entry of the log keeps the names of its time, and who reads it
 * wants those of today. A row says: up to and with this entry, `field` of `object` is what is
 * called `became` since; empty: it was dropped. */
#ifndef PROXENOS_STORE_SCHEMA_PAST_H
#define PROXENOS_STORE_SCHEMA_PAST_H

#include "internal.h"

/* Writer, inside a unit, before the unit's entry about it. */
enum err past_dropped(struct tx *tx, struct str object, struct str field,
                      struct error *error) MUST_CHECK;
enum err past_renamed(struct tx *tx, struct str object, struct str field, struct str became,
                      struct error *error) MUST_CHECK;
/* It was not dropped after all. */
enum err past_forget(struct tx *tx, struct str object, struct str field,
                     struct error *error) MUST_CHECK;
/* Into the types of a snapshot that nobody else holds yet. */
enum err past_load(struct db *db, struct schema *schema, struct error *error) MUST_CHECK;

/* Does the entry at `seq` use names of another time? NULL is fine. */
bool past_concerns(const struct object_type *type, int64_t seq);
/* Gives the fields in `payload` ({"before": {…}, "after": {…}, …}) today's names; a dropped one is
 * called "name (dropped)". In arena. */
void past_rename(const struct object_type *type, int64_t seq, struct value *payload,
                 struct arena *arena);

#endif
