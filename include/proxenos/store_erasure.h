/* Erasing a data subject (contract 3), and what forbids it.
 *
 * A subject is a record of a type that says subject = "id", or that has classed fields of its own.
 * Erasing it empties its row, which stays archived as a tombstone; empties the personal fields of
 * the records whose subject it is; takes the subject's values out of what modules keep (dead
 * letters, journals, outbox …) and out of entries of the log that hold them in the clear; drops
 * the key that all sealed parts of the log are sealed with; and at last makes the files anew, so
 * that no freed page holds a byte of it. The chain goes on to verify: entries that lost their
 * payload name the entry that took it, and that one proves which and how many they were.
 *
 * Every step can be done again, so a run that was killed is simply run anew. */
#ifndef PROXENOS_STORE_ERASURE_H
#define PROXENOS_STORE_ERASURE_H

#include "proxenos/store_log.h"

enum {
    ERASURE_REASON_MAX = 1000,
    ERASURE_WORDS_MAX = 200, /* texts of the subject that are looked for */
    ERASURE_MENTIONS_MAX = 200,
    ERASURE_BACKUPS_MAX = 200,    /* named in a report */
    ERASURE_RECORDS_MAX = 100000, /* whose subject it is, of one type */
    ERASURE_PARTS_MAX = 32
};

/* Is this a type whose records are erased by themselves? */
bool object_erasable(const struct object_type *type);

/* The hold that keeps a record now: ERR_HELD with its reason and its id, else OK. */
enum err reader_hold_check(struct reader *reader, const struct schema *schema, struct str object,
                           int64_t record, struct error *error) MUST_CHECK;

/* ERR_ERASED when the record is one whose person was erased. Cheap while nobody was. */
enum err reader_erased(struct reader *reader, struct str object, int64_t id,
                       struct error *error) MUST_CHECK;

struct erasure_run {
    struct store *store;
    struct reader *reader;     /* of this thread */
    const struct scope *scope; /* who asks; its rights are judged by the caller */
    struct str request;
    struct str object;
    int64_t id;
    struct str reason;
    bool dry_run;
    bool cancel_runs; /* flows that hold its values are cancelled; else they are in the way */
    /* False ends it, to be taken up later: ERR_CANCELLED. */
    bool (*progress)(void *context, int64_t done, int64_t total);
    void *context;
    struct arena *arena;
    /* {"records": {object: n}, "kept": {part: n}, "entries": n, "mentions": [{object, id}],
     *  "mentions_count": n, "merged": [ids], "holds": [{object, id, hold, reason}],
     *  "backups": [names]: of the folder's own, which have it until they are taken away} */
    struct value report;
    void *private;
};
/* A lane's thread. ERR_HELD under a hold, ERR_NOT_FOUND, ERR_ERASED when it is done already,
 * ERR_INVALID when the reason holds the subject's own values. With dry_run nothing is changed, and
 * holds are told in the report alone. */
enum err store_erase(struct erasure_run *erasing, struct error *error) MUST_CHECK;

/* ---- what modules keep ---- */

/* One kind of rows of a module's that may hold values of a subject. `find` gives, behind the key
 * ?1 (… ?key_count) and in its order, at most 500 rows: the key's columns, then those that are
 * searched; the first question is asked with a null key, which comes before all. `purge` takes the
 * key. */
struct erasure_part {
    const char *name; /* "dead_letters": as the report calls it */
    const struct table_module *tables;
    int find, purge, key_count;
    /* Instead of both, for what is no table: does it, or only counts with erasing->dry_run. */
    enum err (*run)(struct erasure_run *erasing, void *context, int64_t *out_count,
                    struct error *error);
    void *context;
};
/* Start-up, before any job; the part is borrowed until store_erasure_part_end, or for the store's
 * life. Given twice it counts once. */
void store_erasure_part(struct store *store, const struct erasure_part *part);
void store_erasure_part_end(struct store *store, const struct erasure_part *part);
/* Does it hold a value of the subject? Inside a part's `run`. */
bool erasing_finds(struct erasure_run *erasing, struct str bytes);

/* ---- after a restore ---- */

/* Adds what another list names (the `erased` of a newer backup, or of the folder that was lost) to
 * the one of a folder that nobody has open. ERR_NOT_FOUND, ERR_INVALID when it is no such list. */
enum err store_erased_merge(const char *list, const char *folder, struct error *error) MUST_CHECK;

/* Subjects that folder/erased names and that this store has not erased: restored from a backup of
 * before. Their keys are gone already when the store is open. */
struct erased_id {
    int64_t id;
    char object[48];
};
enum err reader_unerased(struct reader *reader, struct erased_id **out_ids, size_t *out_count,
                         struct arena *arena, struct error *error) MUST_CHECK;

#endif
