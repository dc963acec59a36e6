/* Search over the fields marked `search`: an index in a file of its own, a reader of the log like
 * any other (contract 9). A word is found by its beginning, whatever its case, accents and script:
 * text_latin says which spellings meet. */
#ifndef PROXENOS_STORE_SEARCH_H
#define PROXENOS_STORE_SEARCH_H

#include "proxenos/store_log.h"
#include "proxenos/store_query.h"

enum {
    SEARCH_LIMIT_MAX = 200,
    SEARCH_WORDS_MAX = 12,
    SEARCH_WORD_BYTES_MAX = 64,
    SEARCH_TEXT_BYTES_MAX = 64 * 1024, /* of one field's value: the rest is not searched */
    SEARCH_TYPES_MAX = 64
};

/* Starts the indexer's thread, which opens or makes folder/search.db and catches up with the log.
 * store_close ends it. Once per store, after the schema is whole. */
enum err store_search_start(struct store *store, struct error *error) MUST_CHECK;
/* Everything in the log up to it is in the index. Any thread. */
int64_t store_search_seq(struct store *store);

/* `done` runs on the reply mailbox's thread when the index has reached `seq` (or what is in the log
 * now, if that is less), or when it never will: ERR_STOPPING, ERR_IO. The caller's until then. */
struct search_wait {
    struct message message;
    struct mailbox *reply;
    int64_t seq;
    void (*done)(struct search_wait *wait);
    enum err err;
    struct list_node waiting; /* the index's own */
};
void store_search_wait(struct store *store, struct search_wait *wait);

/* Makes the whole index anew and waits for it; progress (records) may be NULL and may return false
 * to stop waiting: ERR_CANCELLED, the work goes on. A lane's thread. */
enum err store_search_rebuild(struct store *store, progress_cb progress, void *context,
                              struct error *error) MUST_CHECK;

/* Best: all words are whole words of the title, then beginnings of words of the title, then found
 * anywhere; newest first among equals. The order follows from the row alone, so that it tells
 * nothing of records that one may not see. */
enum search_order { SEARCH_BEST, SEARCH_NEWEST };
struct search_query {
    struct str text;
    const struct object_type *const *types; /* none: all that the scope may search */
    size_t type_count;
    enum search_order order;
    int limit;        /* 1 to SEARCH_LIMIT_MAX */
    struct str after; /* the page before's `next`; empty: the first */
};
struct search_hit {
    const struct record *record; /* as the scope may see it; until the callback returns */
    enum search_rank { SEARCH_EXACT, SEARCH_BEGINNING, SEARCH_ANYWHERE } rank;
    const struct field *const *matched; /* fields in which a word was found */
    int matched_count;
};
typedef enum err (*search_cb)(void *context, const struct search_hit *hit, struct error *error);
struct search_page {
    int hit_count;
    struct str next; /* arena; empty at the end */
    bool filling;    /* the index is being made: more may be found later */
};
/* Records that hold every word, in fields that the scope may read. A lane's reader: not for one
 * with a step budget. ERR_INVALID without a word to look for, ERR_LIMIT, ERR_CURSOR. */
enum err reader_search(struct reader *reader, const struct scope *scope,
                       const struct search_query *query, struct arena *arena, search_cb hit,
                       void *context, struct search_page *out_page, struct error *error) MUST_CHECK;

#endif
