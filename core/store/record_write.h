/* The parts of writing a record: rights, machine, references, uniqueness, log, approvals. Writer
 * thread, inside a unit's apply. */
#ifndef PROXENOS_STORE_RECORD_WRITE_H
#define PROXENOS_STORE_RECORD_WRITE_H

#include "draft.h"
#include "internal.h"
#include "sqlite/record_sql.h"

enum { CASCADE_MAX = 10000, CASCADE_DEPTH_MAX = 16, ACYCLIC_DEPTH_MAX = 64 };

/* A record that was deleted and comes back under its id. */
struct revival {
    int64_t version, created_at;
    struct str created_by;
};

/* One change on its way. */
struct writing {
    struct tx *tx;
    const struct draft *draft; /* of tx's own snapshot */
    const struct object_type *type;
    struct record *before; /* NULL: a create */
    struct record *whole;  /* as it will be; NULL: a delete */
    bool *changed;         /* by field index */
    bool import;
    bool trusted; /* the store's own consequence of a judged change: no rights, no machine */
    bool revert;  /* takes a change back: any state, and the archive as the draft says */
    const struct revival *revival; /* of a create; NULL: a new record */
    int64_t merged_into;           /* it ends because it became part of this one; 0: not so */
    const struct stand_in *absent; /* who is written for, by his deputy; NULL: nobody */
    struct str kept_in; /* a delete: the compartment that keeps it, for who refers to it there */
    int64_t seq;
    int64_t approval;        /* a move that waits; nothing else is done */
    struct value duplicates; /* of a create: what may be the same, to be told */
};

/* ---- rights (record_rights.c) ---- */

bool record_readable(const struct scope *scope, const struct object_type *type,
                     const struct record_head *head);
/* In whose place the scope writes this record as his deputy; NULL: with rights of its own, or not
 * at all. */
const struct stand_in *record_stand_in(const struct scope *scope, const struct object_type *type,
                                       uint32_t verb, const struct record_head *head);
struct record_head record_head_of(const struct record *record);
/* ERR_NOT_FOUND when not readable, ERR_FORBIDDEN when readable but not writable with this verb. */
enum err record_may(const struct scope *scope, const struct object_type *type, uint32_t verb,
                    const struct record_head *head, struct error *error) MUST_CHECK;
enum err record_missing(const struct object_type *type, int64_t id, struct error *error) MUST_CHECK;
/* A copy of the record that shows what the scope may see. */
struct record *record_for_scope(struct arena *arena, const struct scope *scope,
                                const struct record *record);
/* The store's own hands: no machine, no four eyes. */
bool scope_is_system(const struct scope *scope);

/* ---- checks on the writer (record_check.c) ---- */

/* References that were set lead to records that exist and that the scope may read. */
enum err record_check_refs(struct writing *writing, struct error *error) MUST_CHECK;
/* record_acyclic.c: no record is above itself by an acyclic reference. ERR_CYCLE with the path,
 * ERR_LIMIT when the chain is longer than ACYCLIC_DEPTH_MAX. Of trusted changes too. */
enum err record_check_acyclic(struct writing *writing, struct error *error) MUST_CHECK;
/* record_lines.c: of one field whose line_from is set. ERR_CYCLE, ERR_LIMIT. */
enum err record_check_line(struct writing *writing, const struct field *field,
                           struct error *error) MUST_CHECK;
/* What a sentence calls this record: its title, or its id, or a mask, as the scope may see it. */
void record_name(const struct scope *scope, const struct record *record, struct buf *out);
/* record_saved.c: filters and queries that records hold (territories, saved views). */
enum err record_check_saved(struct writing *writing, struct error *error) MUST_CHECK;
/* Turns a row's ERR_UNIQUE into a sentence that names the field. */
enum err record_unique_named(struct writing *writing, struct error *error) MUST_CHECK;

/* ---- states (record_machine.c) ---- */

/* Judges the state that the record enters; sets writing->approval when the move waits for another
 * person. */
enum err record_check_state(struct writing *writing, struct error *error) MUST_CHECK;
/* "stage.won" when this change entered a state, else empty. In the unit's arena. */
struct str record_state_entered(const struct writing *writing);

/* ---- approvals (approval.c) ---- */

enum err approval_ask(struct writing *writing, const struct move *move,
                      struct error *error) MUST_CHECK;
/* The change-set that asked is taken back: void, if it still waits. */
enum err approval_take_back(struct tx *tx, int64_t id, bool *out_ended,
                            struct error *error) MUST_CHECK;
/* A record changed: what was asked for about its former content is void. */
enum err approval_void_all(struct tx *tx, const struct object_type *type, int64_t id,
                           struct error *error) MUST_CHECK;

/* ---- log (record_log.c) ---- */

/* verb: "created", "updated", "deleted", "restored". */
enum err record_log(struct writing *writing, const char *verb, struct error *error) MUST_CHECK;

/* ---- the three kinds ---- */

/* record_write.c: judged or trusted; out_result may be NULL. */
enum err record_apply(struct writing *writing, struct tx_result *out_result,
                      struct error *error) MUST_CHECK;
/* record_delete.c */
enum err record_delete(struct writing *writing, int depth, struct error *error) MUST_CHECK;
/* A draft of another snapshot as one of tx's own, by names (draft_remap.c). */
enum err draft_remap(struct tx *tx, const struct draft *draft, const struct draft **out_draft,
                     struct error *error) MUST_CHECK;

/* hold.c: is it the core's type `legal_hold`, and may this one be made or changed so? */
bool hold_is(const struct object_type *type);
enum err hold_judge(struct writing *writing, struct error *error) MUST_CHECK;

#endif
