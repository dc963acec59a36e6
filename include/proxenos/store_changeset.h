/* Change-sets: many changes under one name, which can be looked at and taken back. Bulk requests,
 * imports, merges and scripts make them; each entry of the log says which it belongs to. */
#ifndef PROXENOS_STORE_CHANGESET_H
#define PROXENOS_STORE_CHANGESET_H

#include "proxenos/store_log.h"

enum {
    CHANGESET_NAME_MAX = 200,      /* bytes; longer ones are cut */
    EFFECTS_LOOK_MAX = 1000000,    /* entries of the log among which effects are looked for */
    CHANGESET_REVERT_MAX = 100000, /* entries: a larger one is reverted in no single unit */
    CHANGESET_CONFLICTS_MAX = 100  /* told; all are counted */
};

struct changeset {
    int64_t id; /* minted by whoever makes it */
    struct str name;
    struct str kind; /* "bulk", "import", "merge", "script", "revert" */
    int64_t reverts; /* the change-set that this one takes back; 0: none */
};
/* Inside apply: what the unit changes from here on belongs to it, until called with NULL. It is
 * recorded together with its first change; one that changes nothing leaves no trace. Borrowed until
 * the unit ends. */
enum err tx_changeset(struct tx *tx, const struct changeset *changeset,
                      struct error *error) MUST_CHECK;

/* What is recorded of one; texts live until the callback returns. */
struct changeset_record {
    struct changeset set;
    struct str actor, request;
    int64_t user, at_ms;
    int64_t created, updated, deleted; /* entries of these kinds */
    int64_t first_seq, last_seq;
    int64_t reverted_by; /* 0: not reverted */
};
typedef enum err (*changeset_cb)(void *context, const struct changeset_record *record,
                                 struct error *error);
/* Newest first, with an id below `before` (0: from the newest): one's own; all for administrators
 * and the audit role. */
enum err reader_changesets(struct reader *reader, const struct scope *scope, int64_t before,
                           int limit, changeset_cb each, void *context,
                           struct error *error) MUST_CHECK;
/* ERR_NOT_FOUND for another's too. */
enum err reader_changeset(struct reader *reader, const struct scope *scope, int64_t id,
                          changeset_cb each, void *context, struct error *error) MUST_CHECK;

/* Takes a change-set back, newest entry first, as the change-set `as`: fields get back what they
 * held, what was made is deleted, what was deleted is made again under its id. Rights and rules
 * are judged as for any change, but not the moves of state machines. What was changed since is in
 * conflict: ERR_CONFLICT, and the unit's conflict is {"conflicts": [{object, id, field or null,
 * reason}], "conflict_count"}; nothing is changed. partial: all else is taken back. ERR_NOT_FOUND,
 * ERR_CONFLICT when it is reverted already, ERR_LIMIT past CHANGESET_REVERT_MAX. For units with
 * `alone` set. */
struct revert {
    int64_t changeset;
    const struct changeset *as;
    bool partial;
    bool effects; /* also what its changes caused: what plugins did because of them, and because of
                     that; ERR_LIMIT past CHANGESET_REVERT_MAX of both, and when more than
                     EFFECTS_LOOK_MAX entries came since */
    /* results, in the unit's arena */
    int64_t reverted; /* entries */
    int64_t conflict_count;
    struct value conflicts; /* a list as above */
};
enum err tx_revert(struct tx *tx, struct revert *revert, struct error *error) MUST_CHECK;

#endif
