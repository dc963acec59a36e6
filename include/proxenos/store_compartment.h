/* Compartments (contract 25): sets of records whose existence is hidden from everybody outside, the
 * administrator too. A compartment is a record of the core's type `compartment` that lies in
 * itself, as do the records of `compartment_access` that say who is inside; so all that hides a
 * record hides these. Records name their compartment by its id. Only what is here writes them.
 *
 *   member       a keeper asks, another keeper confirms; the first ones come with the compartment
 *   crossing     one outside asks by name or id, a keeper lets him in, for some hours
 *   break_glass  one whose role allows it comes in at once, for an hour, to read, where the
 *                compartment allows that; a keeper has to review it
 *
 *   asked ──▶ active ──▶ ended            (also by its `until`, without anybody's doing)
 *         ──▶ refused
 *
 * What an outsider is answered never depends on whether a compartment is there. All calls are for a
 * unit's apply, on the writer thread. */
#ifndef PROXENOS_STORE_COMPARTMENT_H
#define PROXENOS_STORE_COMPARTMENT_H

#include "proxenos/store.h"

enum {
    COMPARTMENT_KEEPERS_MIN = 2,     /* so that two people decide who comes in */
    COMPARTMENT_FIRST_MAX = 200,     /* members that come with it */
    COMPARTMENT_ACCESSES_MAX = 5000, /* of one compartment, ended ones included */
    COMPARTMENT_SAME_NAME_MAX = 50,  /* compartments of one name */
    COMPARTMENT_TEXT_MAX = 1000,     /* characters of a reason, a comment, a purpose */
    CROSSING_HOURS_MAX = 8,
    CROSSING_ASKED_DAYS_MAX = 7, /* then it cannot be confirmed any more */
    BREAK_GLASS_MINUTES = 60,
    BREAK_GLASS_REVIEW_DAYS = 3,
};

/* Who shall be inside: a user, or a plugin whose manifest asks for the compartment's name. */
struct compartment_who {
    int64_t user;
    struct str plugin; /* when user is 0 */
    bool keeper, write;
    int64_t until_ms;  /* 0: until it is ended */
    struct str reason; /* may be empty for the first members */
};
struct compartment_spec {
    struct str name, label, purpose;
    bool break_glass;
    const struct compartment_who *members;
    size_t member_count;
};
/* For administrators and roles that make compartments. Whoever makes it is inside only if he is
 * among the members. ERR_FORBIDDEN, ERR_INVALID (too few keepers …), ERR_REFERENCE. */
enum err tx_compartment_make(struct tx *tx, const struct compartment_spec *spec, int64_t *out_id,
                             struct error *error) MUST_CHECK;

/* A keeper's proposal; the record, as he may see it. ERR_NOT_FOUND to who is outside, ERR_FORBIDDEN
 * to a member who is no keeper. */
enum err tx_access_propose(struct tx *tx, int64_t compartment, const struct compartment_who *who,
                           struct record **out_access, struct error *error) MUST_CHECK;
/* A keeper's decision on what another asked for. ERR_SAME_PERSON, ERR_CONFLICT (decided), ERR_GONE
 * (asked too long ago). */
enum err tx_access_decide(struct tx *tx, int64_t access, bool confirm, struct str comment,
                          struct record **out_access, struct error *error) MUST_CHECK;
/* Ended by a keeper, or by the person himself. ERR_CONFLICT when too few keepers would be left. */
enum err tx_access_end(struct tx *tx, int64_t access, struct str comment,
                       struct record **out_access, struct error *error) MUST_CHECK;
/* A keeper's word on a broken glass, another's than his who broke it. */
enum err tx_access_review(struct tx *tx, int64_t access, bool in_order, struct str comment,
                          struct record **out_access, struct error *error) MUST_CHECK;

/* Somebody else set this user's password, and could come in his name: wherever he is inside, a
 * keeper has to confirm it again. */
enum err tx_accesses_suspend(struct tx *tx, int64_t user, struct error *error) MUST_CHECK;

struct crossing_ask {
    struct str compartment; /* its name or its id */
    struct str reason;
    int64_t hours;
    bool write;
};
/* Asks the keepers of every compartment that is meant. Says nothing of whether there is one. */
enum err tx_crossing_ask(struct tx *tx, const struct crossing_ask *ask,
                         struct error *error) MUST_CHECK;

struct glass {
    struct str compartment; /* its name or its id; or: */
    struct str object;      /* a record that lies in it */
    int64_t record;
    struct str reason;
};
/* For roles that may. ERR_NOT_FOUND when there is none, and when it does not allow it. */
enum err tx_break_glass(struct tx *tx, const struct glass *glass, struct record **out_access,
                        struct error *error) MUST_CHECK;

#endif
