/* Shared by the import's parts. An import is run by one lane thread: rows of the file become typed
 * drafts in batches; a batch is one unit of the store that writes the records, the rows that failed
 * and the job's counters together (contract 14). Only batch_apply and what it calls are on the
 * writer's thread, and they look at nothing but their batch. */
#ifndef PROXENOS_TRANSFER_IMPORT_H
#define PROXENOS_TRANSFER_IMPORT_H

#include "internal.h"

#include "proxenos/format.h"
#include "proxenos/store_changeset.h"

enum {
    IMPORT_BATCH_ROWS = 256,
    IMPORT_BATCH_BYTES = 8 << 20, /* of drafts: rows may be large */
    IMPORT_ATOMIC_ROWS_MAX = 100000,
    IMPORT_ATOMIC_BYTES = 512 << 20,
    IMPORT_IN_FLIGHT = 2,
    IMPORT_COLUMNS_MAX = CSV_COLUMNS_MAX,
    REF_CANDIDATES_MAX = 2000,
    REF_LOADED_MAX = 1000000
};

struct import;

/* ---- map.c: what each column becomes ---- */

struct ref;

struct column_map {
    struct str column;                /* its name in the file */
    const struct field *field;        /* NULL: left out */
    const struct field *by;           /* refs: the field of the other type that the text names */
    const struct object_type *target; /* of refs by name */
    struct ref *ref;                  /* set by import_ref.c */
    bool create;                      /* make what is not found */
    struct text_options options;
    struct str currency_column; /* money: the column that names each row's currency */
    struct value values, alias; /* maps of texts, or null */
    struct str otherwise;       /* stands for an empty cell and for a name that nobody has */
    int shift;                  /* digits that the decimal point moves to the right */
};

struct default_map {
    const struct field *field;
    struct str text; /* "{column}" stands for that cell */
};

struct import_map {
    const struct scope *scope;
    const struct object_type *type;
    struct arena *arena;
    char separator; /* 0: found in the first line */
    struct column_map *columns;
    size_t column_count;
    struct default_map *defaults;
    size_t default_count;
};
/* text: JSON, or empty: columns are field names. Names and rights are judged here; which columns
 * the file has is not known yet. Everything lives in arena. */
enum err map_read(struct arena *arena, const struct scope *scope, const struct object_type *type,
                  struct str text, struct import_map *out_map, struct error *error) MUST_CHECK;
/* The column's entry, or one made from its own name. ERR_UNKNOWN_FIELD with the nearest. */
enum err map_column(const struct import_map *map, struct str column, struct column_map **out_column,
                    struct error *error) MUST_CHECK;

/* ---- source.c: rows out of the spooled file ---- */

struct source_row {
    int64_t line, end_offset;
    const struct str *fields; /* CSV; until the next call */
    int field_count;
    struct str text; /* NDJSON: the whole line; until the next call */
    enum err err;    /* this row cannot be read */
    struct error error;
};
struct source;
/* csv: the header is read at once, offset 0 begins behind it. */
enum err source_open(const char *path, bool ndjson, char separator, struct source **out_source,
                     struct error *error) MUST_CHECK;
void source_close(struct source *source); /* NULL is fine */
int64_t source_bytes(const struct source *source);
const struct str *source_header(const struct source *source, int *out_count);
/* Goes on behind a row that counts already. */
enum err source_seek(struct source *source, int64_t offset, int64_t line,
                     struct error *error) MUST_CHECK;
/* *out_more false: the end. Empty lines are left out. */
enum err source_next(struct source *source, struct source_row *out_row, bool *out_more,
                     struct error *error) MUST_CHECK;

/* ---- one row ---- */

struct row_error {
    struct row_error *next;
    struct str column, value, reason, nearest;
    enum err err;
};
/* A reference to a record that comes further down in the same file. */
struct row_later {
    struct row_later *next;
    const struct column_map *column;
    struct str text;
    struct draft *fix; /* atomic: sets it when all rows are there */
};
/* A record that a reference names and that the import makes (users …): written before the first row
 * that needs it and is kept. Lives as long as the import. */
struct ref_make {
    struct draft *draft;
    const struct column_map *column;
    int batch; /* writer: of the batch whose unit made it; 0: none */
};
struct row_need {
    struct row_need *next;
    struct ref_make *make;
};
enum row_outcome { ROW_FAILED, ROW_CREATED, ROW_UPDATED, ROW_SKIPPED };
struct row {
    int64_t line;
    struct draft *create, *update; /* update: when existing ones are updated */
    struct value key;              /* finds an existing one; null: none */
    struct row_need *needs;
    struct row_error *errors; /* found before the writer */
    struct row_later *later;
    uint8_t *null_refs; /* per column map: an empty reference */
    bool seen;          /* dry run: an earlier batch had the same key */
    /* results of apply */
    enum row_outcome outcome;
    struct row_error *refusals; /* in the unit's arena */
};

struct batch {
    struct import *import;
    struct list_node in_flight;
    struct arena arena; /* rows, drafts */
    struct unit unit;   /* writes */
    struct unit trial;  /* dry run, atomic: tries, and is undone */
    struct row *rows;
    int count, cap;
    int number;
    int64_t first_row, end_offset, end_line;
    bool away, tried;
    int64_t created, updated, skipped, failed, unresolved; /* results of apply */
};

struct import {
    struct job *job;
    struct store *store;
    struct reader *reader;
    const struct scope *scope;
    const struct object_type *type;
    struct arena arena; /* as long as the job runs */
    struct import_spec spec;
    struct changeset changeset; /* of all that it writes; its id is the job's */
    struct import_map map;
    const struct field *key; /* NULL: none */
    struct source *source;
    struct column_map **bound; /* per column of the header */
    int bound_count;
    struct map by_name; /* NDJSON: key → struct column_map */
    struct list refs;   /* struct ref by in_import */
    struct map seen;    /* dry run: keys of earlier batches */
    struct list flight; /* struct batch by in_flight, oldest first */
    struct batch *spare[IMPORT_IN_FLIGHT];
    int spare_count;
    int batch_number;
    int64_t row_count, offset, line; /* read so far */
    int64_t failed_rows;             /* of an atomic one */
    int64_t generation;              /* of rights, when they were looked at last */
    bool ended;
};

/* import_open.c */
struct import *import_new(struct job *job, struct reader *reader);
enum err import_open(struct import *import, struct error *error) MUST_CHECK;
void import_close(struct import *import); /* waits for what the writer still has */

/* Appends error and what is chained to it. Texts are copied to arena. */
void row_error_add(struct row_error **list, struct arena *arena, const struct import *import,
                   const struct error *error);
void row_error_put(struct row_error **list, struct arena *arena, const struct column_map *column,
                   const struct error *error, struct str value);
/* import_row.c: cells of a row that could be read → drafts, or errors of the row. What it returns
 * ends the job. */
enum err row_build(struct import *import, struct batch *batch, struct row *row,
                   const struct source_row *cells, struct error *error) MUST_CHECK;
/* Do the defaults name columns that the file has? */
enum err defaults_check(const struct import *import, struct error *error) MUST_CHECK;

/* ---- import_ref.c ---- */

struct ref_answer {
    int64_t id;            /* 0: nobody */
    bool many;             /* several have this name */
    int batch;             /* number of the batch with the row that makes it; 0: none */
    struct ref_make *make; /* NULL: none */
};
void refs_init(struct import *import);
void refs_deinit(struct import *import);
enum err ref_bind(struct import *import, struct column_map *column, struct error *error) MUST_CHECK;
enum err ref_find(struct import *import, const struct column_map *column, struct str text,
                  struct ref_answer *out_answer, struct error *error) MUST_CHECK;
/* From now on the name stands for what the import makes. */
void ref_made(struct import *import, struct ref *ref, struct str text, struct ref_make *make);
/* Its own name becomes known to the rows behind it. */
enum err refs_own(struct import *import, const struct draft *draft, int batch,
                  struct error *error) MUST_CHECK;
enum err ref_nearest(struct import *import, const struct column_map *column, struct str text,
                     struct str *out_nearest, struct error *error) MUST_CHECK;

/* ---- import_batch.c ---- */

struct batch *batch_new(struct import *import);
void batch_free(struct batch *batch); /* NULL is fine */
void batch_reset(struct batch *batch);
struct row *batch_row(struct batch *batch); /* one more, empty; until the next call */
/* Submits it (again). */
enum err batch_submit(struct batch *batch) MUST_CHECK;
/* After its unit came back: OK, or the error that the writer gave. *out_again: a trial has ended,
 * submit once more. */
enum err batch_settle(struct batch *batch, bool *out_again);
const struct error *batch_error(const struct batch *batch);
/* A row of transfer_error. */
enum err error_row_write(struct tx *tx, const struct job *job, int64_t line, int position,
                         const struct row_error *row_error, struct error *error) MUST_CHECK;
/* Errors that end the unit, not the row. */
bool err_ends_unit(enum err err);

/* ---- import_hook.c ---- */

/* Before-hooks for the batch's rows; waits for the loop. ERR_STOPPING. */
enum err batch_hooks(struct batch *batch) MUST_CHECK;

/* ---- rights.c ---- */

/* Do the two allow the same, by the same schema? */
bool scope_same(const struct scope *a, const struct scope *b);

/* ---- import_later.c ---- */

/* Atomic: the batch holds the whole file, so what rows name further down is known. */
enum err batch_fix(struct batch *batch, struct error *error) MUST_CHECK;

/* At the end of the file: references to rows that came further down. */
enum err import_later(struct import *import, struct error *error) MUST_CHECK;

#endif
