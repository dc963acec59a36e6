/* Search inside the store: the index's tables, words, and what indexer and readers share. */
#ifndef PROXENOS_STORE_SEARCH_INTERNAL_H
#define PROXENOS_STORE_SEARCH_INTERNAL_H

#include "internal.h"
#include "proxenos/base_text.h"
#include "proxenos/store_search.h"
#include "sqlite/search_sql.h"

/* The fields of a type that are searched, in the order of the index's columns; how many. */
enum { SEARCH_FIELDS_MAX = 60 };
int search_fields(const struct object_type *type, const struct field *out[SEARCH_FIELDS_MAX]);
/* "name,email": what the columns of its table stand for; in arena. */
struct str search_signature(struct arena *arena, const struct object_type *type);

/* The words of a text as the index holds them, one by one: false at the end. `rest` starts as the
 * key that text_latin makes. */
bool search_word(struct str *rest, struct str *out_word);

/* A word that is looked for, and what else it may mean (text_readings). */
struct asked_word {
    struct str keys[TEXT_READINGS_MAX];
    size_t count;
};
struct asked {
    struct asked_word words[SEARCH_WORDS_MAX];
    int count;
    enum search_order order;
    bool from_start; /* the page begins with the first rank: hits of a rank above are all on it */
};
/* The columns of a type that the scope may ask about. */
struct searched {
    const struct object_type *type;
    const struct field *fields[SEARCH_FIELDS_MAX]; /* all, by column */
    bool readable[SEARCH_FIELDS_MAX];
    int count, readable_count;
    int title; /* column; -1: none to be read */
};
enum err search_read_words(struct str text, struct arena *arena, struct asked *out,
                           struct error *error) MUST_CHECK;
void search_look_at(const struct scope *scope, const struct object_type *type,
                    struct searched *out);
/* FTS5's expression of a rank: without what the rank above finds, unless that is all on this page,
 * whose maker leaves it out. Empty when the rank cannot be had. */
struct str search_expression(struct arena *arena, const struct asked *asked,
                             const struct searched *searched, enum search_rank rank);
/* What the expressions would find, asked of one record's texts by column: SEARCH_RANKS when none of
 * them would. */
enum { SEARCH_RANKS = SEARCH_ANYWHERE + 1 };
int search_judge(const struct asked *asked, const struct searched *searched,
                 const struct str *texts);
/* Does a word of the value begin with (or equal) one of the words asked for? */
bool search_matches(const struct asked *asked, const struct value *value);

/* The hits among the rows of a type that a scope sees, when these are few; kept for one search. */
struct search_few {
    enum { FEW_UNKNOWN, FEW_KNOWN, FEW_MANY } state;
    int64_t *ids;   /* newest first */
    uint8_t *ranks; /* enum search_rank of each */
    size_t count;
};
struct search_walk {
    struct reader *reader;
    const struct scope *scope;
    struct arena *arena;
    const struct asked *asked;
    const struct searched *searched;
    enum search_rank rank;
    struct search_select select; /* goes on as ids are found */
    struct search_few *few;
    void (*found)(void *context, int64_t id, int type_index);
    void *context;
    int type_index; /* the caller's */
};
enum err search_walk(struct search_walk *walk, struct error *error) MUST_CHECK;

/* The file's path in memory of the caller's buf. */
const char *search_path(struct buf *buf, const struct store *store);
/* Is the index being filled? Any thread. */
bool search_filling(const struct store *store);
/* store_close: ends the thread. NULL is fine. */
void search_stop(struct search_index *index);

#endif
