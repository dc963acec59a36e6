/* Shared by the files that look for duplicates: rules as one scope may use them, a record made
 * ready to be compared, its keys, points. */
#ifndef PROXENOS_STORE_DUPLICATE_INTERNAL_H
#define PROXENOS_STORE_DUPLICATE_INTERNAL_H

#include "internal.h"
#include "proxenos/store_duplicate.h"
#include "record_write.h"

enum { DUPLICATE_PHONE_DIGITS = 9 }; /* behind country codes and trunk zeros it is the same */

/* The rules of a type as this scope may use them: a comparison or a block whose field may not be
 * read is not there. */
struct duplicate_lens {
    struct store *store;
    const struct scope *scope; /* NULL: everything, for the keys themselves */
    const struct object_type *type;
    const struct duplicate_rules *rules;
    bool compares[DUPLICATE_COMPARES_MAX], blocks[DUPLICATE_BLOCKS_MAX];
    unsigned char secret[KEY_BYTES]; /* keys tell nothing to who has the file alone */
    int64_t number;                  /* of these rules in duplicate_key: 48 bits */
};
/* False: the type has no rules. Any thread. */
bool duplicate_lens_make(struct duplicate_lens *lens, struct store *store,
                         const struct scope *scope, const struct object_type *type);

/* ---- keys (duplicate_key.c) ---- */

/* One per block, 0 where a part of it is unknown. */
void duplicate_keys_of(const struct duplicate_lens *lens, const struct record *record,
                       int64_t out_keys[DUPLICATE_BLOCKS_MAX]);
/* Writer: the keys follow the record. before NULL: a create; whole NULL: a delete. Archived records
 * have none. */
enum err duplicate_keys_follow(struct tx *tx, const struct record *before,
                               const struct record *whole, struct error *error) MUST_CHECK;

/* ---- comparing (duplicate_compare.c) ---- */

struct duplicate_value {
    bool known;
    struct str text;
    int64_t number;
};
/* A record made ready, in arena; the record is borrowed. */
struct duplicate_view {
    const struct record *record;
    struct duplicate_value values[DUPLICATE_COMPARES_MAX];
};
void duplicate_view_make(const struct duplicate_lens *lens, const struct record *record,
                         struct arena *arena, struct duplicate_view *out_view);
/* out_fields (NULL: not wanted) becomes [{field, how, likeness, points}], in arena. */
double duplicate_points(const struct duplicate_lens *lens, const struct duplicate_view *a,
                        const struct duplicate_view *b, struct arena *arena,
                        struct value *out_fields);
/* Two digits behind the point. */
struct value duplicate_number(double points);
struct value duplicate_title(const struct record *record);

/* ---- candidates (duplicate_find.c) ---- */

/* Where records come from: the writer's or a reader's connection. */
struct duplicate_source {
    struct db *db;
    int64_t entries_max; /* of one block */
    /* As the scope may see it; ERR_NOT_FOUND when it may not, or when it is archived. */
    enum err (*load)(struct duplicate_source *source, int64_t id, struct arena *arena,
                     struct record **out_record, struct error *error);
    const struct duplicate_lens *lens;
    struct reader *reader;
    struct tx *tx;
};
void duplicate_from_reader(struct duplicate_source *source, struct reader *reader,
                           const struct duplicate_lens *lens);
void duplicate_from_tx(struct duplicate_source *source, struct tx *tx,
                       const struct duplicate_lens *lens);
enum err duplicate_find(struct duplicate_source *source, const struct record *of,
                        struct arena *arena, struct value *out_list, bool *out_cut,
                        struct error *error) MUST_CHECK;
/* On a create, before its row is written: ERR_DUPLICATE, or what is to be told in *out_told. */
enum err duplicate_judge(struct writing *writing, struct value *out_told,
                         struct error *error) MUST_CHECK;

#endif
