/* Duplicates: records of one type that are likely the same thing twice. An object type declares
 * rules as data: by which keys records come near each other (blocks), which fields are compared and
 * how much each weighs, and from how many points on a pair is a candidate.
 *
 * Points are those of Fellegi and Sunter: a field that agrees gives its `weight`, log2(m / u) when
 * m (how often it agrees in true duplicates) and u (how often by chance) are declared; one that
 * differs takes `against`; one that is unknown on either side does neither.
 *
 * Only what the scope may read counts: a record, field or block that it may not read is not there
 * (contract 25). Records of different compartments are never candidates. */
#ifndef PROXENOS_STORE_DUPLICATE_H
#define PROXENOS_STORE_DUPLICATE_H

#include "proxenos/store_changeset.h"

enum {
    DUPLICATE_BLOCKS_MAX = 12,
    DUPLICATE_PARTS_MAX = 4, /* of a block */
    DUPLICATE_COMPARES_MAX = 24,
    DUPLICATE_BLOCK_RECORDS_MAX = 200,  /* compared of one block; the rest is cut, and said so */
    DUPLICATE_BLOCK_ENTRIES_MAX = 5000, /* looked at of one block for those that may be read */
    DUPLICATE_CANDIDATES_MAX = 20,      /* told of one record */
    DUPLICATE_PAIRS_MAX = 500000,       /* of one scan */
    DUPLICATE_GROUP_RECORDS_MAX = 50,   /* shown of one group */
    DUPLICATE_DISMISS_MAX = 20          /* records at once: all pairs of them */
};

/* ---- rules, as declared ---- */

enum similar_how {
    SIMILAR_EXACT,
    SIMILAR_NAME,   /* Jaro-Winkler on Latin keys: Greek and Latin spellings meet */
    SIMILAR_TEXT,   /* edits on folded text */
    SIMILAR_WORDS,  /* words in any order, on Latin keys */
    SIMILAR_DIGITS, /* edits on the digits alone */
    SIMILAR_PHONE,  /* the last nine digits */
    SIMILAR_EMAIL,
    SIMILAR_DATE,
    SIMILAR_NUMBER,
    SIMILAR_HOW_COUNT
};
const char *similar_how_name(enum similar_how how);

enum block_how { BLOCK_WHOLE, BLOCK_SOUND, BLOCK_START, BLOCK_DIGITS, BLOCK_YEAR };
struct duplicate_part {
    int field;
    enum block_how how;
    int length; /* BLOCK_START: characters */
};
struct duplicate_block {
    struct duplicate_part parts[DUPLICATE_PARTS_MAX];
    int part_count;
};
struct duplicate_compare {
    int field;
    enum similar_how how;
    double weight, against; /* points for full agreement, taken for disagreement; both ≥ 0 */
    double least;           /* likeness from here down is disagreement */
};
enum duplicate_on_create { DUPLICATE_REFUSE, DUPLICATE_WARN, DUPLICATE_OFF };
struct duplicate_rules {
    struct duplicate_block *blocks;
    int block_count;
    struct duplicate_compare *compares;
    int compare_count;
    double threshold, sure; /* points; sure ≥ threshold */
    enum duplicate_on_create on_create;
    unsigned char hash[32]; /* of what the keys are made from */
};

/* ---- candidates ---- */

/* [{id, title, points, sure, fields: [{field, how, likeness, points}], record}], best first, in
 * arena; *out_cut: some block held more than was compared. `of` is whole, its id 0 or not among the
 * answers. An empty list for a type without rules. The reader's thread. */
enum err reader_duplicates(struct reader *reader, const struct scope *scope,
                           const struct record *of, struct arena *arena, struct value *out_list,
                           bool *out_cut, struct error *error) MUST_CHECK;

/* ---- keys: kept by the writer; made anew, in the background, when the rules change ---- */

/* Calls `each` for types whose keys are not complete, and with "" when there are keys of rules that
 * are no longer anybody's (their plugin was uninstalled). Any reader's thread. */
enum err reader_duplicates_unready(struct reader *reader, const struct schema *schema,
                                   void (*each)(void *context, struct str object), void *context,
                                   struct error *error) MUST_CHECK;
typedef bool (*duplicate_progress)(void *context, int64_t done, int64_t total);
/* Makes what is missing, in units of its own, from where it stopped; drops what former rules left.
 * Nothing to do, or no such type: only the latter. progress false: ERR_CANCELLED. A lane's thread.
 */
enum err store_duplicate_keys(struct store *store, const struct scope *scope, struct str object,
                              duplicate_progress progress, void *context,
                              struct error *error) MUST_CHECK;

/* ---- scans: all pairs of a type, kept as groups ---- */

struct duplicate_scan {
    int64_t id; /* given by the caller */
    struct str object;
    int64_t user;
    int64_t rules; /* number of the rules that it began with */
    int64_t at_ms;
    bool done;
    int64_t compared, pairs, groups, cut_blocks;
    bool cut; /* more than DUPLICATE_PAIRS_MAX */
};
/* Compares all that lie in the same block, under the scope; goes on where the scan of this id
 * stopped. The scope's user's former scans of the type are dropped. A lane's thread. */
enum err store_duplicate_scan(struct store *store, struct reader *reader, const struct scope *scope,
                              const struct object_type *type, struct duplicate_scan *scan,
                              duplicate_progress progress, void *context,
                              struct error *error) MUST_CHECK;
/* The scan of this id (0: the newest of this type), its own or anybody's for administrators.
 * ERR_NOT_FOUND. */
enum err reader_duplicate_scan(struct reader *reader, const struct scope *scope,
                               const struct object_type *type, int64_t id,
                               struct duplicate_scan *out_scan, struct error *error) MUST_CHECK;
/* Groups after number `after`, at most `limit`: [{group, records: [{…}], pairs: [{a, b, a_title,
 * b_title, points, sure, fields}]}], judged anew as the records are now: what is gone, has changed
 * or was dismissed is left out. *out_next: the number to go on after; 0: no more. */
struct duplicate_page {
    int64_t scan, after;
    int limit;
    struct value groups;
    int64_t next;
};
enum err reader_duplicate_groups(struct reader *reader, const struct scope *scope,
                                 const struct object_type *type, struct duplicate_page *page,
                                 struct arena *arena, struct error *error) MUST_CHECK;

/* ---- "these are not the same" ---- */

/* Remembers (or forgets, dismissed false) that none of these is another: every pair of them. Needs
 * the right to update each. Logs "<object>.not_duplicate" (".maybe_duplicate") for each. */
struct duplicate_dismissal {
    const struct object_type *type;
    const int64_t *records;
    size_t record_count; /* 2 to DUPLICATE_DISMISS_MAX */
    bool dismissed;
    int64_t changed; /* pairs that were not so before */
};
enum err tx_duplicate_dismiss(struct tx *tx, struct duplicate_dismissal *dismissal,
                              struct error *error) MUST_CHECK;
/* [{a, b, by, at}] of which the scope may read both records, newest first, at most 1000. */
enum err reader_duplicates_dismissed(struct reader *reader, const struct scope *scope,
                                     const struct object_type *type, struct arena *arena,
                                     struct value *out_list, struct error *error) MUST_CHECK;

#endif
