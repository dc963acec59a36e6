/* One change of the stored schema on its way, shared by the files that make it: schema_apply.c (the
 * whole), schema_type.c (one object type), custom.c (what is declared at run time). Writer thread,
 * inside a lone unit. */
#ifndef PROXENOS_STORE_SCHEMA_CHANGE_H
#define PROXENOS_STORE_SCHEMA_CHANGE_H

#include "findings.h"
#include "internal.h"

enum {
    SCHEMA_COLUMNS_MAX = 600, /* fields that an object type ever had and whose values are kept; each
                                 is one to three of SQLite's 2,000 columns */
};

struct migration;

struct schema_change {
    struct tx *tx;
    struct migration *migration; /* NULL: none */
    struct schema *next;         /* as it will be */
    bool always;                 /* a new snapshot, also when the declarations are the same */
    struct findings findings;
    struct value added;     /* "object" and "object.field": what is new in the tables */
    int64_t index_rows_max; /* a new index on a table with more rows than this … (0: no limit) */
    bool index_waits;       /* … is not made, and this is set: it is for a job */
};

/* Builds what these sources declare together, with `custom` (NULL: what is stored, as far as its
 * types are there) behind them; changes tables to it, keeps the declarations and publishes the
 * snapshot. *out_same: nothing had changed, and nothing was done. ERR_SCHEMA with findings. */
struct schema_wish {
    const struct schema_source *sources; /* without "custom" */
    size_t count;
    const struct value *custom;         /* the whole tree of custom.h */
    const struct migration_file *files; /* of these plugins */
    size_t file_count;
    bool migrates; /* files are given: what ran is held against them */
    bool final;    /* what is kept aside goes at once */
    struct arena *error_arena;
};
enum err schema_change_run(struct schema_change *change, const struct schema_wish *wish,
                           bool *out_same, struct error *error) MUST_CHECK;

/* schema_type.c: tables, columns, links, indexes and rows of one object type of change->next. */
enum err schema_change_type(struct schema_change *change, const struct object_type *type,
                            struct error *error) MUST_CHECK;
/* "schema.updated" or what else it is, with `data` in the entry. */
enum err schema_change_log(struct tx *tx, const char *event, const struct value *data,
                           struct error *error) MUST_CHECK;

#endif
