/* SQL functions of our own, so that SQL and C say the same of text, keys, sums and dates.
 * Registered on every connection as it opens; deterministic, no side effects. */
#ifndef PROXENOS_STORE_SQLITE_FUNCTIONS_H
#define PROXENOS_STORE_SQLITE_FUNCTIONS_H

#include "connection.h"

/* px_like, px_prefix, px_contains (text, folded pattern) → 0 or 1, null for null
 * px_key (text) → the bytes that order it (column_sort_key)
 * px_sum (integers) → their exact sum; the text "overflow" past 64 bits; null over nothing
 * px_bucket ('d' 'w' 'm' 'q' 'y', days) → "2024-03-05", "2024-W10", "2024-03", "2024-Q1", "2024"
 * px_day (ms) → days */
enum err db_functions(struct db *db, struct error *error) MUST_CHECK;

#endif
