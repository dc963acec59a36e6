/* Approvals (contract 13): records of the core's type `approval`, which a move that needs four eyes
 * makes, or a flow. Who may vote, once and for whom is judged here, against what is stored, in the
 * unit that writes the vote; nobody else writes these records. One that is about no record names
 * itself as the record that it is about: its own rights count, and nothing voids it.
 *
 *   pending ──▶ approved, rejected        by votes
 *           ──▶ void                      what it is about has changed
 *           ──▶ expired                   its time is over
 *           ──▶ withdrawn, cancelled      by who asked; by the end of the flow
 *
 * Calls that begin with tx_ are for a unit's apply, on the writer thread. */
#ifndef PROXENOS_STORE_APPROVAL_H
#define PROXENOS_STORE_APPROVAL_H

#include "proxenos/store.h"

enum {
    APPROVAL_QUORUM_MAX = 20,     /* votes needed, and rejections that end it */
    APPROVAL_EXCLUDE_MAX = 100,   /* users */
    APPROVAL_DATA_MAX = 32 << 10, /* bytes of data and of title, as JSON */
    APPROVAL_COMMENT_MAX = 1000,  /* characters */
    APPROVAL_ABSENT_MAX = 100,    /* users for whom one is the deputy at once */
};

/* ---- asking ---- */

struct approval_ask {
    int64_t id;       /* minted by the caller */
    int64_t run, seq; /* the flow's command */
    struct str plugin, flow;
    struct str object;         /* empty: of whatever type the record is */
    int64_t record;            /* 0: about none, then title and data are what is decided on */
    struct str role, escalate; /* escalate may be empty */
    int64_t quorum, rejections;
    const struct value *exclude;      /* a list of users' ids; NULL: none */
    struct str requested_by;          /* an actor: "user:anna" is the maker himself */
    int64_t due_ms, expires_ms;       /* 0: never */
    const struct value *title, *data; /* NULL: none */
};
/* The record must be one that the unit's scope may read. ERR_NOT_FOUND, ERR_FORBIDDEN (an unknown
 * type), ERR_LIMIT. */
enum err tx_approval_ask(struct tx *tx, const struct approval_ask *ask,
                         struct error *error) MUST_CHECK;

/* ---- deciding ---- */

struct approval_vote {
    bool approve;
    struct str comment;   /* may be empty */
    int64_t on_behalf_of; /* a user who is away and whose deputy votes; 0: oneself, or the one that
                             has the role when oneself has it not */
    int64_t version;      /* of the approval that was looked at; 0: not said */
    struct str hash;      /* the content that was looked at; empty: not said */
};
struct approval_result {
    int64_t id;
    struct str state;       /* after the vote */
    bool move;              /* it was about a move … */
    struct tx_result moved; /* … which was made; else all 0 */
    struct record *record;  /* the approval, in the unit's arena, as the scope may see it */
};
/* ERR_SAME_PERSON (the maker), ERR_FORBIDDEN (role, excluded), ERR_VOID, ERR_GONE (expired),
 * ERR_CONFLICT (decided, or voted already), ERR_STALE (version, hash). */
enum err tx_decide(struct tx *tx, int64_t approval, const struct approval_vote *vote,
                   struct approval_result *out_result, struct error *error) MUST_CHECK;
/* By who asked, or an administrator. ERR_FORBIDDEN, ERR_CONFLICT. */
enum err tx_approval_withdraw(struct tx *tx, int64_t approval, struct str reason,
                              struct approval_result *out_result, struct error *error) MUST_CHECK;

/* ---- what time and the flow do; no rights are asked ---- */

/* The pending approvals of a run, or of one of its commands (seq not 0), are cancelled. */
enum err tx_approval_cancel(struct tx *tx, int64_t run, int64_t seq,
                            struct error *error) MUST_CHECK;
/* Nothing when it is not pending any more. */
enum approval_time { APPROVAL_REMIND, APPROVAL_DUE, APPROVAL_EXPIRE };
enum err tx_approval_time(struct tx *tx, int64_t approval, enum approval_time what,
                          struct error *error) MUST_CHECK;

/* How an approval of a flow ended: for the run that waits. */
struct approval_outcome {
    int64_t id, run, seq;
    struct str plugin;
    bool cancelled; /* the run itself waits no more */
    bool is_void; /* the run learns that alone, else `result` is {id, state, approved, rejected, by,
                     votes, comments} */
    struct value result;
};
/* Writer, in the unit that ended it. */
typedef enum err (*approval_settled_cb)(void *context, struct tx *tx,
                                        const struct approval_outcome *outcome,
                                        struct error *error);
/* One, before units run; NULL: none any more. */
void store_on_approval(struct store *store, approval_settled_cb settled, void *context);

/* ---- who may vote ---- */

struct approval_person {
    int64_t user; /* 0: nobody with a record */
    struct str actor;
    const struct str *roles;
    size_t role_count;
};
/* May this person's vote be counted now? A pure look at the record: the errors of tx_decide. The
 * right to approve records of its type is asked elsewhere. Any thread. */
enum err approval_may_count(const struct record *approval, const struct approval_person *person,
                            int64_t now_ms, struct error *error) MUST_CHECK;
/* The role that decides at this time. Any thread. */
struct str approval_role(const struct record *approval, int64_t now_ms);
/* The users whose deputy this is and who are away at this time. ERR_LIMIT past
 * APPROVAL_ABSENT_MAX. */
enum err reader_absent(struct reader *reader, int64_t deputy, int64_t now_ms, int64_t *out_users,
                       size_t *out_count, struct error *error) MUST_CHECK;

/* ---- absence ---- */

struct absence {
    int64_t from_ms, until_ms; /* until 0: back again */
    int64_t deputy;
};
/* Who may say it is the caller's to ask. ERR_NOT_FOUND, ERR_REFERENCE when the deputy is not there
 * or not active, ERR_INVALID when he is the user himself. */
enum err tx_absence(struct tx *tx, int64_t user, const struct absence *absence,
                    struct record **out_record, struct error *error) MUST_CHECK;

#endif
