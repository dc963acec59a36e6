/* Search inside the store: the index's tables, words, and what indexer and readers share. */
#ifndef PROXENOS_STORE_SEARCH_INTERNAL_H
#define PROXENOS_STORE_SEARCH_INTERNAL_H

#include "internal.h"
#include "proxenos/store_search.h"

/* The fields of a type that are searched, in the order of the index's columns; how many. */
enum { SEARCH_FIELDS_MAX = 60 };
int search_fields(const struct object_type *type, const struct field *out[SEARCH_FIELDS_MAX]);
/* "name,email": what the columns of its table stand for; in arena. */
struct str search_signature(struct arena *arena, const struct object_type *type);

/* The words of a text as the index holds them, one by one: false at the end. `rest` starts as the
 * key that text_latin makes. */
bool search_word(struct str *rest, struct str *out_word);

/* The file's path in memory of the caller's buf. */
const char *search_path(struct buf *buf, const struct store *store);
/* Is the index being filled? Any thread. */
bool search_filling(const struct store *store);
/* store_close: ends the thread. NULL is fine. */
void search_stop(struct search_index *index);

#endif
