/* Object types and fields that are declared while the service runs (contract 5): the same
 * declaration as a plugin's schema, kept in the store, with real columns. Their names begin with
 * x_, which no plugin's may, so that no later plugin collides with them; the fields of a custom
 * object type are named freely.
 *
 * What is taken away is archived first: it is no longer declared, and its values stay. Only what is
 * archived can be dropped, with its values, by a token that says how many those are. */
#ifndef PROXENOS_STORE_CUSTOM_H
#define PROXENOS_STORE_CUSTOM_H

#include "proxenos/store.h"

enum custom_action {
    CUSTOM_ADD_OBJECT,
    CUSTOM_CHANGE_OBJECT,
    CUSTOM_ARCHIVE_OBJECT,
    CUSTOM_RESTORE_OBJECT,
    CUSTOM_DROP_OBJECT,
    CUSTOM_ADD_FIELD,
    CUSTOM_CHANGE_FIELD,
    CUSTOM_ARCHIVE_FIELD,
    CUSTOM_RESTORE_FIELD,
    CUSTOM_DROP_FIELD,
    CUSTOM_ACTION_COUNT
};

enum {
    CUSTOM_OBJECTS_MAX = 100, /* archived ones included, as for fields */
    CUSTOM_FIELDS_MAX = 100,  /* per object type */
    CUSTOM_LABEL_BYTES_MAX = 200,
    CUSTOM_INDEX_ROWS_MAX = 50000, /* an index on more rows is made by a job */
};

/* One change, as a lone unit. Caller-owned until done. */
struct custom_change {
    struct unit unit; /* reply, done, scope and request are the caller's; custom_change_init has the
                         rest */
    enum custom_action action;
    struct str object, field;  /* names; of an ADD: from `given` when empty */
    const struct value *given; /* ADD: the declaration with its name; CHANGE: the options that
                                  change, null takes one away; else NULL */
    int64_t epoch;             /* the schema must be at this one still, else ERR_STALE; 0: any */
    bool dry_run;              /* ends with ERR_CANCELLED when all would go well; a DROP's token is
                                  looked at when there is one */
    int64_t index_rows_max;    /* an index on more rows waits for a job; 0: CUSTOM_INDEX_ROWS_MAX */
    struct str confirm;        /* DROP: the token, which another count of values makes void */
    struct str backup;         /* DROP: the folder of the backup made before; for the log */
    /* Results, also of a change that failed; in the unit's arena. */
    struct value result; /* {"object", "field", "epoch", "added", "rows", "confirm"}, as far as
                            they are known */
    bool index_waits;    /* ERR_LIMIT because of an index that is for a job */
};
/* Sets unit.apply and alone. ERR_FORBIDDEN for who is no administrator, ERR_CONFLICT (there
 * already, archived, not custom, DROP without a valid token), ERR_SCHEMA with findings whose
 * pointers lead into `given`, ERR_LIMIT, ERR_STALE, ERR_NOT_FOUND. */
void custom_change_init(struct custom_change *change);
const char *custom_action_event(enum custom_action action); /* "schema.field_added" … */

/* What is declared at run time, archived ones included: {"epoch", "objects": [{…, "archived"}],
 * "fields": [{"object", …, "archived", "waiting": its object type is not there}]}. Any thread that
 * owns the reader. */
enum err reader_custom(struct reader *reader, struct arena *arena, struct value *out_list,
                       struct error *error) MUST_CHECK;

#endif
