/* Tables of the search for duplicates: keys of records, state of the keys, scans and their groups,
 * pairs that somebody dismissed. Calls that change something: writer thread. */
#ifndef PROXENOS_STORE_SQLITE_DUPLICATE_SQL_H
#define PROXENOS_STORE_SQLITE_DUPLICATE_SQL_H

#include "../driver.h"
#include "proxenos/store_duplicate.h"

extern const char duplicate_tables[]; /* a migration of the schema part */

/* ---- keys; `rules` is the number of a set of rules ---- */

enum err duplicate_row_add(struct db *db, int64_t rules, int64_t key, int64_t record,
                           struct error *error) MUST_CHECK;
enum err duplicate_row_drop(struct db *db, int64_t rules, int64_t key, int64_t record,
                            struct error *error) MUST_CHECK;
/* Entries of one key, or of all keys behind `after`, in order of key and record: into entries, at
 * most `most`. */
struct duplicate_entry {
    int64_t key, record;
};
enum err duplicate_row_block(struct db *db, int64_t rules, int64_t key, size_t most,
                             struct duplicate_entry *entries, size_t *out_count,
                             struct error *error) MUST_CHECK;
enum err duplicate_row_walk(struct db *db, int64_t rules, int64_t after, size_t most,
                            struct duplicate_entry *entries, size_t *out_count,
                            struct error *error) MUST_CHECK;
/* The smallest number of rules behind `after` of which there are keys; 0: none. */
enum err duplicate_row_rules(struct db *db, int64_t after, int64_t *out_rules,
                             struct error *error) MUST_CHECK;
/* Drops up to `most` keys of these rules. */
enum err duplicate_row_sweep(struct db *db, int64_t rules, int64_t most, int64_t *out_dropped,
                             struct error *error) MUST_CHECK;

/* ---- how far the keys of a type are ---- */

struct duplicate_state {
    int64_t rules, position; /* keys are there of records up to this id */
    bool ready;
};
/* All zero when there is none. */
enum err duplicate_state_get(struct db *db, struct str object, struct duplicate_state *out_state,
                             struct error *error) MUST_CHECK;
enum err duplicate_state_put(struct db *db, struct str object, const struct duplicate_state *state,
                             struct error *error) MUST_CHECK;

/* ---- scans ---- */

enum err duplicate_scan_get(struct db *db, struct arena *arena, int64_t id, struct str object,
                            int64_t user, struct duplicate_scan *out_scan, int64_t *out_position,
                            struct error *error) MUST_CHECK; /* id 0: the newest of the two */
enum err duplicate_scan_put(struct db *db, const struct duplicate_scan *scan, int64_t position,
                            struct error *error) MUST_CHECK;
/* Former scans of this user and type, with all that they hold. */
enum err duplicate_scan_forget(struct db *db, const struct duplicate_scan *but,
                               struct error *error) MUST_CHECK;

struct duplicate_pair {
    int64_t a, b; /* a < b */
    double points;
};
/* Not when it was dismissed. *out_new: it was not there yet. */
enum err duplicate_pair_add(struct db *db, int64_t scan, const struct duplicate_pair *pair,
                            bool *out_new, struct error *error) MUST_CHECK;
typedef void (*duplicate_pair_cb)(void *context, const struct duplicate_pair *pair);
enum err duplicate_pair_each(struct db *db, int64_t scan, duplicate_pair_cb each, void *context,
                             struct error *error) MUST_CHECK;
enum err duplicate_pair_forget(struct db *db, int64_t scan, struct error *error) MUST_CHECK;

enum err duplicate_group_add(struct db *db, int64_t scan, int64_t group, int64_t record,
                             struct error *error) MUST_CHECK;
/* The first group behind `after`: its number (0: none) and records. */
enum err duplicate_group_next(struct db *db, int64_t scan, int64_t after, size_t most,
                              int64_t *out_group, int64_t *records, size_t *out_count,
                              struct error *error) MUST_CHECK;

/* ---- dismissed pairs ---- */

struct duplicate_dismissed {
    struct str object, by;
    int64_t a, b, at_ms; /* a < b */
};
enum err duplicate_dismissed_put(struct db *db, const struct duplicate_dismissed *pair,
                                 bool *out_new, struct error *error) MUST_CHECK;
enum err duplicate_dismissed_drop(struct db *db, int64_t a, int64_t b, bool *out_was,
                                  struct error *error) MUST_CHECK;
enum err duplicate_dismissed_is(struct db *db, int64_t a, int64_t b, bool *out_is,
                                struct error *error) MUST_CHECK;
typedef enum err (*duplicate_dismissed_cb)(void *context, const struct duplicate_dismissed *pair,
                                           struct error *error);
enum err duplicate_dismissed_each(struct db *db, struct str object, duplicate_dismissed_cb each,
                                  void *context, struct error *error) MUST_CHECK;

#endif
