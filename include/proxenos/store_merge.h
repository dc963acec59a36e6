/* Merging: several records of one type become one. Everything that refers to the others refers to
 * the one that is kept, in one unit, which is a change-set and can be reverted. */
#ifndef PROXENOS_STORE_MERGE_H
#define PROXENOS_STORE_MERGE_H

#include "proxenos/store_changeset.h"

enum {
    MERGE_OTHERS_MAX = 50,
    MERGE_REFERENCES_MAX = 20000, /* by one field */
    MERGE_CHAIN_MAX = 1000        /* of parents, looked at for cycles */
};

struct merge {
    const struct object_type *type;
    int64_t keep;
    const int64_t *others;
    size_t other_count;
    bool fill;   /* empty fields of the kept one are taken from the others, in their order; fields
                    with several values hold all of them */
    bool remove; /* the others are deleted; else archived */
    const struct changeset *as;
    /* results, in the unit's arena; of references only those that the scope may read are told */
    struct value references; /* [{object, field, count}] */
    struct value filled;     /* names of fields */
    int64_t files;           /* that hung on the others */
    struct record *kept;     /* as the scope may see it */
};
/* Needs the rights to update the kept one and to delete the others; what refers to them follows
 * whoever may see it. Writes "<object>.merged" for the kept one; the others' last entries say
 * merged_into. Rules and unique values of referring records are judged: ERR_RULE, ERR_UNIQUE name
 * theirs. ERR_RULE for a cycle of parents that it would make, with the path. ERR_INVALID for a
 * merge of nothing or with itself. For units with `alone` set, or as part of another. */
enum err tx_merge(struct tx *tx, struct merge *merge, struct error *error) MUST_CHECK;

#endif
