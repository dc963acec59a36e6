/* Saved views: questions kept as data in records of the object type `view`. Here is what their
 * query means; that a view never shows more than its reader may see follows from binding it with
 * the reader's scope, each time. Pure; any thread. */
#ifndef PROXENOS_STORE_SAVED_H
#define PROXENOS_STORE_SAVED_H

#include "proxenos/store_query.h"

/* The list that the view asks for: filter, order, fields, include. Names are not resolved yet. */
enum err saved_query(struct arena *arena, const struct object_type *type, const struct value *saved,
                     struct query *out_query, struct error *error) MUST_CHECK;
/* The sums that it asks for: filter, group, measures. Without a group: one row. */
enum err saved_aggregate(struct arena *arena, const struct object_type *type,
                         const struct value *saved, struct aggregate *out_aggregate,
                         struct error *error) MUST_CHECK;
/* Can this scope use it today? ERR_UNKNOWN_FIELD, ERR_FILTER, ERR_INVALID … with a pointer into the
 * query ("/filter/stage"). */
enum err saved_check(const struct scope *scope, const struct object_type *type,
                     const struct value *saved, struct arena *arena,
                     struct error *error) MUST_CHECK;
/* The question that was asked, over the view's: filters are joined, the rest is the view's where
 * the question says nothing. */
void saved_under(struct arena *arena, struct query *query, const struct query *saved);
/* Both, or the one that is there; neither: NULL. */
struct filter *filter_both(struct arena *arena, struct filter *a, struct filter *b);

#endif
