/* Shared by the files that build one row of an import: what is at hand, and the steps. Lane's
 * thread. What the steps return ends the job; what is wrong with the row goes into its errors. */
#ifndef PROXENOS_TRANSFER_BUILDING_H
#define PROXENOS_TRANSFER_BUILDING_H

#include "import.h"

struct building {
    struct import *import;
    struct batch *batch;
    struct row *row;
    struct arena *arena; /* the batch's */
    const struct source_row *cells;
    const struct value *tree; /* NDJSON: the line; else NULL */
    struct value values;      /* field → value: what the row sets */
    struct value clears;      /* field → null: what an update empties */
};

void row_refuse(struct building *building, const struct column_map *column,
                const struct error *error, struct str cell);

/* row_ref.c: a name becomes an id, a record to make, or something for later. */
enum err row_put_ref(struct building *building, const struct column_map *column, struct str text,
                     struct error *error) MUST_CHECK;

/* row_cell.c: one cell; plain values are NDJSON's. */
enum err row_put_text(struct building *building, const struct column_map *column, struct str cell,
                      struct error *error) MUST_CHECK;
enum err row_put_plain(struct building *building, const struct column_map *column,
                       const struct value *plain, struct error *error) MUST_CHECK;
/* The text of a column; false when the row has none of that name. */
bool row_cell(const struct building *building, struct str name, struct str *out_text);

/* row_default.c: fields that no cell filled. */
void row_put_defaults(struct building *building);

#endif
