/* The store: records, one log, in one place with rights. One writer thread commits groups; readers
 * are snapshots. Scopes come with every record call; the store has no record call without one
 * (architecture.md, idea 5).
 *
 * Threads: `struct store` may be used by any thread where a call says so. A `struct reader` belongs
 * to one thread at a time. `struct tx` exists only on the writer thread, inside a unit's apply. */
#ifndef PROXENOS_STORE_H
#define PROXENOS_STORE_H

#include "proxenos/base_env.h"
#include "proxenos/base_value.h"
#include "proxenos/loop.h"
#include "proxenos/store_schema.h"

struct store;
struct reader;
struct tx;
struct changeset;

/* ---- scope: whose rights; made by auth, immutable, reference-counted ---- */

enum verb {
    VERB_READ = 1,
    VERB_CREATE = 2,
    VERB_UPDATE = 4,
    VERB_DELETE = 8,
    VERB_IMPORT = 16,
    VERB_EXPORT = 32,
    VERB_APPROVE = 64,
    VERB_ACCESS_EXPORT = 128, /* all that is held on a person, for that person */
    VERB_ERASE = 256,
    VERB_ALL = 511
};
/* Whose records, as a set of bits, so that the widest of two rules is their union and what both
 * allow their intersection. Team and territory each hold the own ones; neither holds the other. */
enum row_bit { ROW_OWN = 1, ROW_TEAM = 2, ROW_BELOW = 4, ROW_RULE = 8, ROW_EVERY = 16 };
enum row_rule {
    ROWS_NONE = 0,
    ROWS_OWN = ROW_OWN,
    ROWS_TEAM = ROW_OWN | ROW_TEAM,
    ROWS_SUBTEAMS = ROW_OWN | ROW_TEAM | ROW_BELOW,
    ROWS_TERRITORY = ROW_OWN | ROW_RULE,
    ROWS_ALL = ROW_OWN | ROW_TEAM | ROW_BELOW | ROW_RULE | ROW_EVERY
};
/* Masked: the value's place shows "•••" (text) or null; it cannot be filtered, ordered, grouped or
 * written. */
enum field_access { FIELD_HIDDEN, FIELD_MASKED, FIELD_READABLE, FIELD_WRITABLE };

struct scope_grant {
    uint32_t verbs;
    uint8_t read_rows, write_rows; /* enum row_rule, or several together */
    const uint8_t *fields;         /* enum field_access, one per field of the object type */
};

/* Somebody who is away, and what his deputy may do with his records: never more than the absent may
 * himself, nor than the deputy may with his own. */
struct stand_in {
    int64_t user;
    struct str actor; /* "user:anna" */
    int64_t until_ms; /* when it ends; the writer looks at the clock again */
    const int64_t *team;
    size_t team_count, below_count;   /* as in struct scope */
    const struct scope_grant *grants; /* by object_type.index; fields are not looked at */
};

struct scope_rules; /* store_rules.h */

/* A compartment that a scope is inside of (store_compartment.h). */
struct scope_compartment {
    struct str key;  /* as records carry it */
    struct str name; /* as people say it; two may have the same */
    bool write;      /* may change what is in it, and bring records in and out */
    bool keeper;     /* decides who else comes in */
    bool passing;    /* for a while only: a crossing, a broken glass; each request is noted */
};

struct scope {
    int references;              /* atomic */
    const struct schema *schema; /* the snapshot these grants index; held */
    int64_t user;                /* id of the `user` record; 0 for plugins and the system */
    struct str actor;            /* "user:anna", "plugin:relations", "system:import" */
    struct str via;              /* "http", "cli", "plugin:relations", "import" … */
    const struct str *roles;
    size_t role_count;
    const int64_t *team;
    size_t team_count;  /* user ids that ROWS_TEAM covers, the own one included */
    size_t below_count; /* the list goes on with users of the teams below: as many in all */
    const struct scope_rules *rules; /* what ROW_RULE stands for; NULL: no row */
    const struct stand_in *stand_ins;
    size_t stand_in_count;
    uint64_t mark; /* of teams below, rules and stand-ins: scopes that differ in them differ here */
    const struct scope_grant *grants; /* one per object type, by object_type.index */
    bool audit;                       /* sees seq, cause and all events' envelopes */
    bool admin;                       /* may manage users, roles, plugins, configuration */
    bool every_compartment;           /* sees records of all compartments: system scopes alone */
    const struct scope_compartment *compartments; /* those it is inside of */
    size_t compartment_count;
    bool opens;        /* may make compartments */
    bool breaks_glass; /* may open one that allows it, without being let in */
    void (*free)(struct scope *scope);
};
void scope_ref(const struct scope *scope);
void scope_unref(const struct scope *scope);
bool scope_may(const struct scope *scope, const struct object_type *type, uint32_t verbs);
bool scope_has_role(const struct scope *scope, struct str role);
/* The compartment of this key (or of this name, where one alone has it) that the scope is inside
 * of; NULL: it is not. */
const struct scope_compartment *scope_compartment(const struct scope *scope, struct str key);
const struct scope_compartment *scope_compartment_named(const struct scope *scope, struct str name);
/* Named constants for work that is nobody's: a gate lists who uses them. Reads and writes
 * everything, all epochs. */
enum system_scope {
    SYSTEM_INDEXER,
    SYSTEM_MIGRATION,
    SYSTEM_BACKUP,
    SYSTEM_VERIFY,
    SYSTEM_AUTH,
    SYSTEM_BUS,
    SYSTEM_OUTBOX,
    SYSTEM_FLOW,
    SYSTEM_WEBHOOK
};
/* A scope of this store's current schema; unref it. Any thread. */
const struct scope *store_system_scope(struct store *store, enum system_scope which);

/* ---- opening ---- */

struct store_options {
    struct env *env;
    const char *folder;  /* created (0700) if missing; locked while open (contract 10) */
    unsigned node;       /* for ids */
    int64_t mmap_bytes;  /* readers; 0: off */
    int group_units_max; /* 0: 256 */
    int queue_max;       /* units waiting; 0: 10,000; ERR_BUSY past it */
    int64_t keys_cache_bytes;
    /* Not NULL: called on the writer thread after each COMMIT that logged something, before anyone
     * is answered: where a simulated crash takes its copy of the folder. */
    void (*committed)(void *context, int64_t seq);
    void *committed_context;
};
/* Locks, scans the WAL, opens, migrates the store's own tables, checks the chain's head against the
 * sidecar, loads the stored schema, starts the writer. ERR_LOCKED, ERR_CORRUPT (a copy is set
 * aside), ERR_IO with a sentence. */
enum err store_open(const struct store_options *options, struct store **out_store,
                    struct error *error) MUST_CHECK;
/* Finishes queued units, checkpoints, closes. NULL is fine. */
void store_close(struct store *store);
struct env *store_env(struct store *store);
struct ids *store_ids(struct store *store);
const char *store_folder(struct store *store);

/* A key for sealing opaque texts (cursors of events …), the same after a restart. Any thread. */
void store_derive_key(struct store *store, struct str purpose, unsigned char out_key[32]);
/* A key for sealing what must stay secret though somebody has the database: from the key file's
 * master key. Wipe it. Any thread. */
void store_secret_key(struct store *store, struct str purpose, unsigned char out_key[32]);

/* A secret of a module's own tables, sealed under the data folder's master key as `secret` fields
 * are; `with` says what it is ("webhook.key:<id>") and must be the same to open it. Appends to out;
 * the caller wipes what was opened. ERR_CORRUPT. Any thread. */
void store_seal(struct store *store, struct str with, struct str plain, struct buf *out);
enum err store_unseal(struct store *store, struct str with, struct str sealed, struct buf *out,
                      struct error *error) MUST_CHECK;

/* The current snapshot, held for the caller (schema_unref). Any thread. */
const struct schema *store_schema(struct store *store);
/* Compares declared with stored schema, migrates additively (new types, fields, indexes, widened
 * enums and lengths), logs the change, publishes the snapshot. Blocks the calling thread until
 * committed: start-up or a lane, never the running loop. A drop or narrowing is ERR_SCHEMA naming
 * it (fields no longer declared stay in the table, unused). The sources are all that shall be
 * declared; core_schema() is put first when no source is of plugin "core". All findings are chained
 * in error, the further ones in error_arena (NULL: only the first is kept). */
enum err store_schema_apply(struct store *store, const struct schema_source *sources, size_t count,
                            const struct scope *scope, struct arena *error_arena,
                            struct error *error) MUST_CHECK;

/* The same for some of the sources: those of other plugins stay as they are stored. At start-up,
 * before the plugins are read: what the program itself declares is that of this version. */
enum err store_schema_renew(struct store *store, const struct schema_source *sources, size_t count,
                            const struct scope *scope, struct error *error) MUST_CHECK;

/* ---- readers ---- */

/* Its own read-only connection. step_budget: 0 none, else ERR_TIMEOUT-like stop with ERR_LIMIT
 * after so many VM steps (contract 11: the loop's reader has 20,000 and hands over). */
enum err reader_open(struct store *store, int64_t step_budget, struct reader **out_reader,
                     struct error *error) MUST_CHECK;
void reader_close(struct reader *reader); /* NULL is fine */
/* Pins one snapshot for several reads (contract 16) until reader_unpin. ERR_BUSY never; reads at or
 * after `seq` only: ERR_STALE when the snapshot is older. */
enum err reader_pin(struct reader *reader, int64_t seq, struct error *error) MUST_CHECK;
void reader_unpin(struct reader *reader);
/* For a thread that reads often, before each read: all reads until reader_rest see one snapshot,
 * but none from before a commit that anybody was told of: then a newer one is taken. It saves the
 * lock and the end of a transaction of each read. Not while pinned. */
enum err reader_hold(struct reader *reader, struct error *error) MUST_CHECK;
void reader_rest(struct reader *reader);   /* fine when nothing is held */
int64_t reader_seq(struct reader *reader); /* newest log position this reader sees */
void reader_deadline(struct reader *reader,
                     int64_t after_ms); /* 0: none; applies to later statements; ERR_TIMEOUT */
void reader_cancel(
    struct reader *reader); /* any thread: the running statement ends with ERR_CANCELLED */

/* ---- records ---- */

/* Values by field index; unselected ones are not there (`has` false). Text borrows from the
 * statement or the arena as the call says. Masked values carry VALUE_NULL and `masked`. */
struct record {
    const struct object_type *type;
    int64_t id, version;
    struct value *values;
    uint8_t *has; /* per field: RECORD_ABSENT, RECORD_HAS, RECORD_MASKED */
    struct record_include {
        const struct field *field;
        struct record *record;
    } * includes;
    int include_count;
};
enum { RECORD_ABSENT, RECORD_HAS, RECORD_MASKED };
const struct value *record_value(const struct record *record, struct str field); /* NULL: absent */
/* {"id":…,"version":…,…} in field order; includes nest under their field's name as {"id":…, …}. */
void record_write_json(struct buf *out, const struct record *record);
struct value record_to_value(struct arena *arena,
                             const struct record *record); /* same shape, typed kinds kept */
/* One field's value as JSON shows it (dates as text, money {"amount","currency"}, decimals as text
 * …). */
void value_write_api(struct buf *out, const struct value *value);

/* All fields that the scope is shown. ERR_NOT_FOUND for missing, not readable, and (but for the
 * audit role) archived ones; ERR_FORBIDDEN when the scope may not read the object type at all.
 * Lives in arena. */
enum err reader_get(struct reader *reader, const struct scope *scope,
                    const struct object_type *type, int64_t id, struct arena *arena,
                    struct record **out_record, struct error *error) MUST_CHECK;
/* By a unique field. */
enum err reader_find_unique(struct reader *reader, const struct scope *scope,
                            const struct field *field, const struct object_type *type,
                            const struct value *value, struct arena *arena, int64_t *out_id,
                            struct error *error) MUST_CHECK;

/* ---- drafts: a change, checked for shape on any thread before the writer sees it ---- */

enum draft_kind { DRAFT_CREATE, DRAFT_UPDATE, DRAFT_DELETE };
struct draft {
    enum draft_kind kind;
    const struct object_type *type;
    int64_t id;           /* minted for a create */
    int64_t base_version; /* 0: any */
    struct value *values; /* by field index, typed */
    uint8_t *set;     /* by field index: 1 given; 2 add to a many-valued field; 3 remove from it */
    struct str *keys; /* by field index: collation keys of set sorted_text fields */
    const struct value *base; /* the caller's map at base_version, for 412 bodies; may be NULL */
    bool restore;             /* un-archives */
    bool archive;             /* an update that archives: the record leaves lists and search */
    bool allow_duplicates;    /* a create that may stand beside records like it; noted in the log */
};
/* From names and plain JSON-like values (or typed ones) to a typed draft: unknown names, hidden or
 * read-only fields, types, lengths, formats, enums, {"add": v} / {"remove": v}. Every finding is
 * chained in error (the first is error itself, the others live in arena). Defaults are put in for a
 * create, and the scope's user as owner. Secrets are sealed here. States are judged by the writer.
 * map may be NULL (a delete). id 0: minted, for a create. Draft lives in arena and borrows from
 * map; its type's snapshot must be held as long. */
enum err draft_make(struct store *store, const struct scope *scope, enum draft_kind kind,
                    const struct object_type *type, int64_t id, const struct value *map,
                    struct arena *arena, struct draft **out_draft, struct error *error) MUST_CHECK;
/* One typed value from a plain one, as draft_make does it. */
enum err field_value(const struct field *field, const struct value *plain, struct arena *arena,
                     struct value *out_value, struct error *error) MUST_CHECK;
/* From text as in CSV: "" is null; layouts and separators come from `options` (may be NULL). */
struct text_options {
    struct str date_layout;
    struct str decimal_separator;
    struct str currency;
    struct str true_words;
};
enum err field_value_text(const struct field *field, struct str text,
                          const struct text_options *options, struct arena *arena,
                          struct value *out_value, struct error *error) MUST_CHECK;
/* Record = base record (NULL for a create) with the draft on top: what the overlay and before-hooks
 * look at. */
struct record *draft_over(struct arena *arena, const struct draft *draft,
                          const struct record *base);
/* Computed fields, required, rules over the whole record; drafts' computed values are filled in.
 * Any thread; the writer calls it again with the stored record. */
enum err draft_validate(const struct draft *draft, struct record *whole, int64_t now_ms,
                        struct arena *arena, struct error *error) MUST_CHECK;

/* ---- units of work: what the writer commits as one, or not at all ---- */

struct unit {
    struct message message; /* store's own */
    struct list_node queued;
    struct mailbox *reply;      /* where `done` runs */
    void *waiter;               /* store's own: the thread in store_run */
    struct tx_committed *after; /* store's own: tx_committed */
    /* On the writer thread, inside a savepoint; may run again until the group's COMMIT succeeded,
     * so it must set its results anew each time and touch nothing else. An error undoes this unit
     * alone. */
    enum err (*apply)(struct unit *unit, struct tx *tx, struct error *error);
    void (*done)(struct unit *unit); /* after COMMIT returned (or the unit failed), exactly once */
    /* What the log notes beside each entry; borrowed until done. */
    const struct scope *scope; /* held by the caller until done */
    struct str request;        /* request id */
    int64_t cause; /* seq that led to this, 0: none; depth is checked against CAUSE_DEPTH_MAX */
    const struct changeset *changeset; /* what its changes belong to (store_changeset.h); borrowed
                                          until done; NULL: none */
    bool alone;                        /* in a group of its own: changes of tables (contract 5) */
    /* results */
    enum err err;
    struct error error; /* error.next chains live in `arena` */
    struct arena arena; /* inited by store_submit, reset before each apply, deinited by the owner
                           after done: unit_deinit */
    int64_t first_seq, last_seq; /* 0 when it logged nothing */
    struct value conflict;   /* after ERR_STALE: {"base": the caller's map or null, "theirs": the
                                record as the scope may see it now, "yours": what the draft sets},
                                in arena; else null */
    struct value candidates; /* after ERR_DUPLICATE: as reader_duplicates tells them, in arena; else
                                null */
};
enum { CAUSE_DEPTH_MAX = 16 };
/* Any thread. OK, ERR_BUSY, ERR_STOPPING; in the last two `done` never comes. */
enum err store_submit(struct store *store, struct unit *unit) MUST_CHECK;
/* For start-up, lanes and tests: submits and waits on this thread. Returns unit->err. Never on the
 * loop or the writer. */
enum err store_run(struct store *store, struct unit *unit) MUST_CHECK;
void unit_deinit(struct unit *unit);

struct tx_result {
    int64_t id, version, seq;
    bool changed;     /* false: an update that changed nothing; no new version, no log entry */
    int64_t approval; /* not 0: the move needs four eyes; nothing was changed but this approval was
                         made (contract 13) */
    struct value duplicates; /* of a create whose type only warns: candidates, in the unit's arena;
                                else null */
    struct record *record;   /* the whole record after the change, in the unit's arena, as the scope
                                may see it */
};
/* Inside apply. References, unique, version (ERR_STALE fills the unit's conflict), machine, rules,
 * on_delete; row and log entry. out_result may be NULL. */
enum err tx_write(struct tx *tx, const struct draft *draft, struct tx_result *out_result,
                  struct error *error) MUST_CHECK;
/* As tx_write for an import: any state may be named with VERB_IMPORT. */
enum err tx_import(struct tx *tx, const struct draft *draft, struct tx_result *out_result,
                   struct error *error) MUST_CHECK;
enum err tx_get(struct tx *tx, const struct object_type *type, int64_t id,
                struct record **out_record, struct error *error) MUST_CHECK;
enum err tx_find_unique(struct tx *tx, const struct object_type *type, const struct field *field,
                        const struct value *value, int64_t *out_id,
                        struct error *error) MUST_CHECK; /* ERR_NOT_FOUND */
/* The compartment of what led to this unit: what is made because of it goes there too (contract
 * 23). Empty: none. */
enum err tx_cause_compartment(struct tx *tx, struct str *out_compartment,
                              struct error *error) MUST_CHECK;
/* As tx_emit, into a compartment (empty: none) instead of where the unit's cause lies. */
enum err tx_emit_in(struct tx *tx, struct str compartment, struct str type,
                    const struct value *data, struct error *error) MUST_CHECK;
/* A plugin's own event: a log entry without a record. data lives until apply returns. */
enum err tx_emit(struct tx *tx, struct str type, const struct value *data,
                 struct error *error) MUST_CHECK;
/* The unit's arena, scope, time of this group (ms), and the store. */
struct arena *tx_arena(struct tx *tx);
const struct scope *tx_scope(struct tx *tx);
int64_t tx_now_ms(struct tx *tx);
struct store *tx_store(struct tx *tx);
/* Acts under another scope for the calls that follow (bus: the plugin's; auth: the system's), until
 * called with NULL. */
void tx_as(struct tx *tx, const struct scope *scope);

/* Inside apply: `run` is called on the writer's thread when the group's COMMIT has returned, before
 * the unit's done, and not at all when the unit failed. It must not wait. The context may live in
 * tx_arena. */
void tx_committed(struct tx *tx, void (*run)(void *context), void *context);

/* ---- a module's own tables (contract 4) ---- */

struct table_statement {
    const char *name, *sql;
};
struct table_module {
    const char
        *prefix; /* "auth_"; every table and index it names starts so (an authorizer checks) */
    const char *const
        *migrations; /* run once each, in order, recorded by number and content hash */
    int migration_count;
    const struct table_statement *statements;
    int statement_count;
};
/* Registers and migrates: start-up, before the module's first statement. Blocks. */
enum err store_table_module(struct store *store, const struct table_module *module,
                            struct error *error) MUST_CHECK;
/* Columns as values: null, int, real, text, bytes; they live until the callback returns. Return OK
 * to go on. */
typedef enum err (*table_row_cb)(void *context, const struct value *columns, int column_count,
                                 struct error *error);
enum err tx_table(struct tx *tx, const struct table_module *module, int statement,
                  const struct value *binds, int bind_count, table_row_cb row, void *context,
                  struct error *error) MUST_CHECK;
/* A table_row_cb whose context is a struct table_list: each row becomes a map in `rows`. */
enum table_as { TABLE_AS_IS, TABLE_AS_ID, TABLE_AS_TIME, TABLE_AS_BOOL };
struct table_column {
    const char *name;
    enum table_as as;
};
struct table_list {
    struct arena *arena;
    const struct table_column *columns; /* all of the statement's, in order */
    int column_count;
    struct value rows; /* value_list_new() */
};
enum err table_list_row(void *context, const struct value *columns, int column_count,
                        struct error *error) MUST_CHECK;
int64_t tx_changes(struct tx *tx); /* rows the last tx_table changed */
enum err reader_table(struct reader *reader, const struct table_module *module, int statement,
                      const struct value *binds, int bind_count, table_row_cb row, void *context,
                      struct error *error) MUST_CHECK;

#endif
