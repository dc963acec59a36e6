/* The parts of erasing a data subject (proxenos/store_erasure.h). */
#ifndef PROXENOS_STORE_ERASURE_INTERNAL_H
#define PROXENOS_STORE_ERASURE_INTERNAL_H

#include "internal.h"
#include "proxenos/store_erasure.h"

enum erasure_state { ERASURE_BEGUN = 1, ERASURE_EMPTIED = 2, ERASURE_DONE = 3 };

/* ---- words: the subject's own values, as they may stand somewhere (erasure_words.c) ---- */

struct erasure_words {
    struct arena arena;
    struct erasure_word {
        struct str plain, escaped, folded; /* escaped: as JSON with \u; empty when the same */
    } * items;
    size_t count;
    struct buf scratch;
};
void words_init(struct erasure_words *words);
void words_deinit(struct erasure_words *words);
/* Too short ones are passed over: they would be found everywhere. */
void words_add(struct erasure_words *words, struct str text);
/* From a record's fields, {"name": …}, those that name it: its title, addresses, numbers. */
void words_add_fields(struct erasure_words *words, const struct object_type *type,
                      const struct value *fields);
bool words_match(struct erasure_words *words, struct str bytes);

/* ---- one run ---- */

enum { ERASURE_IDS_MAX = 64 };

struct erasure {
    struct erasure_run *erasing;
    const struct scope *system; /* reads all */
    const struct object_type *type;
    struct erasure_words words;
    int64_t ids[ERASURE_IDS_MAX]; /* the subject, then what was merged into it */
    size_t id_count;
    int64_t scanned;    /* up to this entry */
    struct buf own;     /* int64_t seqs: entries of these records with personal fields in clear */
    struct buf foreign; /* of nobody's record, with words of it */
    struct value mentions;
    int64_t mention_count;
};
bool erasure_is_own(const struct erasure *erasure, int64_t record);

/* erasure_scan.c: reads the log from its beginning. */
enum err erasure_scan(struct erasure *erasure, struct error *error) MUST_CHECK;
enum err erasure_find_words(struct erasure *erasure, struct error *error) MUST_CHECK;
/* Is there a record, or does the log tell of one that was there? */
enum err erasure_exists(struct reader *reader, const struct object_type *type, int64_t id,
                        bool *out_any, struct error *error) MUST_CHECK;

/* erasure_log.c */
extern const struct str erased_start; /* {"erased": */
/* Takes the personal fields out of these entries (all of it for what is no record's). */
enum err erasure_redact(struct erasure *erasure, const struct buf *seqs,
                        struct error *error) MUST_CHECK;

/* erasure_record.c */
/* Counts in the report what hangs on it, tells or refuses holds. */
enum err erasure_look(struct erasure *erasure, struct error *error) MUST_CHECK;
enum err erasure_begin(struct erasure *erasure, struct error *error) MUST_CHECK;
enum err erasure_empty(struct erasure *erasure, struct error *error) MUST_CHECK;
enum err erasure_mark_done(struct erasure *erasure, struct error *error) MUST_CHECK;
/* One row, and its entry "<object>.erased"; own: it is the subject itself. Inside apply. */
enum err erasure_empty_row(struct tx *tx, const struct object_type *type, int64_t id, bool own,
                           struct str reason, struct error *error) MUST_CHECK;
/* erasure_dependants.c: the records whose subject it is; counted by type in the report. */
enum err erasure_dependants(struct erasure *erasure, struct error *error) MUST_CHECK;

/* erasure_parts.c */
enum err erasure_parts_run(struct erasure *erasure, struct error *error) MUST_CHECK;

/* ---- asked by others ---- */

/* Writer: ERR_ERASED when the id is that of an erased subject, or of one that is being erased. */
enum err erasure_check(struct tx *tx, int64_t id, struct error *error) MUST_CHECK;
/* The same while any erasure is under way: for writes to what seems an ordinary record. */
enum err erasure_check_open(struct tx *tx, int64_t id, struct error *error) MUST_CHECK;
/* The same for a reader, of those that are empty already. */
enum err reader_erasure_check(struct reader *reader, int64_t id, struct error *error) MUST_CHECK;
/* hold.c: ERR_HELD. Writer. */
enum err hold_check(struct tx *tx, const struct object_type *type, int64_t id,
                    struct error *error) MUST_CHECK;

/* ---- files ---- */

/* Drops the keys of what folder/erased names: at open, after a restore. */
enum err erased_list_apply(struct store *store, struct error *error) MUST_CHECK;
enum err erased_list_add(struct store *store, int64_t id, struct str object,
                         struct error *error) MUST_CHECK;
const char *erased_file_name(void);
/* Copies the list into a new file, synced; false when nobody was erased. */
enum err erased_list_backup(struct store *store, const char *path, bool *out_made,
                            struct error *error) MUST_CHECK;
/* Makes the databases anew and empties their WALs; waits for readers. A lane's thread. */
enum err store_scrub(struct store *store, bool (*progress)(void *context, int64_t, int64_t),
                     void *context, struct error *error) MUST_CHECK;

#endif
