/* Aggregates as one statement. */
#ifndef PROXENOS_STORE_SQLITE_AGGREGATE_SQL_H
#define PROXENOS_STORE_SQLITE_AGGREGATE_SQL_H

#include "select.h"

enum { AGGREGATE_GROUPS_MAX = 1000 };

/* Columns: one per group; then per measure its number, and behind sum, avg, min, max: how many
 * values there were, and for money the smallest and the largest currency. Groups come in the order
 * of their keys, nulls last, at most AGGREGATE_GROUPS_MAX + 1. */
enum err aggregate_start(const struct planner *planner, const struct aggregate *aggregate,
                         struct db_stmt **out_stmt, struct error *error) MUST_CHECK;
/* count, distinct: the number alone. */
bool measure_counts(const struct measure *measure);
bool measure_has_currency(const struct measure *measure);

#endif
