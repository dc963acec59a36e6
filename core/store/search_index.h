/* The parts of the indexer: its state, the index's tables, documents. Its thread alone, but for
 * what is marked. */
#ifndef PROXENOS_STORE_SEARCH_INDEX_H
#define PROXENOS_STORE_SEARCH_INDEX_H

#include "search.h"

enum { FORM = 3 /* of the index: another one is made anew */ };

struct search_index {
    struct store *store;
    struct thread *thread;
    struct mailbox *mailbox;
    struct store_watch watch;
    int stopping, hurried, rebuild, filling; /* atomic */
    int64_t seq;                             /* atomic; -1: not known yet */
    int64_t done, total;                     /* atomic: records, of the fill */
    int64_t scrubbed;                        /* atomic: turn of scrubbing that is done */
    pthread_mutex_t lock;
    struct list waits; /* struct search_wait.waiting; lock */
    bool broken;       /* lock: nothing will be indexed any more */

    /* The thread's own. */
    struct db *db;
    struct reader *reader;
    const struct scope *scope; /* the system's, of the schema that the tables were made for; held */
    struct arena arena;        /* of one document */
    int64_t position, saved;
    int64_t vacuumed; /* turn of scrubbing whose vacuum is done */
    int64_t filled;   /* no record was scanned behind this entry: one made later is not in yet */
};

bool search_stopping(struct search_index *index);
bool search_broken(struct search_index *index); /* nothing will be indexed any more; any thread */

/* ---- tables (search_tables.c) ---- */

/* In search_meta; an absent value is null, putting null forgets the key. */
enum err search_meta_get(struct search_index *index, struct str key, struct value *out_value,
                         struct error *error) MUST_CHECK;
enum err search_meta_put(struct search_index *index, struct str key, const struct value *value,
                         struct error *error) MUST_CHECK;
enum err search_put_number(struct search_index *index, struct str key, int64_t number,
                           struct error *error) MUST_CHECK;
/* "type:person": fields of its table. "fill:person": id up to which its records are in; absent: all
 * are. In index->arena. */
struct str search_key(struct search_index *index, const char *what, struct str type);
/* Known is false when the index is of another form, or of another log. */
enum err search_load_position(struct search_index *index, bool *out_known,
                              struct error *error) MUST_CHECK;
/* In the open transaction of search.db. */
enum err search_save_position(struct search_index *index, struct error *error) MUST_CHECK;
/* Makes the tables fit the schema. anew: all of them, and the log is followed from its end. */
enum err search_fit_tables(struct search_index *index, bool anew, struct error *error) MUST_CHECK;

/* ---- documents (search_follow.c) ---- */

enum err search_count_records(struct search_index *index, struct error *error) MUST_CHECK;
/* Goes on with what is not filled yet, until it is or the thread is to stop. */
enum err search_fill(struct search_index *index, struct error *error) MUST_CHECK;
/* Some entries of the log; *out_more: there were more. */
enum err search_follow(struct search_index *index, bool *out_more, struct error *error) MUST_CHECK;
/* After an erasure: merges the tables' segments, so that the words of removed documents go, and
 * writes the file anew; again until no reader needs the WAL (search_scrub.c). */
enum err search_scrub(struct search_index *index, int64_t wanted, struct error *error) MUST_CHECK;
bool search_scrubbing(const struct search_index *index);
/* When the WAL has become long, or in any case. */
enum err search_checkpoint(struct search_index *index, bool truncate,
                           struct error *error) MUST_CHECK;

#endif
